// What the Worker costs: requests a second and CPU time of workerd per request, beside bare pass-through Workers.
// One run, each case in a workerd of its own, the cases in turns, the median of the turns; the pass-through module runs
// twice, and the second line shows what the noise is. An agent's requests are measured with their visits sent to a console too:
// what that adds to the ratio, and how many of the visits arrived. Then the script's size and what it costs at the start. `--json`
// for machines, `--seconds N` for the length of a turn, `--rounds N`.
//
// The load comes over kept-alive connections from this process, which also plays origin and KV: requests a second are
// what this set-up reaches on this machine, CPU per request is workerd's own (from /proc).

import { readFileSync } from 'node:fs';
import net from 'node:net';
import { parseArgs } from 'node:util';
import vm from 'node:vm';
import { CHROME_ACCEPT, HOST, UA, listen, startEdge } from '../test/edge.js';
import { pointerFor } from '../test/pointer.js';
import { assembledScript } from '../test/scope.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const CONNECTIONS = 16;
/** USER_HZ is 100 on every Linux that Rust and Node support. */
const MS_PER_TICK = 10;
const REVISION = 'ab'.repeat(32);
const PAGE = `<!doctype html><title>Page</title>${'<p>Text of a page.</p>'.repeat(180)}`;

/** A server that answers each request with bytes chosen by its first line, and hands on what was posted. */
function rawServer(answerTo, posted = () => {}) {
  const server = net.createServer((socket) => {
    let heard = '';
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      for (let end = heard.indexOf('\r\n\r\n'); end >= 0; end = heard.indexOf('\r\n\r\n')) {
        const line = heard.slice(0, heard.indexOf('\r\n'));
        if (line.startsWith('POST ')) {
          const length = Number(/\r\ncontent-length: (\d+)/i.exec(heard.slice(0, end))?.[1]);
          if (!Number.isInteger(length)) throw new Error(`no length: ${heard.slice(0, end)}`);
          if (heard.length < end + 4 + length) return;
          posted(heard.slice(end + 4, end + 4 + length));
          heard = heard.slice(end + 4 + length);
          socket.write(taken);
          continue;
        }
        heard = heard.slice(end + 4);
        socket.write(answerTo(line));
      }
    });
  });
  return server;
}

const answer = (status, headers, body) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n\r\n`),
    Buffer.from(body),
  ]);
const originAnswer = answer('200 OK', 'content-type: text/html', PAGE);
const taken = answer('204 No Content', 'x: y', '');
const metadata = JSON.stringify({ r: REVISION, t: 'text/html; charset=utf-8' });
const variantAnswer = answer('200 OK', `CF-KV-Metadata: ${metadata}`, PAGE);
// One that has stood for an hour, and one that is always new: then every variant is read from KV.
const indexFrom = (revision) => answer('200 OK', 'x: y', pointerFor({ html: ['/tea'] }, { revision }));
const indexes = { old: indexFrom(Date.now() - 3_600_000), fresh: indexFrom(Date.now() + 3_600_000) };
const missing = answer('404 Not Found', 'x: y', '');
const kvAnswer = (index) => (line) =>
  line.includes('/index') ? index : line.includes('%2Ftea') ? variantAnswer : missing;

/** Sends one request over and over for a while. @returns {Promise<number>} how many were answered */
async function load(port, head, ms) {
  const end = performance.now() + ms;
  let answered = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      new Promise((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.setNoDelay(true);
        let heard = Buffer.alloc(0);
        socket.on('error', reject);
        socket.on('connect', () => socket.write(head));
        socket.on('data', (chunk) => {
          heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
          const blank = heard.indexOf('\r\n\r\n');
          if (blank < 0) return;
          const top = heard.toString('latin1', 0, blank);
          if (!top.startsWith('HTTP/1.1 200')) return reject(new Error(top.split('\r\n')[0]));
          const length = Number(/content-length: (\d+)/i.exec(top)?.[1]);
          if (heard.length < blank + 4 + length) return;
          heard = Buffer.alloc(0);
          answered++;
          if (performance.now() < end) socket.write(head);
          else socket.end(resolve);
        });
      }),
    ),
  );
  return answered;
}

/** CPU time that a process used so far, in milliseconds. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

const headOf = (path, ua, accept) =>
  `GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\nuser-agent: ${ua}\r\naccept: ${accept}\r\n\r\n`;
const person = headOf('/tea', UA.chrome, CHROME_ACCEPT);
const MODULE = 'export default { fetch(request) { return fetch(request); } };\n';
const FETCHING = "addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));\n";
const RETURNING = "addEventListener('fetch', () => {});\n";

const READING = `addEventListener('fetch', (event) => event.respondWith((async () => {
  const { value } = await globalThis.VARIANTS.getWithMetadata('v/html/tea', 'arrayBuffer');
  return new Response(value, { headers: { 'content-type': 'text/html; charset=utf-8', etag: '"x"', vary: 'accept, user-agent',
    'cache-control': 'private, max-age=300', link: '<http://shop.example/tea>; rel="canonical"', 'x-edge-delivery': 'variant' } });
})()));\n`;

/** Visits go to the pretend origin, which takes them as the console does. */
const REPORTING = { settings: { ingest: 'http://ingest.example/ingest/v1/visits' } };

const cases = [
  { name: 'module: fetch(request)', head: person, edge: { script: MODULE, module: true } },
  { name: 'module: fetch(request), again (A/A)', head: person, edge: { script: MODULE, module: true } },
  { name: 'service worker: fetch(request)', head: person, edge: { script: FETCHING } },
  { name: 'service worker: returns', head: person, edge: { script: RETURNING } },
  { name: 'service worker: reads KV, answers', head: person, edge: { script: READING } },
  { name: 'Edge Delivery: person', head: person, edge: {}, most: 0.75 },
  { name: 'Edge Delivery: Googlebot', head: headOf('/tea', UA.googlebot, '*/*'), edge: {} },
  { name: 'Edge Delivery: agent, no variant', head: headOf('/none', UA.gptbot, '*/*'), edge: {}, most: 1.1 },
  { name: 'Edge Delivery: agent, variant', head: headOf('/tea', UA.gptbot, '*/*'), edge: {}, most: 1.15 },
  { name: 'Edge Delivery: agent, variant from KV', head: headOf('/tea', UA.gptbot, '*/*'), edge: {}, index: 'fresh' },
  { name: 'the same, no variant, visits sent', head: headOf('/none', UA.gptbot, '*/*'), edge: REPORTING, beside: 'Edge Delivery: agent, no variant' },
  { name: 'the same, variant, visits sent', head: headOf('/tea', UA.gptbot, '*/*'), edge: REPORTING, beside: 'Edge Delivery: agent, variant' },
];
/** What sending visits may add to the ratio. */
const ADDED_MOST = 0.1;
/** Bytes of a script, at most. */
const SCRIPT_MAX = 100 * 1024;

/** Milliseconds from starting workerd to the first answer, by edge. */
async function startUp(edge, ports) {
  const times = [];
  for (let at = 0; at < 7; at++) {
    const began = performance.now();
    const started = await startEdge({ ...edge, ports });
    await load(started.port, person, 0);
    times.push(performance.now() - began);
    await started.stop();
  }
  return median(times);
}

/** Milliseconds that V8 needs to read and run the script once, in a fresh context. */
function evaluation(script) {
  const times = [];
  for (let at = 0; at < 21; at++) {
    const context = vm.createContext({ addEventListener() {}, TextEncoder, TextDecoder, crypto });
    const began = performance.now();
    new vm.Script(script).runInContext(context);
    times.push(performance.now() - began);
  }
  return median(times);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Visits that arrived since they were last asked for. */
let arrived = 0;
const origin = rawServer(() => originAnswer, (body) => {
  arrived += JSON.parse(body).length;
});
const kv = rawServer(kvAnswer(indexes.old));
const kvFresh = rawServer(kvAnswer(indexes.fresh));
const ports = { origin: await listen(origin), kv: await listen(kv) };
const portsFresh = { origin: ports.origin, kv: await listen(kvFresh) };
try {
  for (const one of cases) {
    one.started = await startEdge({ ...one.edge, ports: one.index === 'fresh' ? portsFresh : ports });
    one.rates = [];
    one.costs = [];
    one.shares = [];
    await load(one.started.port, one.head, 500);
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of cases) {
      const cpu = cpuOf(one.started.pid);
      arrived = 0;
      const began = performance.now();
      const answered = await load(one.started.port, one.head, seconds * 1000);
      one.rates.push((answered * 1000) / (performance.now() - began));
      // The last visits wait a second for company.
      if (one.beside !== undefined) await new Promise((resolve) => setTimeout(resolve, 1500));
      one.costs.push(((cpuOf(one.started.pid) - cpu) * 1000) / answered);
      one.shares.push(arrived / answered);
    }
  }
  const [bare] = cases;
  const script = assembledScript();
  const size = {
    bytes: Buffer.byteLength(script),
    most: SCRIPT_MAX,
    evaluationMs: Number(evaluation(script).toFixed(2)),
    firstAnswerMs: Math.round(await startUp({}, ports)),
    firstAnswerOfModuleMs: Math.round(await startUp({ script: MODULE, module: true }, ports)),
  };
  const ratioOf = (one) => median(one.costs) / median(bare.costs);
  const addedBy = ({ beside, ...one }) =>
    beside === undefined ? null : Number((ratioOf(one) - ratioOf(cases.find(({ name }) => name === beside))).toFixed(3));
  const rows = cases.map(({ name, rates, costs, most, beside, shares }) => ({
    case: name,
    mostCpuRatio: most ?? null,
    requestsPerSecond: Math.round(median(rates)),
    cpuMicrosecondsPerRequest: Math.round(median(costs)),
    cpuRatio: Number((median(costs) / median(bare.costs)).toFixed(2)),
    rateRatio: Number((median(rates) / median(bare.rates)).toFixed(2)),
    addedCpuRatio: addedBy({ costs, beside }),
    visitsArrived: beside === undefined ? null : Number(median(shares).toFixed(3)),
  }));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ seconds, rounds, connections: CONNECTIONS, rows, script: size }, null, 2)}\n`);
  } else {
    process.stdout.write('on workerd, this machine                requests/s   CPU µs/request   CPU ratio   rate ratio   target\n');
    for (const row of rows) {
      process.stdout.write(
        `${row.case.padEnd(40)}${String(row.requestsPerSecond).padStart(10)}${String(row.cpuMicrosecondsPerRequest).padStart(17)}` +
          `${row.cpuRatio.toFixed(2).padStart(12)}${row.rateRatio.toFixed(2).padStart(13)}` +
          `${row.addedCpuRatio === null ? '' : `   + ${row.addedCpuRatio.toFixed(2)} ≤ ${ADDED_MOST.toFixed(2)} ${row.addedCpuRatio <= ADDED_MOST ? 'met' : 'MISSED'}; ${(100 * row.visitsArrived).toFixed(1)} % of the visits arrived`}` +
          `${row.mostCpuRatio === null ? '' : `   ≤ ${row.mostCpuRatio.toFixed(2)} ${row.cpuRatio <= row.mostCpuRatio ? 'met' : 'MISSED'}`}\n`,
      );
    }
    process.stdout.write(
      `script: ${size.bytes} bytes (at most ${size.most}); V8 reads and runs it in ${size.evaluationMs} ms; workerd's first answer ` +
        `${size.firstAnswerMs} ms after its start, of the bare module ${size.firstAnswerOfModuleMs} ms\n`,
    );
  }
} finally {
  for (const { started } of cases) await started?.stop();
  for (const server of [origin, kv]) server.close();
}
process.exit();
