// Who gets what, inside workerd.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { CHROME_ACCEPT, HOST, UA, startEdge } from './edge.js';

const REVISION = 'ab'.repeat(32);
const MARKDOWN = 'cd'.repeat(32);
const HTML = '<!doctype html><title>Tea</title><p>Variant é</p>';
let edge;

before(async () => {
  edge = await startEdge();
  edge.kv.putVariant('html', '/tea', HTML, REVISION);
  edge.kv.putVariant('markdown', '/tea', '# Tea', MARKDOWN);
  edge.kv.putVariant('html', '/', HTML, REVISION);
  edge.kv.putVariant('html', '/only-html', HTML, REVISION);
  edge.kv.putVariant('markdown', '/only-markdown', '# Only', MARKDOWN);
});
after(() => edge.stop());
beforeEach(() => {
  edge.kv.asked.length = 0;
  edge.origin.asked.length = 0;
});

const isOrigin = (answer) => {
  assert.equal(answer.headers['x-origin'], 'yes');
  assert.equal(answer.headers['x-edge-delivery'], undefined);
};

test('an agent gets the variant with every header', async () => {
  const answer = await edge.agent('/tea?utm=1');
  assert.equal(answer.status, 200);
  assert.equal(answer.body, HTML);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers.etag, `"${REVISION}"`);
  assert.equal(answer.headers.vary, 'accept, user-agent');
  assert.equal(answer.headers['cache-control'], 'private, max-age=300');
  assert.equal(answer.headers.link, `<http://${HOST}/tea>; rel="canonical"`);
  assert.equal(answer.headers['x-edge-delivery'], `variant; revision=${REVISION}; agent=GPTBot`);
  assert.equal(answer.headers['content-length'], String(Buffer.byteLength(HTML)));
  assert.equal(edge.origin.asked.length, 0);
  assert.equal((await edge.agent('/')).body, HTML);
});

test('the path is normalised, its case kept', async () => {
  assert.equal((await edge.agent('/%74ea')).body, HTML);
  isOrigin(await edge.agent('/Tea'));
  isOrigin(await edge.agent('/tea/'));
  isOrigin(await edge.agent('//tea'));
  isOrigin(await edge.agent('/tea%5C'));
  isOrigin(await edge.agent(`/${'a'.repeat(3000)}`));
});

test('people, search engines, previews and curl get the origin byte for byte, without a KV read', async () => {
  const direct = `origin GET /tea?a=%2f&b \n`;
  for (const [name, accept] of [
    ['chrome', CHROME_ACCEPT],
    ['googlebot', '*/*'],
    ['googlebot', 'text/markdown'],
    ['twitterbot', 'text/markdown, text/html;q=0.5'],
    ['curl', '*/*'],
    [undefined, undefined],
  ]) {
    const answer = await edge.ask('/tea?a=%2f&b', { ua: UA[name], accept });
    isOrigin(answer);
    assert.equal(answer.body, direct, `${name} ${accept}`);
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(answer.headers.vary, undefined);
  }
  assert.deepEqual(edge.kv.asked, []);
  for (const seen of edge.origin.asked) assert.equal(seen.headers.host, HOST);
});

test('only GET and HEAD are looked at', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await edge.agent('/tea', { method, body: method === 'OPTIONS' ? undefined : 'some body' });
    isOrigin(answer);
    assert.equal(edge.origin.asked.at(-1).method, method);
    if (method !== 'OPTIONS') assert.equal(edge.origin.asked.at(-1).body, 'some body');
  }
  assert.deepEqual(edge.kv.asked, []);
});

test('HEAD has the headers and no body', async () => {
  const answer = await edge.agent('/tea', { method: 'HEAD' });
  assert.equal(answer.status, 200);
  assert.equal(answer.body, '');
  assert.equal(answer.headers.etag, `"${REVISION}"`);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers['content-length'], String(Buffer.byteLength(HTML)));
});

test('conditional requests', async () => {
  for (const [tag, status] of [
    [`"${REVISION}"`, 304],
    [`W/"${REVISION}"`, 304],
    [`"other", "${REVISION}"`, 304],
    ['*', 304],
    ['"other"', 200],
  ]) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await edge.agent('/tea', { method, headers: { 'if-none-match': tag } });
      assert.equal(answer.status, status, `${method} ${tag}`);
      assert.equal(answer.headers.etag, `"${REVISION}"`);
      assert.equal(answer.headers['cache-control'], 'private, max-age=300');
      assert.equal(answer.headers.vary, 'accept, user-agent');
      assert.match(answer.headers['x-edge-delivery'], /^variant; /);
      if (status === 304) assert.equal(answer.body, '');
    }
  }
});

test('Markdown by preference, from anybody who is not excluded', async () => {
  const asMarkdown = await edge.ask('/tea', { ua: UA.curl, accept: 'text/markdown, text/html;q=0.9' });
  assert.equal(asMarkdown.body, '# Tea');
  assert.equal(asMarkdown.headers['content-type'], 'text/markdown; charset=utf-8');
  assert.equal(asMarkdown.headers['x-edge-delivery'], `variant; revision=${MARKDOWN}; agent=unknown`);
  assert.equal((await edge.ask('/tea', { accept: 'text/markdown' })).body, '# Tea');
  assert.equal((await edge.agent('/tea', { accept: 'text/markdown' })).body, '# Tea');
  assert.equal((await edge.agent('/tea', { accept: 'text/html, text/markdown' })).body, HTML);
  assert.equal((await edge.agent('/only-html', { accept: 'text/markdown' })).body, HTML);
  isOrigin(await edge.ask('/only-html', { ua: UA.curl, accept: 'text/markdown' }));
  isOrigin(await edge.agent('/only-markdown'));
  isOrigin(await edge.ask('/tea', { ua: UA.chrome, accept: 'text/html, text/markdown;q=0.9' }));
});

test('a preview link and another host of the zone are left alone', async () => {
  isOrigin(await edge.agent('/tea?ed-preview=abc'));
  isOrigin(await edge.agent('/tea', { headers: { host: 'other.example' } }));
  assert.deepEqual(edge.kv.asked, []);
});

test('the other format is linked where the index names it', async () => {
  const own = await startEdge({ settings: { paths: { trailingSlash: 'strip', queryParameters: ['q'] } } });
  try {
    own.kv.putVariant('html', '/tea', HTML, REVISION);
    own.kv.putVariant('markdown', '/tea', '# Tea', MARKDOWN);
    own.kv.putVariant('html', '/only-html', HTML, REVISION);
    own.kv.putVariant('html', '/s?q=tea', HTML, REVISION);
    const canonical = (page) => `<http://${HOST}${page}>; rel="canonical"`;
    const alternate = (page, type) => `${canonical(page)}, <http://${HOST}${page}>; rel="alternate"; type="${type}"`;
    await own.withIndex({ html: ['/tea', '/only-html', '/s?q=tea'], markdown: ['/tea'] });
    for (const [path, accept, link] of [
      ['/tea', '*/*', alternate('/tea', 'text/markdown')],
      ['/tea', 'text/markdown', alternate('/tea', 'text/html')],
      ['/tea/?utm=1', '*/*', alternate('/tea', 'text/markdown')],
      ['/only-html', '*/*', canonical('/only-html')],
      ['/only-html/', 'text/markdown', canonical('/only-html')],
      ['/s/?x=1&q=tea', '*/*', canonical('/s?q=tea')],
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const before = own.kv.asked.length;
        const answer = await own.agent(path, { accept, method });
        assert.equal(answer.headers.link, link, `${method} ${path} ${accept}`);
        const read = own.kv.asked.slice(before).filter((key) => key !== 'index');
        assert.equal(read.length, 1, `${method} ${path} ${accept}: ${read}`);
        const again = await own.agent(path, { accept, method, headers: { 'if-none-match': answer.headers.etag } });
        assert.equal(again.status, 304);
        assert.equal(again.headers.link, link);
      }
    }
    isOrigin(await own.agent('/s?q=coffee'));
    isOrigin(await own.agent('/s'));
  } finally {
    await own.stop();
  }
});

// Method, user agent, Accept, If-None-Match → status, body, content type; null: the origin's page.
for (const [method, ua, accept, tag, status, format] of [
  ['GET', 'gptbot', '*/*', null, 200, 'html'],
  ['GET', 'gptbot', undefined, null, 200, 'html'],
  ['GET', 'gptbot', 'text/html', null, 200, 'html'],
  ['GET', 'gptbot', 'text/markdown', null, 200, 'markdown'],
  ['GET', 'gptbot', 'text/markdown;q=0', null, 200, 'html'],
  ['GET', 'gptbot', 'text/html, text/markdown;q=0.9', null, 200, 'html'],
  ['HEAD', 'gptbot', '*/*', null, 200, 'html'],
  ['HEAD', 'curl', 'text/markdown', null, 200, 'markdown'],
  ['GET', 'gptbot', '*/*', REVISION, 304, 'html'],
  ['GET', 'gptbot', '*/*', MARKDOWN, 200, 'html'],
  ['GET', 'gptbot', 'text/markdown', MARKDOWN, 304, 'markdown'],
  ['HEAD', 'gptbot', 'text/markdown', MARKDOWN, 304, 'markdown'],
  ['GET', 'curl', 'text/markdown', REVISION, 200, 'markdown'],
  ['GET', 'curl', 'text/markdown, */*;q=0.1', null, 200, 'markdown'],
  ['GET', 'chrome', CHROME_ACCEPT, null, 200, null],
  ['GET', 'chrome', CHROME_ACCEPT, REVISION, 200, null],
  ['GET', 'curl', '*/*', null, 200, null],
  ['GET', 'googlebot', 'text/markdown', null, 200, null],
  ['HEAD', 'googlebot', 'text/markdown', REVISION, 200, null],
  ['GET', 'twitterbot', '*/*', null, 200, null],
]) {
  test(`negotiation: ${method} ${ua} ${accept} ${tag ? tag.slice(0, 2) : ''} → ${status} ${format}`, async () => {
    const headers = tag ? { 'if-none-match': `"${tag}"` } : {};
    const answer = await edge.ask('/tea', { method, ua: UA[ua], accept, headers });
    assert.equal(answer.status, status);
    if (format === null) return isOrigin(answer);
    const [content, revision] = format === 'html' ? [HTML, REVISION] : ['# Tea', MARKDOWN];
    assert.equal(answer.headers.etag, `"${revision}"`);
    assert.equal(answer.headers.vary, 'accept, user-agent');
    assert.equal(answer.headers['cache-control'], 'private, max-age=300');
    assert.equal(answer.body, status === 200 && method === 'GET' ? content : '');
    if (status === 200) {
      assert.equal(answer.headers['content-type'], `text/${format}; charset=utf-8`);
      assert.equal(answer.headers['content-length'], String(Buffer.byteLength(content)));
    }
  });
}

test('a WebSocket upgrade passes', async () => {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  for (const ua of [UA.chrome, UA.gptbot]) {
    assert.equal((await edge.ask('/tea', { ua, headers })).status, 101);
  }
});

test('odd values in KV end at the origin', async () => {
  edge.kv.put('v/html/no-metadata', HTML);
  edge.kv.put('v/html/bad-revision', HTML, { r: 'x', t: 'text/html' });
  edge.kv.put('v/html/bad-type', HTML, { r: REVISION, t: 'text/javascript' });
  edge.kv.put('v/html/injected', HTML, { r: REVISION, t: 'text/html\r\nx-evil: 1' });
  for (const path of ['/no-metadata', '/bad-revision', '/bad-type', '/injected']) {
    isOrigin(await edge.agent(path));
  }
});

test('an empty variant and a large one', async () => {
  edge.kv.putVariant('html', '/empty', '', REVISION);
  const large = 'x'.repeat(5 * 1024 * 1024);
  edge.kv.putVariant('html', '/large', large, REVISION);
  const empty = await edge.agent('/empty');
  assert.equal(empty.status, 200);
  assert.equal(empty.headers.etag, `"${REVISION}"`);
  assert.equal((await edge.agent('/large')).body.length, large.length);
});
