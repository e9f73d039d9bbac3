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

/** Whether KV takes our `cacheTtl`; its least has changed before. */
let kvTakesCacheTtl = true;

/**
 * What KV gives to one of its reads. A location may answer from its cache, a miss too, so each key that may have been
 * missed or changed is read with the shortest cache that there is.
 * @param {(options: any) => Promise<any>} read
 */
async function kvRead(read) {
  if (kvTakesCacheTtl) {
    try {
      return await read({ type: 'arrayBuffer', cacheTtl: KV_CACHE_S });
    } catch (error) {
      if (!/cache.?ttl/i.test(String(error))) throw error;
      kvTakesCacheTtl = false;
    }
  }
  return read({ type: 'arrayBuffer' });
}

/** A value as bytes, or null. @param {any} kv @param {string} key */
function kvGet(kv, key) {
  return kvRead((options) => kv.get(key, options));
}

/**
 * The published variant of a path. The content is read whole, so that a read which breaks midway can still end at the
 * origin.
 * @param {any} kv @param {string} format @param {string} path in normal form
 * @returns {Promise<Variant | undefined>}
 */
async function readVariant(kv, format, path) {
  const key = await kvKey(format, path);
  const { value, metadata } = await kvRead((options) => kv.getWithMetadata(key, options));
  const checked = value === null ? undefined : checkMetadata(format, metadata);
  return checked && { ...checked, format, content: value };
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
