//! A free account's 1,000 KV writes of a day.

use super::{BULK, import, keys, until};
use crate::story::Story;
use serde_json::json;

async fn set(story: &Story, settings: serde_json::Value) {
    let site = format!("/sites/{}", story.site);
    let body = json!({ "settings": settings });
    let answer = story.program.ok("PATCH", &site, Some(&body)).await;
    for (name, value) in settings.as_object().expect("settings") {
        assert_eq!(&answer["settings"][name], value);
    }
}

/// Told that the account is free: nothing is written until the owner agrees, then today's share.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_asked_and_the_rest_waits_for_tomorrow() {
    let story = Story::begin_with_switches("kv_writes_a_day = 1000").await;
    set(&story, json!({ "workersPlan": "free" })).await;
    story.deployed().await;
    let before = story.cloud.count_of("PUT", BULK).await;
    import(&story, 0, 1_200).await;
    let asked = until(&story, |sync| {
        sync["paused"]["reason"] == "quota_ask" && sync["paused"]["writes"] == 1_200
    })
    .await;
    assert_eq!(
        (&asked["live"], &asked["paused"]["days"]),
        (&json!(0), &json!(2)),
        "{asked:#}"
    );
    assert_eq!(asked["quota"]["daysOnFreePlan"], 2, "{asked:#}");
    assert_eq!(
        story.cloud.count_of("PUT", BULK).await,
        before,
        "nothing was written"
    );

    set(&story, json!({ "overQuota": "spread" })).await;
    let spread = until(&story, |sync| sync["paused"]["reason"] == "quota_spread").await;
    let live = spread["live"].as_u64().expect("a number");
    assert!((990..1_000).contains(&live), "{spread:#}");
    assert_eq!(spread["pending"], 1_200 - live, "{spread:#}");
    assert!(spread["paused"]["until"].is_string(), "{spread:#}");
    assert!(
        keys(&story, "").await.contains(&"index".to_owned()),
        "the index has its share"
    );
    assert!(
        spread["quota"]["writesToday"].as_u64() <= Some(1_000),
        "{spread:#}"
    );
    let plan = story.program.plan(&story.site).await;
    assert!(
        plan["warnings"].to_string().contains("kv_writes_over"),
        "{plan:#}"
    );
}

/// Nobody said what the plan is: Cloudflare's own word is heard, and the rest waits.
#[tokio::test(flavor = "multi_thread")]
async fn cloudflares_word_is_heard() {
    let story = Story::begin_with_switches("kv_writes_a_day = 1000").await;
    story.deployed().await;
    import(&story, 0, 1_200).await;
    let asked = until(&story, |sync| sync["paused"]["reason"] == "quota_ask").await;
    assert_eq!(asked["quota"]["leftToday"], 0, "{asked:#}");
    assert_eq!(asked["failed"], 0, "{asked:#}");
    // Told to be paid: it is tried at once, and Cloudflare says no again.
    set(&story, json!({ "workersPlan": "paid" })).await;
    until(&story, |sync| sync["paused"]["reason"] == "quota_spent").await;
}
