//! Published content reaches the edge by itself.

use crate::story::Story;
use serde_json::json;
use std::time::{Duration, Instant};

const GPTBOT: &str = "GPTBot/1.2";

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
