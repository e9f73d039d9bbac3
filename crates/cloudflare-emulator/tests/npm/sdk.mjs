// The official TypeScript SDK does our job against the emulator; the last line of output is what it learned.
import assert from 'node:assert/strict';
import Cloudflare, { toFile } from 'cloudflare';

const [account_id, zone_id] = process.argv.slice(2);
const client = new Cloudflare({ maxRetries: 0 });

assert.equal((await client.user.tokens.verify()).status, 'active');
const accounts = [];
for await (const account of client.accounts.list()) accounts.push(account.id);
assert.deepEqual(accounts, [account_id]);
const zones = [];
for await (const zone of client.zones.list({ name: 'shop.example' })) zones.push(zone.id);
assert.deepEqual(zones, [zone_id]);

const namespace = await client.kv.namespaces.create({ account_id, title: 'sdk' });
const namespace_id = namespace.id;
const titles = [];
for await (const { title } of client.kv.namespaces.list({ account_id })) titles.push(title);
assert.deepEqual(titles, ['sdk']);
await client.kv.namespaces.values.update('a/b c', { account_id, namespace_id, value: 'value', metadata: { r: 1 } });
const value = await client.kv.namespaces.values.get('a/b c', { account_id, namespace_id });
assert.equal(await value.text(), 'value');
await assert.rejects(client.kv.namespaces.values.get('none', { account_id, namespace_id }), Cloudflare.NotFoundError);
await client.kv.namespaces.bulkUpdate(namespace_id, { account_id, body: [{ key: 'k1', value: 'v1' }, { key: 'k2', value: 'v2' }] });
const keys = [];
for await (const { name } of client.kv.namespaces.keys.list(namespace_id, { account_id })) keys.push(name);
assert.deepEqual(keys, ['a/b c', 'k1', 'k2']);
await client.kv.namespaces.bulkDelete(namespace_id, { account_id, body: ['k1', 'k2'] });

const code = `export default { async fetch(request, env) {
  return new Response('typescript ' + env.SITE_ID + ' ' + await env.VARIANTS.get('a/b c'));
} };`;
await client.workers.scripts.update('sdk-worker', {
  account_id,
  metadata: {
    main_module: 'worker.js',
    compatibility_date: '2026-04-01',
    bindings: [
      { type: 'plain_text', name: 'SITE_ID', text: 's1' },
      { type: 'kv_namespace', name: 'VARIANTS', namespace_id },
    ],
  },
  files: [await toFile(Buffer.from(code), 'worker.js', { type: 'application/javascript+module' })],
});
await client.workers.scripts.secrets.update('sdk-worker', { account_id, name: 'KEY', text: 'hush', type: 'secret_text' });
const route = await client.workers.routes.create({ zone_id, pattern: 'shop.example/*', script: 'sdk-worker' });
const routes = [];
for await (const { pattern } of client.workers.routes.list({ zone_id })) routes.push(pattern);
assert.deepEqual(routes, ['shop.example/*']);
const settings = await client.workers.scripts.settings.get('sdk-worker', { account_id }).catch(() => null);
console.log(JSON.stringify({ namespace: namespace_id, route: route.id, settings: settings !== null }));
