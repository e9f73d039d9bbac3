// What taking visits costs: `serve` on SQLite and on PostgreSQL (with fsync), in turns in one run, over HTTP on loopback, fed
// with batches of 200 visits as the Worker makes them. First as fast as it takes them, then at a set pace. A visit counts when
// its batch was acknowledged, which is after it was on the disk; counting into hours goes on at the same time and is in the
// figures. At the end every acknowledged visit must be in the counts, once.
//
// The bodies are made beforehand and used again and again under new ids; what the generator (this process) and PostgreSQL
// use is told apart. `--json`, `--seconds N` and `--rounds N` (the median is shown), `--connections N`, `--pace N` visits a second.

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import net from 'node:net';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { clean, cpuOf, databases, documented, load, median, quantile, serve, sleep, store, sum } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    pace: { type: 'string', default: '20000' },
  },
});
const [seconds, rounds, connections, pace] = [options.seconds, options.rounds, options.connections, options.pace].map(Number);
const TARGET = 20_000;
const VISITS = 200;
const BODIES = 400;
const SITES = ['shop', 'blog', 'docs', 'news'];
const COUNTED_WITHIN_MS = 120_000;

const pick = (list) => list[Math.floor(Math.random() * list.length)];
/** Some paths come often, most seldom. */
const somePath = () => `/products/category-${Math.floor(Math.random() * 40)}/a-thing-of-ours-${Math.floor(3000 * Math.random() ** 3)}`;
const someAddress = () => `${pick(['192.0.2', '198.51.100', '203.0.113'])}.${Math.floor(Math.random() * 256)}`;
const revisions = Array.from({ length: 3000 }, () => randomBytes(32).toString('hex'));

function visit(now) {
  const { ua, agent } = pick(documented);
  const is = { t: now - Math.floor(Math.random() * 1000), agent, path: somePath(), outcome: 'variant', status: 200, ua };
  const dice = Math.random();
  if (dice < 0.3) Object.assign(is, { outcome: 'origin', status: 0 });
  else Object.assign(is, { revision: pick(revisions), format: 'html' }, dice < 0.4 ? { outcome: 'not_modified', status: 304 } : {});
  return Object.assign(is, { ms: Math.floor(Math.random() * 20), ip: someAddress(), country: pick(['US', 'DE', 'FR', 'SG']), asn: 64500 });
}

const bodies = () =>
  Array.from({ length: BODIES }, () => Buffer.from(JSON.stringify(Array.from({ length: VISITS }, () => visit(Date.now())))));

/** One connection: a request at a time, answered or waited for. */
class Connection {
  constructor(port) {
    this.socket = net.connect(port, '127.0.0.1').setNoDelay(true);
    this.heard = '';
    this.socket.on('data', (chunk) => this.hear(chunk.toString('latin1')));
    for (const event of ['error', 'close']) this.socket.on(event, () => this.reject?.(new Error(`the connection ended: ${this.heard}`)));
  }

  hear(text) {
    this.heard += text;
    const blank = this.heard.indexOf('\r\n\r\n');
    if (blank < 0) return;
    const head = this.heard.slice(0, blank);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.heard.length < blank + 4 + length) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.heard.slice(blank + 4), retryAfter: Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 0) };
    this.heard = '';
    this.resolve(answer);
  }

  send(key, id, body) {
    return new Promise((resolve, reject) => {
      Object.assign(this, { resolve, reject });
      this.socket.cork();
      this.socket.write(
        `POST /ingest/v1/visits HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\n` +
          `idempotency-key: ${id}\r\nx-edge-delivery-dropped: 0\r\ncontent-length: ${body.length}\r\n\r\n`,
      );
      this.socket.write(body);
      this.socket.uncork();
    });
  }

  end() {
    this.reject = undefined;
    this.socket.destroy();
  }
}

/** Feeds a server for a while; with a pace, each batch is due at a time of its own and waits from then on. */
async function feed(world, batches, perSecond) {
  const port = Number(new URL(world.server.base).port);
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const waits = [];
  const tally = { acknowledged: 0, refused: 0 };
  const cpu = { server: cpuOf(world.server.pid), database: world.server.databaseCpu(), generator: process.cpuUsage() };
  let next = 0;
  const line = async (n) => {
    const connection = new Connection(port);
    const key = world.keys[n % world.keys.length];
    for (;;) {
      const number = next++;
      const due = perSecond === undefined ? performance.now() : begun + (number * VISITS * 1000) / perSecond;
      if (due >= end) break;
      if (due > performance.now()) await sleep(due - performance.now());
      const id = randomUUID();
      for (;;) {
        const { status, body, retryAfter } = await connection.send(key, id, batches[number % BODIES]);
        if (status === 204) break;
        if (status !== 429) throw new Error(`${status} ${body}`);
        tally.refused++;
        await sleep(retryAfter * 1000);
      }
      tally.acknowledged += VISITS;
      waits.push(performance.now() - due);
    }
    connection.end();
  };
  await Promise.all(Array.from({ length: connections }, (_, n) => line(n)));
  const took = (performance.now() - begun) / 1000;
  const own = process.cpuUsage(cpu.generator);
  const per = (ms) => (ms * 1000) / tally.acknowledged;
  world.acknowledged += tally.acknowledged;
  return {
    visitsPerSecond: tally.acknowledged / took,
    p50Ms: quantile(waits, 0.5),
    p99Ms: quantile(waits, 0.99),
    refused: tally.refused,
    serverMicrosecondsPerVisit: per(cpuOf(world.server.pid) - cpu.server),
    databaseMicrosecondsPerVisit: per(world.server.databaseCpu() - cpu.database),
    generatorMicrosecondsPerVisit: per((own.user + own.system) / 1000),
  };
}

/** Waits until everything is counted, and makes sure that it is counted once. Answers with the seconds that it took. */
async function counted(world) {
  const begun = performance.now();
  for (;;) {
    const totals = await Promise.all(world.server.sites.map((site) => world.server.call('GET', `/sites/${site}/traffic?from=48h`)));
    const visits = sum(totals.map(({ totals: { visits } }) => visits));
    if (visits === world.acknowledged) return (performance.now() - begun) / 1000;
    if (visits > world.acknowledged) throw new Error(`${visits} visits are counted, ${world.acknowledged} were acknowledged`);
    if (performance.now() - begun > COUNTED_WITHIN_MS) throw new Error(`${visits} of ${world.acknowledged} visits are counted`);
    await sleep(100);
  }
}

const worlds = [];
try {
  for (const database of databases) {
    const server = await serve(database, SITES);
    const keys = SITES.map(() => randomBytes(32).toString('base64url'));
    for (const [n, site] of server.sites.entries()) store('key', database.url, site, createHash('sha256').update(keys[n]).digest('hex'));
    worlds.push({ server, keys, acknowledged: 0, fast: [], paced: [], loads: [] });
  }
  const batches = bodies();
  for (const world of worlds) {
    // SQLite's file holds everything once the server has ended.
    await world.server.end();
    world.empty = world.server.bytes();
    await world.server.begin();
  }
  for (let round = 0; round < rounds; round++) {
    for (const world of worlds) {
      for (const [kind, perSecond] of [['fast', undefined], ['paced', pace]]) {
        world.loads.push(load());
        const row = await feed(world, batches, perSecond);
        row.countedAfterSeconds = await counted(world);
        world[kind].push(row);
        process.stderr.write(`${world.server.database.name} ${kind} ${JSON.stringify(row)}\n`);
      }
    }
  }
  const rows = [];
  for (const world of worlds) {
    const peak = world.server.peak();
    await world.server.end();
    const bytes = (world.server.bytes() - world.empty) / world.acknowledged;
    for (const kind of ['fast', 'paced']) {
      const of = (name) => median(world[kind].map((row) => row[name]));
      rows.push({
        database: world.server.database.name,
        feed: kind === 'fast' ? 'as fast as it goes' : `${pace} a second`,
        ...Object.fromEntries(Object.keys(world[kind][0]).map((name) => [name, Number(of(name).toFixed(2))])),
        diskBytesPerVisit: Number(bytes.toFixed(1)),
        peakMegabytes: Math.round(peak),
      });
    }
  }
  const head = {
    cores: availableParallelism(), seconds, rounds, connections, sites: SITES.length, visitsPerBatch: VISITS,
    bodyBytesPerVisit: Math.round(sum(batches.map((body) => body.length)) / (BODIES * VISITS)),
    loadBefore: worlds.flatMap(({ loads }) => loads).join(' '),
    visits: sum(worlds.map(({ acknowledged }) => acknowledged)),
  };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...head, target: TARGET, rows }, null, 2)}\n`);
  else {
    process.stdout.write(
      `${head.cores} cores, ${connections} connections, ${head.sites} sites, batches of ${VISITS} visits (${head.bodyBytesPerVisit} bytes each as sent); ` +
        `${rounds} times ${seconds} s, medians; load average before each: ${head.loadBefore}\n` +
        `all ${head.visits} acknowledged visits are counted, once\n\n` +
        '                                 visits/s    p50 ms   p99 ms   429s   CPU µs a visit: server  database  generator   counted after s   bytes/visit on disk   peak MB\n',
    );
    for (const row of rows) {
      const goal = row.feed === 'as fast as it goes' ? `   ≥ ${TARGET} ${row.visitsPerSecond >= TARGET ? 'met' : 'MISSED'}` : '';
      process.stdout.write(
        `${`${row.database}, ${row.feed}`.padEnd(31)}${row.visitsPerSecond.toFixed(0).padStart(10)}${row.p50Ms.toFixed(1).padStart(10)}` +
          `${row.p99Ms.toFixed(1).padStart(9)}${String(row.refused).padStart(7)}${row.serverMicrosecondsPerVisit.toFixed(1).padStart(25)}` +
          `${row.databaseMicrosecondsPerVisit.toFixed(1).padStart(10)}${row.generatorMicrosecondsPerVisit.toFixed(1).padStart(11)}` +
          `${row.countedAfterSeconds.toFixed(1).padStart(18)}${row.diskBytesPerVisit.toFixed(0).padStart(22)}${String(row.peakMegabytes).padStart(10)}${goal}\n`,
      );
    }
  }
} finally {
  for (const { server } of worlds) await server.end();
  clean();
}
