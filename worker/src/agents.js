// Who asks. The same function as `domain::agents::Registry::classify`; both run the same lists of user agents.

/**
 * @typedef {{ kind: 'agent', token: string, key: string, purpose: string }
 *   | { kind: 'excluded', token: string, key: string }
 *   | { kind: 'other', isBot: boolean }} Visitor `key` is the token in lower case
 */

/** @type {Visitor} */
const OTHER = { kind: 'other', isBot: false };
/** Calls itself a bot, and is in no list: gets what people get, and is counted. @type {Visitor} */
const UNKNOWN_BOT = { kind: 'other', isBot: true };
const UA_DELIMITERS = /[ \t();,[\]{}"'<>|+]/;

/** Who has which lower-case token: plain data, so requests may share it. @type {Map<string, Visitor>} */
const VISITORS = new Map();
for (const [purpose, tokens] of Object.entries(AGENT_TOKENS)) {
  for (const token of tokens.split(' ')) {
    const key = token.toLowerCase();
    VISITORS.set(key, { kind: 'agent', token, key, purpose });
  }
}
for (const tokens of Object.values(EXCLUDED_TOKENS)) {
  for (const token of tokens.split(' ')) {
    const key = token.toLowerCase();
    VISITORS.set(key, { kind: 'excluded', token, key });
  }
}

/** The excluded bot of whose family (`token-…`) this name is. @param {string} name @returns {Visitor | undefined} */
function familyOf(name) {
  for (let at = name.indexOf('-'); at > 0; at = name.indexOf('-', at + 1)) {
    const visitor = VISITORS.get(name.slice(0, at));
    if (visitor !== undefined && visitor.kind === 'excluded') return visitor;
  }
  return undefined;
}

/** @param {string} userAgent @returns {Visitor} */
function classify(userAgent) {
  /** @type {Visitor} */
  let found = OTHER;
  for (const piece of userAgent.slice(0, USER_AGENT_MAX).toLowerCase().split(UA_DELIMITERS)) {
    const slash = piece.indexOf('/');
    const name = slash < 0 ? piece : piece.slice(0, slash);
    if (name === '') continue;
    const visitor = VISITORS.get(name) || familyOf(name);
    if (visitor === undefined) continue;
    if (visitor.kind === 'excluded') return visitor;
    if (found === OTHER) found = visitor;
  }
  return found === OTHER && namesItselfABot(userAgent) ? UNKNOWN_BOT : found;
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
