// The answer that carries a variant.

/**
 * @typedef {object} Variant
 * @property {string} revision
 * @property {string} format
 * @property {string} contentType
 * @property {ArrayBuffer} content
 */

const CONTENT_TYPES = { html: 'text/html', markdown: 'text/markdown' };

/**
 * Revision and content type from KV's metadata; undefined when they are not as we write them.
 * @param {string} format @param {any} metadata
 */
function checkMetadata(format, metadata) {
  if (metadata === null || typeof metadata !== 'object') return undefined;
  const { r: revision, t: contentType } = metadata;
  if (typeof revision !== 'string' || !/^[0-9a-f]{64}$/.test(revision)) return undefined;
  if (typeof contentType !== 'string' || !/^[\x20-\x7e]{1,100}$/.test(contentType)) return undefined;
  return contentType.startsWith(CONTENT_TYPES[format]) ? { revision, contentType } : undefined;
}

/**
 * Whether an If-None-Match header names this revision: `*`, or one of a list, by weak comparison.
 * @param {string | null} header @param {string} revision
 */
function noneMatchNames(header, revision) {
  if (header === null) return false;
  if (header.trim() === '*') return true;
  return (header.match(/(?:W\/)?"[^"]*"/g) || []).some((tag) => tag.replace(/^W\//, '') === `"${revision}"`);
}

/**
 * The page that this stands for, and the variant in the other format where there is one: both have one address.
 * @param {string} page @param {string} contentType @param {(format: string) => boolean} isListed
 */
function linksOf(page, contentType, isListed) {
  const canonical = `<${page}>; rel="canonical"`;
  const other = contentType.startsWith(CONTENT_TYPES.html) ? 'markdown' : 'html';
  return isListed(other) ? `${canonical}, <${page}>; rel="alternate"; type="${CONTENT_TYPES[other]}"` : canonical;
}

/**
 * @param {{ method: string, ifNoneMatch: string | null, page: string, agent: string, isListed: (format: string) => boolean }} asked
 * @param {Variant} variant
 * @returns {Response}
 */
function variantAnswer(asked, variant) {
  const headers = {
    'content-type': variant.contentType,
    etag: `"${variant.revision}"`,
    vary: 'accept, user-agent',
    'cache-control': 'private, max-age=300',
    link: linksOf(asked.page, variant.contentType, asked.isListed),
    'x-edge-delivery': `variant; revision=${variant.revision}; agent=${asked.agent}`,
  };
  if (noneMatchNames(asked.ifNoneMatch, variant.revision)) {
    delete headers['content-type'];
    return new Response(null, { status: 304, headers });
  }
  if (asked.method === 'HEAD') {
    headers['content-length'] = String(variant.content.byteLength);
    return new Response(null, { headers });
  }
  return new Response(variant.content, { headers });
}
