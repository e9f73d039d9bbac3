// What the benches of traffic have in common: the program on SQLite and on PostgreSQL with an account, zones and sites, and
// what processes cost. `EDGE_DELIVERY` is the program, `EDGE_DELIVERY_BENCH_STORE` the store's `traffic_bench`,
// `EDGE_DELIVERY_TEST_POSTGRES_URL` a PostgreSQL server.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { start, stop } from './program.mjs';

const program = process.env.EDGE_DELIVERY;
const TOKEN = 'local-bench-00000000000000000000000000000';
const ACCOUNT = `a${'0'.repeat(30)}1`;
const PASSWORD = 'a-password-of-the-bench';
const EMAIL = 'bench@example.com';
/** USER_HZ is 100 on every Linux that Rust and Node support. */
const MS_PER_TICK = 10;

export const folder = mkdtempSync(path.join(tmpdir(), 'edge-delivery-bench-'));
export const databases = [
  { name: 'SQLite', url: `sqlite://${folder}/sqlite/bench.db` },
  { name: 'PostgreSQL', url: postgres('edge_delivery_bench') },
];
export const load = () => loadavg()[0].toFixed(1);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
export const quantile = (numbers, share) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
export const median = (numbers) => quantile(numbers, 0.5);

const json = (file) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
const tokens = new Set(json('crates/domain/src/agents/registry.json').agents.map(({ token }) => token));
/** User agents of the registry's agents, as their operators document them. @type {{ ua: string, agent: string }[]} */
export const documented = json('worker/test/agents.documented.json').filter(({ agent }) => tokens.has(agent));

function postgres(name) {
  const url = new URL(process.env.EDGE_DELIVERY_TEST_POSTGRES_URL);
  execFileSync('psql', ['--no-psqlrc', '--quiet', '--command', `CREATE DATABASE ${name}`, url.href]);
  url.pathname = `/${name}`;
  return url.href;
}

/** One value from PostgreSQL. */
export const ask = (url, statement) =>
  execFileSync('psql', ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--command', statement, url]).toString().trim();

/** The store's own example: keys and seeds. */
export const store = (...args) => execFileSync(process.env.EDGE_DELIVERY_BENCH_STORE, args, { stdio: ['ignore', 'pipe', 'inherit'] }).toString().trim();

/** A server on a database, with sites that are not deployed; the local Cloudflare is gone by the time it is given. */
export async function serve(database, names) {
  const home = path.join(folder, database.name.toLowerCase());
  mkdirSync(home);
  const zones = names.map((name, n) => ({
    id: `b${String(n).padStart(31, '0')}`, account: ACCOUNT, name: `${name}.localhost`, origin: 'http://127.0.0.1:9',
  }));
  const permissions = {
    workers_scripts: 'edit', workers_kv_storage: 'edit', account_settings: 'read', workers_routes: 'edit', zone: 'read',
  };
  const state = { accounts: [{ id: ACCOUNT, name: 'Bench' }], zones, tokens: [{ value: TOKEN, permissions }] };
  writeFileSync(`${home}/state.json`, JSON.stringify(state));
  const cloud = await start(
    ['emulator', '--listen', '127.0.0.1:0', '--edge-listen', '127.0.0.1:0', '--state', `${home}/state.json`],
    {},
    [/api listening on (http:\S+)/],
  );
  const env = {
    EDGE_DELIVERY_LISTEN: '127.0.0.1:0',
    EDGE_DELIVERY_DATABASE_URL: database.url,
    EDGE_DELIVERY_KEY_FILE: `${home}/bench.key`,
    EDGE_DELIVERY_LOG: 'warn',
    EDGE_DELIVERY_OBSERVE_EVERY: 'off',
    EDGE_DELIVERY_VERIFICATION_EVERY: 'off',
    CLOUDFLARE_API_BASE_URL: `${cloud.found[0]}/client/v4`,
  };
  const run = (args, more = {}) =>
    execFileSync(program, args, { env: { ...process.env, ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] }).toString().trim();
  const keys = Array.from({ length: 8 }, () => run(['admin', 'access-key', 'create']));
  run(['admin', 'create', '--email', EMAIL], { EDGE_DELIVERY_ADMIN_PASSWORD: PASSWORD });
  const server = new Server(database, env, keys);
  await server.begin();
  const connection = (await server.call('POST', '/connections', { token: TOKEN })).id;
  for (const [n, name] of names.entries()) {
    server.sites.push((await server.call('POST', '/sites', { connectionId: connection, zoneId: zones[n].id, name })).id);
  }
  await stop(cloud);
  return server;
}

class Server {
  sites = [];
  #turn = 0;

  constructor(database, env, keys) {
    Object.assign(this, { database, env, keys });
  }

  async begin() {
    this.running = await start(['serve'], this.env, [/listening on (http:\/\/127\.0\.0\.1:\d+)/]);
    [this.base] = this.running.found;
    this.pid = this.running.child.pid;
  }

  end() {
    return stop(this.running);
  }

  /** A key that has had its rest: each may call 50 times a second. */
  key() {
    return this.keys[this.#turn++ % this.keys.length];
  }

  async call(method, where, body) {
    const answer = await fetch(`${this.base}/api/v1${where}`, {
      method,
      headers: { authorization: `Bearer ${this.key()}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** The cookie of somebody signed in. */
  async signIn() {
    const body = new URLSearchParams({ email: EMAIL, password: PASSWORD });
    const answer = await fetch(`${this.base}/sign-in`, { method: 'POST', body, redirect: 'manual' });
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
    if (cookies.length === 0) throw new Error(`sign-in: ${answer.status}`);
    return cookies.join('; ');
  }

  /** A figure of `/metrics`. */
  async figure(name) {
    const text = await (await fetch(`${this.base}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return sum(lines.map((line) => Number(line.slice(line.lastIndexOf(' ')))));
  }

  /** Megabytes of the largest resident set since it was forgotten. */
  peak() {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) / 1024;
  }

  forgetPeak() {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  /** CPU that the database's own processes used so far, in milliseconds: none with SQLite, which is in the server. */
  databaseCpu() {
    if (this.database.name === 'SQLite') return 0;
    // Whoever started this one started all of them.
    this.postmaster ??= stat(ask(this.database.url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")).parent;
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(stat);
    return sum(all.filter((one) => one?.parent === this.postmaster || one?.pid === this.postmaster).map((one) => one.cpu));
  }

  /** Bytes that the database takes on the disk. SQLite's log is emptied into its file when the server ends. */
  bytes() {
    if (this.database.name === 'SQLite') return statSync(this.database.url.slice('sqlite://'.length)).size;
    return Number(ask(this.database.url, 'CHECKPOINT; SELECT pg_database_size(current_database())').split('\n').at(-1));
  }
}

function stat(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    // Its own, and that of its children that are over: connections come and go.
    return { pid: Number(pid), parent: Number(fields[1]), cpu: sum(fields.slice(11, 15).map(Number)) * MS_PER_TICK };
  } catch {
    return undefined;
  }
}

/** CPU that a process used so far, in milliseconds. */
export const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
};

export function clean() {
  rmSync(folder, { recursive: true, force: true });
}
