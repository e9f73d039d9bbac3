// What bringing content to KV costs, on a local Cloudflare that takes 80 ms a call: calls, bytes, time, and memory of the
// server. `EDGE_DELIVERY` is the program. `--json` for machines; `--latency MS`, `--many N` (variants of the large site).
//
// Everything is imported before a site's first deployment, so that its content step has it all to write at once. Bytes are
// what goes up to Cloudflare's API over the wire, counted by a proxy; memory is the largest resident set of `serve` in that
// phase (VmHWM of /proc).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { start, stop } from './program.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    latency: { type: 'string', default: '80' },
    few: { type: 'string', default: '10000' },
    many: { type: 'string', default: '200000' },
  },
});
const program = process.env.EDGE_DELIVERY;
const [latency, few, many] = [options.latency, options.few, options.many].map(Number);
const TOKEN = 'local-bench-00000000000000000000000000000';
const [ACCOUNT, SMALL, LARGE] = ['a', 'b', 'c'].map((letter) => letter + '0'.repeat(30) + '1');
const LINES_A_REQUEST = 1000;
const PHASE_MS = 30 * 60_000;

const folder = mkdtempSync(path.join(tmpdir(), 'edge-delivery-bench-'));
const state = {
  accounts: [{ id: ACCOUNT, name: 'Bench' }],
  zones: [SMALL, LARGE].map((id, n) => ({ id, account: ACCOUNT, name: `bench${n}.localhost`, origin: 'http://127.0.0.1:9' })),
  tokens: [{
    value: TOKEN,
    permissions: { workers_scripts: 'edit', workers_kv_storage: 'edit', account_settings: 'read', workers_routes: 'edit', zone: 'read' },
  }],
};

/** A proxy to the API that counts what goes up. */
async function counting(target) {
  const { port } = new URL(target);
  const counter = { bytes: 0 };
  const server = net.createServer((down) => {
    const up = net.connect(Number(port), '127.0.0.1');
    down.on('data', (chunk) => { counter.bytes += chunk.length; });
    for (const [from, to] of [[down, up], [up, down]]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { counter, server, url: `http://127.0.0.1:${server.address().port}` };
}

const cloud = path.join(folder, 'state.json');
writeFileSync(cloud, JSON.stringify(state));
const emulator = await start(
  ['emulator', '--listen', '127.0.0.1:0', '--edge-listen', '127.0.0.1:0', '--state', cloud],
  {},
  [/api listening on (http:\S+)/, /edge listening on (http:\S+)/],
);
const [api, edge] = emulator.found;
const proxy = await counting(api);
const env = {
  EDGE_DELIVERY_LISTEN: '127.0.0.1:0',
  EDGE_DELIVERY_DATABASE_URL: `sqlite://${folder}/bench.db`,
  EDGE_DELIVERY_KEY_FILE: `${folder}/bench.key`,
  EDGE_DELIVERY_LOG: 'info',
  EDGE_DELIVERY_OBSERVE_EVERY: 'off',
  CLOUDFLARE_API_BASE_URL: `${proxy.url}/client/v4`,
  EDGE_DELIVERY_EDGE_URL: edge,
};
const run = (...args) => execFileSync(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }).toString().trim();
const key = run('admin', 'access-key', 'create');
let serve;
const begin = async () => {
  serve = await start(['serve'], env, [/(http:\/\/127\.0\.0\.1:\d+)/]);
};

async function call(method, where, body, type = 'application/json') {
  for (;;) {
    const answer = await fetch(`${serve.found[0]}/api/v1${where}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': type }) },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    if (answer.status === 429) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

const control = async (method, name, body) => {
  const headers = body ? { 'content-type': 'application/json' } : {};
  return (await fetch(`${api}/__emulator/${name}`, { method, headers, body: body && JSON.stringify(body) })).json();
};

/** Calls by what they do. */
async function counts() {
  const { requests } = await control('GET', 'requests');
  const of = (method, end) => requests.filter((row) => row.method === method && row.path.endsWith(end)).reduce((sum, row) => sum + row.count, 0);
  return { writes: of('PUT', '/bulk'), lists: of('GET', '/keys'), deletes: of('POST', '/bulk/delete') };
}

/** Kilobytes of the largest resident set since it was forgotten. */
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${serve.child.pid}/status`, 'utf8'))[1]);
const forgetPeak = () => writeFileSync(`/proc/${serve.child.pid}/clear_refs`, '5');

async function until(where, done) {
  const end = performance.now() + PHASE_MS;
  for (;;) {
    const answer = await call('GET', where);
    if (done(answer)) return answer;
    if (performance.now() > end) throw new Error(`${where}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const rows = [];
/** Does something, and writes down what it cost. `work` may answer with the seconds that count. */
async function phase(what, work) {
  forgetPeak();
  const [before, bytes, began] = [await counts(), proxy.counter.bytes, performance.now()];
  await control('PUT', 'latency', { ms: latency });
  const told = await work();
  const after = await counts();
  await control('PUT', 'latency', { ms: 0 });
  const row = {
    what,
    writes: after.writes - before.writes,
    lists: after.lists - before.lists,
    deletes: after.deletes - before.deletes,
    megabytes: Number(((proxy.counter.bytes - bytes) / 1e6).toFixed(2)),
    seconds: Number((typeof told === 'number' ? told : (performance.now() - began) / 1000).toFixed(1)),
    peakMegabytes: Math.round(peak() / 1024),
  };
  rows.push(row);
  process.stderr.write(`${JSON.stringify(row)}\n`);
  return row;
}

const page = (n, bytes, note = '') => {
  const head = `<!doctype html>\n<html lang="en"><head><title>Page ${n}</title></head>\n<body><h1>Page ${n}${note}</h1>\n`;
  const line = `<p class="fact">What page ${n} says, once more and in other words: ${n * 7919}.</p>\n`;
  return head + line.repeat(Math.ceil((bytes - head.length) / line.length));
};

async function publish(site, count, bytes, note) {
  for (let from = 0; from < count; from += LINES_A_REQUEST) {
    const lines = Array.from({ length: Math.min(LINES_A_REQUEST, count - from) }, (_, n) =>
      JSON.stringify({ path: `/shop/products/page-${from + n}`, format: 'html', content: page(from + n, bytes, note) }));
    await call('POST', `/sites/${site}/variants:import`, lines.join('\n'), 'application/x-ndjson');
  }
}

/** Deploys, and answers with the seconds of the content step. */
async function deploy(site) {
  const { id } = await call('POST', `/sites/${site}/deployments`, {});
  const ended = await until(`/deployments/${id}`, ({ status }) => !['queued', 'running'].includes(status));
  if (ended.status !== 'live') throw new Error(JSON.stringify(ended));
  const step = ended.steps.find(({ resource }) => resource === 'content');
  return (Date.parse(step.finishedAt) - Date.parse(step.startedAt)) / 1000;
}

const allLive = (site, count) => until(`/sites/${site}/sync`, (sync) => sync.pending === 0 && sync.live === count && sync.run === null);

async function synced(site) {
  const { lastSyncedAt } = await call('GET', `/sites/${site}/sync`);
  await call('POST', `/sites/${site}/sync`);
  await until(`/sites/${site}/sync`, (sync) => sync.lastSyncedAt !== lastSyncedAt);
}

try {
  await begin();
  const connection = (await call('POST', '/connections', { token: TOKEN })).id;
  const site = async (zone, name) => (await call('POST', '/sites', { connectionId: connection, zoneId: zone, name })).id;
  const small = await site(SMALL, 'small');
  await publish(small, few, 5000);
  await phase(`${few} new of 5 KB`, () => deploy(small));
  await allLive(small, few);
  await phase('again, unchanged', () => synced(small));
  await phase('100 changed', async () => {
    await publish(small, 100, 5000, ', changed');
    await allLive(small, few);
  });
  await stop(serve);
  run('backup', path.join(folder, 'backup.db'));
  run('restore', path.join(folder, 'backup.db'), '--force');
  await begin();
  await phase('unchanged, the ledger lost', () => allLive(small, few));
  const large = await site(LARGE, 'large');
  const began = performance.now();
  await publish(large, many, 1000);
  process.stderr.write(`importing ${many} took ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
  const row = await phase(`${many} new of 1 KB`, () => deploy(large));
  await allLive(large, many);
  await phase('one more page of the large site', async () => {
    await call('POST', `/sites/${large}/variants:import`, JSON.stringify({ path: '/more', format: 'html', content: page(1, 1000) }), 'application/x-ndjson');
    await allLive(large, many + 1);
  });
  const times = 1_000_000 / many;
  const million = { writes: Math.ceil(row.writes * times), megabytes: Math.round(row.megabytes * times), seconds: Math.round(row.seconds * times) };
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ latencyMs: latency, rows, millionExtrapolated: million }, null, 2)}\n`);
  } else {
    process.stdout.write(`${latency} ms a call                       bulk writes   lists   deletes   MB up   seconds   peak MB of serve\n`);
    for (const one of rows) {
      process.stdout.write(
        `${one.what.padEnd(36)}${String(one.writes).padStart(8)}${String(one.lists).padStart(8)}${String(one.deletes).padStart(10)}` +
          `${one.megabytes.toFixed(2).padStart(8)}${one.seconds.toFixed(1).padStart(10)}${String(one.peakMegabytes).padStart(12)}\n`,
      );
    }
    process.stdout.write(
      `1,000,000 of 1 KB, extrapolated and not measured: ${million.writes} bulk writes, ${million.megabytes} MB, ${million.seconds} s\n`,
    );
  }
} finally {
  if (serve) await stop(serve);
  await stop(emulator);
  proxy.server.close();
  rmSync(folder, { recursive: true, force: true });
}
