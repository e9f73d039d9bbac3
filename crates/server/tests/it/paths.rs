//! How a site's paths are read: trailing slashes, query parameters, and what becomes of variants when that changes.

use crate::{console::Console, story::Story};
use serde_json::json;
use std::time::{Duration, Instant};

const GPTBOT: &str = "GPTBot/1.2";

/// What GPTBot gets, within the 30 s that are promised.
async fn served(story: &Story, path: &str, text: &str) {
    let begun = Instant::now();
    loop {
        let answer = story.cloud.visit("shop.localhost", path, GPTBOT).await;
        let body = answer.text().await.unwrap_or_default();
        if body.contains(text) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{path}: {text}, not {body}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn paths(story: &Story) -> Vec<String> {
    let list = format!("/sites/{}/variants", story.site);
    let listed = story.program.ok("GET", &list, None).await;
    let items = listed["items"].as_array().expect("a list").clone();
    items
        .iter()
        .map(|item| item["path"].as_str().expect("a path").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_moves_variants_and_reaches_the_edge() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    let patch = format!("/sites/{site}");
    let known = program.ok("GET", &patch, None).await;
    assert_eq!(known["settings"]["trailingSlash"], "keep");
    assert_eq!(known["settings"]["queryParameters"], json!([]));
    program.publish(site, "tea/", "<p>tea</p>").await;
    program.publish(site, "news", "<p>first page</p>").await;
    story.deployed().await;
    served(&story, "/tea/", "<p>tea</p>").await;
    served(&story, "/tea", "origin of shop.localhost/tea").await;

    // A query that does not matter is refused where it is meant, and left out where it is pasted.
    let with_query = format!("/sites/{site}/variants/html/news?query=page%3D2");
    let (status, refused) = program.call("GET", &with_query, None).await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("validation_failed"))
    );

    let settings = json!({"settings": {"trailingSlash": "strip", "queryParameters": ["page"]}});
    let changed = program.ok("PATCH", &patch, Some(&settings)).await;
    assert_eq!(changed["settings"]["trailingSlash"], "strip");
    assert_eq!(changed["settings"]["queryParameters"], json!(["page"]));
    assert_eq!(changed["status"], "in_sync", "nobody changed the account");
    assert_eq!(changed["notDeployed"], json!(["how paths are read"]));
    assert_eq!(paths(&story).await, ["/news", "/tea"]);
    let put = program
        .request(
            reqwest::Method::PUT,
            &format!("/sites/{site}/variants/html/news/?query=utm%3D1"),
        )
        .body("<p>x</p>")
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), 422);
    let put = program
        .request(
            reqwest::Method::PUT,
            &format!("/sites/{site}/variants/html/news/?query=page%3D2"),
        )
        .body("<p>second page</p>")
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), 201);
    assert_eq!(paths(&story).await, ["/news", "/news?page=2", "/tea"]);
    story.deployed().await;
    served(&story, "/tea", "<p>tea</p>").await;
    served(&story, "/tea/?utm=1", "<p>tea</p>").await;
    served(&story, "/news?utm=1", "<p>first page</p>").await;
    served(&story, "/news/?utm=1&page=2", "<p>second page</p>").await;
    served(&story, "/news?page=3", "origin of shop.localhost/news").await;
    let answer = story
        .cloud
        .visit("shop.localhost", "/news/?page=2&x=1", GPTBOT)
        .await;
    let link = answer.headers()["link"].to_str().expect("text").to_owned();
    assert!(link.ends_with("/news?page=2>; rel=\"canonical\""), "{link}");

    // The folder has it too, and gives it back.
    let folder = story.folder().join("pulled");
    let name = folder.display().to_string();
    let pulled = program.run(&["variants", "pull", "shop", &name]).await;
    assert!(pulled.status.success());
    assert!(folder.join("news?page=2.html").is_file());
    std::fs::write(folder.join("news?page=2.html"), "<p>page two</p>").expect("written");
    let pushed = program
        .run(&["variants", "push", "shop", &name, "--json"])
        .await;
    let report: serde_json::Value = serde_json::from_slice(&pushed.stdout).expect("JSON");
    assert_eq!(
        (&report["published"], &report["unchanged"]),
        (&json!(1), &json!(2)),
        "{report:#}"
    );
    served(&story, "/news?page=2", "<p>page two</p>").await;
    let delete = format!("/sites/{site}/variants/html/news?query=page%3D2");
    let (status, _) = program.call("DELETE", &delete, None).await;
    assert_eq!(status, 204);
    served(&story, "/news?page=2", "origin of shop.localhost/news").await;
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_is_asked_for_and_loses_nothing() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    for (path, content) in [
        ("a", "<p>one</p>"),
        ("a/", "<p>two</p>"),
        ("b/", "<p>b</p>"),
    ] {
        program.publish(site, path, content).await;
    }
    let patch = format!("/sites/{site}");
    let settings = json!({"name": "renamed", "settings": {"trailingSlash": "strip"}});
    let (status, problem) = program.call("PATCH", &patch, Some(&settings)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("path_conflict")));
    assert_eq!(
        problem["errors"],
        json!([{"field": "mergePaths", "detail": "/a and /a/ would be one page, /a (html)"}])
    );
    assert_eq!(paths(&story).await, ["/a", "/a/", "/b/"]);
    assert_eq!(program.ok("GET", &patch, None).await["name"], "shop");

    // The same by the form, without scripts.
    let console = Console::open(&story).await;
    let form = "name=shop&hostnames=shop.localhost&patterns=&deadline=300&undo=yes&slash=strip&parameters=";
    let page = console.post(&format!("/sites/{site}/settings"), form).await;
    assert_eq!(page.status, 409);
    assert!(
        page.text.contains("/a and /a/ would be one page"),
        "{}",
        page.text
    );
    assert!(page.text.contains("name=\"merge\""));
    let page = console
        .post(
            &format!("/sites/{site}/settings"),
            &format!("{form}&merge=yes"),
        )
        .await;
    assert_eq!(
        (page.status, page.location.contains("done=saved")),
        (303, true)
    );
    assert_eq!(paths(&story).await, ["/a", "/b"]);
    let history = format!("/sites/{site}/revisions?format=html&path=/a/");
    let history = program.ok("GET", &history, None).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2));
    story.deployed().await;
    served(&story, "/a/", "<p>two</p>").await;
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_policies_are_refused() {
    let story = Story::begin().await;
    let patch = format!("/sites/{}", story.site);
    for (settings, field) in [
        (json!({"trailingSlash": "drop"}), "trailingSlash"),
        (json!({"queryParameters": ["a b"]}), "queryParameters"),
        (json!({"queryParameters": [""]}), "queryParameters"),
        (
            json!({"queryParameters": ["ed-preview"]}),
            "queryParameters",
        ),
        (
            json!({"queryParameters": (0..21).map(|n| n.to_string()).collect::<Vec<_>>()}),
            "queryParameters",
        ),
    ] {
        let body = json!({ "settings": settings });
        let (status, problem) = story.program.call("PATCH", &patch, Some(&body)).await;
        assert_eq!(status, 422, "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
}
