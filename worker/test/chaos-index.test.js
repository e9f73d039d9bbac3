// Everything goes wrong at once: 10,000 mixed requests, and nobody notices but that agents get the page that people get.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHROME_ACCEPT, UA, startEdge } from './edge.js';
import { filterFor, pointerFor } from './pointer.js';

const REVISION = 'ab'.repeat(32);
const REQUESTS = 10_000;
const AT_ONCE = 16;
const PEOPLE = [
  { ua: UA.chrome, accept: CHROME_ACCEPT },
  { ua: UA.googlebot, accept: '*/*' },
  { ua: UA.twitterbot, accept: '*/*' },
  { ua: UA.curl, accept: '*/*' },
];
const AGENT = { ua: UA.gptbot, accept: '*/*' };

/** What KV does and what stands at the index's key; each for a part of the requests. */
function troubles(edge) {
  const { kv } = edge;
  const good = pointerFor({ html: ['/tea', '/cake'] });
  const filter = filterFor({ html: ['/tea', '/cake'] });
  const index = (value) => () => kv.put('index', value);
  const mode = (name) => () => {
    kv.mode = name;
  };
  return {
    'nothing is wrong': index(good),
    'KV fails': mode('fail'),
    'KV is slow': mode('slow'),
    'KV hangs': mode('hang'),
    'KV breaks midway': mode('cut'),
    'KV gives rubbish': mode('rubbish'),
    'the index is corrupt': index(Buffer.from(good).fill(0xff, 20)),
    'the index is oversized': index(Buffer.alloc(20 * 1024 * 1024, 'x')),
    'the index is of another version': index(Buffer.from('{"v":1,"html":["/tea"],"markdown":[]}')),
    'the filter is missing': index(pointerFor({ html: ['/tea', '/cake'] }, { filter })),
    'the filter is corrupt': () => {
      kv.put(filter.key, Buffer.from(filter.bytes).fill(0, 16));
      kv.put('index', pointerFor({ html: ['/tea', '/cake'] }, { filter, revision: Date.now() + 1 }));
    },
    'there is no index': () => kv.values.delete('index'),
  };
}

async function run(edge, name, count) {
  const tally = { people: 0, variant: 0, origin: 0, wished: 0 };
  let next = 0;
  const one = async () => {
    while (next < count) {
      const n = next++;
      const path = ['/tea', '/cake', `/none-${n}`, '/missing'][n % 4];
      const isAgent = n % 3 !== 0;
      const { ua, accept } = isAgent ? AGENT : PEOPLE[n % PEOPLE.length];
      if (isAgent && n % 4 < 2) tally.wished++;
      const answer = await edge.ask(path, { ua, accept, method: n % 11 === 0 ? 'HEAD' : 'GET' });
      const where = `${name}: ${ua} ${path}: ${answer.status} ${answer.body.slice(0, 80)}`;
      const isVariant = answer.headers['x-edge-delivery'] !== undefined;
      if (isVariant) {
        assert.ok(isAgent && answer.status === 200 && ['/tea', '/cake'].includes(path), where);
        if (answer.body !== '') assert.equal(answer.body, `variant of ${path}`, where);
        tally.variant++;
      } else {
        assert.equal(answer.status, path === '/missing' ? 404 : 200, where);
        assert.equal(answer.headers['x-origin'], 'yes', where);
        tally[isAgent ? 'origin' : 'people']++;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return tally;
}

test('10,000 mixed requests through all of it', { timeout: 300_000 }, async () => {
  const edge = await startEdge({ settings: { kvDeadlineMs: 500, ingest: 'http://ingest.example/v' } });
  edge.origin.deliveryStatus = 500;
  try {
    for (const path of ['/tea', '/cake']) edge.kv.putVariant('html', path, `variant of ${path}`, REVISION);
    const all = Object.entries(troubles(edge));
    const count = Math.ceil(REQUESTS / all.length);
    for (const [name, begin] of all) {
      edge.kv.mode = 'ok';
      begin();
      const tally = await run(edge, name, count);
      assert.equal(tally.people + tally.variant + tally.origin, count);
      const isKvWrong = name.startsWith('KV');
      // While only the index is wrong, agents still get what is published (a busy machine may let one wait too long).
      if (!isKvWrong) assert.ok(tally.variant >= 0.95 * tally.wished, `${name}: ${JSON.stringify(tally)}`);
    }
    assert.equal(edge.stderr(), '');
  } finally {
    await edge.stop();
  }
});

for (const [name, bindings] of [
  ['no configuration', { CONFIG: null }],
  ['no KV', { VARIANTS: null }],
  ['nothing at all', { CONFIG: null, VARIANTS: null, SITE_KEY: null }],
]) {
  test(`1,000 mixed requests with ${name}`, async () => {
    const edge = await startEdge({ bindings });
    try {
      const tally = await run(edge, name, 1000);
      assert.equal(tally.variant, 0);
      assert.equal(edge.stderr(), '');
    } finally {
      await edge.stop();
    }
  });
}
