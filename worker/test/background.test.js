// What goes on beside the answers: the index, visits, and the health question.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { HOST, SITE, SITE_KEY, UA, startEdge, until } from './edge.js';
import { pointerFor } from './pointer.js';
import { assembledScript } from './scope.js';

const REVISION = 'ab'.repeat(32);

async function withEdge(options, story) {
  const edge = await startEdge(options);
  try {
    edge.kv.putVariant('html', '/tea', 'variant', REVISION);
    await story(edge);
  } finally {
    await edge.stop();
  }
}

test('without an index the path’s own key is read', () =>
  withEdge({}, async (edge) => {
    assert.equal((await edge.agent('/tea')).body, 'variant');
    assert.equal((await edge.agent('/none')).headers['x-origin'], 'yes');
    assert.equal(edge.kv.count('v/html/none'), 1);
  }));

test('once the index is there, a path without a variant costs no KV read', () =>
  withEdge({}, async (edge) => {
    await edge.withIndex({ html: ['/tea'] });
    for (let n = 0; n < 50; n++) {
      const answer = await edge.agent(`/none-${n}`);
      assert.equal(answer.headers['x-origin'], 'yes');
    }
    const read = edge.kv.asked.filter((key) => key !== 'index');
    assert.deepEqual(read, []);
    assert.equal((await edge.agent('/tea')).body, 'variant');
    assert.equal(edge.kv.count('v/html/tea'), 1);
    assert.equal((await edge.agent('/tea', { accept: 'text/markdown' })).body, 'variant');
    assert.equal(edge.kv.count('v/markdown/tea'), 0);
  }));

test('an index that cannot be read changes nothing', () =>
  withEdge({}, async (edge) => {
    edge.kv.put('index', '{"v":1,');
    for (let n = 0; n < 10; n++) {
      assert.equal((await edge.agent('/tea')).body, 'variant');
      assert.equal((await edge.agent('/none')).headers['x-origin'], 'yes');
    }
    assert.equal(edge.kv.count('index'), 1, 'it is not loaded again at once');
  }));

test('a hanging index load delays nobody and is not repeated by each request', () =>
  withEdge({}, async (edge) => {
    edge.kv.mode = 'hang';
    await Promise.all(Array.from({ length: 20 }, () => edge.agent('/tea')));
    assert.equal(edge.kv.count('index'), 1);
    edge.kv.mode = 'ok';
    const answer = await edge.agent('/tea');
    assert.equal(answer.body, 'variant');
    assert.ok(answer.ms < 100, `${answer.ms} ms`);
  }));

test('many at once, of all kinds, share nothing that breaks', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/v' } }, async (edge) => {
    edge.kv.put('index', pointerFor({ html: ['/tea'] }));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 120 }, (_, n) => {
          const ua = [UA.gptbot, UA.chrome, UA.googlebot][n % 3];
          return edge.ask(n % 2 ? '/tea' : `/none-${n}`, { ua, accept: n % 5 ? '*/*' : 'text/markdown' });
        }),
      );
      for (const answer of answers) assert.equal(answer.status, 200);
    }
    await until(() => edge.origin.deliveries.length > 0);
    assert.equal(edge.stderr(), '');
  }));

test('a visitor who leaves early does not stop the index or the visits', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/v' } }, async (edge) => {
    edge.kv.put('index', pointerFor({ html: ['/tea'] }));
    await edge.leave('/tea');
    await until(() => edge.origin.deliveries.length > 0 || edge.agent('/tea').then(() => false), 15_000);
    await edge.withIndex({ html: ['/tea'] });
  }));

test('people cause no KV read, not even for the index', () =>
  withEdge({}, async (edge) => {
    for (const ua of [UA.chrome, UA.googlebot, UA.curl]) await edge.ask('/tea', { ua, accept: '*/*' });
    assert.deepEqual(edge.kv.asked, []);
  }));

test('a bot that is in no list goes to the origin natively, and is counted', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/v' } }, async (edge) => {
    const unknown = `NewsroomBot/1.0 (+https://newsroom.example/${'x'.repeat(300)})`;
    const phone = 'Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36';
    for (const ua of [unknown, phone, UA.chrome, UA.curl, UA.googlebot]) {
      const answer = await edge.ask('/tea?x=1', { ua, accept: '*/*' });
      assert.equal(answer.headers['x-origin'], 'yes');
      assert.equal(answer.headers['x-edge-delivery'], undefined);
    }
    await edge.ask('/tea', { ua: unknown, method: 'POST' });
    await edge.ask('/tea', { ua: unknown, headers: { 'x-edge-delivery-probe': '1' } });
    await edge.ask('/other', { ua: unknown, method: 'HEAD' });
    const delivered = () => edge.origin.deliveries.flatMap(({ body }) => JSON.parse(body));
    await until(() => delivered().length >= 2);
    assert.deepEqual(
      delivered().map(({ agent, path, outcome, status, ua }) => [agent, path, outcome, status, ua]),
      ['/tea', '/other'].map((path) => ['unknown', path, 'origin', 0, unknown.slice(0, 256)]),
    );
    assert.deepEqual(edge.kv.asked, []);
    assert.equal(edge.stderr(), '');
  }));

test('a bot that is in no list costs nothing where visits are not wanted', () =>
  withEdge({}, async (edge) => {
    const answer = await edge.ask('/tea', { ua: 'NewsroomBot/1.0', accept: '*/*' });
    assert.equal(answer.headers['x-origin'], 'yes');
    assert.deepEqual([edge.kv.asked, edge.origin.deliveries], [[], []]);
  }));

test('visits arrive in batches', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/ingest/v1/visits' } }, async (edge) => {
    await edge.agent('/tea?secret=1');
    await edge.agent('/tea', { headers: { 'if-none-match': '*' } });
    await edge.agent('/missing');
    await edge.ask('/tea', { ua: UA.curl, accept: 'text/markdown' });
    await edge.ask('/tea', { ua: UA.chrome });
    await edge.ask('/tea', { ua: UA.googlebot });
    const delivered = () => edge.origin.deliveries.flatMap(({ body }) => JSON.parse(body));
    await until(() => delivered().length >= 4);
    const [{ headers, method, url }] = edge.origin.deliveries;
    assert.equal(method, 'POST');
    assert.equal(url, '/ingest/v1/visits');
    assert.equal(headers.authorization, `Bearer ${SITE_KEY}`);
    assert.equal(headers['content-type'], 'application/json');
    assert.match(headers['idempotency-key'], /^[0-9a-f-]{36}$/);
    assert.equal(headers['x-edge-delivery-dropped'], '0');
    const visits = delivered();
    for (const visit of visits) {
      assert.ok(Math.abs(Date.now() - visit.t) < 60_000);
      delete visit.t;
      assert.ok(visit.ms >= 0 && visit.ms < 10_000);
      delete visit.ms;
    }
    const got = { revision: REVISION, format: 'html' };
    assert.deepEqual(visits, [
      { agent: 'GPTBot', path: '/tea', outcome: 'variant', status: 200, ua: UA.gptbot, ...got },
      { agent: 'GPTBot', path: '/tea', outcome: 'not_modified', status: 304, ua: UA.gptbot, ...got },
      { agent: 'GPTBot', path: '/missing', outcome: 'origin', status: 404, ua: UA.gptbot },
      { agent: 'unknown', path: '/tea', outcome: 'origin', status: 200, ua: UA.curl },
    ]);
    const batches = edge.origin.deliveries.length;
    await edge.agent('/tea');
    await until(() => edge.origin.deliveries.length > batches);
    assert.notEqual(edge.origin.deliveries.at(-1).headers['idempotency-key'], headers['idempotency-key']);
  }));

test('a full batch does not wait, and no visit is lost', () => {
  const script = assembledScript().replace('VISITS_DELAY_MS = 1000', 'VISITS_DELAY_MS = 600000');
  return withEdge({ script, settings: { ingest: 'http://ingest.example/ingest/v1/visits' } }, async (edge) => {
    await edge.withIndex({ html: ['/tea'] });
    const ask = (from, count) => Promise.all(Array.from({ length: count }, (_, n) => edge.agent(`/page-${from + n}`)));
    // Three thousand are more than an isolate keeps.
    for (let from = 0; from < 3000; from += 100) await ask(from, 100);
    const delivered = () => edge.origin.deliveries.flatMap(({ body }) => JSON.parse(body));
    await until(async () => {
      await edge.agent('/more');
      return delivered().length >= 3000;
    });
    const paths = delivered().map(({ path }) => path).filter((path) => path.startsWith('/page-'));
    assert.equal(new Set(paths).size, paths.length);
    for (const { headers, body } of edge.origin.deliveries) {
      assert.equal(headers['x-edge-delivery-dropped'], '0');
      assert.equal(JSON.parse(body).length, 200);
    }
    assert.equal(edge.stderr(), '');
  });
});

test('visits that the console refuses for good are told as dropped', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/ingest/v1/visits' } }, async (edge) => {
    await edge.withIndex({ html: ['/tea'] });
    await until(() => edge.origin.deliveries.length > 0);
    edge.origin.deliveryStatus = 401;
    const before = edge.origin.deliveries.length;
    await edge.agent('/refused');
    await until(() => edge.origin.deliveries.length > before);
    edge.origin.deliveryStatus = 204;
    const refused = edge.origin.deliveries.length;
    await until(async () => {
      await edge.agent('/after');
      return edge.origin.deliveries.length > refused;
    });
    assert.equal(edge.origin.deliveries.at(refused).headers['x-edge-delivery-dropped'], '1');
  }));

test('a visit says where it came from, and what a signature is checked by', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/ingest/v1/visits' } }, async (edge) => {
    const signed = { 'signature-agent': '"https://chatgpt.com"', 'signature-input': 'sig1=("@authority")', signature: 'sig1=:AA==:' };
    await edge.agent('/tea?q=1', { headers: { 'cf-connecting-ip': '2001:db8::7', ...signed } });
    await edge.agent('/tea', { headers: { 'cf-connecting-ip': 'x'.repeat(80), ...signed, signature: 'x'.repeat(5_000) } });
    const delivered = () => edge.origin.deliveries.flatMap(({ body }) => JSON.parse(body));
    await until(() => delivered().length >= 2);
    const [first, second] = delivered();
    assert.equal(first.ip, '2001:db8::7');
    assert.deepEqual(first.signature, {
      signatureAgent: '"https://chatgpt.com"',
      signatureInput: 'sig1=("@authority")',
      signature: 'sig1=:AA==:',
      method: 'GET',
      host: HOST,
      path: '/tea',
    });
    assert.equal(second.ip, undefined);
    assert.equal(second.signature, undefined);
  }));

test('a visit that falls through natively is told too', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/v' } }, async (edge) => {
    await edge.withIndex({ html: ['/tea'] });
    await edge.agent('/none');
    await until(() => edge.origin.deliveries.some(({ body }) => body.includes('/none')));
    const visits = edge.origin.deliveries.flatMap(({ body }) => JSON.parse(body));
    const { outcome, status } = visits.find(({ path }) => path === '/none');
    assert.deepEqual({ outcome, status }, { outcome: 'origin', status: 0 });
  }));

const sign = (time, nonce, key = SITE_KEY) =>
  createHmac('sha256', key).update(`health\n${time}\n${nonce}`).digest('hex');
const question = (time, nonce, signature) => `/.well-known/edge-delivery?t=${time}&n=${nonce}&s=${signature}`;

test('the health question', () =>
  withEdge({}, async (edge) => {
    const now = Math.floor(Date.now() / 1000);
    const answer = await edge.ask(question(now, 'n-1', sign(now, 'n-1')), { ua: 'edge-delivery' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(JSON.parse(answer.body), { site: SITE, version: '0.1.0', config: 'c0ffee', index: null });
    await edge.withIndex({ html: ['/tea'], markdown: [] });
    const later = JSON.parse((await edge.ask(question(now, 'n-2', sign(now, 'n-2')))).body);
    const { html, markdown, revision } = later.index;
    assert.deepEqual({ html, markdown }, { html: 1, markdown: 0 });
    assert.ok(Math.abs(revision - Date.now()) < 60_000);

    for (const url of [
      '/.well-known/edge-delivery',
      '/.well-known/edge-delivery/',
      question(now, 'n', sign(now, 'm')),
      question(now, 'n', sign(now, 'n', 'another-key')),
      question(now - 400, 'n', sign(now - 400, 'n')),
      question(now + 400, 'n', sign(now + 400, 'n')),
      question(now, 'n', sign(now, 'n').slice(1)),
      question('', '', ''),
      `/x${question(now, 'n', sign(now, 'n'))}`,
    ]) {
      for (const ua of [UA.chrome, UA.gptbot]) {
        const stranger = await edge.ask(url, { ua });
        assert.equal(stranger.headers['x-origin'], 'yes', url);
        assert.equal(stranger.body, `origin GET ${url} \n`);
      }
    }
    assert.equal(edge.origin.asked.at(-1).headers.host, HOST);
  }));
