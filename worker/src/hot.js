// Variants that an isolate read from KV a moment ago, so that a page which agents ask for again and again costs no read.
// Plain data, which requests may share.
//
// Nothing here can be older than the index allows: every write of ours ends with another revision of the index, and what
// belongs to a former one is forgotten. A location of KV may answer with what a key held before for a while after a
// write, so nothing is kept until the index has stood for longer than that; and what is kept is read again after a
// minute all the same.

/** @type {Map<string, { variant: Variant, until: number }>} */
const hot = new Map();
let hotBytes = 0;
/** The revision of the index that they belong to. */
let hotRevision = -1;

/** The variant, if it was read a moment ago. @param {string} format @param {string} path @param {number} now */
function hotVariant(format, path, now) {
  const index = pathIndex;
  if (index === undefined || index.revision !== hotRevision || now > index.until) return undefined;
  const kept = hot.get(format + path);
  return kept !== undefined && now < kept.until ? kept.variant : undefined;
}

/**
 * Keeps a variant that was just read.
 * @param {string} path @param {Variant} variant @param {number} revision of the index when the read began @param {number} now
 */
function keepHot(path, variant, revision, now) {
  const index = pathIndex;
  if (index === undefined || index.revision !== revision || now > index.until) return;
  if (now - revision < HOT_AFTER_MS || variant.content.byteLength > HOT_CONTENT_MAX) return;
  if (hotRevision !== revision || hotBytes + variant.content.byteLength > HOT_BYTES || hot.size >= HOT_KEPT) {
    hot.clear();
    hotBytes = 0;
    hotRevision = revision;
  }
  const key = variant.format + path;
  const former = hot.get(key);
  hotBytes += variant.content.byteLength - (former === undefined ? 0 : former.variant.content.byteLength);
  hot.set(key, { variant, until: now + HOT_MS });
}
