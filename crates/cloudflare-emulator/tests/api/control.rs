//! Faults, latency, counts, the dump and the record.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{ACME, GOOD, Local, SHOP, THEIRS, example, got};

const SECRET: &str = "hush-this-is-a-secret-text";

async fn fault(local: &Local, spec: Value) {
    let done = local.control("POST", "/faults", Some(spec)).await;
    assert_eq!(done.status, 201, "{}", done.text());
}

fn titles() -> String {
    format!("/accounts/{ACME}/storage/kv/namespaces")
}

async fn count(local: &Local) -> usize {
    let list = local.get(GOOD, &titles()).await.result();
    list.as_array().unwrap().len()
}

#[tokio::test]
async fn faults_before_and_after_the_effect() {
    let local = Local::start().await;
    let path = titles();
    let create = || local.send("POST", &path, json!({"title": "t"}));
    let matching = json!({"method": "POST", "path": "/storage/kv/namespaces$"});
    fault(
        &local,
        json!({"match": matching, "kind": "before", "status": 503, "code": 7, "times": 2}),
    )
    .await;
    assert_eq!(create().await.refused(), (503, 7));
    assert_eq!(create().await.refused(), (503, 7));
    assert_eq!(count(&local).await, 1);
    fault(&local, json!({"match": matching, "kind": "after"})).await;
    assert_eq!(create().await.refused(), (500, 10013));
    assert_eq!(count(&local).await, 2);
    assert_eq!(create().await.refused(), (400, 10014));
}

#[tokio::test]
async fn faults_without_a_proper_answer() {
    let local = Local::start().await;
    fault(&local, json!({"kind": "html"})).await;
    let html = local.get(GOOD, "/accounts").await;
    assert_eq!(html.status, 502);
    assert!(html.text().contains("<html>"));
    fault(&local, json!({"kind": "rate_limited"})).await;
    let limited = local.get(GOOD, "/accounts").await;
    assert_eq!(limited.refused(), (429, 971));
    assert_eq!(limited.headers["retry-after"], "1");
    for (kind, known) in [("timeout", 1), ("hang", 2)] {
        fault(&local, json!({"kind": kind, "delayMs": 150})).await;
        let began = Instant::now();
        let create = local.call("POST", GOOD, &titles());
        let failed = create.json(&json!({"title": kind})).send().await;
        assert!(failed.is_err());
        assert!(began.elapsed() >= Duration::from_millis(150));
        assert_eq!(count(&local).await, known, "{kind}");
    }
    fault(&local, json!({"kind": "before", "times": 100})).await;
    local.control("DELETE", "/faults", None).await;
    local.get(GOOD, "/accounts").await.result();
}

/// How far the first fault is: met, left, held.
async fn standing(local: &Local) -> (u64, u64, u64) {
    let faults = local.control("GET", "/faults", None).await.json();
    let number = |name: &str| faults["faults"][0][name].as_u64().unwrap();
    (number("met"), number("left"), number("held"))
}

#[tokio::test]
async fn a_slow_call_is_held_until_the_faults_are_gone() {
    let local = Local::start().await;
    let path = titles();
    fault(
        &local,
        json!({"match": {"method": "POST"}, "kind": "slow", "skip": 1, "delayMs": 600_000}),
    )
    .await;
    local
        .send("POST", &path, json!({"title": "one"}))
        .await
        .result();
    assert_eq!(standing(&local).await, (0, 1, 0));
    let slow = local.call("POST", GOOD, &path);
    let slow = tokio::spawn(got(slow.json(&json!({"title": "two"}))));
    while standing(&local).await != (1, 0, 1) {
        tokio::task::yield_now().await;
    }
    // Done, but not answered.
    while count(&local).await != 3 {
        tokio::task::yield_now().await;
    }
    assert!(!slow.is_finished());
    local.control("DELETE", "/faults", None).await;
    assert_eq!(slow.await.unwrap().result()["title"], "two");
}

#[tokio::test]
async fn a_late_call_is_done_when_nobody_waits() {
    let local = Local::start().await;
    let path = titles();
    fault(
        &local,
        json!({"match": {"method": "POST"}, "kind": "late", "delayMs": 600_000}),
    )
    .await;
    let create = local.call("POST", GOOD, &path);
    assert!(create.json(&json!({"title": "t"})).send().await.is_err());
    assert_eq!(count(&local).await, 1);
    local.control("DELETE", "/faults", None).await;
    while count(&local).await != 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let local = Local::start().await;
    fault(&local, json!({"kind": "rate_limited", "retryAfter": 240})).await;
    let limited = local.get(GOOD, "/accounts").await;
    assert_eq!(limited.refused(), (429, 971));
    assert_eq!(limited.headers["retry-after"], "240");
}

#[tokio::test]
async fn latency_and_counts() {
    let local = Local::start().await;
    local
        .control("PUT", "/latency", Some(json!({"ms": 120})))
        .await;
    let began = Instant::now();
    local.get(GOOD, &titles()).await.result();
    assert!(began.elapsed() >= Duration::from_millis(120));
    local
        .control("PUT", "/latency", Some(json!({"ms": 0})))
        .await;
    local.get(GOOD, &titles()).await.result();
    let counts = local.control("GET", "/requests", None).await.json();
    let path = "/accounts/{account_id}/storage/kv/namespaces";
    assert_eq!(
        counts,
        json!({"requests": [{"method": "GET", "path": path, "count": 2}], "total": 2})
    );
}

#[tokio::test]
async fn control_calls_are_not_for_web_pages() {
    let local = Local::start().await;
    let url = local.url("/__emulator/faults");
    let post = || local.http.post(&url).json(&json!({"kind": "html"}));
    assert_eq!(
        got(post().header("origin", "http://127.0.0.1"))
            .await
            .status,
        403
    );
    assert_eq!(got(post().header("host", "evil.example")).await.status, 403);
    let plain = local.http.post(&url).body(r#"{"kind":"html"}"#);
    assert_eq!(got(plain).await.status, 415);
    assert_eq!(got(post().header("host", "localhost:1")).await.status, 201);
    let bad = local
        .http
        .post(&url)
        .json(&json!({"kind": "html", "tims": 1}));
    assert_eq!(got(bad).await.status, 400);
    let unknown = local.control("GET", "/nothing", None).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn rate_limits_can_be_switched_on() {
    let mut state = example();
    state.rate_limits = true;
    let local = Local::with(state).await;
    let answer = local.get(GOOD, "/accounts").await;
    assert_eq!(
        answer.headers["ratelimit-policy"],
        "\"default\";q=1200;w=300"
    );
    assert_eq!(answer.headers["ratelimit"], "\"default\";r=1199;t=300");
    assert!(answer.headers.contains_key("cf-ray"));
    for _ in 1..1200 {
        local.get(GOOD, "/accounts").await.result();
    }
    let limited = local.get(GOOD, "/accounts").await;
    assert_eq!(limited.refused(), (429, 971));
    assert!(limited.headers.contains_key("retry-after"));
}

async fn upload(local: &Local) {
    let metadata = json!({
        "body_part": "worker.js",
        "bindings": [
            {"type": "secret_text", "name": "S", "text": SECRET},
            {"type": "kv_namespace", "name": "KV", "namespace_id": THEIRS},
        ],
    });
    let form = reqwest::multipart::Form::new()
        .text("metadata", metadata.to_string())
        .text("worker.js", "addEventListener('fetch', () => {})");
    let path = format!("/accounts/{ACME}/workers/scripts/mine");
    got(local.call("PUT", GOOD, &path).multipart(form))
        .await
        .result();
}

#[tokio::test]
async fn the_dump_is_stable_and_without_secrets() {
    let local = Local::start().await;
    let dump = || async { local.control("GET", "/state", None).await.text() };
    let before = dump().await;
    for token in &example().tokens {
        assert!(!before.contains(&token.value));
    }
    assert!(!before.contains("hello"), "no KV value");
    upload(&local).await;
    let key = format!("{}/{THEIRS}/values/k", titles());
    got(local.call("PUT", GOOD, &key).body(SECRET))
        .await
        .result();
    let body = json!({"pattern": "shop.example/*", "script": "mine"});
    let routes = format!("/zones/{SHOP}/workers/routes");
    let route = local.send("POST", &routes, body).await.result();
    let during = dump().await;
    assert!(!during.contains(SECRET));
    assert_eq!(during, dump().await);
    let json: Value = serde_json::from_str(&during).unwrap();
    for table in [
        "accounts",
        "zones",
        "tokens",
        "namespaces",
        "scripts",
        "routes",
    ] {
        assert!(json[table].is_array(), "{table}");
    }
    assert_eq!(json["routes"][0]["pattern"], "shop.example/*");

    let one = format!("{routes}/{}", route["id"].as_str().unwrap());
    local.send("DELETE", &one, json!({})).await.result();
    let script = format!("/accounts/{ACME}/workers/scripts/mine");
    local.send("DELETE", &script, json!({})).await.result();
    local.send("DELETE", &key, json!({})).await.result();
    assert_eq!(dump().await, before);
}

#[tokio::test]
async fn the_record_holds_every_exchange_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    let local = Local::recording(example(), Some(&path)).await;
    upload(&local).await;
    let key = format!("{}/{THEIRS}/values/k", titles());
    got(local.call("PUT", GOOD, &key).body(SECRET))
        .await
        .result();
    got(local.call("GET", GOOD, &key)).await;
    let bulk = format!("{}/{THEIRS}/bulk", titles());
    local
        .send("PUT", &bulk, json!([{"key": "a", "value": SECRET}]))
        .await
        .result();
    let get = format!("{}/{THEIRS}/bulk/get", titles());
    local
        .send("POST", &get, json!({"keys": ["a"]}))
        .await
        .result();
    let secrets = format!("/accounts/{ACME}/workers/scripts/mine/secrets");
    let body = json!({"name": "T", "text": SECRET, "type": "secret_text"});
    local.send("PUT", &secrets, body).await.result();
    let broken = got(local
        .call("PUT", GOOD, &bulk)
        .body(format!("[\"{SECRET}\"]")))
    .await;
    assert_eq!(broken.refused(), (400, 10012));
    let refused = got(local.call("PUT", "short", &key).body(SECRET)).await;
    assert_eq!(refused.status, 400);

    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 8);
    assert!(!text.contains(SECRET), "{text}");
    assert!(!text.contains(GOOD));
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["method"], "PUT");
    assert_eq!(first["answer"]["status"], 200);
    assert_eq!(first["request"]["headers"]["authorization"], "***");
    assert_eq!(
        first["request"]["body"][0]["json"]["bindings"][0]["text"],
        "***"
    );
}
