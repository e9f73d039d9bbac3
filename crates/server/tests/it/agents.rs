//! Agents through the whole program: a newer registry from a document to the edge and back, and what a site says about
//! single agents.

use crate::{console::Console, story::Story};
use serde_json::{Value, json};

const GPTBOT: &str = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)";
const PERPLEXITYBOT: &str =
    "Mozilla/5.0 (compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const NEWBOT: &str = "Mozilla/5.0 (compatible; FreshlyMadeBot/1.0; +https://bot.example)";
const VARIANT: &str = "<h1>variant</h1>";

/// Deployed, with a published home page.
async fn published() -> Story {
    let story = Story::begin().await;
    story.program.publish(&story.site, "", VARIANT).await;
    story.deployed().await;
    story
}

/// The Worker that was deployed last answers within a moment; until then the one before may.
async fn comes_to_get(story: &Story, ua: &str, wanted: bool) {
    let is_wanted = async {
        while gets_variant(story, ua).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), is_wanted).await;
    assert!(waited.is_ok(), "{ua}: the variant: {wanted}");
}

async fn gets_variant(story: &Story, ua: &str) -> bool {
    let answer = story.cloud.visit("shop.localhost", "/", ua).await;
    answer.text().await.ok().as_deref() == Some(VARIANT)
}

/// The built-in registry with one agent more and GPTBot for another purpose.
async fn newer(story: &Story) -> Value {
    let mut document = story.program.ok("GET", "/agents/document", None).await;
    document["version"] = json!("test-2");
    let agents = document["agents"].as_array_mut().expect("a list");
    agents.push(json!({
        "token": "FreshlyMadeBot", "operator": "Somebody", "purpose": "search", "evidence": "reported",
    }));
    let gptbot = agents.iter_mut().find(|agent| agent["token"] == "GPTBot");
    gptbot.expect("it is known")["purpose"] = json!("user");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registry_goes_from_a_document_to_the_edge_and_back() {
    let mut story = published().await;
    let program = &story.program;
    assert!(gets_variant(&story, GPTBOT).await);
    assert!(!gets_variant(&story, NEWBOT).await);
    let document = newer(&story).await;

    let staged = program.ok("PUT", "/agents", Some(&document)).await;
    assert_eq!(staged["active"]["source"], "built_in", "{staged:#}");
    let changes = &staged["staged"]["changes"];
    assert_eq!(changes["added"][0]["token"], "FreshlyMadeBot");
    assert_eq!(
        changes["changed"][0]["what"],
        json!(["kind: training → user"])
    );
    assert_eq!(changes["removed"], json!([]));
    let effects = &staged["staged"]["sites"][0]["effects"];
    assert_eq!(
        effects,
        &json!([{"token": "FreshlyMadeBot", "before": "origin", "after": "serve"}])
    );
    assert_eq!(
        program.plan(&story.site).await["steps"],
        json!([]),
        "staged is not in force"
    );
    let (status, _) = program
        .call("POST", "/agents/activate", Some(&json!({"digest": "00"})))
        .await;
    assert_eq!(status, 412, "another one than was looked at");

    let digest = staged["staged"]["digest"].clone();
    let body = json!({ "digest": digest });
    let active = program.ok("POST", "/agents/activate", Some(&body)).await;
    assert_eq!(active["active"]["version"], "test-2");
    assert_eq!(active["staged"], Value::Null);
    let site = program
        .ok("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(site["status"], "drifted", "its Worker has the old table");
    let plan = program.plan(&story.site).await;
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(1), "{plan:#}");
    assert_eq!(
        plan["steps"][0]["reason"],
        "The script or its configuration changed: a new agents table."
    );
    assert!(
        !gets_variant(&story, NEWBOT).await,
        "not before a deployment"
    );

    story.program.kill_and_start_again().await;
    let program = &story.program;
    let check = program
        .ok("GET", "/agents/check?userAgent=FreshlyMadeBot%2F1.0", None)
        .await;
    assert_eq!(check["visitor"], "agent");
    assert_eq!(check["entry"]["sites"][0]["gets"], "serve");
    story.deployed().await;
    comes_to_get(&story, NEWBOT, true).await;
    assert_eq!(program.plan(&story.site).await["steps"], json!([]));

    let back = program
        .ok("POST", "/agents/revert", Some(&json!({"to": "built_in"})))
        .await;
    assert_eq!(back["active"]["source"], "built_in");
    assert_eq!(back["former"][0]["version"], "test-2");
    story.deployed().await;
    comes_to_get(&story, NEWBOT, false).await;
    let again = program
        .ok("POST", "/agents/revert", Some(&json!({"to": "former"})))
        .await;
    assert_eq!(again["active"]["version"], "test-2");
    let (status, problem) = program
        .call("POST", "/agents/revert", Some(&json!({"to": "former"})))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("invalid_state"))
    );

    let log = program.ok("GET", "/audit?kind=agents", None).await;
    let kinds: Vec<&str> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|line| line["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "agents.reverted",
            "agents.reverted",
            "agents.activated",
            "agents.staged"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_document_changes_nothing() {
    let story = Story::begin().await;
    let program = &story.program;
    let good = newer(&story).await;
    program.ok("PUT", "/agents", Some(&good)).await;
    let mut bad = good.clone();
    let agents = bad["agents"].as_array_mut().expect("a list");
    agents.push(
        json!({"token": "Chrome", "operator": "x", "purpose": "user", "evidence": "reported"}),
    );
    agents.push(
        json!({"token": "Twitterbot", "operator": "x", "purpose": "user", "evidence": "reported"}),
    );
    let at = agents.len();
    let (status, problem) = program.call("PUT", "/agents", Some(&bad)).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (422, Some("validation_failed")),
        "{problem:#}"
    );
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    assert_eq!(
        fields,
        [
            format!("agents[{}].token", at - 2),
            format!("agents[{}].token", at - 1)
        ]
    );
    for body in [json!({}), json!({"schema": 9}), json!([1])] {
        let (status, _) = program.call("PUT", "/agents", Some(&body)).await;
        assert_eq!(status, 422, "{body}");
    }
    let large = json!({"schema": 1, "version": "x".repeat(300 * 1024)});
    let (status, _) = program.call("PUT", "/agents", Some(&large)).await;
    assert_eq!(status, 413);
    let standing = program.ok("GET", "/agents/registry", None).await;
    assert_eq!(
        standing["staged"]["version"], "test-2",
        "the last good one stays"
    );
    let gone = program.ok("DELETE", "/agents/staged", None).await;
    assert_eq!(gone["staged"], Value::Null);
    let (status, _) = program
        .call("POST", "/agents/activate", Some(&json!({})))
        .await;
    assert_eq!(status, 409);
    for path in [
        "/agents?purpose=fun",
        "/agents?kind=x",
        "/agents?more=1",
        "/agents/check",
    ] {
        let (status, _) = program.call("GET", path, None).await;
        assert_eq!(status, 422, "{path}");
    }
    assert_eq!(program.call("GET", "/agents/NoSuchBot", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_says_who_gets_variants() {
    let story = published().await;
    let program = &story.program;
    let path = format!("/sites/{}", story.site);
    let set = async |agents: Value| {
        let body = json!({"settings": {"agents": agents}});
        program.ok("PATCH", &path, Some(&body)).await
    };
    let site = set(json!({"purposes": {"training": "origin"}, "single": {"perplexitybot": "origin", "Googlebot": "serve"}})).await;
    assert_eq!(
        site["settings"]["agents"],
        json!({
            "purposes": {"training": "origin", "search": "serve", "user": "serve"},
            "single": {"Googlebot": "serve", "PerplexityBot": "origin"},
        })
    );
    let plan = program.plan(&story.site).await;
    assert_eq!(
        plan["steps"][0]["reason"],
        "The script or its configuration changed: other settings."
    );
    assert_eq!(
        plan["warnings"][0]["code"], "search_engines_served",
        "{plan:#}"
    );
    story.deployed().await;
    assert!(!gets_variant(&story, GPTBOT).await, "it trains models");
    assert!(
        !gets_variant(&story, PERPLEXITYBOT).await,
        "said of this one alone"
    );
    assert!(gets_variant(&story, GOOGLEBOT).await, "the owner said so");
    let shown = program.ok("GET", "/agents/GPTBot", None).await;
    assert_eq!(shown["sites"][0]["gets"], "origin");
    let log = program
        .ok("GET", "/audit?kind=site.agents_changed", None)
        .await;
    assert_eq!(
        log["items"][0]["detail"],
        json!({"notServed": "training perplexitybot", "servedAllTheSame": "googlebot"})
    );

    let site = set(json!({"purposes": {"training": "serve"}, "single": {"PerplexityBot": null, "googlebot": null}})).await;
    assert_eq!(site["settings"]["agents"]["single"], json!({}));
    story.deployed().await;
    assert!(gets_variant(&story, GPTBOT).await);
    assert!(!gets_variant(&story, GOOGLEBOT).await);
    for bad in [
        json!({"single": {"NoSuchBot": "serve"}}),
        json!({"single": {"Google-Extended": "serve"}}),
        json!({"single": {"GPTBot": "maybe"}}),
        json!({"purposes": {"fun": "serve"}}),
        json!({"more": 1}),
    ] {
        let body = json!({"settings": {"agents": bad}});
        assert_eq!(
            program.call("PATCH", &path, Some(&body)).await.0,
            422,
            "{body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_agents_and_takes_a_registry() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    let page = console.get("/agents?find=openai").await;
    assert!(page.text.contains("GPTBot") && !page.text.contains(">ClaudeBot<"));
    assert!(page.text.contains("Gets at shop"), "what each would get");
    let page = console.get("/agents?find=nobody-like-that").await;
    assert!(page.text.contains("Nobody who is known fits this"));
    let page = console
        .get("/agents?ua=Mozilla/5.0+(compatible;+ClaudeBot/1.0)")
        .await;
    assert!(page.text.contains("An AI agent of Anthropic."));
    let page = console.get("/agents/GPTBot").await;
    assert!(page.text.contains("by its purpose"), "{}", page.text);
    assert_eq!(console.get("/agents/NoSuchBot").await.status, 404);

    let document = newer(&story).await.to_string();
    let page = console.upload("/agents/registry", "document", "{}").await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("schema is missing"), "{}", page.text);
    let page = console
        .upload("/agents/registry", "document", &document)
        .await;
    assert_eq!(
        page.location, "/agents/registry?done=agents_staged",
        "{}",
        page.text
    );
    let page = console.get("/agents/registry").await;
    assert!(page.text.contains("FreshlyMadeBot") && page.text.contains("kind: training → user"));
    let digest =
        story.program.ok("GET", "/agents/registry", None).await["staged"]["digest"].clone();
    let page = console.post("/agents/registry/activate", "digest=00").await;
    assert_eq!(page.status, 412);
    let form = format!("digest={}", digest.as_str().expect("a digest"));
    let page = console.post("/agents/registry/activate", &form).await;
    assert_eq!(page.location, "/agents/registry?done=agents_active");
    let page = console.get("/agents/registry").await;
    assert!(page.text.contains("owner@example.com") && page.text.contains("Go back"));
    let page = console.get("/agents/registry/agents.json").await;
    assert_eq!(
        serde_json::from_str::<Value>(&page.text).expect("JSON")["version"],
        "test-2"
    );
    let page = console.post("/agents/registry/revert", "").await;
    assert_eq!(page.location, "/agents/registry?done=agents_reverted");
    let page = console.post("/agents/registry/discard", "").await;
    assert_eq!(page.status, 409);

    let settings = format!("/sites/{}/settings", story.site);
    let save = format!("/sites/{}/agents", story.site);
    let page = console
        .post(&save, "search=yes&user=yes&token=Googlebot&gets=serve")
        .await;
    assert_eq!(page.status, 422, "not without being sure");
    assert!(
        page.text.contains("value=\"Googlebot\""),
        "what was typed stays"
    );
    let page = console
        .post(&save, "search=yes&user=yes&token=CCBot&gets=serve")
        .await;
    assert_eq!(page.location, format!("{settings}?done=saved"));
    let page = console.get(&settings).await;
    assert!(page.text.contains("name=\"one:CCBot\""), "{}", page.text);
    let site = story
        .program
        .ok("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(site["settings"]["agents"]["purposes"]["training"], "origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_agents_and_takes_a_registry() {
    let story = Story::begin().await;
    let run = async |args: &[&str]| {
        let output = story.program.run(args).await;
        let code = output.status.code();
        (
            code,
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, text, _) = run(&[
        "agents",
        "list",
        "--operator",
        "anthropic",
        "--site",
        "shop",
    ])
    .await;
    assert_eq!(code, Some(0));
    assert!(text.contains("ClaudeBot") && text.contains("variant") && !text.contains("GPTBot"));
    let (_, text, _) = run(&["agents", "list", "--json", "--kind", "all"]).await;
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    assert!(listed["items"].as_array().map_or(0, Vec::len) > 200);
    let (code, text, _) = run(&["agents", "show", "gptbot"]).await;
    assert_eq!(code, Some(0));
    assert!(
        text.contains("openai.com/gptbot.json") && text.contains("at shop: the variant"),
        "{text}"
    );
    assert_eq!(run(&["agents", "show", "NoSuchBot"]).await.0, Some(1));
    let (_, text, _) = run(&["agents", "check", GOOGLEBOT]).await;
    assert!(
        text.contains("Googlebot, of Google: search_engine"),
        "{text}"
    );
    let (_, text, _) = run(&[
        "agents",
        "check",
        "Mozilla/5.0 (Linux; Android 13; CUBOT X30)",
    ])
    .await;
    assert!(text.starts_with("Nobody who is known"), "{text}");

    let file = story.folder().join("agents.json");
    let path = file.to_str().expect("a path");
    std::fs::write(&file, "{\"schema\": 1}").expect("written");
    let (code, _, errors) = run(&["agents", "update", path]).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("has another form"), "{errors}");
    std::fs::write(&file, newer(&story).await.to_string()).expect("written");
    let (code, text, errors) = run(&["agents", "update", path]).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        text.contains("+ FreshlyMadeBot, of Somebody (search)"),
        "{text}"
    );
    assert!(
        text.contains("at shop: the variant for FreshlyMadeBot"),
        "{text}"
    );
    let (_, text, _) = run(&["agents", "activate"]).await;
    assert!(text.starts_with("in force: version test-2"), "{text}");
    let (_, text, _) = run(&["agents", "check", NEWBOT, "--json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&text).expect("JSON")["visitor"],
        "agent"
    );
    let (_, text, _) = run(&["agents", "revert", "--to", "built-in"]).await;
    assert!(
        text.contains("(built in)") && text.contains("before: version test-2"),
        "{text}"
    );
    let (_, text, _) = run(&["agents", "export"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&text).expect("JSON")["schema"],
        1
    );
}
