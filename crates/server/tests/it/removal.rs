//! Taking out: with lost answers, half deployed, never deployed, without a working token; and taking back.

use crate::{console::Console, local_cloudflare::BLOG, program::id_of, story::Story};
use serde_json::json;

const DELETIONS: [&str; 3] = [
    "/workers/routes/[^/]+$",
    "/workers/scripts/[^/]+$",
    "/storage/kv/namespaces/[^/]+$",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_survives_lost_answers() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    for kind in ["after", "before", "timeout"] {
        for path in DELETIONS {
            let site = story
                .program
                .make_site(&story.connection, BLOG, "blog")
                .await;
            let deployment = story.program.deploy(&site).await;
            assert_eq!(story.program.ended(&deployment).await["status"], "live");
            story.cloud.fault("DELETE", path, kind, 1).await;
            let removal = story.program.remove(&site).await;
            let ended = story.program.ended(&removal).await;
            assert_eq!(ended["status"], "removed", "{kind} {path}: {ended:#}");
            story.cloud.no_faults().await;
            assert_eq!(story.cloud.state().await, before, "{kind} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn never_or_half_deployed_sites_can_be_removed() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.ended(&removal).await["status"], "removed");

    let half = story
        .program
        .make_site(&story.connection, BLOG, "half")
        .await;
    let forbidden = json!({
        "match": { "method": "PUT", "path": "/workers/scripts/[^/]+$" },
        "kind": "before", "status": 403, "code": 10000, "times": 1,
    });
    story.cloud.fault_of(&forbidden).await;
    let deployment = story.program.deploy(&half).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(
        ended["problem"]["code"], "insufficient_permissions",
        "{ended:#}"
    );
    assert_eq!(story.cloud.count("namespaces").await, 1);
    let removal = story.program.remove(&half).await;
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    assert_eq!(story.cloud.state().await, before);
}

/// An upload of the same script is another upload.
fn without_upload_marks(mut state: serde_json::Value) -> serde_json::Value {
    for script in state["scripts"].as_array_mut().expect("a table") {
        let script = script.as_object_mut().expect("an object");
        script.retain(|name, _| matches!(name.as_str(), "name" | "account" | "tags" | "bindings"));
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_deployment_did_is_taken_back() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let first = story.deployed().await;
    let with_one = without_upload_marks(story.cloud.state().await);

    let site = format!("/sites/{}", story.site);
    let hosts = json!({ "hostnames": ["shop.localhost", "www.shop.localhost"] });
    story.program.ok("PATCH", &site, Some(&hosts)).await;
    let second = story.deployed().await;
    assert_eq!(story.cloud.count("routes").await, 2);

    let undo = format!("/deployments/{}/undo", id_of(&first));
    let (status, problem) = story.program.call("POST", &undo, Some(&json!({}))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));

    for (deployment, expected) in [(second, &with_one), (first, &before)] {
        let id = id_of(&deployment);
        let undo = format!("/deployments/{id}/undo");
        let undoing = story.program.ok("POST", &undo, Some(&json!({}))).await;
        let ended = story.program.ended(&id_of(&undoing)).await;
        assert_eq!(ended["status"], "undone", "{ended:#}");
        let undone = story
            .program
            .ok("GET", &format!("/deployments/{id}"), None)
            .await;
        assert_eq!(undone["status"], "undone");
        assert_eq!(&without_upload_marks(story.cloud.state().await), expected);
    }
    assert_eq!(story.program.ok("GET", &site, None).await["status"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_worker_comes_back() {
    let story = Story::begin().await;
    let first = story.deployed().await;
    let site = format!("/sites/{}", story.site);
    story
        .program
        .ok(
            "PATCH",
            &site,
            Some(&json!({ "settings": { "kvDeadlineMs": 500 } })),
        )
        .await;
    let second = story.deployed().await;
    assert_ne!(first["proof"]["worker"], second["proof"]["worker"]);
    let path = format!("/deployments/{}/rollback", id_of(&first));
    let started = story.program.ok("POST", &path, Some(&json!({}))).await;
    let ended = story.program.ended(&id_of(&started)).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    assert_eq!(ended["kind"], "rollback");
    assert_eq!(ended["proof"]["worker"], first["proof"]["worker"]);
    assert_eq!(ended["config"]["kvDeadlineMs"], 300, "{ended:#}");
    assert_eq!(ended["config"]["hostnames"], json!(["shop.localhost"]));
    assert_eq!(ended["config"]["routes"], json!(["shop.localhost/*"]));
    // The next deployment brings the present one, and the plan says so; nobody changed the account.
    let plan = story.program.plan(&story.site).await;
    let steps = plan["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 1, "{plan:#}");
    assert_eq!(steps[0]["action"], "update");
    let reason = steps[0]["reason"].as_str().expect("words");
    assert!(reason.starts_with("The site was rolled back"), "{reason}");
    let now = story.program.ok("GET", &site, None).await;
    assert_eq!(now["status"], "in_sync", "{now:#}");
    assert_eq!(
        (&now["rolledBack"], &now["drift"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(
        now["notDeployed"][0],
        "KV deadline 500 ms instead of 300 ms"
    );
    let console = Console::open(&story).await;
    let page = console.get(&format!("/sites/{}", story.site)).await;
    assert!(
        page.text
            .contains("The site stands on an earlier deployment")
    );
    // The same rollback again has nothing to do.
    let again = story.program.ok("POST", &path, Some(&json!({}))).await;
    let again = story.program.ended(&id_of(&again)).await;
    assert_eq!(
        (&again["status"], &again["steps"]),
        (&json!("live"), &json!([]))
    );
    let third = story.deployed().await;
    assert_eq!(third["proof"]["worker"], second["proof"]["worker"]);
    let reason = third["steps"][0]["reason"].as_str().expect("words");
    assert!(reason.starts_with("The site was rolled back"), "{reason}");
    story.is_whole().await;
    let now = story.program.ok("GET", &site, None).await;
    assert_eq!(
        (&now["rolledBack"], &now["notDeployed"]),
        (&json!(false), &json!([]))
    );
}

/// What is published, by path: the revision, or none.
async fn published(story: &Story) -> std::collections::BTreeMap<String, Option<String>> {
    let path = format!("/sites/{}/variants", story.site);
    let variants = story.program.ok("GET", &path, None).await;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let items = variants["items"].as_array().expect("a list").iter();
    items
        .map(|one| {
            let path = text(&one["path"]).expect("a path");
            (path, text(&one["publishedRevision"]))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_rollback_publishes_what_was_published_before_it() {
    let story = Story::begin().await;
    let publish = async |path: &str, content: &str| {
        story.program.publish(&story.site, path, content).await;
    };
    publish("pricing", "<h1>First</h1>").await;
    publish("news", "<h1>First news</h1>").await;
    publish("gone", "<h1>First of what goes</h1>").await;
    let first = story.deployed().await;
    let site = format!("/sites/{}", story.site);
    let patch = json!({ "settings": { "kvDeadlineMs": 500 } });
    story.program.ok("PATCH", &site, Some(&patch)).await;
    publish("pricing", "<h1>Second</h1>").await;
    publish("news", "<h1>Second news</h1>").await;
    publish("later", "<h1>Later</h1>").await;
    story.deployed().await;
    let before = published(&story).await;

    let path = format!("/deployments/{}/rollback", id_of(&first));
    let started = story.program.ok("POST", &path, Some(&json!({}))).await;
    let rollback = story.program.ended(&id_of(&started)).await;
    assert_eq!(rollback["status"], "live", "{rollback:#}");
    assert_eq!(rollback["restored"]["published"], 2, "{rollback:#}");
    assert_eq!(rollback["restored"]["unpublished"], 1);
    assert_ne!(published(&story).await, before);
    // Published by somebody since: not the rollback's doing, so it stays.
    publish("news", "<h1>Third news</h1>").await;
    // Deleted since: it cannot come back.
    let delete = format!("{site}/variants/html/later");
    let (status, _) = story.program.call("DELETE", &delete, None).await;
    assert!((200..300).contains(&status), "{status}");

    let path = format!("/deployments/{}/undo", id_of(&rollback));
    let undoing = story.program.ok("POST", &path, Some(&json!({}))).await;
    let undone = story.program.ended(&id_of(&undoing)).await;
    assert_eq!(undone["status"], "undone", "{undone:#}");
    let restored = &undone["restored"];
    assert_eq!(restored["published"], 1, "{undone:#}");
    assert_eq!(
        restored["kept"],
        json!([{ "format": "html", "path": "/news" }])
    );
    assert_eq!(
        restored["missing"],
        json!([{ "format": "html", "path": "/later" }])
    );
    let now = published(&story).await;
    assert_eq!(now["/pricing"], before["/pricing"]);
    assert_ne!(now["/news"], before["/news"]);
    let state = story.program.ok("GET", &site, None).await;
    assert_eq!(state["status"], "in_sync", "{state:#}");
    let again = story.program.plan(&story.site).await;
    assert_eq!(
        again["steps"],
        json!([]),
        "the second deployment stands: {again:#}"
    );
    let sync = format!("{site}/sync");
    story
        .program
        .until(&sync, |status| status["pending"] == 0)
        .await;
    let page = story
        .cloud
        .visit("shop.localhost", "/pricing", "GPTBot/1.2")
        .await;
    assert_eq!(page.text().await.expect("text"), "<h1>Second</h1>");
    let path = format!("/deployments/{}", id_of(&rollback));
    let taken_back = story.program.ok("GET", &path, None).await;
    assert_eq!(taken_back["status"], "undone");
    assert_eq!(taken_back["undoneBy"]["id"], undone["id"], "{taken_back:#}");
    let console = Console::open(&story).await;
    let page = console
        .get(&format!("/deployments/{}", id_of(&undone)))
        .await;
    assert!(
        page.text.contains("could not be brought back"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn published_revisions_come_back_with_a_rollback() {
    let story = Story::begin().await;
    story
        .program
        .publish(&story.site, "pricing", "<h1>First</h1>")
        .await;
    let first = story.deployed().await;
    story
        .program
        .publish(&story.site, "pricing", "<h1>Second</h1>")
        .await;
    story
        .program
        .publish(&story.site, "later", "<h1>Later</h1>")
        .await;
    let path = format!("/deployments/{}/rollback", id_of(&first));
    let started = story.program.ok("POST", &path, Some(&json!({}))).await;
    let ended = story.program.ended(&id_of(&started)).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    let variants = story
        .program
        .ok("GET", &format!("/sites/{}/variants", story.site), None)
        .await;
    let published: Vec<_> = variants["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|variant| {
            (
                variant["path"].as_str(),
                variant["publishedRevision"].is_string(),
            )
        })
        .collect();
    assert_eq!(
        published,
        [(Some("/later"), false), (Some("/pricing"), true)],
        "{variants:#}"
    );
    let sync = format!("/sites/{}/sync", story.site);
    story
        .program
        .until(&sync, |status| {
            status["pending"] == 0 && status["live"] == 1
        })
        .await;
    let page = story
        .cloud
        .visit("shop.localhost", "/pricing", "GPTBot/1.2")
        .await;
    assert_eq!(page.text().await.expect("text"), "<h1>First</h1>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_removes_everything_by_hand() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let deployed = story.deployed().await;
    let path = format!("/deployments/{}/receipt", id_of(&deployed));
    let receipt = story.program.ok("GET", &path, None).await;
    let items = receipt["items"].as_array().expect("a list");
    assert_eq!(items.len(), 3, "{receipt:#}");
    for item in items {
        let call = item["removeWith"].as_str().expect("a call");
        assert!(
            receipt["text"]
                .as_str()
                .is_some_and(|text| text.contains(&call[7..]))
        );
        let (method, path) = call.split_once(' ').expect("method and path");
        story.cloud.call(method, path, None).await;
    }
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_stops_at_a_safe_point() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    story
        .cloud
        .fault_of(&json!({
            "match": { "method": "POST", "path": "/storage/kv/namespaces$" },
            "kind": "timeout", "times": 1, "delayMs": 1_500,
        }))
        .await;
    let deployment = story.program.deploy(&story.site).await;
    let again = story.program.deploy(&story.site).await;
    assert_eq!(deployment, again, "one at a time");
    let path = format!("/deployments/{deployment}");
    story
        .program
        .until(&path, |answer| answer["steps"][0]["status"] == "running")
        .await;
    story
        .program
        .ok("POST", &format!("{path}/cancel"), Some(&json!({})))
        .await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "cancelled", "{ended:#}");
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_connection_a_removal_says_the_way_out() {
    let story = Story::begin().await;
    story.deployed().await;
    let path = format!("/connections/{}", story.connection);
    let (status, _) = story.program.call("DELETE", &path, None).await;
    assert_eq!(status, 409, "a site uses it");
    let (status, _) = story
        .program
        .call("DELETE", &format!("{path}?force=true"), None)
        .await;
    assert!((200..300).contains(&status), "{status}");
    let removal = story.program.remove(&story.site).await;
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(
        ended["problem"]["remedies"]
            .as_array()
            .is_some_and(|remedies| !remedies.is_empty()),
        "{ended:#}"
    );
    let site = format!("/sites/{}", story.site);
    assert_eq!(
        story.program.ok("GET", &site, None).await["status"],
        "failed"
    );
}
