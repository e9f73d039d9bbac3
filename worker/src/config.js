// The CONFIG binding, checked once for each isolate.

/**
 * @typedef {object} Config
 * @property {string} site
 * @property {string[]} hosts
 * @property {number} kvDeadlineMs
 * @property {string} ingest
 * @property {boolean} engine whether visits go to Analytics Engine
 * @property {string} hash
 * @property {Set<string>} purposes whose agents are served
 * @property {Set<string>} serve lower-case tokens that are served all the same
 * @property {Set<string>} origin lower-case tokens that are not served all the same
 * @property {PathPolicy} paths
 */

/** @type {{ raw: unknown, config: Config | undefined } | undefined} */
let configRead;

/** The configuration, or undefined when it cannot be used. @returns {Config | undefined} */
function readConfig() {
  const raw = globalThis.CONFIG;
  if (configRead === undefined || configRead.raw !== raw) configRead = { raw, config: checkConfig(raw) };
  return configRead.config;
}

/** @param {any} raw @returns {Config | undefined} */
function checkConfig(raw) {
  if (raw === null || typeof raw !== 'object' || raw.v !== 1) return undefined;
  if (typeof raw.site !== 'string' || !isTextList(raw.hosts)) return undefined;
  const deadline = Number.isFinite(raw.kvDeadlineMs) ? raw.kvDeadlineMs : KV_DEADLINE_MS;
  const agents = raw.agents !== null && typeof raw.agents === 'object' ? raw.agents : {};
  return {
    site: raw.site,
    hosts: raw.hosts,
    kvDeadlineMs: Math.min(Math.max(deadline, KV_DEADLINE_MIN_MS), KV_DEADLINE_MAX_MS),
    ingest: typeof raw.ingest === 'string' ? raw.ingest : '',
    engine: raw.visits === 'analytics_engine',
    hash: typeof raw.hash === 'string' ? raw.hash : '',
    purposes: new Set(isTextList(agents.purposes) ? agents.purposes : ['training', 'search', 'user']),
    serve: new Set(isTextList(agents.serve) ? agents.serve : []),
    origin: new Set(isTextList(agents.origin) ? agents.origin : []),
    paths: checkPaths(raw.paths),
  };
}

/** How paths are read; the default where nothing usable is said. @param {any} raw @returns {PathPolicy} */
function checkPaths(raw) {
  const { trailingSlash, queryParameters } = raw !== null && typeof raw === 'object' ? raw : {};
  return {
    trailingSlash: trailingSlash === 'strip' || trailingSlash === 'add' ? trailingSlash : 'keep',
    queryParameters: isTextList(queryParameters) ? queryParameters : [],
  };
}

/** @param {unknown} value @returns {value is string[]} */
function isTextList(value) {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
