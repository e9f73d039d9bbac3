// Signed previews: whoever holds the link sees a draft on the live site. Without a good signature it is as if we were not
// there.

/** `ed-preview=1.{h or m}.{revision}.{unix seconds}.{the link's own part of the KV key}.{HMAC-SHA256}`. */
const PREVIEW_SHAPE =
  /[?&]ed-preview=1\.([hm])\.([0-9a-f]{64})\.(\d{1,12})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})(?=[&#]|$)/;

/**
 * @typedef {object} Preview
 * @property {string} format
 * @property {string} revision
 * @property {string} key where the draft is in KV
 * @property {string} text what is signed
 * @property {string} signature
 */

/**
 * The preview that a URL asks for, if it has the shape of one that is due now.
 * @param {string} url @param {Config} config @param {number} now unix milliseconds
 * @returns {Preview | undefined}
 */
function previewAsked(url, config, now) {
  const found = PREVIEW_SHAPE.exec(url);
  if (found === null) return undefined;
  const [, letter, revision, expires, id, signature] = found;
  const left = Number(expires) - now / 1000;
  if (left <= 0 || left > PREVIEW_MAX_S) return undefined;
  const host = new URL(url).hostname;
  if (!config.hosts.includes(host)) return undefined;
  const page = pageOf(targetOf(url), config.paths);
  if (page === undefined) return undefined;
  const format = letter === 'h' ? 'html' : 'markdown';
  const text = ['preview', config.site, host, page, format, revision, expires, id].join('\n');
  return { format, revision, key: PREVIEW_PREFIX + id, text, signature };
}

/**
 * The draft, when the link is signed and not revoked.
 * @param {any} kv @param {string} previewKey @param {Preview} preview
 * @returns {Promise<ArrayBuffer | undefined>}
 */
async function readPreview(kv, previewKey, preview) {
  if (!(await isSigned(preview, previewKey))) return undefined;
  const { value, metadata } = await kv.getWithMetadata(preview.key, 'arrayBuffer');
  const checked = value === null ? undefined : checkMetadata(preview.format, metadata);
  return checked !== undefined && checked.revision === preview.revision ? value : undefined;
}

/**
 * For nobody else's eyes, no cache and no search engine, and without any right on the site that it stands on. Markdown
 * goes as plain text, which browsers show.
 * @param {string} method @param {Preview} preview @param {ArrayBuffer} content
 */
function previewAnswer(method, preview, content) {
  const headers = new Headers({
    'content-type': preview.format === 'html' ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex, nofollow',
    'referrer-policy': 'no-referrer',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    'x-edge-delivery': `preview; revision=${preview.revision}`,
  });
  if (method !== 'HEAD') return new Response(content, { headers });
  headers.set('content-length', String(content.byteLength));
  return new Response(null, { headers });
}
