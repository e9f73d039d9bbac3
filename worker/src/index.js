// The set of paths that have a variant, so that a path without one costs no KV read. It holds a 32-bit hash for each
// format and path, sorted: read as it is, looked up by binary search, nothing parsed. `domain::edge::index` writes it.

/**
 * Plain data, filled by one request and used by the next.
 * @typedef {object} PathIndex
 * @property {number} at when KV said last that this is the index; unix milliseconds
 * @property {number} until until when it is believed
 * @property {number} revision of the manifest: unix milliseconds, always growing
 * @property {number} html how many paths have an HTML variant
 * @property {number} markdown
 * @property {boolean} open whether any path may have a variant (there are too many to be listed)
 * @property {Uint32Array} added hashes beside those of the filter
 * @property {Uint32Array} gone hashes of the filter that hold no longer
 * @property {string} filterKey of the filter, or empty
 * @property {Uint32Array} filter
 */

/** @type {PathIndex | undefined} */
let pathIndex;
/** When a load was begun last. A time, not a flag: the request that loads may be cancelled. */
let indexLoadBegunAt = -Infinity;

/**
 * Those of the formats that may be there for this path: all, as long as no index can be believed.
 * @param {string[]} formats @param {string} path @param {number} now
 */
function formatsWorthReading(formats, path, now) {
  const index = pathIndex;
  if (index === undefined || index.open || now > index.until) return formats;
  return formats.filter((format) => mayHave(index, pathHash(format, path)));
}

/** The hash under which a variant is listed. @param {string} format @param {string} path in normal form */
function pathHash(format, path) {
  return xxh32(encoder.encode(format + path));
}

/** @param {PathIndex} index @param {number} hash */
function mayHave(index, hash) {
  if (holds(index.added, hash)) return true;
  return holds(index.filter, hash) && !holds(index.gone, hash);
}

/** By binary search. @param {Uint32Array} sorted @param {number} hash */
function holds(sorted, hash) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}

/** Whether the index names a variant; false while there is none. @param {string} format @param {string} path */
function isListed(format, path) {
  return pathIndex !== undefined && !pathIndex.open && mayHave(pathIndex, pathHash(format, path));
}

/** Whether this request should load the index, in the background; the caller then does. @param {number} now */
function indexLoadDue(now) {
  if (pathIndex !== undefined && now - pathIndex.at < INDEX_FRESH_MS) return false;
  return now - indexLoadBegunAt >= INDEX_LOAD_MS;
}

/**
 * Loads the index; never throws. What cannot be used leaves the last good one believed for a while, and the next load is
 * due only later.
 * @param {any} kv @param {number} now
 */
async function loadIndex(kv, now) {
  indexLoadBegunAt = now;
  /** @type {any} */
  let fresh;
  try {
    fresh = await within(fetchIndex(kv), INDEX_LOAD_MS);
  } catch {
    // Without an index every path's own key is read.
  }
  const last = pathIndex;
  const kept = last !== undefined && now - last.at <= INDEX_KEPT_MS;
  const usable = fresh !== undefined && fresh !== LATE;
  // A location of KV may answer with an older one after a newer one.
  if (usable && !(kept && fresh.revision < last.revision)) {
    pathIndex = { ...fresh, at: now, until: now + INDEX_BELIEVED_MS };
  } else if (kept) {
    pathIndex = { ...last, until: now + INDEX_BELIEVED_MS };
  }
}

/** The index as KV has it, or undefined when it cannot be used. @param {any} kv */
async function fetchIndex(kv) {
  const pointer = parsePointer(await kvGet(kv, INDEX_KEY));
  if (pointer === undefined) return undefined;
  const last = pathIndex;
  if (pointer.filterKey === '') return { ...pointer, filter: new Uint32Array(0) };
  // A filter never changes under its key.
  if (last !== undefined && last.filterKey === pointer.filterKey) return { ...pointer, filter: last.filter };
  const filter = parseFilter(await kvGet(kv, pointer.filterKey), pointer.filterCount);
  return filter && { ...pointer, filter };
}

/**
 * The pointer: 64 bytes of head, then the hashes that were added to the filter, then those that are gone from it.
 * @param {unknown} bytes
 */
function parsePointer(bytes) {
  if (!(bytes instanceof ArrayBuffer)) return undefined;
  if (bytes.byteLength < POINTER_HEAD || bytes.byteLength > POINTER_MAX || bytes.byteLength % 4 !== 0) return undefined;
  const view = new DataView(bytes);
  const word = (at) => view.getUint32(at, true);
  if (word(0) !== POINTER_MAGIC || word(4) !== INDEX_VERSION) return undefined;
  const addedCount = word(28);
  const goneCount = word(32);
  if (bytes.byteLength !== POINTER_HEAD + 4 * (addedCount + goneCount)) return undefined;
  if (word(8) !== xxh32(new Uint8Array(bytes, 12))) return undefined;
  const added = new Uint32Array(bytes, POINTER_HEAD, addedCount);
  const gone = new Uint32Array(bytes, POINTER_HEAD + 4 * addedCount, goneCount);
  if (!ascends(added, 1) || !ascends(gone, 1)) return undefined;
  const id = Array.from(new Uint8Array(bytes, 40, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const filterCount = word(36);
  return {
    open: (word(12) & 1) === 1,
    revision: view.getFloat64(48, true),
    html: word(20),
    markdown: word(24),
    added,
    gone,
    filterCount,
    filterKey: filterCount === 0 ? '' : FILTER_PREFIX + id,
  };
}

/**
 * A filter: 16 bytes of head, then the hashes. Of a million, only some are looked at: that costs no time, and finds
 * whatever is not such a list.
 * @param {unknown} bytes @param {number} count how many hashes the pointer says
 */
function parseFilter(bytes, count) {
  if (!(bytes instanceof ArrayBuffer) || count > FILTER_COUNT_MAX) return undefined;
  if (bytes.byteLength !== FILTER_HEAD + 4 * count) return undefined;
  const head = new Uint32Array(bytes, 0, FILTER_HEAD / 4);
  if (head[0] !== FILTER_MAGIC || head[1] !== INDEX_VERSION || head[2] !== count) return undefined;
  const hashes = new Uint32Array(bytes, FILTER_HEAD);
  return ascends(hashes, Math.max(1, Math.floor(count / FILTER_SAMPLES))) ? hashes : undefined;
}

/** Whether every `step`th number is greater than the one before. @param {Uint32Array} numbers @param {number} step */
function ascends(numbers, step) {
  for (let at = step; at < numbers.length; at += step) if (numbers[at] <= numbers[at - step]) return false;
  return true;
}
