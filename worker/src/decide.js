// What a visitor gets, as far as it can be said without asking KV. Knows nothing of the Worker's form.

/**
 * @typedef {object} Wish
 * @property {string} agent the agent's token, or 'unknown' for somebody else who asks for Markdown
 * @property {string[]} formats what to look for, best first; empty: the page that people get
 */

/**
 * @param {Visitor} visitor
 * @param {boolean} markdown whether Accept prefers it
 * @param {Config} config
 * @returns {Wish | undefined} undefined: none of our business
 */
function wishOf(visitor, markdown, config) {
  let agent;
  let served = true;
  if (visitor.kind === 'excluded') {
    if (!visitor.dual || !config.dual.includes(visitor.token.toLowerCase())) return undefined;
    agent = visitor.token;
  } else if (visitor.kind === 'agent') {
    agent = visitor.token;
    served = config.purposes.includes(visitor.purpose);
  } else {
    return markdown ? { agent: 'unknown', formats: ['markdown'] } : undefined;
  }
  if (!served) return { agent, formats: [] };
  return { agent, formats: markdown ? ['markdown', 'html'] : ['html'] };
}
