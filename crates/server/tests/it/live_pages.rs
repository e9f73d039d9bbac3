//! Drafts made of live pages, and the check of published ones, against a real origin behind the local edge.

use crate::{local_cloudflare::Mood, story::Story};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const GPTBOT: &str = "GPTBot/1.2";

/// Looked at every second.
const OFTEN: &[(&str, &str)] = &[("EDGE_DELIVERY_PAGE_CHECK_EVERY", "1s")];

fn page(text: &str) -> (u16, String) {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><title>Returns</title></head><body><nav><a href=\"/\">Home</a></nav>\
         <main><h1>Returns</h1><p>{text}</p><p>See <a href=\"/contact\">contact</a>.</p></main>\
         <footer>Sign up for letters</footer><script>track()</script></body></html>"
    );
    (200, html)
}

fn pages(all: &[(&'static str, (u16, String))]) -> Mood {
    Mood::Pages(all.iter().cloned().collect::<HashMap<_, _>>())
}

async fn made(story: &Story, body: Value) -> Value {
    let path = format!("/sites/{}/variants:make", story.site);
    let begun = story.program.ok("POST", &path, Some(&body)).await;
    let path = format!("/makings/{}", begun["id"].as_str().expect("an id"));
    story
        .program
        .until(&path, |run| {
            !matches!(run["status"].as_str(), Some("queued" | "running"))
        })
        .await
}

async fn refused(story: &Story, run: &Value) -> Vec<(String, String)> {
    let id = run["id"].as_str().expect("an id");
    let path = format!("/makings/{id}/pages?status=refused");
    let listed = story.program.ok("GET", &path, None).await;
    let items = listed["items"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items
        .map(|it| (text(&it["path"]), text(&it["detail"])))
        .collect()
}

async fn draft(story: &Story, format: &str, path: &str) -> String {
    let address = format!("/sites/{}/variants/{format}{path}", story.site);
    let answer = story
        .program
        .request(reqwest::Method::GET, &address)
        .send()
        .await;
    answer.expect("an answer").text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_made_of_pages() {
    let story = Story::begin().await;
    story.cloud.origin_is(pages(&[
        ("/returns", page("Thirty days.")),
        ("/old", (301, "/new".to_owned())),
        ("/account", (302, "/login?next=/account".to_owned())),
        ("/gone", (410, "gone".to_owned())),
        (
            "/app",
            (200, "<div id=app></div><script>draw()</script>".to_owned()),
        ),
        ("/private/x", page("Not for programs.")),
        (
            "/robots.txt",
            (
                200,
                "User-agent: EdgeDelivery\nDisallow: /private/\n".to_owned(),
            ),
        ),
    ]));
    let paths = [
        "/returns",
        "/old",
        "/account",
        "/gone",
        "/app",
        "/private/x",
        "/returns",
    ];
    let run = made(&story, json!({"paths": paths, "delayMs": 100})).await;
    let counts = (&run["status"], &run["total"], &run["made"], &run["refused"]);
    assert_eq!(
        counts,
        (&json!("done"), &json!(6), &json!(1), &json!(5)),
        "{run:#}"
    );
    let why = refused(&story, &run).await;
    for ((path, detail), (expected, words)) in why.iter().zip([
        ("/old", "redirects (301) to /new"),
        ("/account", "sign in"),
        ("/gone", "410"),
        ("/app", "no text without scripts"),
        ("/private/x", "robots.txt"),
    ]) {
        assert_eq!(path, expected);
        assert!(detail.contains(words), "{path}: {detail}");
    }
    let html = draft(&story, "html", "/returns").await;
    for there in [
        "Thirty days.",
        "https://shop.localhost/contact",
        "rel=\"canonical\" href=\"https://shop.localhost/returns\"",
    ] {
        assert!(html.contains(there), "{there}: {html}");
    }
    for gone in ["track()", "Sign up for letters", "Home"] {
        assert!(!html.contains(gone), "{gone}: {html}");
    }
    let listed = story
        .program
        .ok("GET", &format!("/sites/{}/variants", story.site), None)
        .await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["state"], "draft");
    // The same again changes nothing; another format is another draft; the owner may look past robots.txt.
    let again = made(&story, json!({"paths": ["/returns"], "delayMs": 100})).await;
    assert_eq!(
        (&again["made"], &again["unchanged"]),
        (&json!(0), &json!(1))
    );
    let run = made(
        &story,
        json!({"paths": ["/private/x"], "format": "markdown", "ignoreRobots": true}),
    )
    .await;
    assert_eq!(run["made"], 1, "{run:#}");
    assert!(
        draft(&story, "markdown", "/private/x")
            .await
            .starts_with("# Returns\n")
    );
    for (body, field) in [
        (json!({}), "paths"),
        (json!({"paths": ["/a"], "sitemap": ""}), "paths"),
        (json!({"paths": ["/../a"]}), "paths[0]"),
        (json!({"paths": ["/a"], "delayMs": 1}), "delayMs"),
        (json!({"sitemap": "https://elsewhere.example/"}), "sitemap"),
    ] {
        let path = format!("/sites/{}/variants:make", story.site);
        let (status, problem) = story.program.call("POST", &path, Some(&body)).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{body}: {problem:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitemap_names_the_pages_and_a_run_can_be_stopped_and_taken_over() {
    let mut story = Story::begin().await;
    let list = |paths: &[&str]| {
        let urls: String = paths
            .iter()
            .map(|path| format!("<url><loc>{path}</loc></url>"))
            .collect();
        (
            200,
            format!("<?xml version=\"1.0\"?><urlset>{urls}</urlset>"),
        )
    };
    let index = "<sitemapindex><sitemap><loc>https://shop.localhost/part.xml</loc></sitemap></sitemapindex>";
    story.cloud.origin_is(pages(&[
        (
            "/robots.txt",
            (
                200,
                "Sitemap: https://shop.localhost/index.xml\n".to_owned(),
            ),
        ),
        ("/index.xml", (200, index.to_owned())),
        (
            "/part.xml",
            list(&[
                "https://shop.localhost/a",
                "https://shop.localhost/b?x=1",
                "https://elsewhere.example/c",
                "https://shop.localhost/a",
            ]),
        ),
        ("/a", page("A.")),
        ("/b", page("B.")),
        ("/none.xml", list(&[])),
    ]));
    let run = made(&story, json!({"sitemap": "", "delayMs": 100})).await;
    assert_eq!(
        (&run["status"], &run["made"], &run["total"]),
        (&json!("done"), &json!(2), &json!(2)),
        "{run:#}"
    );
    let run = made(&story, json!({"sitemap": "/none.xml"})).await;
    assert_eq!(
        (&run["status"], &run["problem"]["code"]),
        (&json!("failed"), &json!("site_unreachable")),
        "{run:#}"
    );
    let (good, said) = {
        let output = story
            .program
            .run(&[
                "variants",
                "make",
                "shop",
                "--sitemap",
                "/part.xml",
                "--format",
                "markdown",
                "--delay",
                "100",
            ])
            .await;
        (
            output.status.success(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    assert!(
        good && said.contains("2 drafts made, 0 unchanged, 0 refused"),
        "{said}"
    );
    // A long run: killed in the middle, it goes on where it stood; then it is stopped.
    let paths: Vec<String> = (0..200).map(|number| format!("/page/{number}")).collect();
    let path = format!("/sites/{}/variants:make", story.site);
    let body = json!({"paths": paths, "delayMs": 100});
    let begun = story.program.ok("POST", &path, Some(&body)).await;
    let (status, problem) = story.program.call("POST", &path, Some(&body)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));
    let run = format!("/makings/{}", begun["id"].as_str().expect("an id"));
    let before = story
        .program
        .until(&run, |run| run["made"].as_u64() > Some(2))
        .await;
    story.program.kill_and_start_again().await;
    let (status, _) = story
        .program
        .call("POST", &format!("{run}/cancel"), None)
        .await;
    assert_eq!(status, 202);
    let after = story.program.ok("GET", &run, None).await;
    assert!(
        after["made"].as_u64() >= before["made"].as_u64(),
        "{after:#}"
    );
    assert_eq!(after["total"], 200);
}

/// What is known of a page's HTML variant, once it is as wanted.
async fn watched(story: &Story, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let address = format!("/sites/{}/pages?path={path}", story.site);
    let answer = story
        .program
        .until(&address, |answer| is_wanted(&answer["items"][0]))
        .await;
    answer["items"][0].clone()
}

async fn agent_gets(story: &Story, path: &str, text: &str) {
    let begun = Instant::now();
    loop {
        let answer = story.cloud.visit("shop.localhost", path, GPTBOT).await;
        let body = answer.text().await.unwrap_or_default();
        if body.contains(text) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "{path} stays {body}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_is_withheld_while_the_origin_does_not_show_the_page() {
    let story = Story::begin_with_settings(OFTEN).await;
    story.deployed().await;
    story
        .program
        .publish(&story.site, "a", "<p>the variant</p>")
        .await;
    agent_gets(&story, "/a", "the variant").await;
    watched(&story, "/a", |it| it["state"] == "fine").await;
    story
        .cloud
        .origin_is(pages(&[("/a", (302, "/b".to_owned()))]));
    let withheld = watched(&story, "/a", |it| it["state"] == "withheld").await;
    assert_eq!(withheld["reason"], "redirects", "{withheld:#}");
    assert!(
        withheld["detail"]
            .as_str()
            .is_some_and(|it| it.contains("to /b")),
        "{withheld:#}"
    );
    agent_gets(&story, "/a", "/b").await;
    // What is published meanwhile stays back, too; the site is in sync all the same.
    story
        .program
        .publish(&story.site, "a", "<p>another variant</p>")
        .await;
    let sync = format!("/sites/{}/sync", story.site);
    let status = story.program.until(&sync, |it| it["pending"] == 0).await;
    assert_eq!(status["live"], 0, "{status:#}");
    let listed = story
        .program
        .ok(
            "GET",
            &format!("/sites/{}/pages?state=withheld", story.site),
            None,
        )
        .await;
    assert_eq!(listed["items"][0]["path"], "/a");
    // The owner may say so.
    let decide = format!("/sites/{}/pages", story.site);
    let yes = json!({"format": "html", "path": "/a", "serveAnyway": true});
    let decided = story.program.ok("PATCH", &decide, Some(&yes)).await;
    assert_eq!(decided["serveAnyway"], true, "{decided:#}");
    agent_gets(&story, "/a", "another variant").await;
    let no = json!({"format": "html", "path": "/a", "serveAnyway": false});
    story.program.ok("PATCH", &decide, Some(&no)).await;
    watched(&story, "/a", |it| it["state"] == "withheld").await;
    agent_gets(&story, "/a", "/b").await;
    // Fine again.
    story.cloud.origin_is(Mood::Calm);
    watched(&story, "/a", |it| it["state"] == "fine").await;
    agent_gets(&story, "/a", "another variant").await;
    // Nothing of the site is withheld when its owner wants it so.
    story
        .cloud
        .origin_is(pages(&[("/a", (404, "gone".to_owned()))]));
    watched(&story, "/a", |it| it["reason"] == "fails").await;
    let site = format!("/sites/{}", story.site);
    let settings = json!({"settings": {"withholdBroken": false}});
    story.program.ok("PATCH", &site, Some(&settings)).await;
    agent_gets(&story, "/a", "another variant").await;
    let audit = story
        .program
        .ok("GET", "/audit?kind=variant.withheld", None)
        .await;
    assert_eq!(audit["items"][0]["detail"]["path"], "/a", "{audit:#}");
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_changed_is_marked_paused_or_made_again() {
    let story = Story::begin_with_settings(OFTEN).await;
    story.deployed().await;
    story
        .cloud
        .origin_is(pages(&[("/r", page("Thirty days."))]));
    let run = made(&story, json!({"paths": ["/r"]})).await;
    assert_eq!(run["made"], 1, "{run:#}");
    let publish_latest = async || {
        let listed = story
            .program
            .ok(
                "GET",
                &format!("/sites/{}/variants?prefix=/r", story.site),
                None,
            )
            .await;
        let body = json!({"format": "html", "path": "/r", "revision": listed["items"][0]["latestRevision"]});
        story
            .program
            .ok(
                "POST",
                &format!("/sites/{}/publish", story.site),
                Some(&body),
            )
            .await
    };
    // It changed between making and publishing: the text of its making is what counts.
    story.cloud.origin_is(pages(&[("/r", page("Sixty days."))]));
    publish_latest().await;
    let marked = watched(&story, "/r", |it| it["state"] == "changed").await;
    assert!(marked["changedAt"].is_string(), "{marked:#}");
    agent_gets(&story, "/r", "Thirty days.").await;
    let decide = format!("/sites/{}/pages", story.site);
    let accept = json!({"format": "html", "path": "/r", "acceptChange": true});
    let accepted = story.program.ok("PATCH", &decide, Some(&accept)).await;
    assert_eq!(accepted["state"], "fine", "{accepted:#}");
    let (status, _) = story.program.call("PATCH", &decide, Some(&accept)).await;
    assert_eq!(status, 409);
    // Made again: a draft beside what is published.
    let site = format!("/sites/{}", story.site);
    story
        .program
        .ok(
            "PATCH",
            &site,
            Some(&json!({"settings": {"onPageChange": "remake"}})),
        )
        .await;
    story
        .cloud
        .origin_is(pages(&[("/r", page("Ninety days."))]));
    watched(&story, "/r", |it| it["state"] == "changed").await;
    let variants = format!("/sites/{}/variants?prefix=/r", story.site);
    story
        .program
        .until(&variants, |it| {
            it["items"][0]["latestRevision"] != it["items"][0]["publishedRevision"]
        })
        .await;
    assert!(draft(&story, "html", "/r").await.contains("Ninety days."));
    publish_latest().await;
    watched(&story, "/r", |it| {
        it["state"] == "fine" && it["changedAt"].is_null()
    })
    .await;
    // Paused: taken off until somebody looks.
    story
        .program
        .ok(
            "PATCH",
            &site,
            Some(&json!({"settings": {"onPageChange": "pause"}})),
        )
        .await;
    story.cloud.origin_is(pages(&[("/r", page("No returns."))]));
    story
        .program
        .until(&variants, |it| {
            it["items"][0]["publishedRevision"].is_null()
        })
        .await;
    agent_gets(&story, "/r", "No returns.").await;
    watched(&story, "/r", |it| it["state"] == "changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markdown_comes_along_where_the_site_asks_for_it() {
    let story = Story::begin_with_settings(OFTEN).await;
    let site = format!("/sites/{}", story.site);
    story
        .program
        .ok(
            "PATCH",
            &site,
            Some(&json!({"settings": {"markdownFromHtml": true}})),
        )
        .await;
    story
        .program
        .publish(
            &story.site,
            "a",
            "<html><head><title>T</title></head><body><h1>A</h1><p>one</p></body></html>",
        )
        .await;
    let variants = format!("/sites/{}/variants?prefix=/a", story.site);
    let markdown = |it: &Value| it["items"][1].clone();
    let first = story
        .program
        .until(&variants, |it| markdown(it)["state"] == "published")
        .await;
    assert_eq!(draft(&story, "markdown", "/a").await, "# A\n\none\n");
    story
        .program
        .publish(&story.site, "a", "<h1>A</h1><p>two</p>")
        .await;
    let was = markdown(&first)["publishedRevision"].clone();
    story
        .program
        .until(&variants, |it| markdown(it)["publishedRevision"] != was)
        .await;
    assert_eq!(draft(&story, "markdown", "/a").await, "# A\n\ntwo\n");
    let off = json!({"format": "html", "path": "/a"});
    story
        .program
        .ok("POST", &format!("{site}/unpublish"), Some(&off))
        .await;
    story
        .program
        .until(&variants, |it| markdown(it)["publishedRevision"].is_null())
        .await;
    // One that somebody wrote is left alone.
    let own = story
        .program
        .request(reqwest::Method::PUT, &format!("{site}/variants/markdown/b"));
    let own = own
        .header("content-type", "text/markdown")
        .body("# Mine")
        .send()
        .await;
    assert!(own.expect("an answer").status().is_success());
    story
        .program
        .publish(&story.site, "b", "<h1>Theirs</h1>")
        .await;
    story.program.publish(&story.site, "c", "<h1>C</h1>").await;
    // Publications are followed in their order.
    let last = format!("{site}/variants?prefix=/c");
    story
        .program
        .until(&last, |it| it["items"].as_array().map(Vec::len) == Some(2))
        .await;
    assert_eq!(draft(&story, "markdown", "/b").await, "# Mine");
}
