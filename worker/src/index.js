// The set of paths that have a variant, so that a path without one costs no KV read.

/** Plain data, filled by one request and used by the next. @type {{ at: number, html: Set<string>, markdown: Set<string> } | undefined} */
let pathIndex;
/** When a load was begun last. A time, not a flag: the request that loads may be cancelled. */
let indexLoadBegunAt = -Infinity;

/**
 * Those of the formats that may be there for this path: all, as long as no index can be believed.
 * @param {string[]} formats @param {string} path @param {number} now
 */
function formatsWorthReading(formats, path, now) {
  const index = pathIndex;
  if (index === undefined || now - index.at > INDEX_BELIEVED_MS) return formats;
  return formats.filter((format) => index[format].has(path));
}

/** Whether the index names a variant; false while there is none. @param {string} format @param {string} path */
function isListed(format, path) {
  return pathIndex !== undefined && pathIndex[format].has(path);
}

/** Whether this request should load the index, in the background; the caller then does. @param {number} now */
function indexLoadDue(now) {
  if (pathIndex !== undefined && now - pathIndex.at < INDEX_FRESH_MS) return false;
  return now - indexLoadBegunAt >= INDEX_LOAD_MS;
}

/** Loads the index; never throws. When it cannot be used, the next load is due only after a while. @param {any} kv @param {number} now */
async function loadIndex(kv, now) {
  indexLoadBegunAt = now;
  try {
    const text = await within(kv.get('index', 'text'), INDEX_LOAD_MS);
    const lists = typeof text === 'string' ? parseIndex(text) : undefined;
    if (lists !== undefined) pathIndex = { at: now, ...lists };
  } catch {
    // Without an index every path's own key is read.
  }
}

/** The paths in an index, or undefined when it is not one that we know or too large to be worth the CPU time. @param {string} text */
function parseIndex(text) {
  if (text.length > INDEX_MAX) return undefined;
  const raw = JSON.parse(text);
  if (raw === null || raw.v !== 1 || !isTextList(raw.html) || !isTextList(raw.markdown)) return undefined;
  return { html: new Set(raw.html), markdown: new Set(raw.markdown) };
}
