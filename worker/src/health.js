// The signed health question. Without a good signature it is as if we were not there.

/**
 * The question in a URL's query, if it has the shape of one that is due now.
 * @param {string} url @param {number} now unix milliseconds
 */
function healthQuestion(url, now) {
  const query = url.split('?')[1];
  if (query === undefined || query.length > 512) return undefined;
  const parameters = new URLSearchParams(query);
  const time = parameters.get('t') || '';
  const nonce = parameters.get('n') || '';
  const signature = parameters.get('s') || '';
  if (!/^\d{1,12}$/.test(time) || !/^[A-Za-z0-9_-]{1,64}$/.test(nonce)) return undefined;
  if (!/^[0-9a-f]{64}$/.test(signature)) return undefined;
  if (Math.abs(now / 1000 - Number(time)) > HEALTH_WINDOW_S) return undefined;
  return { text: `health\n${time}\n${nonce}`, signature };
}

/** @param {{ text: string, signature: string }} question @param {string} siteKey */
async function isSigned(question, siteKey) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(siteKey), algorithm, false, ['verify']);
  const bytes = Uint8Array.from(question.signature.match(/../g), (digits) => parseInt(digits, 16));
  return crypto.subtle.verify('HMAC', key, bytes, encoder.encode(question.text));
}

/**
 * Who answers, and which index this isolate uses. It is loaded first when there is none or it is not fresh: whoever asks
 * wants to know what is live now.
 * @param {Config} config @param {number} now
 */
async function healthAnswer(config, now) {
  const kv = globalThis.VARIANTS;
  if (kv !== null && typeof kv === 'object' && indexLoadDue(now)) await within(loadIndex(kv, now), HEALTH_INDEX_MS);
  const index = pathIndex === undefined
    ? null
    : { at: pathIndex.at, revision: pathIndex.revision, html: pathIndex.html, markdown: pathIndex.markdown };
  const body = { site: config.site, version: WORKER_VERSION, config: config.hash, index };
  return new Response(JSON.stringify(body), {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}
