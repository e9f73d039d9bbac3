// Starts and ends `edge-delivery demo`, and speaks to its API.

import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const PROGRAM =
  process.env.EDGE_DELIVERY_PROGRAM ||
  fileURLToPath(new URL('../../../target/debug/edge-delivery', import.meta.url));

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGTERM')));

/** Starts a demo on free ports; its words are those of `demo --json`. */
export async function startDemo() {
  const child = spawn(PROGRAM, ['demo', '--any-port', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const lines = createInterface({ input: child.stdout });
  const first = new Promise((resolve) => lines.once('line', resolve));
  const failed = new Promise((_, reject) => {
    child.once('error', reject);
    ended.then((code) => reject(new Error(`the demo ended with ${code}: ${said}`)));
  });
  failed.catch(() => {});
  const demo = JSON.parse(await Promise.race([first, failed]));
  return {
    ...demo,
    log: () => said,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Calls of the REST API with a fresh access key, made by the command line beside the running server. */
export async function restOf(demo) {
  const { stdout } = await promisify(execFile)(PROGRAM, ['admin', 'access-key', 'create', '--name', 'browser test'], {
    env: {
      ...process.env,
      EDGE_DELIVERY_DATABASE_URL: `sqlite://${demo.dataDir}/edge-delivery.db`,
      EDGE_DELIVERY_KEY_FILE: `${demo.dataDir}/edge-delivery.key`,
    },
  });
  const key = stdout.trim();
  return async (method, path, body, type = 'application/json') => {
    const answer = await fetch(`${demo.console}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': type }) },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
}

/** A deployed site with published variants, for tests of what comes after. */
export async function deploySite(demo) {
  const rest = await restOf(demo);
  const connection = await rest('POST', '/connections', { token: demo.tokens.good, name: 'Workshop' });
  const { items } = await rest('GET', `/connections/${connection.id}/zones`);
  const zone = items.find((one) => one.name === 'shop.localhost');
  const site = await rest('POST', '/sites', { connectionId: connection.id, zoneId: zone.id, name: 'Lamp shop' });
  let deployment = await rest('POST', `/sites/${site.id}/deployments`, {});
  const end = Date.now() + 60_000;
  while (['queued', 'running'].includes(deployment.status) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    deployment = await rest('GET', `/deployments/${deployment.id}`);
  }
  if (deployment.status !== 'live') throw new Error(`the deployment is ${deployment.status}`);
  await rest('PUT', `/sites/${site.id}/variants/html/pricing`, '<h1>Pricing</h1><p>Desk lamp No. 4: 189 €</p>', 'text/html');
  await rest('PUT', `/sites/${site.id}/variants/markdown/about?publish=false`, '# About us\n', 'text/markdown');
  return { rest, connection, site, deployment };
}
