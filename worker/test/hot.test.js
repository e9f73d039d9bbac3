// Variants that an isolate keeps: read once a minute, never older than the index allows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge, until } from './edge.js';
import { pointerFor } from './pointer.js';

const ONE = 'ab'.repeat(32);
const TWO = 'cd'.repeat(32);
const HOUR = 3_600_000;

async function withEdge(story) {
  const edge = await startEdge();
  try {
    await story(edge);
  } finally {
    await edge.stop();
  }
}

/** Asks until the index is in use: then a path without a variant costs no read. */
async function indexed(edge, pointer) {
  edge.kv.put('index', pointer);
  let number = 0;
  await until(async () => {
    const path = `/none-${number++}`;
    await edge.agent(path);
    return edge.kv.count(`v/html${path}`) === 0;
  });
}

test('a page that is asked for again is read once, and anew when something was published', () =>
  withEdge(async (edge) => {
    edge.kv.putVariant('html', '/tea', 'one', ONE);
    await indexed(edge, pointerFor({ html: ['/tea'] }, { revision: Date.now() - HOUR }));
    for (let n = 0; n < 20; n++) {
      const answer = await edge.agent('/tea');
      assert.equal(answer.body, 'one');
      assert.equal(answer.headers.etag, `"${ONE}"`);
    }
    assert.equal(edge.kv.count('v/html/tea'), 1);
    assert.equal((await edge.agent('/tea', { headers: { 'if-none-match': `"${ONE}"` } })).status, 304);
    const head = await edge.agent('/tea', { method: 'HEAD' });
    assert.deepEqual([head.body, head.headers['content-length']], ['', '3']);
    assert.equal(edge.kv.count('v/html/tea'), 1);
    edge.kv.mode = 'hang';
    assert.equal((await edge.agent('/tea')).body, 'one', 'KV is not needed for it');
    edge.kv.mode = 'ok';
    edge.kv.putVariant('html', '/tea', 'two', TWO);
    edge.kv.put('index', pointerFor({ html: ['/tea'] }, { revision: Date.now() - HOUR / 2 }));
    await until(async () => (await edge.agent('/tea')).body === 'two');
    edge.kv.put('index', pointerFor({}, { revision: Date.now() - HOUR / 4 }));
    await until(async () => (await edge.agent('/tea')).headers['x-origin'] === 'yes');
  }));

test('while an index is new, nothing is kept: KV may still answer with what was there before', () =>
  withEdge(async (edge) => {
    edge.kv.putVariant('html', '/tea', 'one', ONE);
    await indexed(edge, pointerFor({ html: ['/tea'] }));
    for (let n = 0; n < 5; n++) assert.equal((await edge.agent('/tea')).body, 'one');
    assert.equal(edge.kv.count('v/html/tea'), 5);
  }));

test('what is too large is not kept, and Markdown apart from HTML', () =>
  withEdge(async (edge) => {
    const large = 'x'.repeat(600 * 1024);
    edge.kv.putVariant('html', '/large', large, ONE);
    edge.kv.putVariant('html', '/tea', 'one', ONE);
    edge.kv.putVariant('markdown', '/tea', '# two', TWO);
    const paths = { html: ['/tea', '/large'], markdown: ['/tea'] };
    await indexed(edge, pointerFor(paths, { revision: Date.now() - HOUR }));
    for (let n = 0; n < 3; n++) {
      assert.equal((await edge.agent('/large')).body, large);
      assert.equal((await edge.agent('/tea')).body, 'one');
      assert.equal((await edge.agent('/tea', { accept: 'text/markdown' })).body, '# two');
    }
    assert.equal(edge.kv.count('v/html/large'), 3);
    assert.equal(edge.kv.count('v/html/tea'), 1);
    assert.equal(edge.kv.count('v/markdown/tea'), 1);
  }));
