// What loading an index costs a Worker: CPU time of workerd per load, by the number of paths, beside as many loads of a small
// one. Each load is of another filter, in one isolate; the median of the rounds. `--json` for machines, `--loads N`, `--rounds N`.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startEdge } from '../test/edge.js';
import { filterOf } from '../test/pointer.js';
import { assembledScript } from '../test/scope.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    loads: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
  },
});
const loads = Number(options.loads);
const rounds = Number(options.rounds);
const SIZES = [1, 8_192, 100_000, 1_000_000];
/** USER_HZ is 100 on every Linux that Rust and Node support. */
const MS_PER_TICK = 10;

/** The whole Worker, but a request loads a filter and asks it ten times; how long that took by its own clock does not show CPU. */
const script = assembledScript().replace(
  "addEventListener('fetch', (event) => {",
  `addEventListener('fetch', (event) => {
  const query = new URL(event.request.url).searchParams;
  if (query.has('load')) {
    return event.respondWith((async () => {
      const filter = parseFilter(await kvGet(globalThis.VARIANTS, query.get('load')), Number(query.get('count')));
      let found = 0;
      for (let n = 0; n < 10; n++) if (holds(filter, pathHash('html', '/page-' + n))) found++;
      return new Response(String(filter.length + 0 * found));
    })());
  }`,
);

/** CPU of a process so far, in milliseconds. */
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
const memory = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const rows = [];
for (const size of SIZES) {
  const times = [];
  let peak = 0;
  for (let round = 0; round < rounds; round++) {
    // An isolate of its own, so that each round begins cold.
    const edge = await startEdge({ script });
    const sorted = Uint32Array.from({ length: size }, (_, n) => Math.floor((n * 4_294_967_295) / size));
    const filter = filterOf(sorted);
    edge.kv.put(filter.key, filter.bytes);
    const url = `/?load=${encodeURIComponent(filter.key)}&count=${size}`;
    const before = cpu(edge.pid);
    for (let load = 0; load < loads; load++) {
      const answer = await edge.ask(url);
      if (answer.body !== String(size)) throw new Error(`${answer.status} ${answer.body}`);
    }
    times.push((cpu(edge.pid) - before) / loads);
    peak = Math.max(peak, memory(edge.pid));
    await edge.stop();
  }
  rows.push({ paths: size, cpuMs: Number(median(times).toFixed(2)), peakMegabytes: Math.round(peak) });
}
if (options.json) process.stdout.write(`${JSON.stringify({ loads, rounds, rows }, null, 2)}\n`);
else {
  process.stdout.write('paths        CPU ms a load (request and transfer included)   peak MB of workerd\n');
  for (const { paths, cpuMs, peakMegabytes } of rows) {
    process.stdout.write(`${String(paths).padEnd(13)}${cpuMs.toFixed(2).padStart(8)}${String(peakMegabytes).padStart(52)}\n`);
  }
}
