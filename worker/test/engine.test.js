// Visits kept in Analytics Engine, by workerd's own binding to it in service-worker form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHROME_ACCEPT, SITE, UA, startEdge, until } from './edge.js';

const REVISION = 'ab'.repeat(32);
const BOUND = { VISITS: 'analyticsEngine = "dataset"' };
const ENGINE = { visits: 'analytics_engine' };

async function withEdge(options, story) {
  const edge = await startEdge({ bindings: BOUND, settings: ENGINE, ...options });
  try {
    edge.kv.putVariant('html', '/tea', 'variant', REVISION);
    await story(edge);
  } finally {
    await edge.stop();
  }
}

test('each visit of an agent is one data point, without the address', () =>
  withEdge({}, async (edge) => {
    const headers = { 'cf-connecting-ip': '203.0.113.9' };
    await edge.agent('/tea?x=1', { headers });
    await edge.agent('/tea', { headers: { ...headers, 'if-none-match': '*' } });
    await edge.agent('/missing', { headers });
    await edge.ask('/tea', { ua: UA.curl, accept: 'text/markdown', headers });
    await edge.ask('/tea', { ua: 'OddBot/1.0', headers });
    await edge.ask('/tea', { ua: UA.chrome, accept: CHROME_ACCEPT, headers });
    await edge.ask('/tea', { ua: UA.googlebot, headers });
    await edge.agent('/tea', { headers: { 'x-edge-delivery-probe': '1' } });
    await until(() => edge.dataset.points.length >= 5);
    const points = edge.dataset.points.map(({ index, blobs, doubles }) => {
      assert.equal(index, SITE);
      assert.deepEqual(blobs.slice(7), Array(13).fill(''));
      assert.ok(doubles[1] >= 0 && doubles[1] < 10_000);
      return [...blobs.slice(0, 7), doubles[0]];
    });
    assert.deepEqual(points.sort(), [
      ['GPTBot', '/missing', 'origin', '', '', '', '', 404],
      ['GPTBot', '/tea', 'not_modified', 'html', REVISION, '', '', 304],
      ['GPTBot', '/tea', 'variant', 'html', REVISION, '', '', 200],
      ['unknown', '/tea', 'origin', '', '', '', 'OddBot/1.0', 0],
      ['unknown', '/tea', 'origin', '', '', '', UA.curl, 200],
    ]);
    assert.ok(!JSON.stringify(edge.dataset.points).includes('203.0.113.9'));
    assert.equal(edge.origin.deliveries.length, 0);
  }));

test('the longest visit is written whole', () =>
  withEdge({}, async (edge) => {
    const path = `/${'a'.repeat(2000)}`;
    const ua = `curl/8 ${'é'.repeat(300)}`;
    await edge.ask(path, { ua: Buffer.from(ua).toString('latin1'), accept: 'text/markdown' });
    await until(() => edge.dataset.points.length === 1);
    const [{ blobs }] = edge.dataset.points;
    assert.equal(blobs[1], path);
    assert.ok(blobs[6].startsWith('curl/8 ') && blobs[6].length <= 256);
  }));

test('a dataset that takes nothing delays nobody', () =>
  withEdge({}, async (edge) => {
    await edge.withIndex({ html: ['/tea'] });
    edge.dataset.hangs = true;
    const answers = await Promise.all(Array.from({ length: 50 }, () => edge.agent('/tea')));
    for (const answer of answers) {
      assert.equal(answer.body, 'variant');
      assert.ok(answer.ms < 2000, `${answer.ms} ms`);
    }
    assert.equal((await edge.agent('/none')).headers['x-origin'], 'yes');
  }));

for (const [what, bindings] of [
  ['missing', { VISITS: null }],
  ['a text', { VISITS: 'text = "nothing"' }],
  ['something that throws', { VISITS: 'json = "{}"' }],
  ['a number', { VISITS: 'json = "7"' }],
  ['null', { VISITS: 'json = "null"' }],
]) {
  test(`a binding that is ${what} changes no answer`, () =>
    withEdge({ bindings }, async (edge) => {
      assert.equal((await edge.agent('/tea')).body, 'variant');
      assert.equal((await edge.agent('/none')).headers['x-origin'], 'yes');
      assert.equal((await edge.ask('/tea', { ua: UA.chrome, accept: CHROME_ACCEPT })).headers['x-origin'], 'yes');
    }));
}

test('a binding that nobody chose is not written to', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/v' } }, async (edge) => {
    await edge.agent('/tea');
    await until(() => edge.origin.deliveries.length > 0);
    assert.equal(edge.dataset.points.length, 0);
  }));
