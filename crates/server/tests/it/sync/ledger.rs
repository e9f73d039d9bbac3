//! A ledger that may be wrong: lost, behind a process that died, or contradicted by somebody in the account.

use super::{BULK, KEYS, all_live, import, keys, namespace, seen_at_the_edge, until};
use crate::story::Story;
use domain::{ids::SiteId, time::Millis};
use serde_json::json;
use store::{Store, StoreOptions};

/// The database of a program that does not run.
async fn database(story: &Story) -> (Store, SiteId) {
    let store = Store::connect(&StoreOptions {
        url: story.program.database().to_owned(),
        max_connections: 2,
    })
    .await
    .expect("opens");
    (store, story.site.parse().expect("an id"))
}

/// The ledger is lost: a call for each thousand keys, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_is_listed_and_nothing_is_written() {
    let mut story = Story::begin().await;
    import(&story, 0, 1_500).await;
    story.deployed().await;
    all_live(&story, 1_500).await;
    story.program.kill().await;
    let (store, site) = database(&story).await;
    let workspace = store.ensure_workspace(Millis(0)).await.expect("there");
    store
        .clear_kv_ledger(workspace, site)
        .await
        .expect("writes");
    store
        .want_sync(workspace, site, Millis(1))
        .await
        .expect("writes");
    store.close().await.expect("closes");
    let (writes, lists) = (
        story.cloud.count_of("PUT", BULK).await,
        story.cloud.count_of("GET", KEYS).await,
    );
    story.program.kill_and_start_again().await;
    all_live(&story, 1_500).await;
    let after = (
        story.cloud.count_of("PUT", BULK).await,
        story.cloud.count_of("GET", KEYS).await,
    );
    assert_eq!((after.0 - writes, after.1 - lists), (0, 2));
    seen_at_the_edge(&story, "/p/7", "page 7").await;
}

/// Killed when the values were written and the answer was not there: the list tells, nothing is written twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_write() {
    let mut story = Story::begin().await;
    story.deployed().await;
    story
        .cloud
        .fault_of(&json!({ "match": { "method": "PUT", "path": "/bulk$" }, "kind": "hang", "times": 1, "delayMs": 5000 }))
        .await;
    import(&story, 0, 50).await;
    let begun = std::time::Instant::now();
    while !keys(&story, "").await.contains(&"v/html/p/49".to_owned()) {
        assert!(begun.elapsed().as_secs() < 20, "nothing was written");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    story.program.kill().await;
    story.cloud.no_faults().await;
    let writes = story.cloud.count_of("PUT", BULK).await;
    story.program.kill_and_start_again().await;
    all_live(&story, 50).await;
    // The index alone, which was not written before.
    assert_eq!(story.cloud.count_of("PUT", BULK).await - writes, 1);
    seen_at_the_edge(&story, "/p/49", "page 49").await;
}

/// Somebody deletes, spoils and adds keys: the daily look mends just that.
#[tokio::test(flavor = "multi_thread")]
async fn once_a_day_the_keys_are_compared() {
    let mut story = Story::begin().await;
    import(&story, 0, 20).await;
    story.deployed().await;
    all_live(&story, 20).await;
    let values = format!("{}/values", namespace(&story).await);
    story
        .cloud
        .call("DELETE", &format!("{values}/v%2Fhtml%2Fp%2F3"), None)
        .await;
    let own = json!({ "r": "ab".repeat(32), "t": "text/html; charset=utf-8" }).to_string();
    for key in ["v%2Fhtml%2Fp%2F4", "v%2Fhtml%2Fp%2Fstray"] {
        let parts = [
            ("value", "text/plain", "other"),
            ("metadata", "text/plain", own.as_str()),
        ];
        story
            .cloud
            .form("PUT", &format!("{values}/{key}"), &parts)
            .await;
    }
    story
        .cloud
        .call("PUT", &format!("{values}/somebody"), Some(json!("theirs")))
        .await;
    story.program.kill().await;
    let (store, site) = database(&story).await;
    let workspace = store.ensure_workspace(Millis(0)).await.expect("there");
    store
        .keys_listed(workspace, site, Millis(1), &[])
        .await
        .expect("writes");
    store.close().await.expect("closes");
    story.program.kill_and_start_again().await;
    let begun = std::time::Instant::now();
    loop {
        let keys = keys(&story, "").await;
        let is_mended =
            keys.contains(&"v/html/p/3".to_owned()) && !keys.contains(&"v/html/p/stray".to_owned());
        if is_mended {
            assert!(
                keys.contains(&"somebody".to_owned()),
                "what is not ours stays"
            );
            break;
        }
        assert!(begun.elapsed().as_secs() < 30, "{keys:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    all_live(&story, 20).await;
    seen_at_the_edge(&story, "/p/4", "page 4").await;
    let sync = until(&story, |sync| sync["pending"] == 0).await;
    assert_eq!(sync["failed"], 0);
}
