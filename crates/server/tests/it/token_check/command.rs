//! `edge-delivery token check` and `token url`.

use super::world::permissions;
use crate::{
    bare::{Place, Said},
    local_cloudflare::{GOOD_TOKEN, LocalCloudflare, READ_ONLY_TOKEN},
};
use serde_json::Value;
use std::process::Stdio;
use tokio::process::Command;

const NO_COLOUR: &str = "\u{1b}[";

async fn place() -> (LocalCloudflare, Place) {
    let account_owned = format!(
        "[[tokens]]\nvalue = \"local-demo-account-own-00000000000000000\"\nkind = \"account\"\n{}",
        permissions(&[])
    );
    let cloud = LocalCloudflare::start_with("", &account_owned).await;
    let place = Place::new().with("CLOUDFLARE_API_BASE_URL", &cloud.api_url());
    (cloud, place)
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no JSON: {} {}", said.out, said.err))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_checked_in_a_pipe() {
    let (_cloud, place) = place().await;
    let good = place
        .run_with_input(&["token", "check"], &format!("\"{GOOD_TOKEN}\"\n"))
        .await;
    assert_eq!(good.code, Some(0), "{}", good.err);
    assert!(
        good.out.ends_with("ready: this token can deploy\n"),
        "{}",
        good.out
    );
    assert_eq!(good.out.matches('✓').count(), 7, "{}", good.out);
    assert!(!good.out.contains(NO_COLOUR), "{}", good.out);
    assert_eq!(good.err, "taken away from what was given: quotes\n");

    let poor = place
        .run_with_input(&["token", "check"], READ_ONLY_TOKEN)
        .await;
    assert_eq!(poor.code, Some(1));
    assert!(
        poor.out.ends_with("not ready\n")
            && poor
                .out
                .contains("✗  NO   Workers Scripts     Edit   Sample account"),
        "{}",
        poor.out
    );
    for words in [
        "error: Insufficient permissions: ",
        "Workers KV Storage: Edit (account Sample account)",
        "Details for support, without secrets:\nproblem: insufficient_permissions (422)\ntime: 2",
        "\nrequest: PUT /accounts/{account}/workers/scripts/{script}\nanswer: HTTP 403, code 10000\nmessage: Authentication error\nray id: ",
        concat!("\nversion: edge-delivery ", env!("CARGO_PKG_VERSION"), "\n"),
    ] {
        assert!(poor.err.contains(words), "{words:?} in {}", poor.err);
    }
    for said in [&good, &poor] {
        assert!(!said.out.contains(GOOD_TOKEN) && !said.err.contains(READ_ONLY_TOKEN));
    }
    // Nothing is stored, and nothing is made: a check needs no database.
    assert_eq!(place.files().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_checked_for_a_program() {
    let (cloud, place) = place().await;
    let place = place.with("CLOUDFLARE_API_TOKEN", &format!("Bearer {GOOD_TOKEN}"));
    let good = place.run(&["token", "check", "--json"]).await;
    assert_eq!((good.code, good.err.as_str()), (Some(0), ""));
    let answer = json(&good);
    assert_eq!(answer["ready"], true);
    assert_eq!(answer["tokenKind"], "user");
    assert_eq!(answer["cleaned"][0], "the word Bearer");
    assert_eq!(answer["permissions"].as_array().map(Vec::len), Some(7));

    let place = place.with("CLOUDFLARE_API_TOKEN", READ_ONLY_TOKEN);
    let poor = place.run(&["token", "check", "--json"]).await;
    assert_eq!((poor.code, poor.err.as_str()), (Some(1), ""));
    let answer = json(&poor);
    assert_eq!(answer["ready"], false);
    assert_eq!(answer["code"], "insufficient_permissions");
    assert_eq!(answer["permissions"][0]["granted"], "no");
    assert!(answer["remedies"].is_array() && answer["accounts"].is_array());

    let place = place.with(
        "CLOUDFLARE_API_TOKEN",
        "local-demo-unknown-000000000000000000000",
    );
    let unknown = json(&place.run(&["token", "check", "--json"]).await);
    assert_eq!(
        (&unknown["ready"], &unknown["code"]),
        (&Value::Bool(false), &Value::from("invalid_token"))
    );

    let place = place.with(
        "CLOUDFLARE_API_TOKEN",
        "local-demo-account-own-00000000000000000",
    );
    let own = json(&place.run(&["token", "check", "--json"]).await);
    assert_eq!(
        (&own["ready"], &own["tokenKind"]),
        (&Value::Bool(true), &Value::from("account"))
    );
    assert_eq!(cloud.count("scripts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_refused_without_a_call() {
    let (cloud, place) = place().await;
    for (given, code) in [
        ("", "invalid_token"),
        ("\n", "invalid_token"),
        (
            "0123456789abcdef0123456789abcdef01234",
            "api_key_not_supported",
        ),
        ("local-demo", "invalid_token"),
    ] {
        let said = place
            .run_with_input(&["token", "check", "--json"], given)
            .await;
        assert_eq!(said.code, Some(1), "{given:?}");
        assert_eq!(json(&said)["code"], code, "{given:?}");
    }
    let long = place
        .run_with_input(&["token", "check", "--json"], &"x".repeat(20_000))
        .await;
    assert_eq!(json(&long)["code"], "validation_failed");
    assert_eq!(cloud.calls().await, 0);
}

#[tokio::test]
async fn a_token_as_an_argument_is_refused_and_not_quoted() {
    let place = Place::new();
    let flag = format!("--token={GOOD_TOKEN}");
    for args in [
        &["token", "check", GOOD_TOKEN][..],
        &["token", "check", "--json", GOOD_TOKEN],
        &["token", "check", "--token", GOOD_TOKEN],
        &["token", "check", "--api-token", GOOD_TOKEN],
        &["token", "check", &flag],
        &["token", "check", "Bearer", GOOD_TOKEN],
        &["token", GOOD_TOKEN],
    ] {
        let said = place.run(args).await;
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!said.err.contains(GOOD_TOKEN), "{}", said.err);
        for words in [
            "every process of this machine",
            "consider it seen",
            "standard input",
        ] {
            assert!(said.err.contains(words), "{words:?} in {}", said.err);
        }
    }
    let help = place.run(&["token", "check", "--help"]).await;
    for words in [
        "Exit codes:",
        "0  ready",
        "1  not ready",
        "CLOUDFLARE_API_TOKEN",
    ] {
        assert!(help.out.contains(words), "{words:?} in {}", help.out);
    }
    assert!(!help.out.contains("--token"), "{}", help.out);
}

#[tokio::test]
async fn the_forms_address_is_printed() {
    let place = Place::new();
    let user = place.run(&["token", "url"]).await;
    assert!(
        user.out
            .starts_with("https://dash.cloudflare.com/profile/api-tokens?permissionGroupKeys="),
        "{}",
        user.out
    );
    assert!(
        user.out
            .contains("accountId=*&zoneId=all&name=Edge+Delivery+System"),
        "{}",
        user.out
    );
    let own = place
        .run(&["token", "url", "--account-owned", "--json"])
        .await;
    let url = json(&own)["url"].as_str().expect("an address").to_owned();
    assert!(
        url.starts_with("https://dash.cloudflare.com/?to=") && !url.contains("zoneId"),
        "{url}"
    );
}

/// On a terminal of its own (Python has one), with everything that is shown on it.
async fn on_a_terminal(cloud: &LocalCloudflare, colour: &[(&str, &str)]) -> (Option<i32>, String) {
    let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let output = Command::new("python3")
        .args([
            "-c",
            spawn,
            env!("CARGO_BIN_EXE_edge-delivery"),
            "token",
            "check",
        ])
        .current_dir(folder.path())
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env("CLOUDFLARE_API_BASE_URL", cloud.api_url())
        .env("CLOUDFLARE_API_TOKEN", READ_ONLY_TOKEN)
        .envs(colour.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("python3 starts");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_the_checklist_fills_in() {
    let (cloud, _place) = place().await;
    let (code, shown) = on_a_terminal(&cloud, &[]).await;
    assert_eq!(code, Some(1), "{shown}");
    for words in [
        "asking Cloudflare",
        "accounts: 1, zones: 2",
        "asking",
        "of 7 rows",
        "refused, asked once more",
        "\u{1b}[38;5;",
        "not ready",
    ] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    let (_, plain) = on_a_terminal(&cloud, &[("NO_COLOR", "1")]).await;
    assert!(
        !plain.contains("\u{1b}[38;5;") && plain.contains("✗  NO"),
        "{plain}"
    );
}
