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
  if (visitor.kind === 'other') return markdown ? { agent: 'unknown', formats: ['markdown'] } : undefined;
  const agent = visitor.token;
  if (!isServed(visitor, config)) return visitor.kind === 'agent' ? { agent, formats: [] } : undefined;
  return { agent, formats: markdown ? ['markdown', 'html'] : ['html'] };
}

/** Whether the site's owner lets this bot have variants. @param {Visitor} visitor @param {Config} config */
function isServed(visitor, config) {
  if (config.serve.has(visitor.key)) return true;
  return visitor.kind === 'agent' && config.purposes.has(visitor.purpose) && !config.origin.has(visitor.key);
}
