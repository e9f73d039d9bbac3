//! The edge in front of real workerd: what reaches a Worker, what reaches the origin, and what survives a change.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

#[path = "support/world.rs"]
mod world;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloudflare_emulator::account::Binding;
use http::Method;
use world::{ACCOUNT, NAMESPACE, PAGE, Place, ZONE};

const PASS: &str = "addEventListener('fetch', (event) => { event.passThroughOnException(); });";

fn answering(version: &str) -> String {
    format!(
        "addEventListener('fetch', (event) => {{
            const {{ pathname }} = new URL(event.request.url);
            if (pathname === '/pass') return;
            event.respondWith((async () => {{
                if (pathname === '/wait') await new Promise((done) => setTimeout(done, 1500));
                return new Response({version:?});
            }})());
        }});"
    )
}

#[tokio::test]
async fn a_worker_sees_the_visitor_and_its_bindings() {
    let place = Place::new().await;
    place.script(
        "shows",
        "addEventListener('fetch', (event) => event.respondWith((async () => Response.json({
            url: event.request.url, cf: event.request.cf, headers: Object.fromEntries(event.request.headers),
            secret: SITE_KEY, plain: PLAIN, config: CONFIG, kv: await VARIANTS.get('nothing'),
        }))()));",
    );
    place.route("shop.example/*", Some("shows"));
    let request = place
        .get("/a%2Fb//c?x=1&y=%20")
        .header("cf-blob", r#"{"colo":"FORGED"}"#)
        .header("x-kv-namespace", "forged")
        .header("cf-connecting-ip", "9.9.9.9")
        .header("user-agent", "GPTBot/1.2");
    let response = request.send().await.unwrap();
    assert!(
        response.headers()["cf-ray"]
            .to_str()
            .unwrap()
            .ends_with("-DEV")
    );
    let seen: serde_json::Value = response.json().await.unwrap();
    assert_eq!(seen["url"], "http://shop.example/a%2Fb//c?x=1&y=%20");
    assert_eq!(seen["cf"]["colo"], "DEV");
    assert_eq!(seen["headers"]["cf-connecting-ip"], "127.0.0.1");
    assert_eq!(seen["headers"]["user-agent"], "GPTBot/1.2");
    assert!(seen["headers"].get("cf-blob").is_none(), "{seen}");
    assert!(seen["headers"].get("x-kv-namespace").is_none(), "{seen}");
    assert_eq!(seen["secret"], "quite \"secret\"\\\n\u{e9}");
    assert_eq!(seen["plain"], "plain");
    assert_eq!(
        seen["config"],
        serde_json::json!({"v": 1, "deep": [{"é": null}]})
    );
    assert!(seen["kv"].is_null());
    place.emulator.stop().await;
}

#[tokio::test]
async fn what_the_worker_lets_pass_reaches_the_origin_unchanged() {
    let place = Place::new().await;
    place.script("pass", PASS);
    place.route("shop.example/*", Some("pass"));

    let direct = place
        .http
        .get(format!("{}/page", place.origin.url))
        .send()
        .await
        .unwrap();
    let passed = place.get("/page").send().await.unwrap();
    assert_eq!(passed.status(), direct.status());
    for name in [
        "content-type",
        "etag",
        "set-cookie",
        "server",
        "content-length",
    ] {
        let values = |r: &reqwest::Response| {
            r.headers()
                .get_all(name)
                .iter()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(values(&passed), values(&direct), "{name}");
    }
    assert_eq!(passed.text().await.unwrap(), PAGE);

    let seen = place.json("//odd%2Fpath/x?q=%C3%A9&q=a+b").await;
    assert_eq!(seen["path"], "//odd%2Fpath/x?q=%C3%A9&q=a+b");
    assert_eq!(seen["headers"]["host"], "shop.example");
    assert_eq!(seen["headers"]["cf-connecting-ip"], "127.0.0.1");
    assert_eq!(seen["headers"]["x-forwarded-proto"], "http");
    assert_eq!(seen["headers"]["cf-visitor"], r#"{"scheme":"http"}"#);
    assert!(seen["headers"].get("cf-blob").is_none(), "{seen}");

    let head = place
        .request(Method::HEAD, "shop.example", "/page")
        .send()
        .await
        .unwrap();
    assert_eq!(head.headers()["content-length"], PAGE.len().to_string());

    // An answer that never ends arrives as it is made.
    let mut drip = place.get("/drip").send().await.unwrap();
    assert_eq!(drip.chunk().await.unwrap().unwrap(), "first");
    drop(drip);

    // A large body of unknown length, streamed.
    let chunks = futures::stream::iter(
        (0..64).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![7_u8; 65_536]))),
    );
    let post = place
        .request(Method::POST, "shop.example", "/form")
        .body(reqwest::Body::wrap_stream(chunks));
    let seen: serde_json::Value = post.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (seen["method"].as_str(), seen["bytes"].as_u64()),
        (Some("POST"), Some(64 * 65_536))
    );
    assert_eq!(seen["sum"], 64 * 65_536 * 7);
    place.emulator.stop().await;
}

#[tokio::test]
async fn hosts_and_routes_decide_who_answers() {
    let place = Place::new().await;
    place.script("main", &answering("worker"));
    place.route("shop.example/*", Some("main"));
    place.route("shop.example/robots.txt*", None);
    place.route("www.shop.example/gone*", Some("missing"));
    place.change(|world| {
        world.zones[0].proxied.push("*.deep.shop.example".into());
    });
    place.route("*.deep.shop.example/*", Some("main"));
    let cases = [
        ("shop.example", "/", 200, "worker"),
        ("SHOP.example:8787", "/x?y", 200, "worker"),
        ("shop.example", "/robots.txt?x", 200, "\"origin\":true"),
        ("www.shop.example", "/", 200, "\"origin\":true"),
        ("www.shop.example", "/gone", 200, "\"origin\":true"),
        ("a.deep.shop.example", "/", 200, "worker"),
        ("unproxied.shop.example", "/", 200, "\"origin\":true"),
        ("nobody.test", "/", 530, "no zone holds"),
        ("127.0.0.1", "/", 530, "no zone holds"),
    ];
    for (host, path, status, expected) in cases {
        let response = place.request(Method::GET, host, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{host}{path}");
        let text = response.text().await.unwrap();
        assert!(text.contains(expected), "{host}{path}: {text}");
    }
    // Without the proxy nothing is added.
    let direct = place
        .request(Method::GET, "unproxied.shop.example", "/")
        .send()
        .await
        .unwrap();
    assert!(!direct.headers().contains_key("cf-ray"));
    assert!(!direct.text().await.unwrap().contains("cf-connecting-ip"));
    // A paused or pending zone runs no Worker.
    for (status, paused) in [("active", true), ("pending", false), ("moved", false)] {
        place.change(|world| {
            world.zones[0].status = status.into();
            world.zones[0].paused = paused;
        });
        let text = place.get("/").send().await.unwrap().text().await.unwrap();
        assert!(text.contains("\"origin\":true"), "{status}: {text}");
    }
    // No origin, and one that is down.
    place.change(|world| {
        world.zones[0].origin = None;
    });
    assert_eq!(place.get("/").send().await.unwrap().status(), 523);
    place.change(|world| {
        world.zones[0].origin = Some("http://127.0.0.1:1".parse().unwrap());
    });
    assert_eq!(place.get("/").send().await.unwrap().status(), 521);
    place.emulator.stop().await;
}

#[tokio::test]
async fn a_throwing_worker_fails_open_only_when_it_says_so() {
    let place = Place::new().await;
    place.script("open", "addEventListener('fetch', (event) => { event.passThroughOnException(); throw new Error('x'); });");
    place.script(
        "closed",
        "addEventListener('fetch', () => { throw new Error('x'); });",
    );
    place.route("shop.example/*", Some("open"));
    place.route("www.shop.example/*", Some("closed"));
    assert_eq!(place.json("/a").await["origin"], true);
    let closed = place
        .request(Method::GET, "www.shop.example", "/a")
        .send()
        .await
        .unwrap();
    assert_eq!(closed.status(), 500);
    place.emulator.stop().await;
}

#[tokio::test]
async fn a_worker_fetches_its_zone_and_loopback_alone() {
    let place = Place::new().await;
    place.script(
        "fetches",
        "addEventListener('fetch', (event) => event.respondWith((async () => {
            const to = new URL(event.request.url).searchParams.get('to');
            const answer = await fetch(to);
            return new Response(answer.status + ' ' + await answer.text());
        })()));",
    );
    place.route("shop.example/*", Some("fetches"));
    let api = place.emulator.api_addr().port();
    let other = place.origin.address.port();
    let cases = [
        ("http://shop.example/own".to_owned(), "200 {\"origin\":true"),
        (
            "https://www.shop.example:8443/own".to_owned(),
            "200 {\"origin\":true",
        ),
        (
            format!("http://127.0.0.1:{other}/direct"),
            "200 {\"origin\":true",
        ),
        (
            format!("http://localhost:{other}/direct"),
            "200 {\"origin\":true",
        ),
        (
            "http://blog.example/".to_owned(),
            "403 Local Cloudflare: blog.example is in the zone blog.example",
        ),
        (
            "https://example.com/".to_owned(),
            "403 Local Cloudflare: a Worker may fetch",
        ),
        (
            "http://169.254.169.254/latest".to_owned(),
            "403 Local Cloudflare: a Worker may fetch",
        ),
        (
            format!("http://127.0.0.1:{api}/client/v4/user"),
            "403 Local Cloudflare: a Worker may not call the API",
        ),
        (
            format!("http://localhost:{api}/__emulator/state"),
            "403 Local Cloudflare: a Worker may not call the API",
        ),
    ];
    for (to, expected) in cases {
        let text = place
            .get("/")
            .query(&[("to", &to)])
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(text.starts_with(expected), "{to}: {text}");
    }
    place.emulator.stop().await;
}

#[tokio::test]
async fn kv_works_from_a_worker() {
    let place = Place::new().await;
    place.script(
        "kv",
        "addEventListener('fetch', (event) => event.respondWith((async () => {
            const out = {};
            await VARIANTS.put('v/html//a b?é', 'Zażółć', { metadata: { r: 'ä', n: [1] } });
            out.text = await VARIANTS.getWithMetadata('v/html//a b?é');
            await VARIANTS.put('bytes', new Uint8Array([0, 255, 1]).buffer);
            out.bytes = [...new Uint8Array(await VARIANTS.get('bytes', 'arrayBuffer'))];
            await VARIANTS.put('json', '{\"a\":1}', { expirationTtl: 3600 });
            out.json = await VARIANTS.get('json', { type: 'json', cacheTtl: 60 });
            out.many = Object.fromEntries(await VARIANTS.get(['json', 'nothing'], { type: 'json' }));
            out.pages = [];
            for (let i = 0; i < 5; i++) await VARIANTS.put('list/' + i, 'x', { metadata: 'm' + i });
            let cursor;
            do {
                const page = await VARIANTS.list({ prefix: 'list/', limit: 2, cursor });
                out.pages.push(page.keys.map((key) => key.name + key.metadata).join());
                cursor = page.list_complete ? undefined : page.cursor;
            } while (cursor);
            out.expiring = (await VARIANTS.list({ prefix: 'json' })).keys[0].expiration > Date.now() / 1000;
            await VARIANTS.delete('json');
            await VARIANTS.delete('json');
            out.deleted = await VARIANTS.get('json');
            out.refused = [];
            for (const attempt of [
                () => VARIANTS.put('ttl', 'x', { expirationTtl: 59 }),
                () => VARIANTS.put('meta', 'x', { metadata: 'x'.repeat(1023) }),
                () => VARIANTS.put('big', new Uint8Array(25 * 1024 * 1024 + 1)),
                () => VARIANTS.list({ limit: 1001 }),
            ]) await attempt().then(() => out.refused.push('no'), (error) => out.refused.push(error.message));
            return Response.json(out);
        })()));",
    );
    place.route("shop.example/*", Some("kv"));
    let out = place.json("/").await;
    assert_eq!(out["text"]["value"], "Zażółć");
    assert_eq!(
        out["text"]["metadata"],
        serde_json::json!({"r": "ä", "n": [1]})
    );
    assert_eq!(out["bytes"], serde_json::json!([0, 255, 1]));
    assert_eq!(out["json"], serde_json::json!({"a": 1}));
    assert_eq!(
        out["many"],
        serde_json::json!({"json": {"a": 1}, "nothing": null})
    );
    assert_eq!(
        out["pages"],
        serde_json::json!(["list/0m0,list/1m1", "list/2m2,list/3m3", "list/4m4"])
    );
    assert_eq!(out["expiring"], true);
    assert!(out["deleted"].is_null());
    let refused: Vec<_> = out["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    for (text, expected) in refused.iter().zip(["400", "413", "413", "400"]) {
        assert!(text.contains(expected), "{refused:?}");
    }
    assert_eq!(refused.len(), 4);
    let is_kept = {
        let world = place.world().read();
        world.namespaces[NAMESPACE]
            .get("v/html//a b?é", 0)
            .is_some()
    };
    assert!(is_kept);
    place.emulator.stop().await;
}

#[tokio::test]
async fn kv_can_fail_and_hang() {
    let place = Place::new().await;
    place.script(
        "races",
        "addEventListener('fetch', (event) => event.respondWith((async () => {
            const late = new Promise((done) => setTimeout(() => done('late'), 200));
            const read = VARIANTS.get('key').then((value) => 'value ' + value, (error) => error.message);
            return new Response(await Promise.race([read, late]));
        })()));",
    );
    place.route("shop.example/*", Some("races"));
    let get = async || place.get("/").send().await.unwrap().text().await.unwrap();
    assert_eq!(get().await, "value null");
    let fault = |text: &str| {
        place.world().faults().clear();
        place
            .world()
            .faults()
            .add(&serde_json::from_str(text).unwrap())
            .unwrap();
    };
    fault(r#"{"match": {"path": "^kv/"}, "kind": "hang", "times": 1}"#);
    assert_eq!(get().await, "late");
    fault(r#"{"match": {"path": "^kv/.*/key"}, "kind": "before", "status": 503, "times": 1}"#);
    assert!(get().await.contains("503"));
    fault(r#"{"match": {"path": "^kv/.*/other"}, "kind": "before", "times": 1}"#);
    assert_eq!(get().await, "value null");
    place.emulator.stop().await;
}

#[tokio::test]
async fn a_change_is_live_at_once_and_costs_no_request() {
    let place = Arc::new(Place::new().await);
    place.script("main", &answering("0"));
    place.route("shop.example/*", Some("main"));
    assert!(place.until("/", "0").await < Duration::from_secs(2));

    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (place, stop) = (Arc::clone(&place), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut last = 0;
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let response = place.get("/").send().await.expect("no request is lost");
                    let (status, text) = (
                        response.status(),
                        response.text().await.expect("a whole body"),
                    );
                    assert_eq!(status, 200, "{text}");
                    let version: u32 = text.parse().expect("a version");
                    assert!(version >= last, "version {version} after {last}");
                    last = version;
                    let posted = place
                        .request(Method::POST, "shop.example", "/pass")
                        .body("abc")
                        .send()
                        .await;
                    let seen: serde_json::Value = posted
                        .expect("no request is lost")
                        .json()
                        .await
                        .expect("the origin");
                    assert_eq!(seen["bytes"], 3);
                    count += 2;
                }
                count
            })
        })
        .collect();
    let slow = {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            place
                .get("/wait")
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
        })
    };
    for version in 1..=4 {
        place.script("main", &answering(&version.to_string()));
        let took = place.until("/", &version.to_string()).await;
        assert!(took < Duration::from_secs(2), "live after {took:?}");
    }
    assert_eq!(
        slow.await.unwrap(),
        "0",
        "a request in flight is answered by the version that took it"
    );
    stop.store(true, Ordering::Relaxed);
    let mut count = 0;
    for task in load {
        count += task.await.expect("no request failed");
    }
    assert!(count > 100, "{count} requests");
}

#[tokio::test]
async fn a_killed_workerd_is_replaced() {
    let place = Place::new().await;
    place.script("main", &answering("here"));
    place.route("shop.example/*", Some("main"));
    place.until("/", "here").await;
    let first = place.emulator.workerd_pid().unwrap();
    for signal in ["-KILL", "-TERM"] {
        let pid = place.emulator.workerd_pid().unwrap();
        assert!(
            Command::new("kill")
                .args([signal, &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
        // A request that can be repeated does not even notice.
        let response = place.get("/").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), "here");
    }
    let last = place.emulator.workerd_pid().unwrap();
    assert_ne!(first, last);
    place.emulator.stop().await;
    assert!(
        !Command::new("kill")
            .args(["-0", &last.to_string()])
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[tokio::test]
async fn a_workerd_that_hangs_is_replaced() {
    let place = Place::new().await;
    place.script("main", &answering("here"));
    place.route("shop.example/*", Some("main"));
    place.until("/", "here").await;
    let first = place.emulator.workerd_pid().unwrap();
    // It keeps its sockets open, and answers nothing.
    let stopped = Command::new("kill")
        .args(["-STOP", &first.to_string()])
        .status();
    assert!(stopped.unwrap().success());
    // Who was waiting is told, whoever comes after it is served.
    let waited = place.get("/").send().await.unwrap();
    assert_eq!(waited.status(), 520);
    place.until("/", "here").await;
    assert_ne!(place.emulator.workerd_pid(), Some(first));
    place.emulator.stop().await;
}

#[tokio::test]
async fn modules_run_and_a_broken_script_harms_no_other() {
    let place = Place::new().await;
    place.script("broken", "this is no script");
    place.modules(
        "modules",
        &[
            (
                "worker.js",
                "application/javascript+module",
                "import { text } from './lib/other.mjs'; import page from './page.txt';
                 export default { fetch: (request, env) => new Response(text + page + env.PLAIN) };",
            ),
            ("lib/other.mjs", "application/javascript+module; charset=utf-8", "export const text = 'other ';"),
            ("page.txt", "text/plain", "page "),
            ("worker.js.map", "application/source-map", "{}"),
        ],
    );
    place.route("shop.example/*", Some("modules"));
    place.route("www.shop.example/*", Some("broken"));
    assert_eq!(
        place.get("/").send().await.unwrap().text().await.unwrap(),
        "other page plain"
    );
    let broken = place
        .request(Method::GET, "www.shop.example", "/")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 500);
    assert!(broken.text().await.unwrap().contains("SyntaxError"));
    let refusal = {
        let content = |code: &str| {
            place.script("candidate", code);
            let world = place.world().read();
            world
                .script(world::ACCOUNT, "candidate")
                .unwrap()
                .live()
                .unwrap()
                .content
                .clone()
        };
        let check = place.world().script_check().unwrap();
        assert_eq!(check.check("candidate", &content(PASS)).await, Ok(()));
        assert!(
            check
                .check("c", &content("1"))
                .await
                .unwrap_err()
                .contains("No event handlers")
        );
        assert!(
            check
                .check("c", &content("while (true) {}"))
                .await
                .unwrap_err()
                .contains("startup exceeded")
        );
        check
            .check("c", &content("throw new Error('at the top')"))
            .await
            .unwrap_err()
    };
    assert!(refusal.contains("at the top"), "{refusal}");
    assert_eq!(
        place.get("/").send().await.unwrap().text().await.unwrap(),
        "other page plain"
    );
    let _ = ZONE;
    place.emulator.stop().await;
}

#[tokio::test]
async fn a_web_socket_passes() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let place = Place::new().await;
    place.script(
        "echo",
        "addEventListener('fetch', (event) => {
            const [client, server] = Object.values(new WebSocketPair());
            server.accept();
            server.addEventListener('message', (message) => server.send('echo ' + message.data));
            event.respondWith(new Response(null, { status: 101, webSocket: client }));
        });",
    );
    place.route("shop.example/*", Some("echo"));
    let mut stream = tokio::net::TcpStream::connect(place.emulator.edge_addr())
        .await
        .unwrap();
    let request = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // One masked text frame: "hi" under the mask 0.
    stream
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .await
        .unwrap();
    let mut read = Vec::new();
    let start = Instant::now();
    while !read.ends_with(b"echo hi") {
        assert!(start.elapsed() < Duration::from_secs(10));
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "closed after {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8_lossy(&read);
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    drop(stream);
    place.emulator.stop().await;
}

#[tokio::test]
async fn data_points_arrive_by_the_runtimes_own_binding() {
    let place = Place::new().await;
    place.script(
        "writes",
        "addEventListener('fetch', (event) => {
            const said = [];
            for (const point of [
                { indexes: ['site'], blobs: ['GPTBot', new URL(event.request.url).pathname, null, 'é'], doubles: [200, 1.5] },
                { indexes: ['a', 'b'], blobs: ['two indexes'] },
                { blobs: Array(21).fill('too many') },
                { blobs: ['x'.repeat(16 * 1024 + 1)] },
            ]) said.push(String(VISITS.writeDataPoint(point)));
            try { VISITS.writeDataPoint('no point'); } catch (error) { said.push(error.name); }
            event.respondWith(Response.json(said));
        });",
    );
    place.bind(
        "writes",
        &Binding::AnalyticsEngine {
            name: "VISITS".into(),
            dataset: "visits".into(),
        },
    );
    place.route("shop.example/*", Some("writes"));
    let said = place.json("/a%2Fb").await;
    let quiet = "undefined";
    assert_eq!(
        said,
        serde_json::json!([quiet, quiet, quiet, quiet, "TypeError"])
    );
    let key = (ACCOUNT.to_owned(), "visits".to_owned());
    let began = Instant::now();
    let points = loop {
        let points = place.world().read().datasets.get(&key).cloned();
        if let Some(points) = points {
            break points.points;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it never came");
        tokio::task::yield_now().await;
    };
    let point = &points[0];
    assert_eq!(points.len(), 1, "{points:?}");
    assert_eq!(point.index, "site");
    assert_eq!(point.blobs[..5], ["GPTBot", "/a%2Fb", "", "é", ""]);
    assert_eq!(point.doubles[..3], [200.0, 1.5, 0.0]);
    assert_eq!(point.sample_interval, 1);
    assert!(point.at_ms > 1_700_000_000_000);
    place.emulator.stop().await;
}
