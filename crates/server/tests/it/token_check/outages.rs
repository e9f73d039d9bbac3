//! Cloudflare is down, slow, asks to wait or answers with HTML before anything about a token is known.

use super::{cases, connections, faults_of, world};
use crate::{local_cloudflare::LocalCloudflare, program::Program};
use serde_json::json;

/// Path, kind, and the status, code and words of the answer.
type Outage = (&'static str, &'static str, u16, &'static str, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_at_verify_says_nothing_about_the_token() {
    outages(&[
        (VERIFY, "before", 502, UNAVAILABLE, "HTTP 500"),
        (VERIFY, "timeout", 502, UNAVAILABLE, "tokens/verify"),
        (VERIFY, "rate_limited", 429, "rate_limited", "asks to wait"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_lists_says_nothing_about_the_token() {
    outages(&[
        (VERIFY, "html", 502, UNAVAILABLE, "HTML page"),
        ("^/zones$", "html", 502, UNAVAILABLE, "HTML page"),
        ("^/accounts$", "before", 502, UNAVAILABLE, "HTTP 500"),
        (
            "^/zones$",
            "rate_limited",
            429,
            "rate_limited",
            "asks to wait",
        ),
    ])
    .await;
}

const VERIFY: &str = "/user/tokens/verify";
const UNAVAILABLE: &str = "cloudflare_unavailable";

async fn outages(all: &[Outage]) {
    let case = cases::accepted().swap_remove(0);
    let cloud = LocalCloudflare::start_with("", &world::tables([&case])).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    let before = cloud.state().await.to_string();
    for (path, kind, status, code, words) in all.iter().copied() {
        cloud
            .fault_of(&json!({"match": {"path": path}, "kind": kind, "times": 99, "delayMs": 100}))
            .await;
        let answer = super::answer(&program, &case.pasted).await;
        let shown = format!("{path} {kind}: {:#}", answer.body);
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!(answer.body["code"], code, "{shown}");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{shown}");
        assert!(answer.body["cloudflare"]["endpoint"].is_string(), "{shown}");
        assert_eq!(answer.retry_after.is_some(), status == 429, "{shown}");
        assert_eq!(connections(&program).await, 0, "{shown}");
        cloud.no_faults().await;
    }
    assert_eq!(cloud.state().await.to_string(), before);
    let again = super::answer(&program, &case.pasted).await;
    assert_eq!(faults_of(&case, &again), Vec::<String>::new());
}

/// An answer that no rule of ours knows says neither yes nor no: it is not called a missing permission.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_the_dark_is_unknown_and_says_what_came() {
    let case = cases::accepted().swap_remove(0);
    let cloud = LocalCloudflare::start_with("", &world::tables([&case])).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    let dark = json!({
        "match": {"method": "PUT", "path": "/workers/scripts/"},
        "kind": "before", "status": 418, "code": 99_999, "times": 99,
    });
    cloud.fault_of(&dark).await;
    let answer = super::answer(&program, &case.pasted).await;
    assert_eq!(answer.status, 502, "{:#}", answer.body);
    assert_eq!(
        answer.body["code"], "cloudflare_refused",
        "{:#}",
        answer.body
    );
    let cause = answer.body["causes"][0].as_str().expect("a cause");
    assert!(
        cause.starts_with("Workers Scripts") && cause.contains("99999"),
        "{cause}"
    );
    assert!(answer.body["permissions"].is_array(), "{:#}", answer.body);
    assert_eq!(connections(&program).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_zones_that_is_refused_at_first_is_read_again() {
    let case = cases::accepted().swap_remove(0);
    let cloud = LocalCloudflare::start_with("", &world::tables([&case])).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    let refusal =
        json!({"match": {"path": "^/zones$"}, "kind": "before", "status": 403, "code": 9109});
    cloud.fault_of(&refusal).await;
    let answer = super::answer(&program, &case.pasted).await;
    assert_eq!(answer.status, 201, "{:#}", answer.body);
    let rows = answer.body["permissions"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["granted"] == "yes"), "{rows:#?}");
    let zones = rows.iter().filter(|row| row["zoneId"].is_string()).count();
    assert_eq!(zones, 2, "the best zone's two rows");
}
