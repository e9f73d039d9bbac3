// What the pages of traffic cost with ten million visits of one site over twelve months: the REST call and the console's
// page, for each range, without a filter and with each kind, on SQLite and on PostgreSQL. Milliseconds of whole requests over
// HTTP on loopback, one at a time; then four people at once; and the most memory that `serve` held meanwhile.
//
// The visits are counted into hours by the store's own code from a fixed seed (crates/store/examples/traffic_bench.rs) and
// folded into days and blocks as the program does; no single visits are stored, and no question reads any.
// `--json`, `--times N` (of each request), `--visits N`, `--most MS` (p99).

import http from 'node:http';
import { parseArgs } from 'node:util';
import { clean, cpuOf, databases, documented, load, quantile, serve, sleep, store } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    times: { type: 'string', default: '40' },
    visits: { type: 'string', default: '10000000' },
    most: { type: 'string', default: '50' },
  },
});
const [times, visits, most] = [options.times, options.visits, options.most].map(Number);
const MEGABYTES_MOST = 150;
const DAYS = 365;
const AGENTS = 40;
const AT_ONCE = 4;
const RANGES = ['24h', '7d', '30d', '90d', '12mo'];
const agents = [...new Set(documented.map(({ agent }) => agent))].slice(0, AGENTS);
const FILTERS = [
  ['no filter', ''],
  ['agent', `&agent=${agents[0]}`],
  ['rare agent', `&agent=${agents.at(-1)}`],
  ['path', '&path=/blog/'],
  ['outcome', '&outcome=origin'],
  ['agent, path, outcome', `&agent=${agents[0]}&path=/blog/&outcome=origin`],
];

const connections = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** Milliseconds until the last byte. */
function timed(url, headers) {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: connections, headers }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk) => { bytes += chunk.length; });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, bytes, ms: performance.now() - begun }));
    });
    request.on('error', reject);
  });
}

/** One request, asked again where it came too soon after the others. */
async function question(world, one) {
  for (;;) {
    const headers = one.kind === 'page' ? { cookie: world.cookie, accept: 'text/html' } : { authorization: `Bearer ${world.server.key()}` };
    const answer = await timed(world.server.base + one.where(world.site), headers);
    if (answer.status === 200) return answer;
    if (answer.status !== 429) throw new Error(`${one.where(world.site)}: ${answer.status}`);
    await sleep(200);
  }
}

const questions = ['api', 'page'].flatMap((kind) =>
  RANGES.flatMap((range) =>
    FILTERS.map(([filter, query]) => ({
      kind, range, filter,
      where: (site) => `${kind === 'api' ? '/api/v1' : ''}/sites/${site}/traffic?from=${range}${query}`,
    }))));

/** In another order each time, so that nothing profits from what was asked right before. */
const shuffled = (list) => list.map((one) => [Math.random(), one]).sort(([a], [b]) => a - b).map(([, one]) => one);

const worlds = [];
try {
  for (const database of databases) {
    const server = await serve(database, ['shop']);
    const [site] = server.sites;
    await server.end();
    const seeded = JSON.parse(store('seed', database.url, site, String(visits), String(DAYS), agents.join(','), String(Date.now())));
    const bytes = server.bytes();
    process.stderr.write(`${database.name}: seeded ${JSON.stringify(seeded)}, ${(bytes / 1e6).toFixed(0)} MB\n`);
    await server.begin();
    worlds.push({ server, site, bytes, cookie: await server.signIn(), waits: new Map(questions.map((one) => [one, []])), load: load() });
    const { totals } = await server.call('GET', `/sites/${site}/traffic?from=${DAYS * 24 + 1}h`);
    if (totals.visits !== visits) throw new Error(`${totals.visits} of ${visits} visits are counted`);
    server.forgetPeak();
  }
  for (const world of worlds) {
    const cpu = cpuOf(world.server.pid);
    for (let time = 0; time < times; time++) {
      for (const one of shuffled(questions)) {
        const answer = await question(world, one);
        world.waits.get(one).push(answer.ms);
        world.bytesOf ??= {};
        world.bytesOf[one.kind] = Math.max(world.bytesOf[one.kind] ?? 0, answer.bytes);
      }
    }
    world.cpuMs = (cpuOf(world.server.pid) - cpu) / (times * questions.length);
    world.alone = world.server.peak();
    const waits = [];
    const queue = shuffled(Array.from({ length: 4 }, () => questions).flat());
    const line = async () => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) waits.push((await question(world, one)).ms);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, line));
    world.together = { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), peak: world.server.peak() };
  }
  const rows = worlds.flatMap((world) =>
    questions.map((one) => {
      const waits = world.waits.get(one);
      return { database: world.server.database.name, kind: one.kind, range: one.range, filter: one.filter, p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99) };
    }));
  const all = worlds.map((world) => {
    const waits = [...world.waits.values()].flat();
    return {
      database: world.server.database.name, p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99), cpuMs: world.cpuMs, diskMegabytes: world.bytes / 1e6,
      peakMegabytes: world.alone, atOnce: AT_ONCE, atOnceP50Ms: world.together.p50, atOnceP99Ms: world.together.p99, atOncePeakMegabytes: world.together.peak,
      largestAnswer: world.bytesOf,
    };
  });
  const head = { visits, days: DAYS, agents: agents.length, timesEach: times, loadBefore: worlds.map((world) => world.load).join(' ') };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...head, rows, all }, null, 2)}\n`);
  else {
    process.stdout.write(`${visits} visits over ${DAYS} days by ${agents.length} agents; each request ${times} times; load average before: ${head.loadBefore}\n\n`);
    process.stdout.write(`p50 / p99 in ms            ${RANGES.map((range) => range.padStart(16)).join('')}\n`);
    for (const { name } of databases) {
      for (const kind of ['api', 'page']) {
        for (const [filter] of FILTERS) {
          const cells = RANGES.map((range) => {
            const row = rows.find((one) => one.database === name && one.kind === kind && one.range === range && one.filter === filter);
            return `${row.p50Ms.toFixed(1)} / ${row.p99Ms.toFixed(1)}`.padStart(16);
          });
          process.stdout.write(`${`${name}, ${kind}, ${filter}`.padEnd(40)}${cells.join('')}\n`);
        }
      }
    }
    for (const one of all) {
      process.stdout.write(
        `${one.database}: all requests p50 ${one.p50Ms.toFixed(1)} ms, p99 ${one.p99Ms.toFixed(1)} ms (≤ ${most} ${one.p99Ms <= most ? 'met' : 'MISSED'}), ` +
          `${one.cpuMs.toFixed(1)} ms CPU of the server each, peak ${one.peakMegabytes.toFixed(0)} MB; ${AT_ONCE} at once p50 ${one.atOnceP50Ms.toFixed(1)} ms, ` +
          `p99 ${one.atOnceP99Ms.toFixed(1)} ms, peak ${one.atOncePeakMegabytes.toFixed(0)} MB (≤ ${MEGABYTES_MOST} ${one.atOncePeakMegabytes <= MEGABYTES_MOST ? 'met' : 'MISSED'}); ` +
          `${one.diskMegabytes.toFixed(0)} MB on disk; largest answers ${JSON.stringify(one.largestAnswer)} bytes\n`,
      );
    }
  }
} finally {
  for (const { server } of worlds) await server.end();
  clean();
}
