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

/** Whether this request should load the index, in the background; the caller then does. @param {number} now */
function indexLoadDue(now) {
  if (pathIndex !== undefined && now - pathIndex.at < INDEX_FRESH_MS) return false;
  return now - indexLoadBegunAt >= INDEX_LOAD_MS;
}

/** Loads the index; never throws. @param {any} kv @param {number} now */
async function loadIndex(kv, now) {
  indexLoadBegunAt = now;
  try {
    const text = await within(kv.get('index', 'text'), INDEX_LOAD_MS);
    if (typeof text === 'string') {
      const raw = JSON.parse(text);
      if (raw.v === 1 && isTextList(raw.html) && isTextList(raw.markdown)) {
        pathIndex = { at: now, html: new Set(raw.html), markdown: new Set(raw.markdown) };
      }
    }
  } catch {
    // Without an index every path's own key is read.
  }
  indexLoadBegunAt = -Infinity;
}
