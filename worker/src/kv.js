// Reading KV within a deadline.

const LATE = Symbol('late');

/**
 * What a promise gives, or LATE after so many milliseconds. The promise must be the request's own: one that another
 * request made must never be waited for, not even in a race.
 * @template T @param {Promise<T>} promise @param {number} ms
 * @returns {Promise<T | typeof LATE>}
 */
function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, LATE);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/**
 * The published variant of a path. The content is read whole, so that a read which breaks midway can still end at the
 * origin.
 * @param {any} kv @param {string} format @param {string} path in normal form
 * @returns {Promise<Variant | undefined>}
 */
async function readVariant(kv, format, path) {
  const { value, metadata } = await kv.getWithMetadata(await kvKey(format, path), 'arrayBuffer');
  const checked = value === null ? undefined : checkMetadata(format, metadata);
  return checked && { ...checked, content: value };
}

/**
 * The first of these formats that is published.
 * @param {any} kv @param {string[]} formats @param {string} path
 */
async function readFirst(kv, formats, path) {
  for (const format of formats) {
    const variant = await readVariant(kv, format, path);
    if (variant !== undefined) return variant;
  }
  return undefined;
}
