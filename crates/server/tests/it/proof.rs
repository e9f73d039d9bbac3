//! The proof that people still get their page, and what happens when they do not.

use crate::{console::Console, local_cloudflare::Mood, program::id_of, story::Story};
use serde_json::{Value, json};

const OURS: &str = "<h1>The variant of the home page</h1>";

/// Fetches before the first change: the home page, twice by each of three visitors.
const BEFORE: u64 = 6;

fn row<'a>(ended: &'a Value, page: &str, visitor: &str) -> &'a Value {
    ended["proof"]["pages"]
        .as_array()
        .and_then(|rows| {
            rows.iter()
                .find(|row| row["page"] == page && row["visitor"] == visitor)
        })
        .unwrap_or_else(|| panic!("{visitor} did not look at {page}: {ended:#}"))
}

/// The deployment that took another one back.
async fn undoing(story: &Story, undone: &Value) -> Value {
    let path = format!("/sites/{}/deployments", story.site);
    let listed = story
        .program
        .until(&path, |answer| {
            answer["items"][0]["kind"] == "remove"
                && !matches!(
                    answer["items"][0]["status"].as_str(),
                    Some("queued" | "running")
                )
        })
        .await;
    assert_eq!(listed["items"][1]["id"], undone["id"], "{listed:#}");
    listed["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_proves_that_people_get_their_page() {
    let story = Story::begin().await;
    story.program.publish(&story.site, "pricing", OURS).await;
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["verdict"], "proved", "{ended:#}");
    for page in ["shop.localhost/", "shop.localhost/pricing"] {
        for visitor in ["Chrome", "Googlebot"] {
            let row = row(&ended, page, visitor);
            assert_eq!(row["detail"], "the same, byte for byte", "{row:#}");
            assert_eq!(row["before"], row["after"]);
        }
    }
    let agent = row(&ended, "shop.localhost/pricing", "GPTBot");
    assert_eq!(agent["after"]["bytes"], OURS.len(), "{agent:#}");
    assert_eq!(agent["detail"], "the published revision");

    // Nothing changed, nothing to prove.
    let again = story.deployed().await;
    assert_eq!(again["proof"]["verdict"], Value::Null, "{again:#}");

    let removal = story.program.remove(&story.site).await;
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "removed");
    assert_eq!(ended["proof"]["verdict"], "proved", "{ended:#}");
    let agent = row(&ended, "shop.localhost/pricing", "GPTBot");
    assert_eq!(agent["revision"], Value::Null, "{agent:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_varies_by_itself_is_learned() {
    let story = Story::begin().await;
    story.cloud.origin_is(Mood::Varying(0));
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["verdict"], "proved", "{ended:#}");
    let row = row(&ended, "shop.localhost/", "Chrome");
    assert_eq!(
        row["detail"],
        "the same outside one place that varies by itself"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_page_is_not_provable_and_takes_nothing_back() {
    let story = Story::begin().await;
    let edited = Mood::ThenAnswers(BEFORE, 200, "<h1>New, by its owner</h1>".to_owned());
    story.cloud.origin_is(edited);
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["verdict"], "not_provable", "{ended:#}");
    let row = row(&ended, "shop.localhost/", "Chrome");
    assert!(
        row["detail"]
            .as_str()
            .is_some_and(|why| why.contains("edited")),
        "{row:#}"
    );
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_the_worker_cannot_reach_are_not_called_served() {
    let story = Story::begin().await;
    // Not proxied: its visitors never come past the Worker.
    let hosts = json!({ "hostnames": ["shop.localhost", "docs.shop.localhost"] });
    let path = format!("/sites/{}", story.site);
    story.program.ok("PATCH", &path, Some(&hosts)).await;
    story.program.publish(&story.site, "", OURS).await;
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["verdict"], "not_provable", "{ended:#}");
    let silent = row(&ended, "docs.shop.localhost/", "GPTBot");
    assert_eq!(silent["verdict"], "not_provable", "{silent:#}");
    assert!(
        silent["detail"]
            .as_str()
            .is_some_and(|why| why.contains("the Worker does not answer at this host")),
        "{silent:#}"
    );
    let person = row(&ended, "docs.shop.localhost/", "Chrome");
    assert_eq!(person["verdict"], "proved", "{person:#}");
    let served = row(&ended, "shop.localhost/", "GPTBot");
    assert_eq!(served["detail"], "the published revision", "{served:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_error_takes_the_deployment_back() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let outage = Mood::ThenAnswers(BEFORE, 502, "<h1>Bad gateway</h1>".to_owned());
    story.cloud.origin_is(outage);
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["problem"]["code"], "proof_failed", "{ended:#}");
    let why = ended["problem"]["causes"][0].as_str().expect("a cause");
    assert!(why.contains("answered 200 before and 502 now"), "{why}");
    let undone = undoing(&story, &ended).await;
    assert_eq!(undone["status"], "undone", "{undone:#}");
    assert!(
        undone["requestedBy"]
            .as_str()
            .is_some_and(|by| by.contains("proof failed")),
        "{undone:#}"
    );
    assert_eq!(story.cloud.state().await, before);
    let site = story
        .program
        .ok("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(site["status"], "new");
    // Its page and its answer say that it is over, and where it went.
    let path = format!("/deployments/{deployment}");
    let taken_back = story.program.ok("GET", &path, None).await;
    assert_eq!(taken_back["status"], "undone");
    assert_eq!(
        taken_back["undoneBy"],
        json!({ "id": undone["id"], "status": "undone" })
    );
    let receipt = story
        .program
        .ok("GET", &format!("{path}/receipt"), None)
        .await;
    assert_eq!(receipt["items"], json!([]), "{receipt:#}");
    let page = Console::open(&story).await.get(&path).await;
    for words in [
        "This deployment was taken back",
        "At its end people or agents did not get what they had got before",
        &format!("/deployments/{}", id_of(&undone)),
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    for words in ["people or agents do not get", "Removed by hand with"] {
        assert!(!page.text.contains(words), "{words}: {}", page.text);
    }
    // The outage over, the same site deploys.
    story.cloud.origin_is(Mood::Calm);
    assert_eq!(story.deployed().await["proof"]["verdict"], "proved");
}

/// While it is taken back, the removal of the site is asked for: it follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_comes_after_what_is_being_taken_back() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    let held = json!({
        "match": { "method": "DELETE", "path": "/workers/routes/[^/]+$" },
        "kind": "timeout", "times": 1, "delayMs": 1_500,
    });
    story.cloud.fault_of(&held).await;
    let outage = Mood::ThenAnswers(BEFORE, 502, "<h1>Bad gateway</h1>".to_owned());
    story.cloud.origin_is(outage);
    let deployment = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{deployment}");
    let failed = story
        .program
        .until(&path, |answer| answer["status"] == "failed")
        .await;
    assert_eq!(failed["offers"], json!([]), "{failed:#}");
    assert!(failed["undoneBy"]["id"].is_string(), "{failed:#}");
    let page = Console::open(&story).await.get(&path).await;
    assert!(page.text.contains("is being taken back"), "{}", page.text);
    let removal = story.program.remove(&story.site).await;
    assert_ne!(failed["undoneBy"]["id"], removal.as_str());
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    let site = format!("/sites/{}", story.site);
    assert_eq!(story.program.call("GET", &site, None).await.0, 404);
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_content_shown_to_a_person_is_a_failure_that_may_be_left_standing() {
    let story = Story::begin().await;
    let patch = json!({ "settings": { "undoOnFailedProof": false } });
    let path = format!("/sites/{}", story.site);
    let site = story.program.ok("PATCH", &path, Some(&patch)).await;
    assert_eq!(site["settings"]["undoOnFailedProof"], false);
    story.program.publish(&story.site, "", OURS).await;
    story
        .cloud
        .origin_is(Mood::ThenAnswers(BEFORE, 200, OURS.to_owned()));
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert_eq!(
        row(&ended, "shop.localhost/", "Chrome")["verdict"],
        "failed"
    );
    assert_eq!(
        row(&ended, "shop.localhost/", "Googlebot")["verdict"],
        "failed"
    );
    assert_eq!(story.cloud.count("routes").await, 1);
    let deployments = story
        .program
        .ok("GET", &format!("{path}/deployments"), None)
        .await;
    assert_eq!(deployments["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(id_of(&deployments["items"][0]), deployment);
}
