// The index: the shared cases, what is refused, and loading it inside workerd.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SITE_KEY, startEdge, until } from './edge.js';
import { filterFor, filterOf, pointerFor } from './pointer.js';
import { pureScope } from './scope.js';

const REVISION = 'cd'.repeat(32);
const cases = JSON.parse(readFileSync(new URL('index.cases.json', import.meta.url), 'utf8'));
const { xxh32, parsePointer, parseFilter, mayHave, pathHash } = pureScope(
  'xxh32',
  'parsePointer',
  'parseFilter',
  'mayHave',
  'pathHash',
);
const buffer = (bytes) => Uint8Array.from(bytes).buffer;

async function withEdge(options, story) {
  const edge = await startEdge(options);
  try {
    edge.kv.putVariant('html', '/tea', 'variant', REVISION);
    await story(edge);
  } finally {
    await edge.stop();
  }
}

test('the shared cases', () => {
  for (const [text, hash] of cases.hashes) assert.equal(xxh32(new TextEncoder().encode(text)), hash, text);
  for (const { name, html, markdown, revision, pointer, filter, filter_bytes } of cases.pointers) {
    const ours = pointerFor({ html, markdown }, { revision, filter: filter && filterFor({ html: filter }) });
    assert.equal(ours.toString('hex'), pointer, name);
    const read = parsePointer(buffer(Buffer.from(pointer, 'hex')));
    assert.deepEqual([read.revision, read.html, read.markdown, read.open], [revision, html.length, markdown.length, false]);
    const base = filter_bytes ? parseFilter(buffer(Buffer.from(filter_bytes, 'hex')), read.filterCount) : new Uint32Array(0);
    const index = { ...read, filter: base };
    for (const path of html) assert.ok(mayHave(index, pathHash('html', path)), path);
    for (const path of markdown) assert.ok(mayHave(index, pathHash('markdown', path)), path);
    for (const path of ['/old', '/none', '/docs']) assert.ok(!mayHave(index, pathHash('html', path)), path);
  }
});

test('a pointer that is not one is refused', () => {
  const good = pointerFor({ html: ['/a', '/b', '/c'] });
  assert.ok(parsePointer(buffer(good)));
  for (let at = 0; at < good.length; at++) {
    const spoilt = Buffer.from(good);
    spoilt[at] ^= 0x40;
    assert.equal(parsePointer(buffer(spoilt)), undefined, `byte ${at}`);
  }
  for (const other of [
    Buffer.alloc(0),
    good.subarray(0, 60),
    good.subarray(0, good.length - 4),
    Buffer.concat([good, Buffer.alloc(4)]),
    Buffer.alloc(4 * 1024 * 1024),
    Buffer.from('{"v":1,"html":[],"markdown":[]}'),
    Buffer.from('<html><body><h1>502 Bad Gateway</h1></body></html>'),
  ]) {
    assert.equal(parsePointer(buffer(other)), undefined);
  }
  for (const other of [null, undefined, 'text', {}]) assert.equal(parsePointer(other), undefined);
});

test('a filter that is not one is refused', () => {
  const sorted = Uint32Array.from({ length: 10000 }, (_, n) => n * 400000);
  const { bytes } = filterOf(sorted);
  assert.equal(parseFilter(buffer(bytes), 10000).length, 10000);
  assert.equal(parseFilter(buffer(bytes), 9999), undefined);
  assert.equal(parseFilter(buffer(bytes.subarray(0, bytes.length - 4)), 10000), undefined);
  assert.equal(parseFilter(null, 10000), undefined);
  const zeros = Buffer.from(bytes);
  zeros.fill(0, 2000, 30000);
  assert.equal(parseFilter(buffer(zeros), 10000), undefined);
  const random = Buffer.concat([bytes.subarray(0, 16), Buffer.from(sorted.map((n) => Math.imul(n, 0x9e3779b1)).buffer)]);
  assert.equal(parseFilter(buffer(random), 10000), undefined);
  assert.equal(parseFilter(buffer(Buffer.alloc(16 + 4 * 5000000)), 5000000), undefined, 'oversized');
});

/** Asks until the isolate reads no key of this path any more. */
const indexed = (edge, path) =>
  until(async () => {
    const before = edge.kv.asked.length;
    await edge.agent(path);
    return !edge.kv.asked.slice(before).includes(`v/html${path}`);
  });

test('a filter is loaded once, what changes comes with the pointer', () =>
  withEdge({}, async (edge) => {
    const filter = filterFor({ html: ['/tea', '/old'] });
    edge.kv.put(filter.key, filter.bytes);
    edge.kv.put('index', pointerFor({ html: ['/tea', '/old'] }, { filter }));
    await edge.agent('/tea');
    await indexed(edge, '/new');
    assert.equal((await edge.agent('/tea')).body, 'variant');
    edge.kv.putVariant('html', '/new', 'new', REVISION);
    edge.kv.put('index', pointerFor({ html: ['/tea', '/new'] }, { filter, revision: Date.now() + 1 }));
    await until(async () => (await edge.agent('/new')).body === 'new');
    await indexed(edge, '/old');
    assert.equal((await edge.agent('/tea')).body, 'variant');
    assert.equal(edge.kv.count(filter.key), 1);
  }));

test('the last good index is kept when the next one cannot be used', () =>
  withEdge({}, async (edge) => {
    const good = pointerFor({ html: ['/tea'] });
    const missing = filterFor({ html: ['/x', '/y'] });
    const bad = {
      corrupt: Buffer.from(good).fill(7, 64),
      oversized: Buffer.alloc(10 * 1024 * 1024, 1),
      'of another version': Buffer.from(good).fill(9, 4, 5),
      'with a filter that is not there': pointerFor({ html: ['/x', '/y'] }, { filter: missing }),
      older: pointerFor({ html: [] }, { revision: 1 }),
    };
    for (const [name, value] of [...Object.entries(bad), ['missing', undefined]]) {
      edge.kv.put('index', good);
      await indexed(edge, '/none');
      if (value === undefined) edge.kv.values.delete('index');
      else edge.kv.put('index', value);
      // It was looked at, and the answers stay the same.
      const before = edge.kv.count('index');
      await until(async () => {
        assert.equal((await edge.agent('/tea')).body, 'variant', name);
        assert.equal((await edge.agent('/none')).headers['x-origin'], 'yes', name);
        return edge.kv.count('index') > before;
      });
      await edge.agent('/tea');
      edge.kv.asked.length = 0;
      for (let n = 0; n < 20; n++) await edge.agent(`/none-${n}`);
      assert.deepEqual(edge.kv.asked.filter((key) => key.startsWith('v/')), [], name);
    }
  }));

test('an open index hides nothing', () =>
  withEdge({}, async (edge) => {
    edge.kv.put('index', pointerFor({}, { open: true }));
    await edge.agent('/none');
    await until(() => edge.kv.count('index') > 0);
    assert.equal((await edge.agent('/tea')).body, 'variant');
    edge.kv.asked.length = 0;
    await edge.agent('/none');
    assert.deepEqual(edge.kv.asked, ['v/html/none']);
  }));

test('every key is read with the shortest cache, and without one where KV does not take it', () =>
  withEdge({}, async (edge) => {
    edge.kv.put('index', pointerFor({ html: ['/tea'] }));
    await indexed(edge, '/none');
    await edge.agent('/tea');
    assert.deepEqual([...new Set(edge.kv.cacheTtls)], ['30']);
    edge.kv.refuseCacheTtl = true;
    edge.kv.cacheTtls.length = 0;
    assert.equal((await edge.agent('/tea')).body, 'variant');
    assert.equal((await edge.agent('/tea')).body, 'variant');
    assert.deepEqual(edge.kv.cacheTtls, ['30', null, null]);
  }));

test('the health answer says which manifest is live', () =>
  withEdge({}, async (edge) => {
    const ask = async () => {
      const t = String(Math.floor(Date.now() / 1000));
      const s = createHmac('sha256', SITE_KEY).update(`health\n${t}\nn`).digest('hex');
      return JSON.parse((await edge.ask(`/.well-known/edge-delivery?t=${t}&n=n&s=${s}`)).body);
    };
    edge.kv.put('index', pointerFor({ html: ['/tea'], markdown: ['/a', '/b'] }, { revision: 1795000000123 }));
    const { index } = await ask();
    assert.deepEqual([index.revision, index.html, index.markdown], [1795000000123, 1, 2]);
    edge.kv.put('index', pointerFor({ html: ['/tea'] }, { revision: 1795000000124 }));
    await until(async () => (await ask()).index.revision === 1795000000124);
  }));

test('a million paths: loaded in the background, every one found', { timeout: 60_000 }, () =>
  withEdge({}, async (edge) => {
    const sorted = Uint32Array.from({ length: 1_000_000 }, (_, n) => n * 4294 + (n % 4000));
    const filter = filterOf(sorted);
    edge.kv.put(filter.key, filter.bytes);
    edge.kv.put('index', pointerFor({ html: ['/tea'] }, { open: false }));
    const pointer = pointerFor({ html: ['/tea'] });
    // The pointer of a site whose filter has them all and one page more.
    const head = Buffer.from(pointer);
    head.writeUInt32LE(sorted.length, 36);
    Buffer.from(filter.key.slice(2), 'hex').copy(head, 40);
    head.writeUInt32LE(xxh32(head.subarray(12)), 8);
    edge.kv.put('index', head);
    await edge.agent('/tea');
    await until(() => edge.kv.count(filter.key) === 1);
    await indexed(edge, '/none-of-these');
    assert.equal((await edge.agent('/tea')).body, 'variant');
  }));
