// Visits of agents: what is told of one, and where it is gathered. `deliveries.js` sends them.

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

/** Visits that are in no batch yet. @type {Visit[]} */
let visits = [];
/** Visits that were lost since the last batch was made. */
let visitsDropped = 0;

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
  else dropVisits(1);
}

/** Counts visits that are lost, to be told with the next batch. @param {number} count */
function dropVisits(count) {
  visitsDropped = Math.min(visitsDropped + count, VISITS_DROPPED_MAX);
}
