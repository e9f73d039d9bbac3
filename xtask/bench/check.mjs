// What a check of a token costs: calls to Cloudflare and time, on a local Cloudflare that answers at once or takes 80 ms a
// call. `EDGE_DELIVERY` is the program. `--json` for machines, `--rounds N` (the median of N runs is shown).

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { start, stop } from './program.mjs';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
});
const rounds = Number(options.rounds);
const program = process.env.EDGE_DELIVERY;
/** What Cloudflare allows a user in five minutes. */
const CALLS_ALLOWED = 1200;
const LATENCIES_MS = [0, 80];
const EVERYTHING = {
  workers_scripts: 'edit', workers_kv_storage: 'edit', account_settings: 'read', workers_routes: 'edit', zone: 'read',
};
const READ_ONLY = Object.fromEntries(Object.keys(EVERYTHING).map((name) => [name, 'read']));
const CASES = [
  { name: '1 account, 3 zones', accounts: 1, zones: 3, permissions: EVERYTHING, exit: 0 },
  { name: '1 account, 3 zones, read only', accounts: 1, zones: 3, permissions: READ_ONLY, exit: 1 },
  { name: '20 accounts, 2,000 zones', accounts: 20, zones: 2000, permissions: EVERYTHING, exit: 0 },
  { name: '20 accounts, 2,000 zones, read only', accounts: 20, zones: 2000, permissions: READ_ONLY, exit: 1 },
  { name: '300 accounts, 5,000 zones', accounts: 300, zones: 5000, permissions: EVERYTHING, exit: 0 },
];
const TOKEN = 'local-bench-00000000000000000000000000000';

function state({ accounts, zones, permissions }) {
  const id = (letter, n) => letter + String(n).padStart(31, '0');
  return {
    accounts: Array.from({ length: accounts }, (_, n) => ({ id: id('a', n), name: `Account ${n}` })),
    zones: Array.from({ length: zones }, (_, n) => ({
      id: id('b', n), account: id('a', n % accounts), name: `z${n}.example`, status: n < accounts ? 'pending' : 'active',
    })),
    tokens: [{ value: TOKEN, permissions }],
  };
}

/** Runs the local Cloudflare while `work` does something with its address. */
async function withCloudflare(file, work) {
  const args = ['emulator', '--listen', '127.0.0.1:0', '--edge-listen', '127.0.0.1:0', '--state', file];
  const cloud = await start(args, {}, [/api listening on (http:\S+)/]);
  try {
    return await work(cloud.found[0]);
  } finally {
    await stop(cloud);
  }
}

async function control(address, method, name, body) {
  const answer = await fetch(`${address}/__emulator/${name}`, {
    method,
    headers: body && { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.json();
}

function check(address) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, ['token', 'check', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CLOUDFLARE_API_BASE_URL: `${address}/client/v4`, CLOUDFLARE_API_TOKEN: TOKEN },
    });
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    child.once('error', reject);
    child.once('close', (exit) => {
      const ms = performance.now() - began;
      resolve({ exit, ms, rows: JSON.parse(out).permissions?.length ?? 0 });
    });
  });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const folder = mkdtempSync(path.join(tmpdir(), 'edge-delivery-bench-'));
const results = [];
try {
  for (const one of CASES) {
    const file = path.join(folder, 'state.json');
    writeFileSync(file, JSON.stringify(state(one)));
    await withCloudflare(file, async (address) => {
      for (const latencyMs of LATENCIES_MS) {
        await control(address, 'PUT', 'latency', { ms: latencyMs });
        const runs = [];
        for (let round = 0; round < rounds; round += 1) {
          const before = (await control(address, 'GET', 'requests')).total;
          const run = await check(address);
          if (run.exit !== one.exit) throw new Error(`${one.name}: exit code ${run.exit}`);
          runs.push({ ...run, calls: (await control(address, 'GET', 'requests')).total - before });
        }
        results.push({
          case: one.name,
          latencyMs,
          calls: Math.max(...runs.map((run) => run.calls)),
          rows: runs[0].rows,
          seconds: Number((median(runs.map((run) => run.ms)) / 1000).toFixed(2)),
        });
      }
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (options.json) {
  console.log(JSON.stringify(results, null, 2));
} else {
  console.table(results);
}
const most = Math.max(...results.map((result) => result.calls));
if (most > CALLS_ALLOWED) {
  console.error(`a check makes ${most} calls; Cloudflare allows ${CALLS_ALLOWED} in five minutes`);
  process.exitCode = 1;
}
