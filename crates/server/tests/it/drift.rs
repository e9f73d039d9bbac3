//! The watch over accounts: what changes behind our back is told, what does not change is not, and nothing is mended without
//! being asked.

use crate::{local_cloudflare::SHOP, story::Story};
use serde_json::{Value, json};

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
