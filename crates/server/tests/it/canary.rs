//! The token goes in and never comes out: its text is in no file, log, answer, event or process argument.

use crate::{
    local_cloudflare::{GOOD_TOKEN, READ_ONLY_TOKEN},
    story::Story,
};
use reqwest::Method;
use serde_json::json;
use std::path::Path;

/// The files below a folder in which the text is.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut searched = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        searched += 1;
        if bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    assert!(searched >= 2, "the database and the key at least");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_comes_out_nowhere() {
    let story = Story::begin().await;
    let program = &story.program;
    let mut said = Vec::new();
    // A refused token, a token inside broken JSON, a token where none belongs.
    let refused = program
        .request(Method::POST, "/connections")
        .json(&json!({ "token": READ_ONLY_TOKEN }));
    let broken = program
        .request(Method::POST, "/connections")
        .header("content-type", "application/json")
        .body(format!("{{\"token\": \"{GOOD_TOKEN}\""));
    let misplaced = program
        .request(Method::POST, "/connections")
        .json(&json!({ "token": 1, "name": GOOD_TOKEN }));
    let asked = program.request(Method::GET, &format!("/sites?{GOOD_TOKEN}=1"));
    for request in [refused, broken, misplaced] {
        said.push(
            request
                .send()
                .await
                .expect("an answer")
                .text()
                .await
                .expect("text"),
        );
    }
    // What a caller puts into an address comes back to that caller at most; it must not reach the log.
    asked.send().await.expect("an answer");
    story.deployed().await;
    let deployments = program
        .ok("GET", &format!("/sites/{}/deployments", story.site), None)
        .await;
    let deployment = deployments["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for path in [
        "/connections".to_owned(),
        format!("/connections/{}", story.connection),
        format!("/connections/{}/zones", story.connection),
        format!("/sites/{}", story.site),
        format!("/sites/{}/plan", story.site),
        format!("/deployments/{deployment}"),
        format!("/deployments/{deployment}/events"),
    ] {
        let answer = program
            .request(Method::GET, &path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        said.push(answer.text().await.expect("text"));
    }
    said.push(
        program
            .ok(
                "POST",
                &format!("/connections/{}/check", story.connection),
                None,
            )
            .await
            .to_string(),
    );
    let status = program.run(&["status", "--json"]).await;
    said.push(String::from_utf8(status.stdout).expect("text"));
    said.push(story.cloud.state().await.to_string());
    let log = program.log();
    assert!(log.lines().count() > 10, "the log is read: {log}");
    said.push(log);
    for token in [GOOD_TOKEN, READ_ONLY_TOKEN] {
        for text in &said {
            assert!(!text.contains(token), "{token} in {text}");
        }
        assert_eq!(files_with(story.folder(), token), Vec::<String>::new());
    }
}
