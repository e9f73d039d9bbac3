// Rule 1: whatever fails, the site answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SITE_KEY, UA, config, startEdge, until } from './edge.js';
import { assembledScript } from './scope.js';

const REVISION = 'ab'.repeat(32);

const isOrigin = (answer) => {
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-origin'], 'yes');
  assert.equal(answer.headers['x-edge-delivery'], undefined);
};

/** The median time of five answers of the origin: a busy machine may delay one of them. */
async function medianOf(ask) {
  const times = [];
  for (let n = 0; n < 5; n++) {
    const answer = await ask();
    isOrigin(answer);
    times.push(answer.ms);
  }
  return times.sort((a, b) => a - b)[2];
}

/** Runs a story against an edge of its own. */
async function withEdge(options, story) {
  const edge = await startEdge(options);
  try {
    edge.kv.putVariant('html', '/tea', 'variant', REVISION);
    await story(edge);
  } finally {
    await edge.stop();
  }
}

test('KV answers 500, breaks midway, or is gone', () =>
  withEdge({}, async (edge) => {
    for (const mode of ['fail', 'cut']) {
      edge.kv.mode = mode;
      for (let n = 0; n < 5; n++) isOrigin(await edge.agent('/tea'));
    }
    edge.kv.mode = 'ok';
    assert.equal((await edge.agent('/tea')).body, 'variant');
    edge.kv.server.close();
    edge.kv.server.closeAllConnections();
    for (let n = 0; n < 5; n++) isOrigin(await edge.agent('/tea'));
    isOrigin(await edge.ask('/tea', { ua: UA.chrome }));
  }));

test('KV hangs: the origin within the deadline and 50 ms more', () =>
  withEdge({}, async (edge) => {
    isOrigin(await edge.ask('/tea', { ua: UA.chrome }));
    edge.kv.mode = 'hang';
    const taken = await medianOf(() => edge.agent('/tea'));
    assert.ok(taken >= 290 && taken <= 350, `${taken} ms`);
    const person = await medianOf(() => edge.ask('/tea', { ua: UA.chrome }));
    assert.ok(person < 50, `${person} ms`);
    const together = await Promise.all(Array.from({ length: 20 }, () => edge.agent('/tea')));
    together.forEach(isOrigin);
  }));

test('the deadline is the site’s, within bounds', () =>
  withEdge({ settings: { kvDeadlineMs: 1 } }, async (edge) => {
    edge.kv.mode = 'hang';
    const taken = await medianOf(() => edge.agent('/tea'));
    assert.ok(taken >= 45 && taken <= 100, `${taken} ms`);
  }));

for (const [name, bindings] of [
  ['no KV binding', { VARIANTS: null }],
  ['KV binding of another kind', { VARIANTS: 'text = "x"' }],
  ['no configuration', { CONFIG: null }],
  ['configuration that is text', { CONFIG: 'text = "{}"' }],
  ['configuration null', { CONFIG: 'json = "null"' }],
  ['configuration of another version', { CONFIG: `json = ${JSON.stringify(JSON.stringify(config({ v: 2 })))}` }],
  ['configuration of wrong types', { CONFIG: `json = ${JSON.stringify(JSON.stringify(config({ hosts: 'x' })))}` }],
  ['no bindings at all', { VARIANTS: null, CONFIG: null, SITE_KEY: null }],
]) {
  test(`${name}: the origin for everybody`, () =>
    withEdge({ bindings }, async (edge) => {
      for (const ua of [UA.gptbot, UA.chrome, UA.googlebot]) isOrigin(await edge.ask('/tea', { ua }));
      isOrigin(await edge.ask('/tea', { accept: 'text/markdown' }));
      isOrigin(await edge.ask('/.well-known/edge-delivery?t=1&n=a&s=b'));
    }));
}

test('no site key: variants are served, questions and visits are not', () =>
  withEdge({ bindings: { SITE_KEY: null }, settings: { ingest: 'http://ingest.example/' } }, async (edge) => {
    assert.equal((await edge.agent('/tea')).body, 'variant');
    isOrigin(await edge.ask('/.well-known/edge-delivery?t=1&n=a&s=b'));
  }));

for (const [name, break_] of [
  ['at once', (script) => script.replace('function visitorOf(userAgent) {', '$& throw new Error("thrown");')],
  ['in the answer', (script) => script.replace('function variantAnswer(asked, variant) {', '$& throw new Error("thrown");')],
  ['before KV is read', (script) => script.replace('async function kvKey(format, path) {', '$& throw new Error("thrown");')],
  ['in the index', (script) => script.replace('async function loadIndex(kv, now) {', '$& throw new Error("thrown");')],
]) {
  test(`a throw ${name}`, () =>
    withEdge({ script: break_(assembledScript()) }, async (edge) => {
      assert.notEqual(break_(assembledScript()), assembledScript());
      for (let n = 0; n < 3; n++) {
        const answer = await edge.agent('/tea');
        if (name === 'in the index') assert.equal(answer.body, 'variant');
        else isOrigin(answer);
        isOrigin(await edge.ask('/tea', { ua: UA.chrome }));
      }
    }));
}

test('visits that cannot be delivered delay nobody', () =>
  withEdge({ settings: { ingest: 'http://ingest.example/ingest/v1/visits' } }, async (edge) => {
    edge.origin.deliveryStatus = 503;
    assert.equal((await edge.agent('/tea')).body, 'variant');
    await until(() => edge.origin.deliveries.length > 0);
    const answer = await edge.agent('/tea');
    assert.equal(answer.body, 'variant');
    assert.ok(answer.ms < 100, `${answer.ms} ms`);
    assert.equal(edge.origin.deliveries[0].headers.authorization, `Bearer ${SITE_KEY}`);
  }));
