//! Agents come, their visits are sent by the Worker, stored, counted and asked for.

use crate::{
    local_cloudflare::{BLOG, client},
    program::Program,
    story::Story,
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";
pub(crate) const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// A story whose program listens at a port that its Worker can be told.
pub(crate) async fn begin() -> Story {
    // Workers are told a fixed port only; this one was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    Story::begin_with_settings(&[("EDGE_DELIVERY_LISTEN", &format!("127.0.0.1:{port}"))]).await
}

pub(crate) async fn visit(story: &Story, user_agent: &str, path: &str) {
    let answer = client()
        .get(format!("{}{path}", story.cloud.edge_url()))
        .header("host", "shop.localhost")
        .header("user-agent", user_agent)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("a body");
}

/// Sends a body as a Worker does.
pub(crate) async fn send(program: &Program, key: &str, batch: &str, body: String) -> (u16, Value) {
    let answer = client()
        .post(format!("{}/ingest/v1/visits", program.base()))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .header("idempotency-key", batch)
        .header("x-edge-delivery-dropped", "2")
        .body(body)
        .send()
        .await
        .expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

pub(crate) fn visits(count: usize, path: &str) -> String {
    let visit = json!({ "t": now(), "agent": "ClaudeBot", "path": path, "outcome": "variant", "status": 200,
        "revision": "ab".repeat(32), "format": "html", "country": "DE", "asn": 64500, "ip": "192.0.2.7", "ms": 4 });
    Value::Array(vec![visit; count]).to_string()
}

pub(crate) async fn counted(story: &Story, site: &str, wanted: u64) -> Value {
    let path = format!("/sites/{site}/traffic?from=24h");
    story
        .program
        .until(&path, |traffic| traffic["totals"]["visits"] == wanted)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_counted_and_people_are_not() {
    let story = begin().await;
    story
        .program
        .publish(&story.site, "pricing", "<h1>Prices</h1>")
        .await;
    story.deployed().await;
    for _ in 0..3 {
        visit(&story, GPTBOT, "/pricing").await;
        visit(&story, CHROME, "/pricing").await;
    }
    visit(&story, GPTBOT, "/missing").await;
    visit(&story, CHROME, "/missing").await;
    let traffic = counted(&story, &story.site, 4).await;
    assert_eq!(traffic["totals"]["variant"], 3, "{traffic:#}");
    assert_eq!(traffic["byAgent"][0]["agent"], "GPTBot");
    assert_eq!(traffic["byAgent"][0]["operator"], "OpenAI");
    assert_eq!(traffic["byPath"][0]["path"], "/pricing");
    assert_eq!(traffic["missedPaths"][0]["path"], "/missing");
    assert_eq!(traffic["dropped"], 0);
    let series: u64 = traffic["series"]
        .as_array()
        .expect("a series")
        .iter()
        .map(|point| point["visits"].as_u64().expect("a number"))
        .sum();
    assert_eq!(series, 4);
    let path = format!(
        "/sites/{}/traffic?from=24h&path=/pri&outcome=variant",
        story.site
    );
    let some = story.program.ok("GET", &path, None).await;
    assert_eq!(some["totals"]["visits"], 3);
    let path = format!("/sites/{}/traffic?purpose=user", story.site);
    assert_eq!(
        story.program.ok("GET", &path, None).await["totals"]["visits"],
        0
    );
    // The same Worker after a new start, and no sign of a change.
    assert_eq!(story.program.plan(&story.site).await["steps"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_counts_once_also_when_the_program_is_killed() {
    let mut story = begin().await;
    story.deployed().await;
    let key = story.cloud.site_key();
    for _ in 0..2 {
        assert_eq!(
            send(&story.program, &key, "one", visits(100, "/a")).await.0,
            204
        );
    }
    let mut expected = 100;
    for round in 0..5 {
        let enough = Arc::new(AtomicBool::new(false));
        let acknowledged = tokio::spawn({
            let enough = Arc::clone(&enough);
            let url = format!("{}/ingest/v1/visits", story.program.base());
            let key = key.clone();
            async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let batch = format!("{round}-{number}");
                    let answer = client()
                        .post(&url)
                        .bearer_auth(&key)
                        .header("idempotency-key", &batch)
                        .body(visits(10, "/b"))
                        .send()
                        .await;
                    match answer {
                        Ok(answer) if answer.status() == 204 && !enough.load(Ordering::Relaxed) => {
                            acknowledged.push(batch);
                        }
                        _ => return (acknowledged, batch),
                    }
                }
                unreachable!("it is killed")
            }
        });
        // Somewhere in the midst of it.
        story.program.until("/sites", |_| true).await;
        tokio::task::yield_now().await;
        story.program.kill().await;
        enough.store(true, Ordering::Relaxed);
        story.program.kill_and_start_again().await;
        let (acknowledged, unknown) = acknowledged.await.expect("it ends");
        // Whoever got no answer sends again; so does whoever got one and forgot.
        for batch in acknowledged.iter().chain([&unknown]) {
            assert_eq!(
                send(&story.program, &key, batch, visits(10, "/b")).await.0,
                204
            );
        }
        expected += 10 * (acknowledged.len() as u64 + 1);
    }
    let traffic = counted(&story, &story.site, expected).await;
    assert_eq!(traffic["byAgent"][0]["visits"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_of_a_site_is_refused_whole() {
    let story = begin().await;
    story.deployed().await;
    let key = story.cloud.site_key();
    let blog = story
        .program
        .make_site(&story.connection, BLOG, "blog")
        .await;
    let long = format!("/{}", "x".repeat(10_000));
    let one = |change: fn(&mut Value)| {
        let mut batch: Value = serde_json::from_str(&visits(2, "/a")).expect("json");
        change(&mut batch[1]);
        batch.to_string()
    };
    let cases: Vec<(&str, String, u16)> = vec![
        ("no array", "{}".to_owned(), 422),
        ("no JSON", "[".to_owned(), 422),
        ("empty", "[]".to_owned(), 422),
        ("too many", visits(1_001, "/a"), 422),
        ("a million", format!("[{}", "{},".repeat(1_000_000)), 413),
        ("long path", visits(1, &long), 422),
        ("before 1970", one(|visit| visit["t"] = (-1).into()), 422),
        ("long ago", one(|visit| visit["t"] = 1.into()), 422),
        (
            "unknown outcome",
            one(|visit| visit["outcome"] = "stolen".into()),
            422,
        ),
        (
            "deep",
            format!("[{{\"x\":{}{}}}]", "[".repeat(5_000), "]".repeat(5_000)),
            422,
        ),
    ];
    for (what, body, status) in cases {
        let (got, problem) = send(&story.program, &key, "bad", body).await;
        assert_eq!(got, status, "{what}: {problem:#}");
        assert!(
            !problem["causes"].as_array().expect(what).is_empty(),
            "{what}"
        );
        assert!(
            !problem["remedies"].as_array().expect(what).is_empty(),
            "{what}"
        );
    }
    let (status, _) = send(&story.program, &key, "not an id!", visits(1, "/a")).await;
    assert_eq!(status, 422);
    let wrong = "A".repeat(43);
    for (key, status) in [("", 401), ("ed_nothing", 401), (wrong.as_str(), 401)] {
        assert_eq!(
            send(&story.program, key, "bad", visits(1, "/a")).await.0,
            status,
            "{key}"
        );
    }
    for _ in 0..40 {
        send(&story.program, &wrong, "bad", visits(1, "/a")).await;
    }
    let (status, problem) = send(&story.program, &wrong, "bad", visits(1, "/a")).await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
    // A good key is not locked out by somebody's wrong ones.
    assert_eq!(
        send(&story.program, &key, "good", visits(1, "/a")).await.0,
        204
    );
    let traffic = counted(&story, &story.site, 1).await;
    assert_eq!(traffic["dropped"], 2);
    let path = format!("/sites/{blog}/traffic");
    assert_eq!(
        story.program.ok("GET", &path, None).await["totals"]["visits"],
        0
    );
    for bad in [
        "from=never",
        "bucket=year",
        "timeZone=Mars/Olympus",
        "from=12mo&bucket=hour",
        "x=1",
        "outcome=stolen",
    ] {
        let path = format!("/sites/{}/traffic?{bad}", story.site);
        let (status, problem) = story.program.call("GET", &path, None).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("validation_failed")),
            "{bad}"
        );
    }
    let removal = story.program.remove(&story.site).await;
    story.program.ended(&removal).await;
    story
        .program
        .until("/sites", |sites| {
            sites["items"].as_array().map(Vec::len) == Some(1)
        })
        .await;
    let dead = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let (status, _) = send(&story.program, &key, "late", visits(1, "/a")).await;
            if status != 204 {
                return status;
            }
        }
    });
    assert!(
        matches!(dead.await, Ok(401 | 429)),
        "a removed site's key is dead"
    );
}
