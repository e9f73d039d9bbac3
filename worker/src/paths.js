// The normal form of a path and of the part of its query that matters. The same as `domain::path`; both run
// test/paths.cases.json, and a property test of Rust's compares them on random paths.

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const LITERAL = /^[!$&'()*+,;=:@/]$/;
const PLAIN_PATH = /^(\/[A-Za-z0-9\-_~!$&'()*+,;=:@]+)*\/?$/;
const CONTROL = /[\x00-\x1f\x7f]/;
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @typedef {object} PathPolicy
 * @property {string} trailingSlash `keep`, `strip` or `add`
 * @property {string[]} queryParameters the decoded names of those that make another page
 */

/**
 * @param {string} text a percent-encoded path; query and fragment are cut off
 * @returns {string | undefined} the normal form, or undefined when the path is refused
 */
function normalisePath(text) {
  const end = text.search(/[?#]/);
  const input = end < 0 ? text : text.slice(0, end);
  if (input.length > PATH_MAX) return undefined;
  // Most paths are in normal form already.
  if (input !== '' && PLAIN_PATH.test(input)) return input;
  const bytes = encoder.encode(input);
  if (bytes.length > PATH_MAX) return undefined;
  let out = bytes[0] === 0x2f ? '' : '/';
  /** @type {number[]} */
  const decoded = out === '' ? [] : [0x2f];
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at];
    let escaped = false;
    if (byte === 0x25) {
      const digits = String.fromCharCode(bytes[at + 1] || 0, bytes[at + 2] || 0);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      byte = parseInt(digits, 16);
      escaped = true;
      at += 2;
    }
    if (byte < 0x20 || byte === 0x7f || byte === 0x5c) return undefined;
    const char = String.fromCharCode(byte);
    if (UNRESERVED.test(char) || (!escaped && LITERAL.test(char))) out += char;
    else out += '%' + (byte < 16 ? '0' : '') + byte.toString(16).toUpperCase();
    decoded.push(byte);
  }
  if (out.includes('//') || out.length > PATH_MAX) return undefined;
  try {
    // An encoded slash separates for some servers: `..%2Fx` is as bad as `../x`.
    const segments = strictDecoder.decode(new Uint8Array(decoded)).split('/');
    return segments.includes('.') || segments.includes('..') ? undefined : out;
  } catch {
    return undefined;
  }
}

/**
 * The page that a path with its query names on a site.
 * @param {string} text percent-encoded, as in an address
 * @param {PathPolicy} policy
 * @returns {string | undefined} the normal form, or undefined when it is refused
 */
function pageOf(text, policy) {
  const hash = text.indexOf('#');
  const input = hash < 0 ? text : text.slice(0, hash);
  const mark = input.indexOf('?');
  const plain = normalisePath(mark < 0 ? input : input.slice(0, mark));
  if (plain === undefined) return undefined;
  let page = withSlash(plain, policy.trailingSlash);
  if (mark >= 0 && policy.queryParameters.length > 0) {
    const query = normaliseQuery(input.slice(mark + 1), policy.queryParameters);
    if (query === undefined) return undefined;
    if (query !== '') page += `?${query}`;
  }
  return page.length > PATH_MAX ? undefined : page;
}

/** A path in normal form with or without the slash at its end. @param {string} path @param {string} policy */
function withSlash(path, policy) {
  if (policy === 'strip') return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (policy === 'add') {
    const last = path.slice(path.lastIndexOf('/') + 1);
    return last === '' || last.includes('.') ? path : `${path}/`;
  }
  return path;
}

/**
 * The parameters that matter, sorted by name. Read as forms write them: `+` is a space.
 * @param {string} query @param {string[]} names
 * @returns {string | undefined} undefined when one that matters cannot be read
 */
function normaliseQuery(query, names) {
  if (query.length > QUERY_MAX || encoder.encode(query).length > QUERY_MAX) return undefined;
  /** @type {[string, string][]} */
  const kept = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
    if (name === undefined || !names.includes(name)) continue;
    const value = equals < 0 ? '' : decodeForm(pair.slice(equals + 1));
    if (value === undefined) return undefined;
    kept.push([encodeForm(name), encodeForm(value)]);
  }
  kept.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return kept.map((pair) => pair.join('=')).join('&');
}

/** @param {string} text @returns {string | undefined} */
function decodeForm(text) {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '));
    return CONTROL.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function encodeForm(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The path and query of an absolute URL, as they were sent. @param {string} url */
function targetOf(url) {
  const authority = url.indexOf('//') + 2;
  const end = url.slice(authority).search(/[/?#]/);
  return end < 0 ? '/' : url.slice(authority + end);
}

/** The path of an absolute URL, as it was sent. @param {string} url */
function rawPathOf(url) {
  const authority = url.indexOf('//') + 2;
  const path = url.indexOf('/', authority);
  const query = url.indexOf('?', authority);
  if (path < 0 || (query >= 0 && query < path)) return '/';
  return query < 0 ? url.slice(path) : url.slice(path, query);
}

/** The host name in a request's URL, which the runtime has put into normal form. @param {string} url */
function hostOf(url) {
  const rest = url.slice(url.indexOf('//') + 2);
  const end = rest.search(/[:/?#]/);
  return end < 0 ? rest : rest.slice(0, end);
}

/** Scheme and authority of an absolute URL. @param {string} url */
function originOf(url) {
  const end = url.slice(url.indexOf('//') + 2).search(/[/?#]/);
  return end < 0 ? url : url.slice(0, url.indexOf('//') + 2 + end);
}

/**
 * The key of a variant in KV.
 * @param {string} format @param {string} path in normal form, with the query that matters
 * @returns {Promise<string>}
 */
async function kvKey(format, path) {
  const key = `v/${format}${path}`;
  return key.length <= KV_KEY_MAX ? key : `h/${format}/${await sha256Hex(path)}`;
}

/** @param {string} text */
async function sha256Hex(text) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
