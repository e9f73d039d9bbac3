//! What a plan warns of before anything is changed.

use crate::{
    local_cloudflare::{LocalCloudflare, Mood, SHOP},
    program::Program,
    story::Story,
};
use serde_json::Value;
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
