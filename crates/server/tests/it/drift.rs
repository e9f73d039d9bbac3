//! The watch over accounts: what changes behind our back is told, what does not change is not, and nothing is mended without
//! being asked.

use crate::{
    console::Console,
    local_cloudflare::{LocalCloudflare, SHOP},
    program::Program,
    story::Story,
    webhook_receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const EVERY_SECOND: &[(&str, &str)] = &[("EDGE_DELIVERY_OBSERVE_EVERY", "1s")];

async fn site_when(story: &Story, status: &str) -> Value {
    let path = format!("/sites/{}", story.site);
    story
        .program
        .until(&path, |site| site["status"] == status)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_from_outside_is_noticed_told_and_repaired_when_asked() {
    let story = Story::begin_with_settings(EVERY_SECOND).await;
    story.deployed().await;
    let whole = story.cloud.state().await;
    let route = whole["routes"][0]["id"].as_str().expect("an id");
    let path = format!("/zones/{SHOP}/workers/routes/{route}");
    story.cloud.call("DELETE", &path, None).await;

    let site = site_when(&story, "drifted").await;
    let change = &site["drift"]["changes"][0];
    assert_eq!(change["what"], "Route shop.localhost/*", "{site:#}");
    assert_eq!(change["repair"], "create");
    assert!(
        story
            .program
            .log()
            .contains("changed outside Edge Delivery")
    );
    // Told, and left alone.
    assert_eq!(story.cloud.count("routes").await, 0);

    story.deployed().await;
    let site = story
        .program
        .ok("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(
        (&site["status"], &site["drift"]),
        (&json!("in_sync"), &Value::Null)
    );
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_looked_at_is_unknown_until_it_can() {
    let story = Story::begin_with_settings(EVERY_SECOND).await;
    story.deployed().await;
    let outage = json!({ "match": { "path": "." }, "kind": "before", "status": 503, "code": 10013, "times": 100_000 });
    story.cloud.fault_of(&outage).await;
    site_when(&story, "unknown").await;
    story.cloud.no_faults().await;
    let site = site_when(&story, "in_sync").await;
    assert_eq!(site["drift"], Value::Null, "{site:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_account_never_drifts() {
    let story = Story::begin().await;
    story
        .program
        .publish(&story.site, "pricing", "<h1>Pricing</h1>")
        .await;
    story.deployed().await;
    for _ in 0..100 {
        let plan = story.program.plan(&story.site).await;
        assert_eq!(
            (&plan["steps"], &plan["conflicts"]),
            (&json!([]), &json!([])),
            "{plan:#}"
        );
    }
}

async fn site_now(story: &Story) -> Value {
    let path = format!("/sites/{}", story.site);
    story.program.ok("GET", &path, None).await
}

/// Looks at the account as the watch does, and answers with the site.
async fn looked_at(story: &Story) -> Value {
    story.program.plan(&story.site).await;
    site_now(story).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_changed_is_not_deployed_yet_and_no_drift() {
    let story = Story::begin().await;
    story
        .program
        .publish(&story.site, "", "<h1>Home</h1>")
        .await;
    story.deployed().await;
    let path = format!("/sites/{}", story.site);
    let change = json!({
        "settings": { "kvDeadlineMs": 500 },
        "hostnames": ["shop.localhost", "www.shop.localhost"],
    });
    let told = [
        "KV deadline 500 ms instead of 300 ms",
        "host name www.shop.localhost added",
        "route www.shop.localhost/* made",
    ];
    let changed = story.program.ok("PATCH", &path, Some(&change)).await;
    assert_eq!(changed["status"], "in_sync", "{changed:#}");
    assert_eq!(changed["notDeployed"], json!(told));
    let site = looked_at(&story).await;
    assert_eq!(site["status"], "in_sync", "{site:#}");
    assert_eq!(
        (&site["drift"], &site["notDeployed"]),
        (&Value::Null, &json!(told))
    );
    let console = Console::open(&story).await;
    let page = console.get(&path).await;
    for words in ["Not deployed yet", told[0], "3 changes not deployed yet"] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(
        console
            .get("/")
            .await
            .text
            .contains("changes that are not deployed yet")
    );

    // A deployment of it that is stopped changes nothing about that.
    let held = json!({
        "match": { "method": "PUT", "path": "/workers/scripts/[^/]+$" },
        "kind": "timeout", "times": 1, "delayMs": 1_000,
    });
    story.cloud.fault_of(&held).await;
    let deployment = story.program.deploy(&story.site).await;
    let at = format!("/deployments/{deployment}");
    let is_begun = |answer: &Value| answer["steps"][0]["status"] == "running";
    story.program.until(&at, is_begun).await;
    story
        .program
        .ok("POST", &format!("{at}/cancel"), None)
        .await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "cancelled", "{ended:#}");
    for site in [site_now(&story).await, looked_at(&story).await] {
        assert_eq!(site["status"], "in_sync", "{site:#}");
        assert_eq!(site["drift"], Value::Null);
    }
    story.deployed().await;
    let site = looked_at(&story).await;
    assert_eq!(site["notDeployed"], json!([]), "{site:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_whose_first_deployment_failed_or_was_stopped_has_not_drifted() {
    let story = Story::begin_with_settings(EVERY_SECOND).await;
    let refused = json!({
        "match": { "method": "POST", "path": "/storage/kv/namespaces$" },
        "kind": "before", "status": 403, "code": 10000, "times": 1,
    });
    story.cloud.fault_of(&refused).await;
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert_eq!(looked_at(&story).await["status"], "failed");
    // Neither when it could not be looked at for a while.
    let outage = json!({ "match": { "path": "." }, "kind": "before", "status": 503, "code": 10013, "times": 100_000 });
    story.cloud.fault_of(&outage).await;
    site_when(&story, "unknown").await;
    story.cloud.no_faults().await;
    let site = site_when(&story, "failed").await;
    assert_eq!(site["drift"], Value::Null, "{site:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_keeps_what_somebody_changed_with_the_site() {
    let story = Story::begin().await;
    story.deployed().await;
    let state = story.cloud.state().await;
    let route = state["routes"][0]["id"].as_str().expect("an id");
    let path = format!("/zones/{SHOP}/workers/routes/{route}");
    story.cloud.call("DELETE", &path, None).await;
    let site = looked_at(&story).await;
    assert_eq!(site["status"], "drifted", "{site:#}");
    let since = site["drift"]["seenAt"].clone();
    assert_eq!(site["drift"]["changes"][0]["repair"], "create", "{site:#}");
    // The owner's own change beside it is not mixed up with it.
    let at = format!("/sites/{}", story.site);
    let change = json!({ "settings": { "kvDeadlineMs": 500 } });
    story.program.ok("PATCH", &at, Some(&change)).await;
    let site = looked_at(&story).await;
    assert_eq!(
        site["drift"]["changes"].as_array().map(Vec::len),
        Some(1),
        "{site:#}"
    );
    assert_eq!(site["drift"]["seenAt"], since);
    assert_eq!(
        site["notDeployed"],
        json!(["KV deadline 500 ms instead of 300 ms"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_hears_of_each_change_of_drift_once() {
    let receiver = Receiver::start().await;
    let story = Story::begin_with_settings(&[
        EVERY_SECOND[0],
        ("EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE", "1"),
    ])
    .await;
    let url = json!({ "url": receiver.url });
    story.program.ok("PUT", "/webhook", Some(&url)).await;
    story.deployed().await;
    // Own changes are no news.
    let at = format!("/sites/{}", story.site);
    let change = json!({ "settings": { "kvDeadlineMs": 500 } });
    story.program.ok("PATCH", &at, Some(&change)).await;
    looked_at(&story).await;
    let state = story.cloud.state().await;
    let route = state["routes"][0]["id"].as_str().expect("an id");
    let path = format!("/zones/{SHOP}/workers/routes/{route}");
    story.cloud.call("DELETE", &path, None).await;
    let messages = receiver.until(|messages| !messages.is_empty()).await;
    assert_eq!(messages[0].kind(), "site.drifted");
    let data = &messages[0].body["data"];
    assert_eq!(data["site"]["id"], story.site.as_str(), "{data:#}");
    assert_eq!(data["changes"][0]["what"], "Route shop.localhost/*");
    assert!(data.get("link").is_some(), "{data:#}");
    for _ in 0..3 {
        looked_at(&story).await;
    }
    // Something else: told again, once.
    let script = state["scripts"][0]["name"].as_str().expect("a name");
    let path = format!(
        "/accounts/{}/workers/scripts/{script}?force=true",
        crate::local_cloudflare::ACCOUNT
    );
    story.cloud.call("DELETE", &path, None).await;
    let messages = receiver.until(|messages| messages.len() == 2).await;
    assert_eq!(messages[1].kind(), "site.drifted");
    let changes = messages[1].body["data"]["changes"].as_array();
    assert_eq!(changes.map(Vec::len), Some(2), "{:#}", messages[1].body);
    story.deployed().await;
    let messages = receiver.until(|messages| messages.len() == 3).await;
    assert_eq!(messages[2].kind(), "site.recovered");
    assert!(messages[2].body["data"]["driftedAt"].is_string());
    looked_at(&story).await;
    assert_eq!(receiver.messages().len(), 3);
}

/// Another program has used up most of what the token may: the watch stands back, and deployments go on.
#[tokio::test(flavor = "multi_thread")]
async fn the_watch_leaves_the_tokens_calls_to_deployments() {
    let cloud = LocalCloudflare::start_with("rate_limits = true\n", "").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite://{}/test.db", folder.path().display());
    let program = Program::start_with(database, folder.path(), &cloud, EVERY_SECOND).await;
    let connection = program.connect(crate::local_cloudflare::GOOD_TOKEN).await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    let deployed = program.deploy(&site).await;
    assert_eq!(program.ended(&deployed).await["status"], "live");
    let path = format!("/zones/{SHOP}");
    for _ in 0..900 {
        cloud.call("GET", &path, None).await;
    }
    // One look may have been under way; then there is silence, though every second one would be due.
    let begun = Instant::now();
    let (mut known, mut silent_since) = (cloud.calls().await, Instant::now());
    while silent_since.elapsed() < Duration::from_secs(3) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it goes on looking"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = cloud.calls().await;
        if now != known {
            (known, silent_since) = (now, Instant::now());
        }
    }
    assert!(program.log().contains("too short for so many sites"));
    let again = program.deploy(&site).await;
    assert_eq!(program.ended(&again).await["status"], "live");
    assert!(cloud.calls().await > known);
}
