//! Tokens of every kind through `POST /connections`: each is told for what it is, and a refused one leaves nothing behind,
//! neither here nor in the account.

mod cases;
mod command;
mod many;
mod outages;
mod world;

use self::cases::{Case, accepted, refused};
use crate::{local_cloudflare::LocalCloudflare, program::Program};
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

/// Checks at the same time: most wait two seconds for their repetition.
const AT_ONCE: usize = 16;

/// A case's answer.
struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

async fn answer(program: &Program, pasted: &str) -> Answer {
    let answer = program
        .request(Method::POST, "/connections")
        .json(&json!({ "token": pasted }))
        .send()
        .await
        .expect("the program answers");
    Answer {
        status: answer.status().as_u16(),
        retry_after: answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body: answer.json().await.expect("JSON"),
    }
}

/// Everything that is wrong with the answer.
fn faults_of(case: &Case, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |is_so: bool, what: String| {
        if !is_so {
            faults.push(format!("{}: {what}: {:#}", case.name, answer.body));
        }
    };
    let body = &answer.body;
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    must(
        answer.status == case.status,
        format!("status {}", answer.status),
    );
    must(
        !body.to_string().contains(&case.value) || case.value.len() < 20,
        "the token is quoted".to_owned(),
    );
    let rows = body["permissions"].as_array().cloned().unwrap_or_default();
    for (name, granted, words) in case.rows {
        let is_there = rows.iter().any(|row| {
            row["name"] == *name
                && row["granted"] == *granted
                && row["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains(words))
        });
        must(is_there, format!("no row {name} {granted} {words:?}"));
    }
    if let Some(missing) = case.missing {
        for row in &rows {
            let name = row["name"].as_str().unwrap_or_default();
            must(
                (row["granted"] == "yes") != missing.contains(&name),
                format!("{name} is wrong"),
            );
            let leads_to_form = row["fixUrl"]
                .as_str()
                .is_some_and(|url| url.contains("permissionGroupKeys="));
            must(
                (row["granted"] == "no") == leads_to_form,
                format!("{name} leads elsewhere"),
            );
        }
        must(rows.len() >= 5, "five permissions".to_owned());
    }
    if case.status == 201 {
        must(text("status") == "ready", "it is not ready".to_owned());
        let cleaned: Vec<&str> = body["cleaned"]
            .as_array()
            .map(|words| words.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        must(cleaned == case.cleaned, format!("cleaned {cleaned:?}"));
        return faults;
    }
    must(text("code") == case.code, format!("code {}", text("code")));
    let title = match case.code {
        "invalid_token" => "Invalid API token",
        "insufficient_permissions" => "Insufficient permissions",
        "token_expired" => "Token expired",
        _ => text("title"),
    };
    must(
        !title.is_empty() && text("title") == title,
        "title".to_owned(),
    );
    must(text("time").ends_with('Z'), "no time".to_owned());
    for list in ["causes", "remedies"] {
        must(
            body[list].as_array().is_some_and(|list| !list.is_empty()),
            format!("no {list}"),
        );
    }
    for words in case.says {
        let everything = body.to_string();
        must(everything.contains(words), format!("{words:?} is not said"));
    }
    if let Some(code) = case.cloudflare {
        let said = &body["cloudflare"];
        must(said["code"] == code, format!("Cloudflare's code {code}"));
        must(said["rayId"].is_string(), "no ray id".to_owned());
        must(
            said["endpoint"].as_str().is_some_and(|it| it.contains('/')),
            "no endpoint".to_owned(),
        );
        must(
            said["status"].is_u64() && said["message"].is_string(),
            "no answer".to_owned(),
        );
    }
    must(
        (case.code == "rate_limited") == answer.retry_after.is_some()
            || case.cloudflare == Some(10_502),
        "Retry-After".to_owned(),
    );
    faults
}

/// Runs the cases side by side; answers with what is wrong with them.
async fn run(program: &Program, cases: &[Case]) -> Vec<String> {
    stream::iter(cases)
        .map(|case| async move { faults_of(case, &answer(program, &case.pasted).await) })
        .buffer_unordered(AT_ONCE)
        .concat()
        .await
}

async fn connections(program: &Program) -> usize {
    let listed = program.ok("GET", "/connections?limit=200", None).await;
    listed["items"].as_array().expect("a list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_is_told_for_what_it_is() {
    let (refused, accepted) = (refused(), accepted());
    assert!(refused.len() >= 40, "{} refused cases", refused.len());
    let tables = world::tables(refused.iter().chain(&accepted));
    let cloud = LocalCloudflare::start_with("", &tables).await;
    for case in refused.iter().chain(&accepted) {
        if let Some(fault) = &case.fault {
            cloud.fault_of(fault).await;
        }
    }
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    let before = cloud.state().await.to_string();

    let mut faults = run(&program, &refused).await;
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(connections(&program).await, 0, "nothing is stored");
    assert_eq!(cloud.state().await.to_string(), before, "nothing changes");

    faults = run(&program, &accepted).await;
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(connections(&program).await, accepted.len());
    assert_eq!(cloud.state().await.to_string(), before, "nothing changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_verify_does_not_tell_all_causes_are_named() {
    let cases = cases::untold();
    let tables = world::tables(&cases);
    let cloud = LocalCloudflare::start_with("verify_tells = false", &tables).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    assert_eq!(run(&program, &cases).await, Vec::<String>::new());
    assert_eq!(connections(&program).await, 0, "nothing is stored");
}
