// Everything at once, and everything that can break: 10,000 requests of all kinds, while KV is slow, fails or talks
// rubbish, the index is spoilt, and the configuration or secrets are missing. People must notice nothing at all.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { CHROME_ACCEPT, HOST, PREVIEW_KEY, SITE, UA, config, startEdge } from './edge.js';
import { pointerFor } from './pointer.js';

const REQUESTS = 10_000;
const AT_ONCE = 40;
const REVISION = 'ab'.repeat(32);
const HTML = '<!doctype html><title>Tea</title><p>Variant</p>';
const json = (value) => `json = ${JSON.stringify(JSON.stringify(value))}`;

/** A number of its own for each run, printed, so that a run can be had again. */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`CHAOS_SEED=${seed}`);
let state = seed;
/** mulberry32. */
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const one = (list) => list[Math.floor(random() * list.length)];

const good = { trailingSlash: 'strip', queryParameters: ['q'] };
/** What each edge lacks or has wrong. All have a short deadline, so that a hanging KV costs little time. */
const EDGES = {
  whole: {},
  'whole, another': {},
  'whole, one more': {},
  'no configuration': { CONFIG: null },
  'configuration that is text': { CONFIG: 'text = "{\\"v\\":1}"' },
  'configuration of rubbish': { CONFIG: json({ v: 1, site: SITE, hosts: 'x', agents: 7 }) },
  'configuration with odd parts': {
    CONFIG: json(config({ kvDeadlineMs: 'x', agents: [], paths: { trailingSlash: 7, queryParameters: 'q' } })),
  },
  'no secrets': { SITE_KEY: null, PREVIEW_KEY: null },
  'no KV': { VARIANTS: null },
  nothing: { CONFIG: null, SITE_KEY: null, PREVIEW_KEY: null, VARIANTS: null },
};
const KV_MODES = ['ok', 'ok', 'ok', 'ok', 'slow', 'hang', 'fail', 'cut', 'rubbish', 'no metadata', 'odd metadata', 'gone'];
const INDEXES = [
  undefined,
  pointerFor({ html: ['/tea', '/', '/s?q=tea'], markdown: ['/tea'] }),
  '',
  'null',
  '{"v":1',
  '[]',
  '{"v":1,"html":"/tea","markdown":{}}',
  '{"v":9,"html":[],"markdown":[]}',
  JSON.stringify({ v: 1, html: ['/'.padEnd(3 * 1024 * 1024, 'x')], markdown: [] }),
  '\u0000\uffff'.repeat(1000),
];

const edges = new Map();
before(async () => {
  for (const [name, bindings] of Object.entries(EDGES)) {
    const edge = await startEdge({ bindings, settings: { kvDeadlineMs: 150, paths: good } });
    edge.kv.answer = answerOf(edge.kv);
    edge.pool = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
    edges.set(name, edge);
  }
});
after(async () => {
  for (const edge of edges.values()) {
    edge.pool.destroy();
    await edge.stop();
  }
});

/** KV in its modes; what it holds is for every page the same, so that a wrong answer can be told. */
function answerOf(kv) {
  return (request, response) => {
    const key = decodeURIComponent(request.url.slice(1).split('?')[0]);
    const type = key.startsWith('v/markdown') ? 'text/markdown' : 'text/html';
    const isIndex = key === 'index';
    const value = isIndex ? kv.index : HTML;
    const metadata = { r: REVISION, t: `${type}; charset=utf-8` };
    const send = (body, meta) => {
      const headers = { 'content-length': Buffer.byteLength(body) };
      if (meta !== undefined) headers['CF-KV-Metadata'] = meta;
      response.writeHead(200, headers).end(body);
    };
    if (value === undefined) return response.writeHead(404).end();
    switch (kv.mode) {
      case 'hang':
        return;
      case 'slow':
        return setTimeout(() => response.destroyed || send(value, JSON.stringify(metadata)), 20 + 100 * (key.length % 2));
      case 'fail':
        return response.writeHead(500 + (key.length % 5)).end('broken');
      case 'cut':
        response.writeHead(200, { 'content-length': 1000, 'CF-KV-Metadata': JSON.stringify(metadata) });
        response.write('<');
        return setTimeout(() => response.destroy(), 5);
      case 'rubbish':
        return response.socket.end('\u0001\u0002 this is no HTTP\r\n\r\n');
      case 'no metadata':
        return send(value);
      case 'odd metadata':
        return send(value, ['{', '[]', '{"r":7,"t":"text/html"}', `{"r":"${REVISION}","t":"text/javascript"}`][key.length % 4]);
      case 'gone':
        return response.socket.destroy();
      default:
        return send(value, JSON.stringify(metadata));
    }
  };
}

function previewLink() {
  const expires = Math.floor(Date.now() / 1000) + 3600;
  const id = 'draft-draft-draft-draft-draft-draft-draft-0';
  const text = ['preview', SITE, HOST, '/tea', 'html', REVISION, expires, id].join('\n');
  const signature = createHmac('sha256', PREVIEW_KEY).update(text).digest('hex');
  return `/tea?ed-preview=1.h.${REVISION}.${expires}.${id}.${one([signature, '0'.repeat(64)])}`;
}

const PATHS = ['/', '/tea', '/tea/', '/s?q=tea&utm=1', '/s?q=%ff', '/nothing', '/missing', '/%2e%2e/x', '/a//b', '/%', '/t%65a?x=1'];
const KINDS = [
  // name, weight, request; a person is everybody who must get exactly what the origin gives
  ['person', 4, () => ({ ua: UA.chrome, accept: CHROME_ACCEPT })],
  ['search engine', 1, () => ({ ua: UA.googlebot, accept: one(['*/*', 'text/markdown']) })],
  ['link preview', 1, () => ({ ua: UA.twitterbot, accept: one(['*/*', 'text/markdown']) })],
  ['program', 1, () => ({ ua: one([UA.curl, undefined, '']), accept: '*/*' })],
  ['post', 1, () => ({ ua: one([UA.gptbot, UA.chrome]), method: one(['POST', 'PUT', 'DELETE', 'PATCH']), body: 'some body' })],
  ['head', 1, () => ({ ua: UA.chrome, method: 'HEAD' })],
  ['health', 1, () => ({ ua: UA.chrome, path: one(['/.well-known/edge-delivery', '/.well-known/edge-delivery?t=1&n=a&s=b']) })],
  ['agent', 5, () => ({ ua: UA.gptbot, accept: one(['*/*', 'text/markdown']), method: one(['GET', 'GET', 'HEAD']), mayBe: 'variant' })],
  ['markdown reader', 1, () => ({ ua: UA.curl, accept: 'text/markdown', mayBe: 'variant' })],
  ['preview link', 1, () => ({ ua: UA.chrome, path: previewLink(), mayBe: 'preview' })],
].flatMap(([name, weight, make]) => Array(weight).fill([name, make]));

function ask(pool, port, { path, ua, accept, method = 'GET', body }) {
  return new Promise((resolve, reject) => {
    const headers = { host: HOST };
    if (ua !== undefined) headers['user-agent'] = ua;
    if (accept !== undefined) headers.accept = accept;
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    const options = { port, host: '127.0.0.1', path, method, headers, agent: pool };
    const request = http.request(options, async (response) => {
      try {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const { date, connection, 'keep-alive': keep, ...told } = response.headers;
        resolve({ status: response.statusCode, headers: told, body: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('10,000 mixed requests through everything that can break', { timeout: 60_000 }, async () => {
  const count = { people: 0, variant: 0, preview: 0, origin: 0, error: 0 };
  const round = async (edge, name) => {
    edge.kv.mode = one(KV_MODES);
    edge.kv.index = one(INDEXES);
    const story = `${name}, KV ${edge.kv.mode}, index ${JSON.stringify(edge.kv.index)?.slice(0, 40)}`;
    const asked = Array.from({ length: AT_ONCE }, () => {
      const [kind, make] = one(KINDS);
      return { path: one(PATHS), ...make(), kind };
    });
    await Promise.all(
      asked.map(async (request) => {
        const answer = await ask(edge.pool, edge.port, request);
        const told = `${request.kind} ${request.method ?? 'GET'} ${request.path} (${story}): ${answer.status} ${answer.body.slice(0, 80)}`;
        const mark = answer.headers['x-edge-delivery'];
        if (answer.status >= 500) count.error++;
        if (mark !== undefined) {
          assert.ok(request.mayBe && mark.startsWith(`${request.mayBe}; `), told);
          assert.equal(answer.status, 200, told);
          assert.equal(answer.body, request.method === 'HEAD' ? '' : HTML, told);
          count[request.mayBe]++;
          return;
        }
        // The origin's own answer, to the byte: what it gives without a Worker.
        const direct = await ask(edge.pool, edge.origin.server.address().port, request);
        assert.deepEqual(answer, direct, told);
        count[request.mayBe ? 'origin' : 'people']++;
      }),
    );
  };
  let done = 0;
  while (done < REQUESTS) {
    // One round of each edge at a time, all edges together.
    await Promise.all([...edges].map(([name, edge]) => round(edge, name)));
    done += edges.size * AT_ONCE;
  }
  console.log(`${done} requests: ${JSON.stringify(count)}`);
  assert.equal(count.error, 0);
  // All kinds of answers were there, or nothing was tried.
  assert.ok(count.people > 4_000 && count.variant > 100 && count.preview > 5 && count.origin > 1_000, JSON.stringify(count));
  for (const [name, edge] of edges) assert.equal((await edge.ask('/nothing', { ua: UA.chrome })).status, 200, name);
});
