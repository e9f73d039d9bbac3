//! Deploying: the whole way, with lost answers, killed in between, and with something foreign in the way.

use crate::{
    local_cloudflare::{ACCOUNT, GOOD_TOKEN, SHOP},
    story::Story,
};
use serde_json::json;
use std::time::{Duration, Instant};

const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Every write of a deployment.
const WRITES: [(&str, &str); 4] = [
    ("POST", "/storage/kv/namespaces$"),
    ("PUT", "/bulk$"),
    ("PUT", "/workers/scripts/[^/]+$"),
    ("POST", "/workers/routes$"),
];

#[tokio::test(flavor = "multi_thread")]
async fn several_sites_are_deployed_at_once_and_one_that_fails_stops_no_other() {
    let story = Story::begin().await;
    let blog = story
        .program
        .make_site(&story.connection, crate::local_cloudflare::BLOG, "blog")
        .await;
    let foreign = json!({ "pattern": "blog.localhost/*" });
    let path = format!("/zones/{}/workers/routes", crate::local_cloudflare::BLOG);
    story.cloud.call("POST", &path, Some(foreign)).await;
    let body = json!({ "siteIds": [story.site, blog, story.site] });
    let asked = story.program.ok("POST", "/deployments", Some(&body)).await;
    let items = asked["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2, "{asked:#}");
    let ended = |item: &serde_json::Value| {
        let id = crate::program::id_of(&item["deployment"]);
        let program = &story.program;
        async move { program.ended(&id).await }
    };
    let (shop, blog) = tokio::join!(ended(&items[0]), ended(&items[1]));
    assert_eq!(shop["status"], "live", "{shop:#}");
    assert_eq!(blog["problem"]["code"], "route_conflict", "{blog:#}");
    for (ids, what) in [
        (json!([]), "none"),
        (json!(["x"]), "no id"),
        (json!("x"), "no list"),
    ] {
        let body = json!({ "siteIds": ids });
        let (status, problem) = story
            .program
            .call("POST", "/deployments", Some(&body))
            .await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("validation_failed")),
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_serves_and_leaves_no_trace() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    story
        .program
        .publish(&story.site, "", "<h1>variant</h1>")
        .await;
    let first = story.program.plan(&story.site).await;
    assert_eq!(
        first["steps"].as_array().map(Vec::len),
        Some(4),
        "{first:#}"
    );
    let out = story.program.run(&["plan", "shop"]).await;
    assert_eq!(out.status.code(), Some(2), "{out:?}");

    let ended = story.deployed().await;
    assert_eq!(ended["steps"].as_array().map(Vec::len), Some(4));
    for step in ended["steps"].as_array().expect("steps") {
        assert_eq!(step["status"], "done", "{ended:#}");
    }
    assert_eq!(ended["proof"]["edge"][0]["answered"], true, "{ended:#}");
    story.is_whole().await;
    let out = story.program.run(&["plan", "shop"]).await;
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert_eq!(
        story.cloud.state().await["routes"][0]["pattern"],
        "shop.localhost/*"
    );

    let agent = story.cloud.visit("shop.localhost", "/", GPTBOT).await;
    assert!(
        agent.headers()["x-edge-delivery"]
            .to_str()
            .is_ok_and(
                |text| text.starts_with("variant; revision=") && text.contains("agent=GPTBot")
            ),
        "{agent:?}"
    );
    assert_eq!(agent.text().await.ok().as_deref(), Some("<h1>variant</h1>"));
    let person = story.cloud.visit("shop.localhost", "/?a=b", CHROME).await;
    assert_eq!(
        person.text().await.ok().as_deref(),
        Some("<h1>origin of shop.localhost/?a=b</h1>")
    );

    let removal = story.program.remove(&story.site).await;
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "removed", "{ended:#}");
    assert_eq!(story.cloud.state().await, before);
    let (status, _) = story
        .program
        .call("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(status, 404);
    story
        .program
        .make_site(&story.connection, SHOP, "shop")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_refused_call_costs_a_new_look_and_nothing_else() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    for kind in ["after", "before", "html", "rate_limited", "timeout", "hang"] {
        for (method, path) in WRITES {
            let site = story
                .program
                .make_site(&story.connection, crate::local_cloudflare::BLOG, "blog")
                .await;
            story.cloud.fault(method, path, kind, 1).await;
            let deployment = story.program.deploy(&site).await;
            let ended = story.program.ended(&deployment).await;
            assert_eq!(ended["status"], "live", "{kind} {method} {path}: {ended:#}");
            let state = story.cloud.state().await;
            for table in ["namespaces", "scripts", "routes"] {
                let count = state[table].as_array().map(Vec::len);
                assert_eq!(count, Some(1), "{kind} {method} {path}: {table} {state:#}");
            }
            let plan = story.program.plan(&site).await;
            assert_eq!(plan["steps"], json!([]), "{kind} {method} {path}: {plan:#}");
            story.cloud.no_faults().await;
            let removal = story.program.remove(&site).await;
            assert_eq!(story.program.ended(&removal).await["status"], "removed");
            assert_eq!(story.cloud.state().await, before, "{kind} {method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on() {
    let mut story = Story::begin().await;
    for (method, path) in WRITES {
        story
            .cloud
            .fault_of(&json!({
                "match": { "method": method, "path": path }, "kind": "hang", "times": 1, "delayMs": 60_000,
            }))
            .await;
    }
    let deployment = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{deployment}");
    // Hanging in the first write.
    story
        .program
        .until(&path, |answer| answer["steps"][0]["status"] == "running")
        .await;
    story.cloud.no_faults().await;
    story
        .cloud
        .fault_of(&json!({
            "match": { "path": "/workers/scripts/[^/]+$", "method": "PUT" },
            "kind": "hang", "times": 1, "delayMs": 60_000,
        }))
        .await;
    story.program.kill_and_start_again().await;
    let begun = Instant::now();
    // Hanging in the upload.
    story
        .program
        .until(&path, |answer| answer["steps"][2]["status"] == "running")
        .await;
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    story.cloud.no_faults().await;
    story.program.kill_and_start_again().await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_route_stops_the_plan_before_anything_is_made() {
    let story = Story::begin_with(&format!(
        "[[scripts]]\naccount = \"{ACCOUNT}\"\nname = \"their-worker\"\n[[routes]]\nid = \"d0000000000000000000000000000009\"\nzone = \"{SHOP}\"\npattern = \"shop.localhost/*\"\nscript = \"their-worker\"\n"
    ))
    .await;
    let before = story.cloud.state().await;
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["owner"], "their-worker", "{plan:#}");
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["problem"]["code"], "route_conflict", "{ended:#}");
    assert!(
        ended["problem"]["detail"]
            .as_str()
            .is_some_and(|text| text.contains("their-worker"))
    );
    assert_eq!(story.cloud.state().await, before);
    // The way out, and the same deployment continued.
    story
        .cloud
        .call(
            "DELETE",
            &format!("/zones/{SHOP}/workers/routes/d0000000000000000000000000000009"),
            None,
        )
        .await;
    let path = format!("/deployments/{deployment}/continue");
    let next = story.program.ok("POST", &path, Some(&json!({}))).await;
    let ended = story.program.ended(&crate::program::id_of(&next)).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_behind_our_back_comes_back() {
    let story = Story::begin().await;
    story.deployed().await;
    let state = story.cloud.state().await;
    let script = state["scripts"][0]["name"].as_str().expect("a name");
    let route = state["routes"][0]["id"].as_str().expect("an id");
    let namespace = state["namespaces"][0]["id"].as_str().expect("an id");
    for path in [
        format!("/zones/{SHOP}/workers/routes/{route}"),
        format!("/accounts/{ACCOUNT}/workers/scripts/{script}"),
        format!("/accounts/{ACCOUNT}/storage/kv/namespaces/{namespace}"),
    ] {
        story.cloud.call("DELETE", &path, None).await;
        let plan = story.program.plan(&story.site).await;
        assert_ne!(plan["steps"], json!([]), "{path}");
        let site = format!("/sites/{}", story.site);
        assert_eq!(
            story.program.ok("GET", &site, None).await["status"],
            "drifted"
        );
        story.deployed().await;
        story.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_deploys_without_serve() {
    let mut story = Story::begin().await;
    let before = story.cloud.state().await;
    story.program.kill().await;
    let out = story.program.run(&["deploy", "shop", "--json"]).await;
    assert!(out.status.success(), "{out:?}");
    let answer: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(answer["status"], "live");
    let out = story.program.run(&["plan", &story.site, "--json"]).await;
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let out = story.program.run(&["remove", "shop"]).await;
    assert_eq!(
        out.status.code(),
        Some(1),
        "without a terminal it wants --yes"
    );
    let out = story.program.run(&["remove", "shop", "--yes"]).await;
    assert!(out.status.success(), "{out:?}");
    assert_eq!(story.cloud.state().await, before);
    for stream in [&out.stdout, &out.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(GOOD_TOKEN));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_with_our_title_that_is_not_ours_is_left_alone() {
    let story = Story::begin().await;
    let plan = story.program.plan(&story.site).await;
    let title = plan["steps"][0]["name"].clone();
    let namespaces = format!("/accounts/{ACCOUNT}/storage/kv/namespaces");
    let body = json!({ "title": title });
    story.cloud.call("POST", &namespaces, Some(body)).await;
    let before = story.cloud.state().await;
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["problem"]["code"], "resource_conflict", "{ended:#}");
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_fail_open_is_told_and_fails_nothing() {
    let story = Story::begin_with_switches("keep_request_limit_fail_open = false\n").await;
    let ended = story.deployed().await;
    assert_eq!(
        ended["proof"]["warnings"][0]["code"], "fail_open_not_kept",
        "{ended:#}"
    );
    story.is_whole().await;
}

/// The control plane being down changes nothing at the edge.
#[tokio::test(flavor = "multi_thread")]
async fn the_edge_lives_on_without_us() {
    let mut story = Story::begin().await;
    story
        .program
        .publish(&story.site, "", "<h1>variant</h1>")
        .await;
    story.deployed().await;
    story.program.kill().await;
    let agent = story.cloud.visit("shop.localhost", "/", GPTBOT).await;
    assert_eq!(agent.text().await.ok().as_deref(), Some("<h1>variant</h1>"));
    let person = story.cloud.visit("shop.localhost", "/", CHROME).await;
    assert_eq!(
        person.text().await.ok().as_deref(),
        Some("<h1>origin of shop.localhost/</h1>")
    );
}

/// A KV that fails or hangs costs the variant, never the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_kv_leaves_the_origin() {
    let story = Story::begin().await;
    story
        .program
        .publish(&story.site, "", "<h1>variant</h1>")
        .await;
    story.deployed().await;
    for kind in ["before", "timeout"] {
        story.cloud.fault("GET", "^kv/", kind, 1000).await;
        let agent = story.cloud.visit("shop.localhost", "/", GPTBOT).await;
        assert_eq!(agent.status(), 200, "{kind}");
        assert_eq!(
            agent.text().await.ok().as_deref(),
            Some("<h1>origin of shop.localhost/</h1>"),
            "{kind}"
        );
        story.cloud.no_faults().await;
    }
}

/// The whole main job on the other database.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgresql() {
    let database = crate::postgres::Database::new().await;
    let story = Story::begin_on(database.url()).await;
    let before = story.cloud.state().await;
    story
        .program
        .publish(&story.site, "", "<h1>variant</h1>")
        .await;
    story.deployed().await;
    story.is_whole().await;
    let agent = story.cloud.visit("shop.localhost", "/", GPTBOT).await;
    assert_eq!(agent.text().await.ok().as_deref(), Some("<h1>variant</h1>"));
    let removal = story.program.remove(&story.site).await;
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "removed", "{ended:#}");
    assert_eq!(story.cloud.state().await, before);
}
