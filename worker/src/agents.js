// Who asks. The same function as `domain::agents::classify`; both run test/agents.cases.json.

/**
 * @typedef {{ kind: 'agent', token: string, purpose: string }
 *   | { kind: 'excluded', token: string, dual: boolean }
 *   | { kind: 'other' }} Visitor
 */

/** @type {Visitor} */
const OTHER = { kind: 'other' };
const UA_DELIMITERS = /[ \t();,[\]{}"'<>|+]/;

/** The excluded token that this name is, or of whose family (`token-…`) it is. @param {string} name */
function excludedToken(name) {
  if (EXCLUDED.has(name)) return name;
  for (let at = name.indexOf('-'); at > 0; at = name.indexOf('-', at + 1)) {
    const family = name.slice(0, at);
    if (EXCLUDED.has(family)) return family;
  }
  return undefined;
}

/** @param {string} userAgent @returns {Visitor} */
function classify(userAgent) {
  /** @type {Visitor} */
  let found = OTHER;
  for (const piece of userAgent.slice(0, USER_AGENT_MAX).toLowerCase().split(UA_DELIMITERS)) {
    if (piece === '') continue;
    const slash = piece.indexOf('/');
    const name = slash < 0 ? piece : piece.slice(0, slash);
    const excluded = excludedToken(name);
    if (excluded !== undefined) {
      const token = EXCLUDED.get(excluded) || '';
      return { kind: 'excluded', token: token || excluded, dual: token !== '' };
    }
    if (found === OTHER) {
      const agent = AGENTS.get(name);
      if (agent !== undefined) found = { kind: 'agent', token: agent[0], purpose: agent[1] };
    }
  }
  return found;
}

/** What was found for the user agents seen last: plain data, so requests may share it. @type {Map<string, Visitor>} */
const seen = new Map();

/** As `classify`, remembered. @param {string | null} userAgent @returns {Visitor} */
function visitorOf(userAgent) {
  if (userAgent === null || userAgent === '') return OTHER;
  const known = seen.get(userAgent);
  if (known !== undefined) return known;
  const visitor = classify(userAgent);
  if (userAgent.length <= USER_AGENT_MAX) {
    if (seen.size >= USER_AGENTS_REMEMBERED) seen.clear();
    seen.set(userAgent, visitor);
  }
  return visitor;
}
