// Removes what sdk.mjs made.
import Cloudflare from 'cloudflare';

const [account_id, zone_id] = process.argv.slice(2);
const client = new Cloudflare({ maxRetries: 0 });
for await (const { id } of client.workers.routes.list({ zone_id })) await client.workers.routes.delete(id, { zone_id });
await client.workers.scripts.delete('sdk-worker', { account_id });
for await (const { id } of client.kv.namespaces.list({ account_id })) await client.kv.namespaces.delete(id, { account_id });
