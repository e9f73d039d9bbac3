// What the Accept header prefers.

/**
 * Whether Markdown is asked for by name and liked better than HTML. Wildcards count for HTML only, since every program
 * sends them without meaning Markdown; at equal weight the one that is named first wins. A browser never names Markdown.
 * @param {string | null} accept
 * @returns {boolean}
 */
function prefersMarkdown(accept) {
  if (accept === null || accept.length > ACCEPT_MAX) return false;
  const lower = accept.toLowerCase();
  if (!lower.includes('text/markdown')) return false;
  let markdown = 0;
  let markdownAt = -1;
  /** The weight of HTML, by how exactly it was named: `text/html`, `application/xhtml+xml`; `text/*`; any. */
  const html = [-1, -1, -1];
  let htmlAt = Infinity;
  const ranges = lower.split(',');
  for (let at = 0; at < ranges.length; at++) {
    const [range, ...parameters] = ranges[at].split(';').map((part) => part.trim());
    const weight = weightOf(parameters);
    if (weight === undefined) continue;
    if (range === 'text/markdown') {
      if (weight > markdown) {
        markdown = weight;
        markdownAt = at;
      }
    } else if (range === 'text/html' || range === 'application/xhtml+xml') {
      if (weight > html[0]) {
        html[0] = weight;
        htmlAt = at;
      }
    } else if (range === 'text/*') {
      html[1] = Math.max(html[1], weight);
    } else if (range === '*/*') {
      html[2] = Math.max(html[2], weight);
    }
  }
  if (markdown === 0) return false;
  if (html[0] >= 0) return markdown > html[0] || (markdown === html[0] && markdownAt < htmlAt);
  // HTML is not named: a wildcard speaks for it, and loses against a name of the same weight.
  return markdown >= Math.max(html[1], html[2]);
}

/** The q-value among the parameters: 1 when absent, undefined when it is no number. @param {string[]} parameters */
function weightOf(parameters) {
  for (const parameter of parameters) {
    if (!/^q\s*=/.test(parameter)) continue;
    const text = parameter.slice(parameter.indexOf('=') + 1).trim();
    return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : undefined;
  }
  return 1;
}
