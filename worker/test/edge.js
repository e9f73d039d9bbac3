// A real workerd with the assembled script, a pretend KV service and a pretend origin, all on loopback.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pointerFor } from './pointer.js';
import { assembledScript } from './scope.js';

// Each edge has an `exit` handler of its own, and a bench has a dozen edges.
process.setMaxListeners(50);
// So that the `exit` handlers below run, and no workerd is left behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

export const HOST = 'shop.example';
export const SITE = '0197a000-0000-7000-8000-000000000001';
export const SITE_KEY = 'local-demo-site-key-00000000000000000000';
export const PREVIEW_KEY = 'local-demo-preview-key-000000000000000000';
export const UA = {
  gptbot: 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)',
  chrome: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  googlebot: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  twitterbot: 'Twitterbot/1.0',
  curl: 'curl/8.14.1',
};
export const CHROME_ACCEPT =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8';

/** The native program: the package's own `bin` is a Node wrapper where install scripts did not run. */
export function workerdProgram() {
  if (process.env.EDGE_DELIVERY_WORKERD) return process.env.EDGE_DELIVERY_WORKERD;
  const names = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
  const cpu = process.arch === 'arm64' ? 'arm64' : '64';
  const require = createRequire(import.meta.url);
  const name = `@cloudflare/workerd-${names[process.platform]}-${cpu}`;
  const found = require.resolve.paths(name).map((folder) => path.join(folder, name, 'bin', 'workerd')).find(existsSync);
  if (found === undefined) throw new Error(`${name} is not installed: run npm ci in worker/`);
  return found;
}

export async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** A KV service as workerd asks one: values by key, and what to do instead of answering. */
export class PretendKv {
  values = new Map();
  /** @type {string[]} */
  asked = [];
  /** The `cache_ttl` of each question, or null. */
  cacheTtls = [];
  refuseCacheTtl = false;
  mode = 'ok';

  constructor() {
    this.server = http.createServer((request, response) => this.answer(request, response));
  }

  put(key, value, metadata) {
    this.values.set(key, { value: Buffer.from(value), metadata });
  }

  putVariant(format, pagePath, content, revision, type) {
    this.put(`v/${format}${pagePath}`, content, {
      r: revision,
      t: type ?? `text/${format}; charset=utf-8`,
    });
  }

  answer(request, response) {
    const key = decodeURIComponent(request.url.slice(1).split('?')[0]);
    const cacheTtl = new URL(request.url, 'http://kv').searchParams.get('cache_ttl');
    this.asked.push(key);
    this.cacheTtls.push(cacheTtl);
    if (this.refuseCacheTtl && cacheTtl !== null) {
      return response.writeHead(400, `Invalid cache_ttl of ${cacheTtl}. Cache TTL must be at least 60.`).end();
    }
    if (this.mode === 'hang') return;
    if (this.mode === 'slow') {
      setTimeout(() => this.give(key, response), 20 + 80 * Math.random());
      return;
    }
    if (this.mode === 'rubbish') return response.writeHead(200, { 'CF-KV-Metadata': '{"r":7}' }).end('\x00\xffrubbish');
    if (this.mode === 'fail') return response.writeHead(500).end('broken');
    this.give(key, response);
  }

  give(key, response) {
    const found = this.values.get(key);
    if (!found) return response.writeHead(404).end();
    const headers = { 'content-length': found.value.length };
    if (found.metadata !== undefined) headers['CF-KV-Metadata'] = JSON.stringify(found.metadata);
    response.writeHead(200, headers);
    if (this.mode === 'cut' && key !== 'index') {
      response.write(found.value.subarray(0, 1));
      setTimeout(() => response.destroy(), 20);
      return;
    }
    response.end(found.value);
  }

  /** How often a key was asked for. */
  count(key) {
    return this.asked.filter((asked) => asked === key).length;
  }
}

/** An origin that says what it saw; requests to another host than the site's are kept as deliveries. */
export class PretendOrigin {
  asked = [];
  deliveries = [];
  deliveryStatus = 204;
  /** What the next deliveries are answered, before the status above: `{ status, headers, hangs }`. */
  deliveryAnswers = [];

  constructor() {
    this.server = http.createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      if (request.headers.host === 'ingest.example') {
        const { status = this.deliveryStatus, headers, hangs = false } = this.deliveryAnswers.shift() ?? {};
        const at = performance.now();
        this.deliveries.push({ headers: request.headers, url: request.url, method: request.method, body, at, status, hangs });
        if (!hangs) response.writeHead(status, headers).end();
        return;
      }
      this.asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(request.url.startsWith('/missing') ? 404 : 200, {
        'content-type': 'text/html',
        'x-origin': 'yes',
        etag: '"origin"',
        'set-cookie': ['a=1', 'b=2'],
      });
      response.end(request.method === 'HEAD' ? undefined : `origin ${request.method} ${request.url} ${body}\n`);
    });
    this.server.on('upgrade', (request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      socket.write(`Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`);
    });
  }
}

/** Takes data points as workerd's own binding to Analytics Engine sends them. */
export class PretendDataset {
  points = [];
  /** Set: nothing is ever answered. */
  hangs = false;

  constructor() {
    this.server = http.createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      if (this.hangs) return;
      this.points.push(dataPoint(JSON.parse(Buffer.concat(chunks).toString())));
      response.end();
    });
  }
}

/** Texts come as lists of bytes. */
function dataPoint(sent) {
  const said = (bytes) => Buffer.from(bytes ?? []).toString();
  const all = (name, read) => Array.from({ length: 20 }, (_, n) => read(sent[`${name}${n + 1}`]));
  return { index: said(sent.index1), blobs: all('blob', said), doubles: all('double', (number) => number ?? 0) };
}

const text = (value) => JSON.stringify(value);

/** The JSON binding, as `domain::edge::EdgeConfig` writes it. */
export function config(overrides = {}) {
  return {
    v: 1,
    site: SITE,
    hosts: [HOST],
    kvDeadlineMs: 300,
    ingest: '',
    hash: 'c0ffee',
    agents: { purposes: ['training', 'search', 'user'] },
    ...overrides,
  };
}

/**
 * Starts everything. `bindings` replaces single bindings by capnp text, or leaves them out when null; `script` replaces
 * the Worker; `ports` names other services than the pretend ones.
 */
export async function startEdge({
  bindings = {},
  settings = {},
  script = assembledScript(),
  module = false,
  ports = {},
} = {}) {
  const program = workerdProgram();
  const kv = new PretendKv();
  const origin = new PretendOrigin();
  const dataset = new PretendDataset();
  const kvPort = ports.kv ?? (await listen(kv.server));
  const originPort = ports.origin ?? (await listen(origin.server));
  const datasetPort = await listen(dataset.server);
  const folder = mkdtempSync(path.join(tmpdir(), 'edge-delivery-worker-'));
  const all = {
    VARIANTS: 'kvNamespace = "kv"',
    SITE_KEY: `text = ${text(SITE_KEY)}`,
    PREVIEW_KEY: `text = ${text(PREVIEW_KEY)}`,
    CONFIG: `json = ${text(JSON.stringify(config(settings)))}`,
    ...bindings,
  };
  const bound = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `(name = "${name}", ${value})`);
  writeFileSync(path.join(folder, 'worker.js'), script);
  writeFileSync(
    path.join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .site),
    (name = "kv", external = (address = "127.0.0.1:${kvPort}", http = ())),
    (name = "dataset", external = (address = "127.0.0.1:${datasetPort}", http = ())),
    (name = "origin", external = (address = "127.0.0.1:${originPort}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", service = "main", http = ())],
);
const site :Workerd.Worker = (
  ${module ? 'modules = [(name = "worker.js", esModule = embed "worker.js")]' : 'serviceWorkerScript = embed "worker.js"'},
  compatibilityDate = "2026-04-01",
  bindings = [${module ? '' : bound.join(', ')}],
  globalOutbound = "origin",
);
`,
  );
  const child = spawn(
    program,
    // The binding to Analytics Engine is experimental in workerd.
    ['serve', '--experimental', path.join(folder, 'config.capnp'), '--socket-addr', 'http=127.0.0.1:0', '--control-fd', '3'],
    { stdio: ['ignore', 'inherit', 'pipe', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const end = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  const stop = async () => {
    process.off('exit', end);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    for (const { server } of [kv, origin, dataset]) {
      server.close();
      server.closeAllConnections();
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const listening = new Promise((resolve, reject) => {
    let heard = '';
    child.stdio[3].on('data', (chunk) => {
      heard += chunk;
      const found = /"port":(\d+)/.exec(heard);
      if (found) resolve(Number(found[1]));
    });
    child.once('exit', (code) => reject(new Error(`workerd ended with ${code}: ${stderr}`)));
  });
  const port = await listening.catch(async (error) => {
    await stop();
    throw error;
  });
  const edge = { kv, origin, dataset, port, pid: child.pid, stop, stderr: () => stderr };

  /** One request, on its own connection. */
  edge.ask = (url, { method = 'GET', ua, accept, headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const all = { host: HOST, ...headers };
      if (ua !== undefined) all['user-agent'] = ua;
      if (accept !== undefined) all.accept = accept;
      if (body !== undefined) all['content-length'] = Buffer.byteLength(body);
      const began = performance.now();
      const request = http.request({ port, host: '127.0.0.1', path: url, method, headers: all, agent: false });
      request.on('error', reject);
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode, headers: response.headers, body: '', ms: performance.now() - began });
      });
      request.on('response', async (response) => {
        try {
          const chunks = [];
          for await (const chunk of response) chunks.push(chunk);
          const ms = performance.now() - began;
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString(), ms });
        } catch (error) {
          reject(error);
        }
      });
      request.end(body);
    });

  /** Sends an agent's request and hangs up at once. */
  edge.leave = async (url) => {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET ${url} HTTP/1.1\r\nhost: ${HOST}\r\nuser-agent: ${UA.gptbot}\r\n\r\n`, () => socket.destroy());
    await once(socket, 'close');
  };
  edge.agent = (url, options = {}) => edge.ask(url, { ua: UA.gptbot, accept: '*/*', ...options });

  /** Asks until the isolate has an index. */
  edge.withIndex = async (index) => {
    kv.put('index', pointerFor(index));
    await edge.agent('/warm-up');
    await until(async () => {
      const before = kv.asked.length;
      await edge.agent('/warm-up');
      return !kv.asked.slice(before).includes('v/html/warm-up');
    });
    kv.asked.length = 0;
    origin.asked.length = 0;
  };
  return edge;
}

/** Asks again and again, until the condition holds or ten seconds have passed. */
export async function until(condition, ms = 10_000) {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
