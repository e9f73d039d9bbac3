//! Published content reaches the edge by itself.

mod ledger;
mod quota;

use crate::story::Story;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

const GPTBOT: &str = "GPTBot/1.2";

/// What the local Cloudflare counts bulk writes and lists of keys under.
const BULK: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk";
const KEYS: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/keys";

/// Served within the 30 s that are promised.
async fn seen_at_the_edge(story: &Story, path: &str, text: &str) {
    let begun = Instant::now();
    loop {
        let answer = story.cloud.visit("shop.localhost", path, GPTBOT).await;
        if answer.text().await.is_ok_and(|body| body.contains(text)) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{path} {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Imports so many variants, `/p/{from}` and on.
async fn import(story: &Story, from: usize, count: usize) {
    for begin in (from..from + count).step_by(1000) {
        let mut lines = String::new();
        for page in begin..Ord::min(begin + 1000, from + count) {
            let line = json!({ "path": format!("/p/{page}"), "format": "html", "content": format!("<h1>page {page}</h1>") });
            writeln!(lines, "{line}").expect("text");
        }
        let answer = story
            .program
            .request(
                reqwest::Method::POST,
                &format!("/sites/{}/variants:import", story.site),
            )
            .header("content-type", "application/x-ndjson")
            .body(lines)
            .send()
            .await
            .expect("the program answers");
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

/// Waits until the sync says so.
async fn until(story: &Story, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/sites/{}/sync", story.site);
    story.program.until(&path, is_wanted).await
}

async fn all_live(story: &Story, live: u64) -> Value {
    until(story, |sync| {
        sync["pending"] == 0 && sync["live"] == live && sync["run"].is_null()
    })
    .await
}

/// The keys in the site's namespace that begin so, a thousand at most.
async fn keys(story: &Story, prefix: &str) -> Vec<String> {
    let path = format!("{}/keys?prefix={prefix}", namespace(story).await);
    let listed = story.cloud.call("GET", &path, None).await;
    let listed = listed.as_array().expect("a list");
    let names = listed.iter().filter_map(|key| key["name"].as_str());
    names.map(str::to_owned).collect()
}

async fn namespace(story: &Story) -> String {
    let state = story.cloud.state().await;
    let id = state["namespaces"][0]["id"].as_str().expect("one is there");
    format!(
        "/accounts/{}/storage/kv/namespaces/{id}",
        crate::local_cloudflare::ACCOUNT
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn published_changed_and_unpublished() {
    let story = Story::begin().await;
    story.deployed().await;
    story.program.publish(&story.site, "a", "<p>one</p>").await;
    seen_at_the_edge(&story, "/a", "<p>one</p>").await;
    story.program.publish(&story.site, "a", "<p>two</p>").await;
    seen_at_the_edge(&story, "/a", "<p>two</p>").await;
    let sync = format!("/sites/{}/sync", story.site);
    let status = story
        .program
        .until(&sync, |answer| answer["pending"] == 0)
        .await;
    assert_eq!((&status["live"], &status["failed"]), (&json!(1), &json!(0)));
    let path = format!("/sites/{}/variants/html/a", story.site);
    let (status, answer) = story.program.call("DELETE", &path, None).await;
    assert!((200..300).contains(&status), "{answer:#}");
    seen_at_the_edge(&story, "/a", "origin of shop.localhost/a").await;
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disturbed_kv_is_tried_again() {
    let story = Story::begin().await;
    story.deployed().await;
    story.cloud.fault("PUT", "/bulk$", "before", 4).await;
    story.program.publish(&story.site, "b", "<p>b</p>").await;
    seen_at_the_edge(&story, "/b", "<p>b</p>").await;
}

/// A location of KV remembers misses and values, for 30 s at least; here a tenth of that. Pages that were asked for before
/// they were published are served as soon as that is over, whether an index was there meanwhile or not.
#[tokio::test(flavor = "multi_thread")]
async fn misses_that_kv_remembers_hide_nothing_for_long() {
    let story = Story::begin_with_switches("kv_cache_percent = 10").await;
    story.program.publish(&story.site, "", "<p>home</p>").await;
    story.deployed().await;
    for round in 0..3 {
        let path = format!("/new-{round}");
        let missed = story.cloud.visit("shop.localhost", &path, GPTBOT).await;
        let body = missed.text().await.expect("a body");
        assert!(body.contains("origin of"), "{body}");
        story
            .program
            .publish(&story.site, &path[1..], "<p>new</p>")
            .await;
        let begun = Instant::now();
        seen_at_the_edge(&story, &path, "<p>new</p>").await;
        // The cache's 3 s, an index that is 5 s old, the run of the sync and a slow machine.
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
    }
}

/// The console and the API say *live* because the edge says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_edge_says_which_manifest_it_uses() {
    let story = Story::begin().await;
    let edge = format!("/sites/{}/sync/edge", story.site);
    let before = story.program.ok("GET", &edge, None).await;
    assert_eq!(
        (&before["live"], &before["manifest"]),
        (&json!(false), &Value::Null)
    );
    story.program.publish(&story.site, "a", "<p>a</p>").await;
    story.deployed().await;
    let live = story
        .program
        .until(&edge, |answer| answer["live"] == true)
        .await;
    assert_eq!(live["hosts"][0]["answered"], true, "{live:#}");
    assert_eq!(live["hosts"][0]["html"], 1, "{live:#}");
    assert_eq!(live["hosts"][0]["manifest"], live["manifest"], "{live:#}");
    story.program.publish(&story.site, "b", "<p>b</p>").await;
    all_live(&story, 2).await;
    let next = story
        .program
        .until(&edge, |answer| answer["live"] == true)
        .await;
    assert_ne!(next["manifest"], live["manifest"]);
    assert_eq!(next["hosts"][0]["html"], 2, "{next:#}");
}

/// More paths than the index lists itself: a filter that stays while pages come and go.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_site_has_a_filter() {
    let story = Story::begin().await;
    import(&story, 0, 8_500).await;
    story.deployed().await;
    all_live(&story, 8_500).await;
    let filters = async || keys(&story, "i/").await;
    let first = filters().await;
    assert_eq!(first.len(), 1, "{first:?}");
    seen_at_the_edge(&story, "/p/8499", "page 8499").await;
    story
        .program
        .publish(&story.site, "more", "<p>more</p>")
        .await;
    seen_at_the_edge(&story, "/more", "<p>more</p>").await;
    all_live(&story, 8_501).await;
    assert_eq!(filters().await, first, "the filter stays");
    let edge = format!("/sites/{}/sync/edge", story.site);
    let live = story
        .program
        .until(&edge, |answer| answer["live"] == true)
        .await;
    assert_eq!(live["hosts"][0]["html"], 8_501, "{live:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_a_stream() {
    let story = Story::begin().await;
    story.deployed().await;
    story.cloud.latency(200).await;
    import(&story, 0, 300).await;
    let path = format!("/sites/{}/sync/events", story.site);
    let answer = story
        .program
        .request(reqwest::Method::GET, &path)
        .send()
        .await
        .expect("it answers");
    let text = answer.text().await.expect("it ends when all is live");
    let messages: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let last = messages.last().expect("something was said");
    assert_eq!(
        (&last["pending"], &last["live"]),
        (&json!(0), &json!(300)),
        "{text}"
    );
    assert!(messages.len() > 1 && messages[0]["pending"] != 0, "{text}");
}
