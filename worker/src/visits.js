// Visits of agents, gathered in the isolate and sent in batches. Nothing here delays an answer or throws into one.

/**
 * @typedef {object} Visit
 * @property {number} t unix milliseconds
 * @property {string} agent
 * @property {string} path
 * @property {'variant' | 'not_modified' | 'origin' | 'error'} outcome
 * @property {number} status 0 when the origin answered natively and we did not see it
 * @property {string} [revision]
 * @property {string} [format]
 * @property {string} [ua]
 * @property {string} [ip] who asked: forgotten by the server once it knows whether that is the agent's operator
 * @property {string} [country] two letters
 * @property {number} [asn]
 * @property {number} [ms] spent here, as far as the runtime's clock tells
 * @property {{ signatureAgent: string, signatureInput: string, signature: string, method: string, host: string, path: string }} [signature]
 */

/** @type {Visit[]} */
let visits = [];
let visitsDropped = 0;
/** A batch whose delivery failed. @type {{ id: string, dropped: number, visits: Visit[], tries: number } | undefined} */
let batchKept;
/** When a delivery was begun last. A time, not a flag: the request that delivers may be cancelled. */
let deliveryBegunAt = -Infinity;
/** Full batches that are on their way, and when the last of them was sent: cancelled ones are forgotten after a while. */
let fullBatches = 0;
let fullBatchSentAt = -Infinity;

/** What is told of a request beside who got what. @param {Visit} visit @param {any} request @returns {Visit} */
function withDetails(visit, request) {
  const { cf, headers, method, url } = request;
  visit.ms = Math.min(Math.max(Date.now() - visit.t, 0), VISIT_MS_MAX);
  const ip = headers.get('cf-connecting-ip');
  if (ip !== null && ip.length <= 45) visit.ip = ip;
  if (cf !== null && typeof cf === 'object') {
    if (typeof cf.country === 'string' && /^[A-Za-z0-9]{2}$/.test(cf.country)) visit.country = cf.country;
    if (Number.isInteger(cf.asn) && cf.asn >= 0 && cf.asn <= 0xffffffff) visit.asn = cf.asn;
  }
  const signatureAgent = headers.get('signature-agent');
  if (signatureAgent !== null) {
    const signatureInput = headers.get('signature-input') || '';
    const signature = headers.get('signature') || '';
    const path = rawPathOf(url);
    const all = [signatureAgent, signatureInput, signature, path];
    if (all.every((text) => text.length <= VISIT_SIGNATURE_MAX)) {
      visit.signature = { signatureAgent, signatureInput, signature, method, host: hostOf(url), path };
    }
  }
  return visit;
}

/**
 * Writes a visit to Analytics Engine as `domain::edge::data_point` describes it; without the address, which is nobody's to keep
 * there. The runtime sends it in the background. @param {any} dataset @param {string} site @param {Visit} visit
 */
function writeVisit(dataset, site, visit) {
  if (dataset === null || typeof dataset !== 'object') return;
  const ua = visit.agent === 'unknown' ? visit.ua || '' : '';
  dataset.writeDataPoint({
    indexes: [site],
    blobs: [
      visit.agent,
      visit.path,
      visit.outcome,
      visit.format || '',
      visit.revision || '',
      (visit.country || '').toUpperCase(),
      ua,
    ],
    doubles: [visit.status, visit.ms || 0, visit.asn || 0],
  });
}

/** @param {Visit} visit */
function noteVisit(visit) {
  if (visits.length < VISITS_KEPT) visits.push(visit);
  else visitsDropped++;
}

/** Whether this request should deliver; the caller then does. @param {number} now */
function deliveryDue(now) {
  return fullBatchDue(now) || (visits.length > 0 && now - deliveryBegunAt >= VISITS_DELIVERY_MS);
}

/** Whether a batch is full and can go at once: not while one waits to be sent again, and not many at a time. @param {number} now */
function fullBatchDue(now) {
  if (visits.length < VISITS_PER_BATCH || batchKept !== undefined) return false;
  if (now - fullBatchSentAt >= VISITS_DELIVERY_MS) fullBatches = 0;
  return fullBatches < VISITS_FULL_BATCHES;
}

/** Sends a full batch at once; else waits for company, then sends what is there. @param {Config} config @param {string} siteKey @param {number} now */
async function deliverVisits(config, siteKey, now) {
  if (fullBatchDue(now)) {
    fullBatches++;
    fullBatchSentAt = now;
    await deliverBatch(config, siteKey, takeBatch());
    fullBatches--;
    return;
  }
  deliveryBegunAt = now;
  await new Promise((resolve) => setTimeout(resolve, VISITS_DELAY_MS));
  while (batchKept !== undefined || visits.length > 0) {
    const batch = batchKept || takeBatch();
    batchKept = undefined;
    // When it fails, the next try is due when this one would have been given up for lost.
    if (!(await deliverBatch(config, siteKey, batch))) return;
  }
  deliveryBegunAt = -Infinity;
}

/** Sends a batch; keeps it when that fails, as long as it may be tried again and no other is kept. Whether it is done with. */
async function deliverBatch(config, siteKey, batch) {
  const fate = await sendBatch(config.ingest, siteKey, batch);
  if (fate === 'later' && ++batch.tries < VISITS_TRIES && batchKept === undefined) batchKept = batch;
  else if (fate !== 'taken') visitsDropped += batch.visits.length + batch.dropped;
  return fate !== 'later';
}

function takeBatch() {
  const batch = { id: crypto.randomUUID(), dropped: visitsDropped, visits: visits.slice(0, VISITS_PER_BATCH), tries: 0 };
  visits = visits.slice(VISITS_PER_BATCH);
  visitsDropped = 0;
  return batch;
}

/** What became of the batch. @returns {Promise<'taken' | 'refused' | 'later'>} */
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
    if (answer.ok) return 'taken';
    return answer.status < 500 && answer.status !== 429 ? 'refused' : 'later';
  } catch {
    return 'later';
  }
}
