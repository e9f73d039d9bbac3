//! Signed previews: a draft on the live site, for whoever has the link.

use crate::{console::Console, local_cloudflare::client, program::id_of, story::Story};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

struct Seen {
    headers: reqwest::header::HeaderMap,
    body: String,
}

/// A person follows the link.
async fn follow(url: &str) -> Seen {
    // The name resolves to loopback in browsers; here the edge is asked with the name in `Host`.
    let parsed = reqwest::Url::parse(url).expect("an address");
    let host = parsed.host_str().expect("a host").to_owned();
    let direct = url.replacen(&host, "127.0.0.1", 1);
    let answer = client()
        .get(direct)
        .header("host", host)
        .header("user-agent", CHROME)
        .send()
        .await
        .expect("the edge answers");
    assert_eq!(answer.status(), 200);
    Seen {
        headers: answer.headers().clone(),
        body: answer.text().await.expect("a body"),
    }
}

async fn shows(url: &str, text: &str) {
    let begun = Instant::now();
    loop {
        let seen = follow(url).await;
        if seen.body.contains(text) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{url}: {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn save_draft(story: &Story, path: &str, content: &'static str) -> Value {
    let path = format!("/sites/{}/variants/{path}", story.site);
    let separator = if path.contains('?') { '&' } else { '?' };
    let answer = story
        .program
        .request(
            reqwest::Method::PUT,
            &format!("{path}{separator}publish=false"),
        )
        .body(content)
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success());
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

fn text(answer: &Value, name: &str) -> String {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {answer:#}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_seen_until_its_link_is_revoked() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    let previews = format!("/sites/{site}/previews");
    let wanted = json!({"format": "html", "path": "/tea"});
    let draft = save_draft(&story, "html/tea", "<p>draft of tea</p>").await;
    let (status, problem) = program.call("POST", &previews, Some(&wanted)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));
    story.deployed().await;

    let made = program.ok("POST", &previews, Some(&wanted)).await;
    assert_eq!(made["revision"], draft["latestRevision"]);
    assert_eq!(made["host"], "shop.localhost");
    let url = text(&made, "url");
    assert!(
        url.contains("://shop.localhost:") && url.contains("/tea?ed-preview=1.h."),
        "{url}"
    );
    let seen = follow(&url).await;
    assert_eq!(seen.body, "<p>draft of tea</p>");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-robots-tag", "noindex, nofollow"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "sandbox"),
    ] {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    // Nobody else sees it: no agent, no address without the link, no other page with it.
    let agent = story
        .cloud
        .visit("shop.localhost", "/tea", "GPTBot/1.2")
        .await;
    assert!(agent.text().await.expect("a body").contains("origin of"));
    let elsewhere = url.replacen("/tea?", "/coffee?", 1);
    assert!(
        follow(&elsewhere)
            .await
            .body
            .contains("origin of shop.localhost/coffee")
    );

    // An older revision, on a page of which the query matters, in Markdown.
    let settings = json!({"settings": {"queryParameters": ["q"]}});
    program
        .ok("PATCH", &format!("/sites/{site}"), Some(&settings))
        .await;
    story.deployed().await;
    let old = save_draft(&story, "markdown/s?query=q%3Dtea", "# Old").await;
    save_draft(&story, "markdown/s?query=q%3Dtea", "# New").await;
    let revision = text(&old, "latestRevision");
    let wanted = json!({"format": "markdown", "path": "/s?q=tea", "revision": revision});
    let second = program.ok("POST", &previews, Some(&wanted)).await;
    let seen = follow(&text(&second, "url")).await;
    assert_eq!(seen.body, "# Old");
    assert_eq!(seen.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(
        follow(&url).await.body,
        "<p>draft of tea</p>",
        "the first one goes on"
    );

    let listed = program.ok("GET", &previews, None).await;
    assert_eq!(listed["items"], json!([second, made]));
    let (status, _) = program
        .call("DELETE", &format!("{previews}/{}", id_of(&made)), None)
        .await;
    assert_eq!(status, 204);
    shows(&url, "origin of shop.localhost/tea").await;
    let (status, _) = program
        .call("DELETE", &format!("{previews}/{}", id_of(&made)), None)
        .await;
    assert_eq!(status, 404);
    let listed = program.ok("GET", &previews, None).await;
    assert_eq!(listed["items"], json!([second]));
    let log = program.ok("GET", "/audit?kind=preview", None).await;
    let kinds: Vec<_> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| text(line, "kind"))
        .collect();
    assert_eq!(kinds, ["preview.revoked", "preview.made", "preview.made"]);
    assert!(!log.to_string().contains("ed-preview"));
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_ends_every_link_and_is_a_step_of_the_plan() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    let previews = format!("/sites/{site}/previews");
    let wanted = json!({"format": "html", "path": "/tea"});
    save_draft(&story, "html/tea", "<p>draft of tea</p>").await;
    story.deployed().await;
    let url = text(&program.ok("POST", &previews, Some(&wanted)).await, "url");
    assert_eq!(follow(&url).await.body, "<p>draft of tea</p>");

    let rotated = program
        .ok("POST", &format!("{previews}/rotate-key"), None)
        .await;
    assert_eq!(rotated, json!({"revoked": 1, "needsDeployment": true}));
    shows(&url, "origin of shop.localhost/tea").await;
    assert_eq!(program.ok("GET", &previews, None).await["items"], json!([]));
    let (status, problem) = program.call("POST", &previews, Some(&wanted)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));
    let plan = program.plan(site).await;
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(1), "{plan:#}");
    assert!(
        text(&plan["steps"][0], "reason").contains("Previews get a new key"),
        "{plan:#}"
    );
    assert_eq!(plan["differences"], json!([]));
    story.deployed().await;
    let again = text(&program.ok("POST", &previews, Some(&wanted)).await, "url");
    assert_eq!(follow(&again).await.body, "<p>draft of tea</p>");
    assert!(follow(&url).await.body.contains("origin of"));
    story.is_whole().await;
    assert!(!program.log().contains("ed-preview="));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_wishes_and_a_disturbed_kv() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    let previews = format!("/sites/{site}/previews");
    save_draft(&story, "html/tea", "<p>draft of tea</p>").await;
    story.deployed().await;
    for (body, status, code) in [
        (
            json!({"format": "html", "path": "/coffee"}),
            404,
            "not_found",
        ),
        (
            json!({"format": "pdf", "path": "/tea"}),
            422,
            "validation_failed",
        ),
        (
            json!({"format": "html", "path": "/tea", "host": "other.example"}),
            422,
            "validation_failed",
        ),
        (
            json!({"format": "html", "path": "/tea", "revision": "x"}),
            422,
            "validation_failed",
        ),
        (
            json!({"format": "html", "path": "/tea", "revision": "ab".repeat(32)}),
            404,
            "not_found",
        ),
        (
            json!({"format": "html", "path": "/tea", "more": 1}),
            422,
            "validation_failed",
        ),
    ] {
        let (found, problem) = program.call("POST", &previews, Some(&body)).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{body}");
    }
    story.cloud.fault("PUT", "/bulk$", "before", 10).await;
    let wanted = json!({"format": "html", "path": "/tea"});
    let (status, problem) = program.call("POST", &previews, Some(&wanted)).await;
    assert_eq!(
        (status, &problem["code"]),
        (502, &json!("cloudflare_unavailable"))
    );
    assert_eq!(program.ok("GET", &previews, None).await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_command_make_and_revoke_links() {
    let story = Story::begin().await;
    let (program, site) = (&story.program, &story.site);
    let draft = save_draft(&story, "html/tea", "<p>draft of tea</p>").await;
    let revision = text(&draft, "latestRevision");
    let console = Console::open(&story).await;
    let edit = format!("/sites/{site}/variants/edit?format=html&path=%2Ftea");
    assert!(
        console
            .get(&edit)
            .await
            .text
            .contains("must be deployed first")
    );
    story.deployed().await;
    let form = format!("format=html&path=%2Ftea&revision={revision}");
    let made = console
        .post(&format!("/sites/{site}/variants/preview-link"), &form)
        .await;
    assert_eq!(made.status, 303, "{}", made.text);
    assert!(
        made.location.ends_with("done=previewed#on-the-site"),
        "{}",
        made.location
    );
    let page = console.get(&edit).await.text;
    let from = page.find("ed-preview=1.h.").expect("the link");
    let begin = page[..from].rfind("href=\"").expect("an address") + 6;
    let end = begin + page[begin..].find('"').expect("its end");
    let url = page[begin..end].replace("&amp;", "&").replace("&#38;", "&");
    assert_eq!(follow(&url).await.body, "<p>draft of tea</p>");

    let listed = program
        .run(&["variants", "preview", "shop", "--list", "--json"])
        .await;
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(text(&listed["items"][0], "url"), url);
    let id = id_of(&listed["items"][0]);
    let revoked = console
        .post(
            &format!("/sites/{site}/variants/preview-revoke"),
            &format!("{form}&preview={id}"),
        )
        .await;
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    shows(&url, "origin of shop.localhost/tea").await;

    let made = program.run(&["variants", "preview", "shop", "/tea"]).await;
    let url = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    assert_eq!(follow(&url).await.body, "<p>draft of tea</p>");
    let (refused, rotated) = (
        format!("/sites/{site}/preview-key"),
        program
            .run(&["variants", "preview", "shop", "--rotate-key"])
            .await,
    );
    assert!(rotated.status.success());
    shows(&url, "origin of shop.localhost/tea").await;
    assert_eq!(console.post(&refused, "").await.status, 422);
    let rotated = console.post(&refused, "sure=yes").await;
    assert!(
        rotated.location.ends_with("/plan?done=preview-key"),
        "{}",
        rotated.location
    );
    let unknown = program
        .run(&["variants", "preview", "shop", "/coffee"])
        .await;
    assert!(!unknown.status.success());
}
