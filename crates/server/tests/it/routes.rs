//! Foreign routes: adopted and given back, beside narrower ones of ours, and those that ours would take requests from.

use crate::{
    local_cloudflare::{ACCOUNT, SHOP},
    program::id_of,
    story::Story,
};
use serde_json::{Value, json};

const GPTBOT: &str = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)";
const THEIR_ROUTE: &str = "d0000000000000000000000000000009";

/// With a Worker of somebody else's, and its route.
async fn beside(pattern: &str, script: Option<&str>) -> Story {
    let script = script.map_or_else(String::new, |name| format!("script = \"{name}\"\n"));
    Story::begin_with(&format!(
        "[[scripts]]\naccount = \"{ACCOUNT}\"\nname = \"their-worker\"\n[[scripts]]\naccount = \"{ACCOUNT}\"\nname = \"third-worker\"\n[[routes]]\nid = \"{THEIR_ROUTE}\"\nzone = \"{SHOP}\"\npattern = \"{pattern}\"\n{script}"
    ))
    .await
}

async fn choose(story: &Story, choice: &str, name: &str) -> Value {
    let path = format!("/sites/{}/{choice}", story.site);
    let body = json!({ "resource": "route", "name": name });
    story.program.ok("POST", &path, Some(&body)).await
}

fn their_route(state: &Value) -> &Value {
    let routes = state["routes"].as_array().expect("a table");
    routes
        .iter()
        .find(|route| route["id"] == THEIR_ROUTE)
        .unwrap_or_else(|| panic!("their route is gone: {state:#}"))
}

async fn in_sync(story: &Story) {
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    assert_eq!(plan["conflicts"], json!([]), "{plan:#}");
}

async fn removed(story: &Story) {
    let removal = story.program.remove(&story.site).await;
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "removed", "{ended:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_route_runs_ours_and_is_given_back() {
    for former in [Some("their-worker"), None] {
        let story = beside("shop.localhost/*", former).await;
        let before = story.cloud.state().await;
        story
            .program
            .publish(&story.site, "", "<h1>variant</h1>")
            .await;
        let plan = story.program.plan(&story.site).await;
        assert_eq!(plan["conflicts"][0]["code"], "taken", "{plan:#}");
        assert_eq!(plan["conflicts"][0]["id"], THEIR_ROUTE);
        let site = choose(&story, "adopt", "SHOP.localhost/*").await;
        assert_eq!(site["routeChoices"][0]["kind"], "adopt", "{site:#}");
        assert_eq!(
            story.cloud.state().await,
            before,
            "nothing happens before a deployment"
        );
        assert!(
            story
                .program
                .log()
                .contains("a choice about a foreign route")
        );

        // A lost answer leaves it adopted once.
        story
            .cloud
            .fault("PUT", "/workers/routes/[^/]+$", "after", 4)
            .await;
        let deployed = story.deployed().await;
        story.cloud.no_faults().await;
        in_sync(&story).await;
        let state = story.cloud.state().await;
        assert_eq!(
            state["routes"].as_array().map(Vec::len),
            Some(1),
            "{state:#}"
        );
        assert_ne!(their_route(&state)["script"], json!(former));
        let agent = story.cloud.visit("shop.localhost", "/", GPTBOT).await;
        assert_eq!(agent.text().await.ok().as_deref(), Some("<h1>variant</h1>"));

        // Undone, and deployed again, and removed: each time it is as before.
        let undo = format!("/deployments/{}/undo", id_of(&deployed));
        let undoing = story.program.ok("POST", &undo, Some(&json!({}))).await;
        let ended = story.program.ended(&id_of(&undoing)).await;
        assert_eq!(ended["status"], "undone", "{ended:#}");
        assert_eq!(story.cloud.state().await, before);
        let site = format!("/sites/{}", story.site);
        let site = story.program.ok("GET", &site, None).await;
        assert_eq!(site["status"], "new");
        story.deployed().await;
        story
            .cloud
            .fault("PUT", "/workers/routes/[^/]+$", "after", 4)
            .await;
        removed(&story).await;
        assert_eq!(story.cloud.state().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_route_goes_back_when_it_is_no_longer_covered() {
    let story = beside("shop.localhost/*", Some("their-worker")).await;
    let before = story.cloud.state().await;
    choose(&story, "adopt", "shop.localhost/*").await;
    story.deployed().await;
    let (status, problem) = story
        .program
        .call(
            "POST",
            &format!("/sites/{}/withdraw", story.site),
            Some(&json!({ "resource": "route", "name": "shop.localhost/*" })),
        )
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));
    let site = format!("/sites/{}", story.site);
    let hosts = json!({ "hostnames": ["www.shop.localhost"] });
    let changed = story.program.ok("PATCH", &site, Some(&hosts)).await;
    assert_eq!(
        changed["routeChoices"],
        json!([]),
        "it is asked again next time"
    );
    story.deployed().await;
    let state = story.cloud.state().await;
    assert_eq!(their_route(&state), their_route(&before));
    in_sync(&story).await;
    removed(&story).await;
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repointed_route_is_not_taken_back_silently() {
    let story = beside("blog.shop.localhost/*", Some("their-worker")).await;
    story.deployed().await;
    let state = story.cloud.state().await;
    let routes = state["routes"].as_array().expect("a table");
    let ours = routes.iter().find(|route| route["id"] != THEIR_ROUTE);
    let id = ours
        .and_then(|route| route["id"].as_str())
        .expect("our route");
    let path = format!("/zones/{SHOP}/workers/routes/{id}");
    let repoint = |to: &str| json!({ "pattern": "shop.localhost/*", "script": to });
    story
        .cloud
        .call("PUT", &path, Some(repoint("third-worker")))
        .await;
    let theirs = story.cloud.state().await;

    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["code"], "repointed", "{plan:#}");
    assert_eq!(plan["conflicts"][0]["owner"], "third-worker");
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["problem"]["code"], "route_conflict", "{ended:#}");
    assert_eq!(story.cloud.state().await, theirs, "nothing was touched");

    choose(&story, "adopt", "shop.localhost/*").await;
    story.deployed().await;
    in_sync(&story).await;
    // Repointed once more: the choice was for that one time.
    story
        .cloud
        .call("PUT", &path, Some(repoint("third-worker")))
        .await;
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["code"], "repointed", "{plan:#}");
    // A removal leaves it where somebody pointed it.
    removed(&story).await;
    let state = story.cloud.state().await;
    let left = state["routes"].as_array().expect("a table");
    assert!(
        left.iter()
            .any(|route| route["id"] == id && route["script"] == "third-worker"),
        "{state:#}"
    );
}

/// A route that we made stays ours whoever repointed it meanwhile, once it was taken back: the removal deletes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_ours_that_was_taken_back_goes_with_the_site() {
    let story = beside("blog.shop.localhost/*", Some("their-worker")).await;
    let before = story.cloud.state().await;
    story.deployed().await;
    let state = story.cloud.state().await;
    let routes = state["routes"].as_array().expect("a table");
    let ours = routes.iter().find(|route| route["id"] != THEIR_ROUTE);
    let id = ours.and_then(|route| route["id"].as_str());
    let path = format!("/zones/{SHOP}/workers/routes/{}", id.expect("our route"));
    for to in [json!(null), json!("third-worker")] {
        let repointed = json!({ "pattern": "shop.localhost/*", "script": to });
        story.cloud.call("PUT", &path, Some(repointed)).await;
        let theirs = story.cloud.state().await["routes"].clone();
        let plan = story.program.plan(&story.site).await;
        let conflict = &plan["conflicts"][0];
        assert_eq!(conflict["code"], "repointed", "{plan:#}");
        let remedy = conflict["remedies"][0].as_str().expect("words");
        assert!(
            remedy.contains("is deleted when the site is removed"),
            "{remedy}"
        );
        choose(&story, "adopt", "shop.localhost/*").await;
        let repaired = story.deployed().await;
        in_sync(&story).await;
        // Taken back, it is somebody else's again; and deployed once more, ours.
        let undo = format!("/deployments/{}/undo", id_of(&repaired));
        let undoing = story.program.ok("POST", &undo, Some(&json!({}))).await;
        let ended = story.program.ended(&id_of(&undoing)).await;
        assert_eq!(ended["status"], "undone", "{ended:#}");
        assert_eq!(story.cloud.state().await["routes"], theirs);
        choose(&story, "adopt", "shop.localhost/*").await;
        story.deployed().await;
        in_sync(&story).await;
    }
    removed(&story).await;
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn narrower_routes_stand_beside_a_foreign_one() {
    let story = beside("shop.localhost/*", Some("their-worker")).await;
    let before = story.cloud.state().await;
    story
        .program
        .publish(&story.site, "blog/one", "<h1>variant</h1>")
        .await;
    let site = format!("/sites/{}", story.site);
    for (patterns, why) in [
        (
            json!({ "blog.localhost": "blog.localhost/*" }),
            "no host name of this site",
        ),
        (
            json!({ "shop.localhost": "*.localhost/blog/*" }),
            "is not a pattern of shop.localhost",
        ),
        (
            json!({ "shop.localhost": ["shop.localhost/blog"] }),
            "does not end in `*`",
        ),
        (
            json!({ "shop.localhost": ["shop.localhost/*/blog/*"] }),
            "may hold `*` only",
        ),
        (
            json!({ "shop.localhost": ["shop.localhost/blog?a=*"] }),
            "may not hold a query",
        ),
    ] {
        let body = json!({ "routePatterns": patterns });
        let (status, problem) = story.program.call("PATCH", &site, Some(&body)).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("validation_failed"))
        );
        assert_eq!(problem["errors"][0]["field"], "routePatterns");
        let detail = problem["errors"][0]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(why), "{problem:#}");
    }
    let body = json!({ "routePatterns": { "shop.localhost": "shop.localhost/blog/*" } });
    let changed = story.program.ok("PATCH", &site, Some(&body)).await;
    assert_eq!(
        changed["routePatterns"],
        json!({ "shop.localhost": ["shop.localhost/blog/*"] })
    );
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"], json!([]), "{plan:#}");
    assert_eq!(plan["otherRoutes"][0]["relation"], "broader", "{plan:#}");
    assert_eq!(plan["warnings"][0]["code"], "takes_over");
    let ended = story.deployed().await;
    // The health question has a route of its own.
    assert_eq!(ended["proof"]["edge"][0]["answered"], true, "{ended:#}");
    in_sync(&story).await;
    let state = story.cloud.state().await;
    assert_eq!(their_route(&state), their_route(&before));
    let agent = story
        .cloud
        .visit("shop.localhost", "/blog/one", GPTBOT)
        .await;
    assert_eq!(agent.text().await.ok().as_deref(), Some("<h1>variant</h1>"));

    // All of the host name again: then the foreign route is in the way again.
    let body = json!({ "routePatterns": { "shop.localhost": null } });
    story.program.ok("PATCH", &site, Some(&body)).await;
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["code"], "taken", "{plan:#}");
    removed(&story).await;
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_requests_from_a_foreign_worker_needs_a_yes() {
    let story = beside("*shop.localhost/*", Some("their-worker")).await;
    let before = story.cloud.state().await;
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["code"], "takes_over", "{plan:#}");
    assert_eq!(plan["conflicts"][0]["owner"], "their-worker");
    assert_eq!(plan["conflicts"][0]["choices"][0], "accept");
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["problem"]["code"], "route_conflict", "{ended:#}");
    assert_eq!(story.cloud.state().await, before);

    choose(&story, "accept", "*shop.localhost/*").await;
    choose(&story, "withdraw", "*shop.localhost/*").await;
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"][0]["code"], "takes_over", "{plan:#}");
    choose(&story, "accept", "*shop.localhost/*").await;
    story.deployed().await;
    in_sync(&story).await;
    removed(&story).await;
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_plan_shows_can_be_chosen() {
    let story = beside("shop.localhost/*", Some("their-worker")).await;
    let path = format!("/sites/{}/adopt", story.site);
    for (resource, name, status, code) in [
        ("route", "other.localhost/*", 409, "invalid_state"),
        ("route", "", 409, "invalid_state"),
        ("script", "their-worker", 409, "invalid_state"),
        ("kv_namespace", "x", 409, "invalid_state"),
        ("zone", "shop.localhost", 422, "validation_failed"),
    ] {
        let body = json!({ "resource": resource, "name": name });
        let (found, problem) = story.program.call("POST", &path, Some(&body)).await;
        assert_eq!(
            (found, &problem["code"]),
            (status, &json!(code)),
            "{resource} {name}: {problem:#}"
        );
        for list in ["causes", "remedies"] {
            let list = problem[list].as_array();
            assert!(list.is_some_and(|list| !list.is_empty()), "{problem:#}");
        }
    }
    let accept = format!("/sites/{}/accept", story.site);
    let body = json!({ "resource": "route", "name": "shop.localhost/*" });
    let (status, _) = story.program.call("POST", &accept, Some(&body)).await;
    assert_eq!(status, 409, "the same pattern can be adopted, not accepted");
    let body = json!({ "resource": "route", "name": "shop.localhost/*", "more": 1 });
    let (status, _) = story.program.call("POST", &path, Some(&body)).await;
    assert_eq!(status, 422, "unknown fields are refused");
}
