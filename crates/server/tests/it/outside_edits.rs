//! What somebody changes behind our back, by ordinary calls of another client: seen, told, and put back.

use crate::{
    local_cloudflare::{ACCOUNT, SHOP},
    story::Story,
};
use serde_json::{Value, json};

/// A deployed site's names and ids in the account.
struct Deployed {
    script: String,
    route: String,
    namespace: String,
}

impl Deployed {
    async fn of(story: &Story) -> Self {
        let state = story.cloud.state().await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            script: format!(
                "/accounts/{ACCOUNT}/workers/scripts/{}",
                text(&state["scripts"][0]["name"])
            ),
            route: format!(
                "/zones/{SHOP}/workers/routes/{}",
                text(&state["routes"][0]["id"])
            ),
            namespace: format!(
                "/accounts/{ACCOUNT}/storage/kv/namespaces/{}",
                text(&state["namespaces"][0]["id"])
            ),
        }
    }
}

/// Sends one part, `settings`, to the script's settings.
async fn patch_settings(story: &Story, there: &Deployed, settings: &Value) {
    let path = format!("{}/settings", there.script);
    let part = ("settings", "application/json", settings.to_string());
    story
        .cloud
        .form("PATCH", &path, &[(part.0, part.1, &part.2)])
        .await;
}

/// The differences that the plan tells, and the site's state.
async fn seen(story: &Story) -> (Vec<String>, Value) {
    let plan = story.program.plan(&story.site).await;
    let told = plan["differences"].as_array().expect("a list");
    let words = |found: &Value| {
        format!(
            "{} {}",
            found["resource"].as_str().unwrap_or_default(),
            found["what"].as_str().unwrap_or_default()
        )
    };
    (told.iter().map(words).collect(), plan)
}

/// The change is seen as this, the site is drifted, and deploying puts it back.
async fn is_seen_and_put_back(story: &Story, what: &str) {
    let (told, plan) = seen(story).await;
    assert!(told.iter().any(|found| found == what), "{what}: {plan:#}");
    assert_ne!(plan["steps"], json!([]), "{what}: {plan:#}");
    let site = story
        .program
        .ok("GET", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(site["status"], "drifted", "{what}");
    story.deployed().await;
    story.is_whole().await;
    let (told, plan) = seen(story).await;
    assert_eq!(told, Vec::<String>::new(), "{what}: {plan:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_the_worker_are_seen_and_put_back() {
    let story = Story::begin().await;
    story.deployed().await;
    let there = Deployed::of(&story).await;
    let script = &there.script;

    // The text, as wrangler or the dashboard's editor changes it: our tags stay on it.
    edit_script(&story, "theirs").await;
    let (_, plan) = seen(&story).await;
    assert_eq!(plan["differences"][0]["by"], "wrangler", "{plan:#}");
    assert_eq!(plan["steps"][0]["action"], "update");
    assert_eq!(plan["steps"][0]["reversible"], false);
    let before = plan["steps"][0]["before"].as_str().expect("a text");
    assert!(
        before.starts_with("edited outside (last deployed from: wrangler), after script "),
        "{before}"
    );
    is_seen_and_put_back(&story, "script script text").await;

    // A secret's value: nothing but another version shows it.
    let secret = json!({ "name": "SITE_KEY", "text": "not-the-key", "type": "secret_text" });
    story
        .cloud
        .call("PUT", &format!("{script}/secrets"), Some(secret))
        .await;
    is_seen_and_put_back(&story, "script version").await;

    let path = format!("{script}/secrets/SITE_KEY?url_encoded=true");
    story.cloud.call("DELETE", &path, None).await;
    is_seen_and_put_back(&story, "script binding SITE_KEY").await;

    // Bindings: one taken away, one that points elsewhere, one more.
    let bindings =
        |namespace: Option<&str>, more: &[Value]| {
            let mut bindings = vec![
                json!({ "type": "inherit", "name": "SITE_KEY" }),
                json!({ "type": "inherit", "name": "CONFIG" }),
            ];
            bindings.extend(namespace.map(
                |id| json!({ "type": "kv_namespace", "name": "VARIANTS", "namespace_id": id }),
            ));
            bindings.extend_from_slice(more);
            json!({ "bindings": bindings })
        };
    patch_settings(&story, &there, &bindings(None, &[])).await;
    is_seen_and_put_back(&story, "script binding VARIANTS").await;
    let ours = there.namespace.rsplit('/').next();
    let more = [json!({ "type": "plain_text", "name": "DEBUG", "text": "1" })];
    patch_settings(&story, &there, &bindings(ours, &more)).await;
    is_seen_and_put_back(&story, "script binding DEBUG").await;
    let config = json!({ "bindings": [
        { "type": "inherit", "name": "SITE_KEY" },
        { "type": "json", "name": "CONFIG", "json": { "v": 1, "hash": "theirs" } },
        { "type": "kv_namespace", "name": "VARIANTS", "namespace_id": ours },
    ] });
    patch_settings(&story, &there, &config).await;
    is_seen_and_put_back(&story, "script binding CONFIG").await;

    patch_settings(
        &story,
        &there,
        &json!({ "compatibility_date": "2024-01-01" }),
    )
    .await;
    is_seen_and_put_back(&story, "script compatibility date").await;
    patch_settings(
        &story,
        &there,
        &json!({ "compatibility_flags": ["nodejs_compat"] }),
    )
    .await;
    is_seen_and_put_back(&story, "script compatibility flags").await;
    let tags = json!({ "tags": ["theirs"] });
    story
        .cloud
        .call("PATCH", &format!("{script}/script-settings"), Some(tags))
        .await;
    is_seen_and_put_back(&story, "script tags").await;

    // What we do not set is told and left alone.
    let tails = json!({ "logpush": true });
    story
        .cloud
        .call("PATCH", &format!("{script}/script-settings"), Some(tails))
        .await;
    let (told, plan) = seen(&story).await;
    assert_eq!(told, ["script Logpush"], "{plan:#}");
    assert_eq!(plan["steps"], json!([]));
    assert_eq!(plan["warnings"][0]["code"], "setting_changed");
}

/// Another text in the place of the Worker's, as wrangler puts it there.
async fn edit_script(story: &Story, text: &str) {
    let there = Deployed::of(story).await;
    let code =
        format!("addEventListener('fetch', event => event.respondWith(new Response('{text}')));");
    let metadata = json!({ "body_part": "worker.js" }).to_string();
    let parts = [
        ("metadata", "application/json", metadata.as_str()),
        ("worker.js", "application/javascript", code.as_str()),
    ];
    let path = format!("{}/content", there.script);
    story.cloud.form("PUT", &path, &parts).await;
}

/// The command line without its log: exit code, standard output and standard error.
async fn command(story: &Story, args: &[&str]) -> (Option<i32>, String, String) {
    let quiet = [("EDGE_DELIVERY_LOG", String::new())];
    let out = story.program.command_with(&quiet, args).output().await;
    let out = out.expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_puts_no_edit_back_without_a_word() {
    let story = Story::begin().await;
    story.deployed().await;
    edit_script(&story, "theirs").await;
    let edited = story.cloud.state().await;

    let (code, plan, said) = command(&story, &["plan", "shop"]).await;
    assert_eq!((code, said.as_str()), (Some(2), ""));
    for words in [
        "shop: 1 step to do",
        "edited outside (last deployed from: wrangler), after script",
        " → script ",
        "cannot be undone",
        "changed outside, and put back by deploying: Worker",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }

    // In a pipe nobody can be asked.
    let (code, out, said) = command(&story, &["deploy", "shop"]).await;
    assert_eq!((code, out.as_str()), (Some(3), ""), "{said}");
    for words in [
        "shop was changed outside Edge Delivery",
        "script text: there is text",
        "(changed with wrangler)",
        "--overwrite-edits",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, out, _) = command(&story, &["deploy", "--all", "--json"]).await;
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, Some(3), "{answer:#}");
    assert_eq!(answer[0]["problem"]["code"], "edits_outside", "{answer:#}");
    assert_eq!(story.cloud.state().await, edited, "nothing was touched");

    let (code, out, said) = command(&story, &["deploy", "shop", "--overwrite-edits"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("script text: there is text"), "{said}");
    assert!(out.starts_with("shop: live (1 step, "), "{out}");
    assert!(
        out.contains("note: Put back over a change from outside. Worker"),
        "{out}"
    );
    story.is_whole().await;
    // Nothing is asked of a site that nobody touched.
    let (code, _, said) = command(&story, &["deploy", "shop"]).await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_names_what_it_puts_back() {
    let story = Story::begin().await;
    story.deployed().await;
    edit_script(&story, "theirs").await;
    let edited = story.cloud.state().await;
    let careful = json!({ "overwriteEdits": false });
    let deployments = format!("/sites/{}/deployments", story.site);
    let (status, problem) = story
        .program
        .call("POST", &deployments, Some(&careful))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("edits_outside")),
        "{problem:#}"
    );
    let cause = problem["causes"][0].as_str().expect("a cause");
    assert!(cause.contains("script text: there is text"), "{cause}");
    let many = |overwrite: Option<bool>| {
        let mut body = json!({ "siteIds": [story.site] });
        if let Some(overwrite) = overwrite {
            body["overwriteEdits"] = overwrite.into();
        }
        let program = &story.program;
        async move { program.ok("POST", "/deployments", Some(&body)).await["items"][0].take() }
    };
    let item = many(Some(false)).await;
    assert_eq!(item["problem"]["code"], "edits_outside", "{item:#}");
    assert_eq!(item["edits"][0]["what"], "script text", "{item:#}");
    assert_eq!(item["deployment"], Value::Null, "{item:#}");
    assert_eq!(story.cloud.state().await, edited, "nothing was touched");

    let item = many(None).await;
    assert_eq!(item["edits"][0]["by"], "wrangler", "{item:#}");
    let ended = story
        .program
        .ended(&crate::program::id_of(&item["deployment"]))
        .await;
    assert_eq!(ended["status"], "live", "{ended:#}");

    // `{}` deploys, and the deployment says what was put back.
    edit_script(&story, "theirs again").await;
    let ended = story.deployed().await;
    assert_eq!(ended["warnings"][0]["code"], "edit_put_back", "{ended:#}");
    let detail = ended["warnings"][0]["detail"].as_str().expect("words");
    assert!(
        detail.starts_with("Put back over a change from outside. Worker"),
        "{detail}"
    );
    let again = story.deployed().await;
    assert_eq!(again["warnings"], json!([]), "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_several_plans_wants_a_tick() {
    let story = Story::begin().await;
    let console = crate::console::Console::open(&story).await;
    let blog = story
        .program
        .make_site(&story.connection, crate::local_cloudflare::BLOG, "blog")
        .await;
    story.deployed().await;
    edit_script(&story, "theirs").await;
    let shop = &story.site;
    let plans = console
        .get(&format!("/sites/plans?site={shop}&site={blog}"))
        .await;
    for words in [
        "Changed outside Edge Delivery",
        "Worker: script text",
        "Last deployed",
        "Wanted now",
        &format!("name=\"overwrite\" value=\"{shop}\""),
    ] {
        assert!(plans.text.contains(words), "{words}: {}", plans.text);
    }
    assert!(
        !plans
            .text
            .contains(&format!("name=\"overwrite\" value=\"{blog}\""))
    );

    // Without the tick the one is left as it is, and the other is deployed.
    let page = console
        .post("/sites/deploy", &format!("sites={shop}%2C{blog}"))
        .await;
    assert_eq!(page.status, 303, "{}", page.text);
    assert!(
        page.location.ends_with(&format!("&left={shop}")),
        "{}",
        page.location
    );
    let going = console.get(&page.location).await;
    assert!(going.text.contains("Left as it is"), "{}", going.text);
    let (_, rest) = page.location.split_once("d=").expect("ids");
    let id = rest.split('&').next().expect("an id");
    let ended = story.program.ended(id).await;
    assert_eq!(ended["siteName"], "blog", "{ended:#}");
    let (told, _) = seen(&story).await;
    assert_eq!(told, ["script script text"]);
    let page = console
        .post("/sites/deploy", &format!("sites={shop}"))
        .await;
    assert_eq!(page.status, 409);
    assert!(page.text.contains("was changed outside"), "{}", page.text);

    let form = format!("sites={shop}&overwrite={shop}");
    let page = console.post("/sites/deploy", &form).await;
    let (_, id) = page.location.split_once("d=").expect("ids");
    let ended = story.program.ended(id).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    let (told, plan) = seen(&story).await;
    assert_eq!(told, Vec::<String>::new(), "{plan:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_namespace_gets_its_title_back() {
    let story = Story::begin().await;
    story.deployed().await;
    let there = Deployed::of(&story).await;
    let title = story.cloud.state().await["namespaces"][0]["title"].clone();
    let renamed = json!({ "title": "my variants" });
    story
        .cloud
        .call("PUT", &there.namespace, Some(renamed))
        .await;
    is_seen_and_put_back(&story, "kv_namespace title").await;
    assert_eq!(story.cloud.state().await["namespaces"][0]["title"], title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_was_given_another_pattern_gets_its_own_back() {
    let story = Story::begin().await;
    story.deployed().await;
    let there = Deployed::of(&story).await;
    let script = there.script.rsplit('/').next();
    let moved = json!({ "pattern": "shop.localhost/old/*", "script": script });
    story.cloud.call("PUT", &there.route, Some(moved)).await;
    is_seen_and_put_back(&story, "route pattern").await;
    let closed = json!({
        "pattern": "shop.localhost/*", "script": script, "request_limit_fail_open": false,
    });
    story.cloud.call("PUT", &there.route, Some(closed)).await;
    let (told, plan) = seen(&story).await;
    assert_eq!(told, ["route fail open"], "{plan:#}");
    assert_eq!(plan["steps"], json!([]), "told, and left alone");
}

/// Nobody touches the account: nothing is reported, and each look costs five calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_looks_at_an_untouched_account_report_nothing() {
    let story = Story::begin().await;
    story.deployed().await;
    let before = story.cloud.calls().await;
    for look in 0..100 {
        let plan = story.program.plan(&story.site).await;
        for list in [
            "steps",
            "conflicts",
            "warnings",
            "differences",
            "otherRoutes",
        ] {
            assert_eq!(plan[list], json!([]), "look {look}: {plan:#}");
        }
    }
    assert_eq!(story.cloud.calls().await - before, 500);
}

/// Each action twice in a row leaves the same state, and a deployment without a change writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn each_action_twice_is_the_same_as_once() {
    let story = Story::begin().await;
    story.deployed().await;
    let once = story.cloud.state().await;
    let again = story.deployed().await;
    assert_eq!(again["steps"], json!([]), "{again:#}");
    assert_eq!(story.cloud.state().await, once);
    let rollback = format!(
        "/deployments/{}/rollback",
        again["id"].as_str().expect("an id")
    );
    // To what is there already.
    for _ in 0..2 {
        let begun = story.program.ok("POST", &rollback, Some(&json!({}))).await;
        let ended = story
            .program
            .ended(begun["id"].as_str().expect("an id"))
            .await;
        assert_eq!(
            (&ended["status"], &ended["steps"]),
            (&json!("live"), &json!([]))
        );
    }
    assert_eq!(story.cloud.state().await, once);
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    let gone = story.cloud.state().await;
    let (status, _) = story
        .program
        .call("DELETE", &format!("/sites/{}", story.site), None)
        .await;
    assert_eq!(status, 404);
    assert_eq!(story.cloud.state().await, gone);
}

/// A database from before the first deployment, and the Worker gone as well: the marker in the namespace says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_finds_its_namespace_by_the_marker() {
    let mut story = Story::begin().await;
    let file = story.folder().join("backup.db");
    let file = file.to_str().expect("text");
    let out = story.program.run(&["backup", file]).await;
    assert!(out.status.success(), "{out:?}");
    story.deployed().await;
    let there = Deployed::of(&story).await;
    story.program.kill().await;
    let out = story.program.run(&["restore", file, "--force"]).await;
    assert!(out.status.success(), "{out:?}");
    story.program.kill_and_start_again().await;
    for path in [&there.route, &there.script] {
        story.cloud.call("DELETE", path, None).await;
    }
    let plan = story.program.plan(&story.site).await;
    assert_eq!(plan["conflicts"], json!([]), "{plan:#}");
    assert_eq!(plan["steps"][0]["resource"], "content", "{plan:#}");
    story.deployed().await;
    story.is_whole().await;
}
