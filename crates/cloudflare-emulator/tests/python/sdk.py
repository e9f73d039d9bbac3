"""The official Python SDK does our job against the emulator."""

import sys

from cloudflare import Cloudflare, NotFoundError

command, account_id, zone_id = sys.argv[1:]
client = Cloudflare(max_retries=0)


def make():
    assert client.user.tokens.verify().status == "active"
    assert [account.id for account in client.accounts.list()] == [account_id]
    assert [zone.id for zone in client.zones.list(name="shop.example")] == [zone_id]

    namespace_id = client.kv.namespaces.create(account_id=account_id, title="sdk").id
    assert [n.title for n in client.kv.namespaces.list(account_id=account_id)] == ["sdk"]
    kv = {"account_id": account_id, "namespace_id": namespace_id}
    client.kv.namespaces.values.update("a/b c", value=b"value", metadata={"r": 1}, **kv)
    assert client.kv.namespaces.values.get("a/b c", **kv).read() == b"value"
    try:
        client.kv.namespaces.values.get("none", **kv)
        raise AssertionError("a missing key was found")
    except NotFoundError:
        pass
    client.kv.namespaces.bulk_update(
        body=[{"key": "k1", "value": "v1"}, {"key": "k2", "value": "v2"}], **kv
    )
    keys = [key.name for key in client.kv.namespaces.keys.list(**kv)]
    assert keys == ["a/b c", "k1", "k2"], keys
    client.kv.namespaces.bulk_delete(body=["k1", "k2"], **kv)

    code = b"""export default { async fetch(request, env) {
        return new Response('python ' + env.SITE_ID + ' ' + await env.VARIANTS.get('a/b c'));
    } };"""
    client.workers.scripts.update(
        "sdk-worker",
        account_id=account_id,
        metadata={
            "main_module": "worker.js",
            "compatibility_date": "2026-04-01",
            "bindings": [
                {"type": "plain_text", "name": "SITE_ID", "text": "s1"},
                {"type": "kv_namespace", "name": "VARIANTS", "namespace_id": namespace_id},
            ],
        },
        files=[("worker.js", code, "application/javascript+module")],
    )
    client.workers.scripts.secrets.update(
        "sdk-worker", account_id=account_id, name="KEY", text="hush", type="secret_text"
    )
    client.workers.routes.create(zone_id=zone_id, pattern="shop.example/*", script="sdk-worker")
    assert [r.pattern for r in client.workers.routes.list(zone_id=zone_id)] == ["shop.example/*"]


def remove():
    for route in client.workers.routes.list(zone_id=zone_id):
        client.workers.routes.delete(route.id, zone_id=zone_id)
    client.workers.scripts.delete("sdk-worker", account_id=account_id)
    for namespace in client.kv.namespaces.list(account_id=account_id):
        client.kv.namespaces.delete(namespace_id=namespace.id, account_id=account_id)


{"make": make, "remove": remove}[command]()
