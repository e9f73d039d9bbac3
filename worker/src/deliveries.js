// Visits on their way to the console, in batches. A delivery is one request's, in its `waitUntil`; it delays no answer and
// throws into none. Requests share plain data only: a batch stays in a list of all of them until it is settled, so that
// another request's delivery goes on with it, under the same id, when the first one was cancelled or its time was over.

/**
 * @typedef {object} Delivery
 * @property {string} url
 * @property {string} siteKey
 * @property {number} begunAt
 * @property {boolean} gathers whether it is the one that waits for company; the other kind sends one full batch
 */

/**
 * @typedef {object} Batch
 * @property {string} id the same for each try, so that a repeat counts once
 * @property {number} dropped visits that were lost before it
 * @property {Visit[]} visits
 * @property {number} tries
 * @property {Delivery} [sender] the delivery that had it last
 * @property {number} heldUntil when that one is to be believed dead
 */

/** Batches that are not settled, oldest first. @type {Batch[]} */
let batches = [];
/** Until when a gathering delivery is believed to be under way. A time, not a flag: its request may be cancelled. */
let gatheringUntil = -Infinity;
/** When the console wants to be asked again, as it said. */
let consoleOpensAt = -Infinity;

/** Whether this request should deliver; the caller then does. @param {number} now */
function deliveryDue(now) {
  if (visits.length === 0) return false;
  return fullBatchDue(now) || (now >= gatheringUntil && now + VISITS_LAST_TRY_MS >= consoleOpensAt);
}

/** Whether a batch is full and can go at once: not many at a time. @param {number} now */
function fullBatchDue(now) {
  return visits.length >= VISITS_PER_BATCH && batches.length < VISITS_FULL_BATCHES && now >= consoleOpensAt;
}

/** Sends a full batch at once; else gathers, and sends what there is. @param {Config} config @param {string} siteKey @param {number} now */
async function deliverVisits(config, siteKey, now) {
  const isFull = fullBatchDue(now);
  const delivery = { url: config.ingest, siteKey, begunAt: now, gathers: !isFull };
  if (isFull) await deliverBatch(delivery, takeBatch());
  else await gatherAndDeliver(delivery);
}

/** @param {Delivery} delivery */
async function gatherAndDeliver(delivery) {
  do {
    await rest(delivery, VISITS_DELAY_MS);
    const isLate = Date.now() - delivery.begunAt >= VISITS_GATHERING_MS;
    // Visits that come from here on begin a delivery of their own; but where there is trouble one at a time is enough.
    if (isLate && batches.length === 0) stopGathering(delivery);
    await deliverAll(delivery);
  } while (delivery.gathers && visits.length > 0 && isInTime(delivery));
  stopGathering(delivery);
}

/** Sends what others kept, and what is gathered by now. @param {Delivery} delivery */
async function deliverAll(delivery) {
  for (const batch of batches.filter(({ sender }) => sender !== delivery)) await deliverBatch(delivery, batch);
  while (visits.length > 0 && batches.length < VISITS_BATCHES && isInTime(delivery)) {
    await deliverBatch(delivery, takeBatch());
    // What came meanwhile, and is not many, waits for company again.
    if (visits.length < VISITS_PER_BATCH) return;
  }
}

/**
 * Tries a batch that nobody has, again after a while, as long as this delivery may. What is not settled then is kept.
 * @param {Delivery} delivery @param {Batch} batch
 */
async function deliverBatch(delivery, batch) {
  if (Date.now() < batch.heldUntil) return;
  batch.sender = delivery;
  // Another delivery may believe this one dead, and go on with the batch.
  const isOurs = () => batch.sender === delivery && batches.includes(batch);
  for (const backoff of VISITS_BACKOFF_MS) {
    const wait = batch.tries < VISITS_TRIES_MAX ? waitBefore(delivery, backoff) : undefined;
    if (wait === undefined || !isOurs()) break;
    if (wait > 0) await rest(delivery, wait, batch);
    if (!isOurs()) return;
    hold(delivery, VISITS_TRY_MS, batch);
    batch.tries++;
    const fate = await sendBatch(delivery, batch);
    if (fate !== 'later') return settle(batch, fate === 'taken');
  }
  if (!isOurs()) return;
  if (batch.tries >= VISITS_TRIES_MAX) settle(batch, false);
  else batch.heldUntil = -Infinity;
}

/**
 * Milliseconds until the next try, no earlier than the console wants; none when this delivery has no time for it.
 * @param {Delivery} delivery @param {number} backoff @returns {number | undefined}
 */
function waitBefore(delivery, backoff) {
  const now = Date.now();
  const room = delivery.begunAt + VISITS_LAST_TRY_MS - now;
  const asked = Math.max(consoleOpensAt - now, 0);
  // A try that comes a little early is better than none, but not one that comes at once.
  if (room < Math.max(asked, Math.min(backoff, VISITS_DELAY_MS))) return undefined;
  return Math.min(Math.max(backoff, asked), room);
}

/** @param {Delivery} delivery */
function isInTime(delivery) {
  return waitBefore(delivery, 0) !== undefined;
}

/** Says for how long this delivery is busy. @param {Delivery} delivery @param {number} ms @param {Batch} [batch] with what */
function hold(delivery, ms, batch) {
  const until = Date.now() + ms + VISITS_SLACK_MS;
  if (batch !== undefined) batch.heldUntil = until;
  if (delivery.gathers) gatheringUntil = until;
}

/** @param {Delivery} delivery */
function stopGathering(delivery) {
  if (delivery.gathers) gatheringUntil = -Infinity;
  delivery.gathers = false;
}

/** Waits. The timer is the request's own. @param {Delivery} delivery @param {number} ms @param {Batch} [batch] */
function rest(delivery, ms, batch) {
  hold(delivery, ms, batch);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @returns {Batch} */
function takeBatch() {
  const batch = {
    id: crypto.randomUUID(),
    dropped: visitsDropped,
    visits: visits.slice(0, VISITS_PER_BATCH),
    tries: 0,
    heldUntil: -Infinity,
  };
  visits = visits.slice(VISITS_PER_BATCH);
  visitsDropped = 0;
  batches.push(batch);
  return batch;
}

/** Is done with a batch, once. @param {Batch} batch @param {boolean} isTaken */
function settle(batch, isTaken) {
  const at = batches.indexOf(batch);
  if (at < 0) return;
  batches.splice(at, 1);
  if (!isTaken) dropVisits(batch.visits.length + batch.dropped);
}

/** What became of the batch. @param {Delivery} delivery @param {Batch} batch @returns {Promise<'taken' | 'refused' | 'later'>} */
async function sendBatch(delivery, batch) {
  try {
    const answer = await fetch(delivery.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${delivery.siteKey}`,
        'idempotency-key': batch.id,
        'x-edge-delivery-dropped': String(batch.dropped),
      },
      body: JSON.stringify(batch.visits),
      redirect: 'manual',
      signal: AbortSignal.timeout(VISITS_TRY_MS),
    });
    await answer.arrayBuffer();
    if (answer.ok) return 'taken';
    if (answer.status < 500 && answer.status !== 429) return 'refused';
    noteRetryAfter(answer.headers.get('retry-after'), Date.now());
    return 'later';
  } catch {
    return 'later';
  }
}

/** Keeps to what a console asks that has too much to do; its seconds, not a date. @param {string | null} text @param {number} now */
function noteRetryAfter(text, now) {
  if (text === null || !/^\d{1,9}$/.test(text)) return;
  consoleOpensAt = Math.max(consoleOpensAt, now + Math.min(Number(text) * 1000, VISITS_RETRY_AFTER_MAX_MS));
}
