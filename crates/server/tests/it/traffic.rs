//! Agents come, their visits are sent by the Worker, stored, counted and asked for.

use crate::{
    local_cloudflare::{BLOG, LocalCloudflare, client},
    program::Program,
    story::Story,
};
use serde_json::{Value, json};
use std::net::TcpListener;

pub(crate) const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";
pub(crate) const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// A port that Workers can be told: fixed, and free a moment ago.
fn fixed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// A story whose program listens at a port that its Worker can be told.
pub(crate) async fn begin() -> Story {
    Story::begin_with_settings(&[("EDGE_DELIVERY_LISTEN", &fixed_address())]).await
}

/// The same without a site, with more settings.
pub(crate) async fn begin_program(
    folder: &std::path::Path,
    cloud: &LocalCloudflare,
    more: &[(&'static str, &str)],
) -> Program {
    let address = fixed_address();
    let listen = [("EDGE_DELIVERY_LISTEN", address.as_str())];
    let database = format!("sqlite://{}/test.db", folder.display());
    Program::start_with(database, folder, cloud, &[&listen, more].concat()).await
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
pub(crate) async fn send(
    program: &Program,
    key: &str,
    batch: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
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

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

pub(crate) fn visits(count: usize, path: &str) -> String {
    let visit = json!({ "t": now(), "agent": "ClaudeBot", "path": path, "outcome": "variant", "status": 200,
        "revision": "ab".repeat(32), "format": "html", "country": "DE", "asn": 64500, "ip": "192.0.2.7", "ms": 4 });
    Value::Array(vec![visit; count]).to_string()
}

/// A figure of `/metrics`, of all labels together; 0 when there is none.
pub(crate) async fn figure(program: &Program, name: &str) -> f64 {
    let answer = client().get(format!("{}/metrics", program.base())).send();
    let text = answer.await.expect("it answers").text().await;
    let is_of = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '{']))
    };
    text.expect("text")
        .lines()
        .filter(is_of)
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Waits until every visit that was taken is counted.
pub(crate) async fn is_all_counted(program: &Program) {
    let begun = std::time::Instant::now();
    while figure(program, "edge_delivery_visits_uncounted_batches").await > 0.0 {
        assert!(begun.elapsed().as_secs() < 60, "it is not counted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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

/// Bodies and headers that cannot be right are refused with words, and leave nothing behind.
async fn refused_whole(story: &Story, key: &str) {
    let long = format!("/{}", "x".repeat(10_000));
    let two: Vec<Value> = serde_json::from_str(&visits(2, "/a")).expect("json");
    // The first of two is good each time.
    let one = |change: fn(&mut Value)| {
        let mut batch = two.clone();
        change(&mut batch[1]);
        Value::Array(batch).to_string().into_bytes()
    };
    let spoilt = |at: &str| {
        let mut body = visits(2, at).into_bytes();
        let place = body.len() - 40;
        body[place] = 0xff;
        body
    };
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let million = format!("[{}]", vec!["{}"; 1_000_000].join(","));
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("no array", b"{}".to_vec(), 422),
        ("no JSON", b"[".to_vec(), 422),
        ("nothing", Vec::new(), 422),
        ("empty", b"[]".to_vec(), 422),
        ("too many", visits(1_001, "/a").into_bytes(), 422),
        ("a million", million.into_bytes(), 413),
        ("long path", visits(1, &long).into_bytes(), 422),
        (
            "a control character",
            one(|visit| visit["path"] = "/a\u{7}".into()),
            422,
        ),
        ("no UTF-8", spoilt("/a"), 422),
        ("before 1970", one(|visit| visit["t"] = (-1).into()), 422),
        (
            "far before 1970",
            one(|visit| visit["t"] = i64::MIN.into()),
            422,
        ),
        ("no whole number", one(|visit| visit["t"] = 1.5.into()), 422),
        ("long ago", one(|visit| visit["t"] = 1.into()), 422),
        ("far ahead", one(|visit| visit["t"] = i64::MAX.into()), 422),
        (
            "a negative status",
            one(|visit| visit["status"] = (-1).into()),
            422,
        ),
        (
            "a negative time in the Worker",
            one(|visit| visit["ms"] = (-1).into()),
            422,
        ),
        (
            "unknown outcome",
            one(|visit| visit["outcome"] = "stolen".into()),
            422,
        ),
        (
            "no address",
            one(|visit| visit["ip"] = "192.0.2.256".into()),
            422,
        ),
        ("deep", deep.clone().into_bytes(), 422),
        (
            "deep inside",
            format!("[{{\"x\":{deep}}}]").into_bytes(),
            422,
        ),
    ];
    let count = cases.len();
    for (what, body, status) in cases {
        let (got, problem) = send(&story.program, key, "bad", body).await;
        assert_eq!(got, status, "{what}: {problem:#}");
        for words in ["causes", "remedies"] {
            let words = problem[words].as_array();
            assert!(!words.expect(what).is_empty(), "{what}");
        }
    }
    let url = format!("{}/ingest/v1/visits", story.program.base());
    let headers: [(Option<&str>, &str); 5] = [
        (None, "0"),
        (Some("not an id!"), "0"),
        (Some(&"x".repeat(65)), "0"),
        (Some("one"), "-1"),
        (Some("one"), "many"),
    ];
    for (id, dropped) in headers {
        let mut request = client().post(&url).bearer_auth(key).body(visits(1, "/a"));
        if let Some(id) = id {
            request = request.header("idempotency-key", id);
        }
        let request = request.header("x-edge-delivery-dropped", dropped);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 422, "{id:?} {dropped}");
    }
    let refused = figure(&story.program, "edge_delivery_ingest_refused_total").await;
    let expected = f64::from(u32::try_from(count + headers.len()).expect("few"));
    assert!((refused - expected).abs() < 0.1, "{refused} of {expected}");
    for name in [
        "edge_delivery_visits_taken_total",
        "edge_delivery_visits_dropped_total",
        "edge_delivery_visits_uncounted_batches",
        "edge_delivery_visits_uncounted_age_seconds",
    ] {
        assert!(figure(&story.program, name).await < 0.1, "{name}");
    }
    let path = format!("/sites/{}/traffic", story.site);
    let traffic = story.program.ok("GET", &path, None).await;
    assert_eq!(traffic["totals"]["visits"], 0);
    assert_eq!(traffic["dropped"], 0);
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
    refused_whole(&story, &key).await;
    // A key is one site's: with another's, visits are that other's, under the same id too.
    let deployment = story.program.deploy(&blog).await;
    assert_eq!(story.program.ended(&deployment).await["status"], "live");
    let blog_key = story.cloud.site_key_other_than(&key);
    let (status, _) = send(&story.program, &blog_key, "good", visits(3, "/b")).await;
    assert_eq!(status, 204);
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
    is_all_counted(&story.program).await;
    for (site, visits) in [(&story.site, 1), (&blog, 3)] {
        let path = format!("/sites/{site}/traffic");
        let traffic = story.program.ok("GET", &path, None).await;
        assert_eq!(traffic["totals"]["visits"], visits, "{traffic:#}");
        assert_eq!(traffic["dropped"], 2);
    }
    let taken = figure(&story.program, "edge_delivery_visits_taken_total").await;
    let dropped = figure(&story.program, "edge_delivery_visits_dropped_total").await;
    assert!((taken - 4.0).abs() < 0.1 && (dropped - 4.0).abs() < 0.1);
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
