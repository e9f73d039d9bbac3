//! Each action twice in a row: the same state, and a sensible answer.

use crate::{program::id_of, story::Story};
use serde_json::{Value, json};

/// The calls that write, by method and path.
async fn writes(story: &Story) -> Vec<Value> {
    let requests = story.cloud.requests().await;
    let mut all = requests["requests"].as_array().expect("a list").clone();
    all.retain(|row| row["method"] != "GET");
    all
}

async fn act(story: &Story, deployment: &str, verb: &str) -> (u16, Value) {
    let path = format!("/deployments/{deployment}/{verb}");
    story.program.call("POST", &path, Some(&json!({}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deploying_twice_writes_nothing() {
    let story = Story::begin().await;
    story.program.publish(&story.site, "", "<p>one</p>").await;
    story.deployed().await;
    let (state, written) = (story.cloud.state().await, writes(&story).await);
    let again = story.deployed().await;
    assert_eq!(again["steps"], json!([]), "{again:#}");
    assert_eq!(story.cloud.state().await, state);
    assert_eq!(writes(&story).await, written);
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_twice_writes_once() {
    let story = Story::begin().await;
    story.deployed().await;
    let sync = format!("/sites/{}/sync", story.site);
    story.program.publish(&story.site, "a", "<p>one</p>").await;
    let is_live = |answer: &Value| answer["pending"] == 0 && answer["live"] == 1;
    story.program.until(&sync, is_live).await;
    let (state, written) = (story.cloud.state().await, writes(&story).await);
    story.program.publish(&story.site, "a", "<p>one</p>").await;
    let path = format!("/sites/{}/revisions?format=html&path=/a", story.site);
    let revisions = story.program.ok("GET", &path, None).await;
    assert_eq!(
        revisions["items"].as_array().map(Vec::len),
        Some(1),
        "{revisions:#}"
    );
    let revision = &revisions["items"][0]["revision"];
    let publish = json!({ "format": "html", "path": "/a", "revision": revision });
    let path = format!("/sites/{}/publish", story.site);
    for _ in 0..2 {
        story.program.ok("POST", &path, Some(&publish)).await;
    }
    let synced = |answer: &Value| answer["pending"] == 0;
    story.program.until(&sync, synced).await;
    story.deployed().await;
    assert_eq!(story.cloud.state().await, state);
    assert_eq!(writes(&story).await, written);

    let unpublish = json!({ "format": "html", "path": "/a" });
    let path = format!("/sites/{}/unpublish", story.site);
    for _ in 0..2 {
        let (status, answer) = story.program.call("POST", &path, Some(&unpublish)).await;
        assert!((200..300).contains(&status), "{answer:#}");
    }
    let is_empty = |answer: &Value| answer["pending"] == 0 && answer["live"] == 0;
    story.program.until(&sync, is_empty).await;
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_and_undoing_twice() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let first = id_of(&story.deployed().await);
    let site = format!("/sites/{}", story.site);
    let change = json!({ "settings": { "kvDeadlineMs": 500 } });
    story.program.ok("PATCH", &site, Some(&change)).await;
    story.deployed().await;
    let mut states = Vec::new();
    let mut last = String::new();
    for _ in 0..2 {
        let (status, started) = act(&story, &first, "rollback").await;
        assert_eq!(status, 202, "{started:#}");
        last = id_of(&started);
        let ended = story.program.followed(&last).await;
        assert_eq!(ended["status"], "live", "{ended:#}");
        states.push(story.cloud.state().await);
    }
    assert_eq!(states[0], states[1]);
    // The second rollback changed nothing; undoing it changes nothing either, and cannot be done twice.
    for expected in [202, 409] {
        let (status, answer) = act(&story, &last, "undo").await;
        assert_eq!(status, expected, "{answer:#}");
        if status == 202 {
            let ended = story.program.followed(&id_of(&answer)).await;
            assert_eq!(ended["status"], "undone", "{ended:#}");
            assert_eq!(story.cloud.state().await, states[1]);
        } else {
            assert_eq!(answer["code"], "invalid_state", "{answer:#}");
        }
    }
    for expected in [202, 404] {
        let (status, answer) = story.program.call("DELETE", &site, None).await;
        assert_eq!(status, expected, "{answer:#}");
        if status == 202 {
            let same = story.program.call("DELETE", &site, None).await;
            // Asked again while it runs it is that one; a moment later the site is gone.
            assert!(
                same.0 == 404 || id_of(&same.1) == id_of(&answer),
                "{same:?}"
            );
            story.program.followed(&id_of(&answer)).await;
        }
    }
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_twice() {
    let story = Story::begin().await;
    let held = json!({
        "match": { "method": "POST", "path": "/storage/kv/namespaces$" },
        "kind": "slow", "times": 1, "delayMs": 60_000,
    });
    story.cloud.fault_of(&held).await;
    let deployment = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{deployment}");
    let is_held = |answer: &Value| answer["steps"][0]["status"] == "running";
    story.program.until(&path, is_held).await;
    for _ in 0..2 {
        let (status, answer) = act(&story, &deployment, "cancel").await;
        assert_eq!((status, &answer["id"]), (202, &json!(deployment)));
    }
    story.cloud.no_faults().await;
    let ended = story.program.followed(&deployment).await;
    assert_eq!(ended["status"], "cancelled", "{ended:#}");
    // Stopped between two steps: what was under way was finished first.
    assert_eq!(ended["steps"][0]["status"], "done", "{ended:#}");
    assert_eq!(ended["steps"][1]["status"], "waiting", "{ended:#}");
    let (status, answer) = act(&story, &deployment, "cancel").await;
    assert_eq!((status, &answer["code"]), (409, &json!("invalid_state")));
    // Going on twice gives one deployment.
    let (_, one) = act(&story, &deployment, "continue").await;
    let (_, two) = act(&story, &deployment, "continue").await;
    let ended = story.program.followed(&id_of(&one)).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    let ended = story.program.followed(&id_of(&two)).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    story.is_whole().await;
}
