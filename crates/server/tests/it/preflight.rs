//! What a plan warns of before anything is changed.

use crate::{
    local_cloudflare::{ACCOUNT, LocalCloudflare, Mood, SHOP},
    program::Program,
    story::Story,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// A token with everything that ends in three days.
const ENDING_TOKEN: &str = "local-demo-ending-0000000000000000000000";

fn codes(plan: &Value) -> Vec<&str> {
    let warnings = plan["warnings"].as_array().expect("a list");
    warnings
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect()
}

fn detail<'a>(plan: &'a Value, code: &str) -> &'a str {
    plan["warnings"]
        .as_array()
        .and_then(|warnings| warnings.iter().find(|warning| warning["code"] == code))
        .and_then(|warning| warning["detail"].as_str())
        .unwrap_or_else(|| panic!("no {code}: {plan:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_are_turned_away_are_named() {
    let story = Story::begin().await;
    // A free account's requests are worth a word before the first deployment, and nothing else is.
    let plan = story.program.plan(&story.site).await;
    assert_eq!(codes(&plan), ["requests_count"], "{plan:#}");
    story.cloud.origin_is(Mood::BlocksAgents);
    let plan = story.program.plan(&story.site).await;
    let blocked = detail(&plan, "agents_blocked");
    assert!(blocked.contains("GPTBot 403, ClaudeBot 403"), "{blocked}");
    assert!(blocked.contains("a browser gets 200"), "{blocked}");
    assert!(!blocked.contains("PerplexityBot"), "{blocked}");
    // It is a warning: the site can be deployed, and only looked at.
    let before = story.cloud.state().await;
    story.program.plan(&story.site).await;
    assert_eq!(story.cloud.state().await, before);
    story.deployed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_content_than_a_free_day_takes_is_forecast() {
    let story = Story::begin().await;
    let mut lines = String::new();
    for number in 0..1_200 {
        writeln!(
            lines,
            r#"{{"path":"/p{number}","format":"markdown","content":"Page {number}"}}"#
        )
        .expect("text");
    }
    let taken = story
        .program
        .request(
            reqwest::Method::POST,
            &format!("/sites/{}/variants:import", story.site),
        )
        .header("content-type", "application/x-ndjson")
        .body(lines)
        .send()
        .await
        .expect("an answer");
    assert!(taken.status().is_success());
    let plan = story.program.plan(&story.site).await;
    let forecast = detail(&plan, "kv_writes_over_free_plan");
    assert!(
        forecast.contains("1200 variants") && forecast.contains("2 days"),
        "{forecast}"
    );
    story.deployed().await;
    let plan = story.program.plan(&story.site).await;
    assert!(
        !codes(&plan).contains(&"kv_writes_over_free_plan"),
        "{plan:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_told() {
    let in_three_days = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(3 * 24 + 1);
    let token = format!(
        "[[tokens]]\nvalue = \"{ENDING_TOKEN}\"\nexpires_on = \"{in_three_days}\"\npermissions = {{ workers_scripts = \"edit\", workers_kv_storage = \"edit\", account_settings = \"read\", workers_routes = \"edit\", zone = \"read\" }}\n"
    );
    let cloud = LocalCloudflare::start_with("", &token).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Program::start(folder.path(), &cloud).await;
    let connection = program.connect(ENDING_TOKEN).await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    let plan = program.plan(&site).await;
    let told = detail(&plan, "token_expires_soon");
    assert!(told.contains("expires in 3 days"), "{told}");
}

/// An account of this state, with one zone whose host name `www.shop.localhost` is not proxied.
async fn program_beside(account: &str) -> (LocalCloudflare, tempfile::TempDir, Program, String) {
    let account = account.to_owned();
    let state = move |origin: std::net::SocketAddr| {
        format!(
            "[[accounts]]\nid = \"{ACCOUNT}\"\nname = \"Sample account\"\n{account}\n[[zones]]\nid = \"{SHOP}\"\naccount = \"{ACCOUNT}\"\nname = \"shop.localhost\"\norigin = \"http://{origin}\"\nproxied = [\"shop.localhost\"]\n[[tokens]]\nvalue = \"{ENDING_TOKEN}\"\npermissions = {{ workers_scripts = \"edit\", workers_kv_storage = \"edit\", account_settings = \"read\", workers_routes = \"edit\", zone = \"read\" }}\n"
        )
    };
    let cloud = LocalCloudflare::start_of(state, None).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Program::start(folder.path(), &cloud).await;
    let connection = program.connect(ENDING_TOKEN).await;
    (cloud, folder, program, connection)
}

/// The account is found wanting before a deployment stops at it, and what it is found by leaves no trace.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_run_workers_is_told_before() {
    let story = Story::begin().await;
    let upload = "/workers/scripts/[^/]+$";
    for (code, status, warning, words) in [
        (
            10_034,
            403,
            "email_not_verified",
            "Follow the link in Cloudflare's mail",
        ),
        (
            10_037,
            403,
            "workers_not_available",
            "Open Workers & Pages of this account",
        ),
    ] {
        let fault = json!({
            "match": { "method": "PUT", "path": upload },
            "kind": "before", "status": status, "code": code, "times": 100,
        });
        story.cloud.fault_of(&fault).await;
        let before = story.cloud.state().await;
        let plan = story.program.plan(&story.site).await;
        let told = detail(&plan, warning);
        assert!(
            told.contains(words) && told.contains("https://dash.cloudflare.com/"),
            "{told}"
        );
        assert_eq!(story.cloud.state().await, before);
        // It is a forecast: the deployment stops there, with the same next step.
        let deployment = story.program.deploy(&story.site).await;
        let ended = story.program.ended(&deployment).await;
        assert_eq!(ended["problem"]["cloudflare"]["code"], code, "{ended:#}");
        story.cloud.no_faults().await;
        let plan = story.program.plan(&story.site).await;
        assert!(!codes(&plan).contains(&warning), "{plan:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_workers_dev_name_is_told_before() {
    let (_cloud, _folder, program, connection) = program_beside("subdomain = \"\"").await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    let plan = program.plan(&site).await;
    assert!(
        detail(&plan, "no_workers_dev_name").contains("10063"),
        "{plan:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_that_is_not_proxied_is_told_also_at_a_fixed_edge() {
    let (_cloud, _folder, program, connection) = program_beside("").await;
    let body = json!({
        "connectionId": connection, "zoneId": SHOP, "name": "shop",
        "hostnames": ["shop.localhost", "www.shop.localhost"],
    });
    let site = crate::program::id_of(&program.ok("POST", "/sites", Some(&body)).await);
    let plan = program.plan(&site).await;
    let told = detail(&plan, "hostname_not_proxied");
    assert!(
        told.starts_with("www.shop.localhost is answered without"),
        "{told}"
    );
    assert_eq!(
        codes(&plan)
            .iter()
            .filter(|code| code.starts_with("hostname"))
            .count(),
        1
    );
    // Deployed all the same, the missing answer is told with what is known of it.
    let deployment = program.deploy(&site).await;
    let ended = program.ended(&deployment).await;
    let told = detail(&ended["proof"], "edge_unanswered");
    assert!(told.contains("at www.shop.localhost yet"), "{told}");
    assert!(told.contains("without Cloudflare's mark"), "{told}");
}

/// A more specific route of somebody else's takes the health question: that is said, and not the DNS record.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_worker_is_explained_by_what_the_plan_knows() {
    let story = Story::begin_with(&format!(
        "[[scripts]]\naccount = \"{ACCOUNT}\"\nname = \"their-worker\"\n[[routes]]\nid = \"d0000000000000000000000000000009\"\nzone = \"{SHOP}\"\npattern = \"shop.localhost/.well-known/*\"\nscript = \"their-worker\"\n"
    ))
    .await;
    let ended = story.deployed().await;
    let told = detail(&ended["proof"], "edge_unanswered");
    assert!(
        told.contains(
            "the route shop.localhost/.well-known/* of the Worker their-worker is more specific"
        ),
        "{told}"
    );
    assert!(!told.contains("DNS"), "{told}");
}
