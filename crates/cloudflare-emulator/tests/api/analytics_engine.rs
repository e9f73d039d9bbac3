//! Analytics Engine: bindings at the upload, and the SQL API as Cloudflare's documents describe it.

use cloudflare_emulator::StateFile;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::{ACME, GOOD, Got, Local, got};

const READER: &str = "example-reader-000000000000000000000000x";

fn state(account: &str) -> StateFile {
    toml::from_str(&format!(
        "[[accounts]]\nid = \"{ACME}\"\nname = \"Acme\"\n{account}\n\
         [[tokens]]\nvalue = \"{GOOD}\"\npermissions = {{ workers_scripts = \"edit\" }}\n\
         [[tokens]]\nvalue = \"{READER}\"\npermissions = {{ account_analytics = \"read\" }}\n"
    ))
    .unwrap()
}

async fn upload(local: &Local, binding: Value) -> Got {
    let metadata = json!({ "body_part": "worker.js", "bindings": [binding] });
    let form = Form::new()
        .text("metadata", metadata.to_string())
        .text("worker.js", "addEventListener('fetch', () => {})");
    let path = format!("/accounts/{ACME}/workers/scripts/mine");
    got(local.call("PUT", GOOD, &path).multipart(form)).await
}

async fn ask(local: &Local, token: &str, query: &str) -> Got {
    let path = format!("/accounts/{ACME}/analytics_engine/sql");
    got(local.call("POST", token, &path).body(query.to_owned())).await
}

fn binding(dataset: &str) -> Value {
    json!({"type": "analytics_engine", "name": "VISITS", "dataset": dataset})
}

#[tokio::test]
async fn a_binding_is_kept_and_told() {
    let local = Local::with(state("")).await;
    upload(&local, binding("visits")).await.result();
    let path = format!("/accounts/{ACME}/workers/scripts/mine/settings");
    let settings = local.get(GOOD, &path).await.result();
    assert_eq!(settings["bindings"], json!([binding("visits")]));
    for bad in [
        json!({"type": "analytics_engine", "name": "V"}),
        binding("no name"),
    ] {
        assert_eq!(upload(&local, bad).await.refused(), (400, 10021));
    }
    let dump = local.control("GET", "/state", None).await.json();
    assert_eq!(
        dump["datasets"],
        json!([]),
        "a dataset begins with its first data point"
    );
}

#[tokio::test]
async fn an_account_that_has_not_enabled_it_takes_no_binding() {
    let local = Local::with(state("analytics_engine = false")).await;
    let refused = upload(&local, binding("visits")).await;
    assert_eq!(refused.refused(), (403, 10089));
    assert!(refused.message().contains("enable Analytics Engine"));
    upload(
        &local,
        json!({"type": "plain_text", "name": "P", "text": "x"}),
    )
    .await
    .result();
}

#[tokio::test]
async fn queries_need_the_permission_and_are_answered_without_an_envelope() {
    let local = Local::with(state("")).await;
    let refused = ask(&local, GOOD, "SHOW TABLES").await;
    assert_eq!(refused.refused(), (403, 10000));
    let tables = ask(&local, READER, "SHOW TABLES FORMAT JSON").await;
    assert_eq!(tables.status, 200);
    assert_eq!(tables.json()["data"], json!([]));
    let missing = ask(
        &local,
        READER,
        "SELECT COUNT() AS n FROM visits FORMAT JSON",
    )
    .await;
    assert_eq!(missing.status, 422);
    assert!(
        missing.text().contains("unable to find table"),
        "{}",
        missing.text()
    );
    for bad in ["", "DROP TABLE visits", "SELECT", "\u{e9}"] {
        assert_eq!(ask(&local, READER, bad).await.status, 422, "{bad}");
    }
    let path = format!("/accounts/{ACME}/analytics_engine/sql");
    assert_eq!(local.get(READER, &path).await.refused(), (405, 7001));
}
