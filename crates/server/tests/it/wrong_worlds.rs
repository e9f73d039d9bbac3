//! Worlds in which the account cannot be read, or refuses to be changed: the problem that a person gets, each in one
//! snapshot to be read from top to bottom. What stands in the way of a plan is in `crates/domain/tests/scenarios`.

use crate::{
    local_cloudflare::{ACCOUNT, SHOP},
    story::Story,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// Method, path, status and code of the refusals in one world.
type Refusals = &'static [(&'static str, &'static str, u16, u32)];

/// Looking at a deployed site.
const LOOKS: [(&str, Refusals); 12] = [
    (
        "Workers KV Storage was taken from the token",
        &[("GET", "/storage/kv/namespaces$", 403, 10000)],
    ),
    (
        "Workers Scripts was taken from the token",
        &[("GET", "/workers/scripts", 403, 10000)],
    ),
    (
        "the script's settings may not be read",
        &[("GET", "/workers/scripts/[^/]+/settings$", 403, 10000)],
    ),
    (
        "Workers Routes was taken from the token",
        &[("GET", "/workers/routes$", 403, 10000)],
    ),
    (
        "Zone was taken from the token",
        &[("GET", "^/zones/[^/]+$", 403, 9109)],
    ),
    (
        "the zone is in an account that the token does not reach",
        &[
            ("GET", "^/zones/[^/]+$", 404, 7003),
            ("GET", "/workers/routes$", 403, 10000),
        ],
    ),
    (
        "the zone left Cloudflare",
        &[
            ("GET", "^/zones/[^/]+$", 404, 1001),
            ("GET", "/workers/routes$", 404, 10005),
        ],
    ),
    ("the token is gone", &[("GET", "", 401, 10000)]),
    (
        "the token is gone, by its other code",
        &[("GET", "", 401, 1000)],
    ),
    ("the account is gone", &[("GET", "^/accounts/", 404, 7003)]),
    ("Cloudflare is in trouble", &[("GET", "", 503, 10013)]),
    (
        "a call in the dark",
        &[("GET", "/workers/routes$", 418, 99999)],
    ),
];

/// Deploying a new site.
const DEPLOYMENTS: [(&str, Refusals); 8] = [
    (
        "KV may be read and not written",
        &[("POST", "/storage/kv/namespaces$", 403, 10000)],
    ),
    (
        "Workers may be read and not written",
        &[("PUT", "/workers/scripts/[^/]+$", 403, 10000)],
    ),
    (
        "the account has no workers.dev name",
        &[("PUT", "/workers/scripts/[^/]+$", 400, 10063)],
    ),
    (
        "the account's e-mail address is not verified",
        &[("PUT", "/workers/scripts/[^/]+$", 403, 10034)],
    ),
    (
        "the account holds as many Workers as it may",
        &[("PUT", "/workers/scripts/[^/]+$", 403, 10037)],
    ),
    (
        "the script is refused",
        &[("PUT", "/workers/scripts/[^/]+$", 400, 10021)],
    ),
    (
        "routes may be read and not written",
        &[("POST", "/workers/routes$", 403, 10000)],
    ),
    (
        "the pattern is refused",
        &[("POST", "/workers/routes$", 400, 10022)],
    ),
];

async fn refuse(story: &Story, refusals: Refusals) {
    for (method, path, status, code) in refusals {
        story
            .cloud
            .fault_of(&json!({
                "match": { "method": method, "path": path },
                "kind": "before", "status": status, "code": code, "times": 1000,
            }))
            .await;
    }
}

/// The problem as a person reads it.
fn show(text: &mut String, world: &str, problem: &Value) {
    let said = &problem["cloudflare"];
    let lines = |list: &Value| {
        let lines: Vec<&str> = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        lines.join("\n    ")
    };
    write!(
        text,
        "# {world}\n{} {}\n  {}\n  causes\n    {}\n  remedies\n    {}\n  cloudflare: {} {}\n\n",
        problem["status"],
        problem["code"].as_str().unwrap_or("no code"),
        problem["detail"].as_str().unwrap_or("no detail"),
        lines(&problem["causes"]),
        lines(&problem["remedies"]),
        said["status"],
        said["code"],
    )
    .expect("a String takes everything");
}

fn named(text: &str, site: &str) -> String {
    text.replace(site, "SITE")
        .replace(&site.replace('-', ""), "SITE")
        .replace(ACCOUNT, "ACCOUNT")
        .replace(SHOP, "ZONE")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read() {
    let story = Story::begin().await;
    story.deployed().await;
    let before = story.cloud.state().await;
    let mut text = String::new();
    for (world, refusals) in LOOKS {
        refuse(&story, refusals).await;
        let path = format!("/sites/{}/plan", story.site);
        let (status, problem) = story.program.call("GET", &path, None).await;
        assert!(status >= 400, "{world}: {problem:#}");
        for list in ["causes", "remedies"] {
            let list = problem[list].as_array();
            assert!(
                list.is_some_and(|list| !list.is_empty()),
                "{world}: {problem:#}"
            );
        }
        show(&mut text, world, &problem);
        let site = format!("/sites/{}", story.site);
        let site = story.program.ok("GET", &site, None).await;
        assert_eq!(site["status"], "unknown", "{world}");
        story.cloud.no_faults().await;
        let plan = story.program.plan(&story.site).await;
        assert_eq!(plan["steps"], json!([]), "{world}: {plan:#}");
    }
    assert_eq!(story.cloud.state().await, before, "looking changes nothing");
    insta::assert_snapshot!("cannot_be_read", named(&text, &story.site));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_refuses_to_be_changed() {
    let mut story = Story::begin().await;
    let before = story.cloud.state().await;
    let mut text = String::new();
    for (world, refusals) in DEPLOYMENTS {
        story
            .program
            .publish(&story.site, "", "<h1>variant</h1>")
            .await;
        refuse(&story, refusals).await;
        let deployment = story.program.deploy(&story.site).await;
        let ended = story.program.ended(&deployment).await;
        assert_eq!(ended["status"], "failed", "{world}: {ended:#}");
        show(&mut text, world, &ended["problem"]);
        text = named(&text, &story.site);
        let failed = ended["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|step| step["status"] == "failed");
        assert!(
            failed.is_some(),
            "{world}: no step says that it failed: {ended:#}"
        );
        story.cloud.no_faults().await;
        // It goes on from there, and nothing is made twice.
        story.deployed().await;
        story.is_whole().await;
        let undone = story.program.remove(&story.site).await;
        assert_eq!(
            story.program.ended(&undone).await["status"],
            "removed",
            "{world}"
        );
        assert_eq!(story.cloud.state().await, before, "{world}");
        story.site = story
            .program
            .make_site(&story.connection, SHOP, "shop")
            .await;
    }
    insta::assert_snapshot!("refuses_to_be_changed", text);
}
