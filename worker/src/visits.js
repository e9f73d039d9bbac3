// Visits of agents, gathered in the isolate and sent in batches. Nothing here delays an answer or throws into one.

/**
 * @typedef {object} Visit
 * @property {number} t unix milliseconds
 * @property {string} agent
 * @property {string} path
 * @property {'variant' | 'not_modified' | 'origin' | 'error'} outcome
 * @property {number} status 0 when the origin answered natively and we did not see it
 * @property {string} [revision]
 * @property {string} [ua]
 */

/** @type {Visit[]} */
let visits = [];
let visitsDropped = 0;
/** A batch whose delivery failed. @type {{ id: string, dropped: number, visits: Visit[], tries: number } | undefined} */
let batchKept;
/** When a delivery was begun last. A time, not a flag: the request that delivers may be cancelled. */
let deliveryBegunAt = -Infinity;

/** @param {Visit} visit */
function noteVisit(visit) {
  if (visits.length < VISITS_KEPT) visits.push(visit);
  else visitsDropped++;
}

/** Whether this request should deliver; the caller then does. @param {number} now */
function deliveryDue(now) {
  return visits.length > 0 && now - deliveryBegunAt >= VISITS_DELIVERY_MS;
}

/** Waits for company, then sends what is there. @param {Config} config @param {string} siteKey @param {number} now */
async function deliverVisits(config, siteKey, now) {
  deliveryBegunAt = now;
  await new Promise((resolve) => setTimeout(resolve, VISITS_DELAY_MS));
  while (batchKept !== undefined || visits.length > 0) {
    const batch = batchKept || takeBatch();
    batchKept = undefined;
    if (!(await sendBatch(config.ingest, siteKey, batch))) {
      batch.tries++;
      if (batch.tries < VISITS_TRIES) batchKept = batch;
      else visitsDropped += batch.visits.length + batch.dropped;
      return; // The next try is due when this one would have been given up for lost.
    }
  }
  deliveryBegunAt = -Infinity;
}

function takeBatch() {
  const batch = { id: crypto.randomUUID(), dropped: visitsDropped, visits: visits.slice(0, VISITS_PER_BATCH), tries: 0 };
  visits = visits.slice(VISITS_PER_BATCH);
  visitsDropped = 0;
  return batch;
}

/** Whether the batch is done with: taken, or refused for good. */
async function sendBatch(url, siteKey, batch) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${siteKey}`,
        'idempotency-key': batch.id,
        'x-edge-delivery-dropped': String(batch.dropped),
      },
      body: JSON.stringify(batch.visits),
      redirect: 'manual',
      signal: AbortSignal.timeout(VISITS_DELIVERY_MS / 2),
    });
    await answer.arrayBuffer();
    return answer.status < 500 && answer.status !== 429;
  } catch {
    return false;
  }
}
