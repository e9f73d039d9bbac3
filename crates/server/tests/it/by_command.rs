//! Deployments and routes by the command line, in a pipe: what it says, its exit codes, and that it needs no `serve`.

use crate::{
    local_cloudflare::{ACCOUNT, BLOG, SHOP},
    program::id_of,
    story::Story,
};
use serde_json::{Value, json};

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self
    }
}

/// Runs a command as people do, without a log.
async fn command(story: &Story, args: &[&str]) -> Said {
    let quiet = [("EDGE_DELIVERY_LOG", String::new())];
    let out = story.program.command_with(&quiet, args).output().await;
    let out = out.expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: out.status.code(),
        out: text(&out.stdout),
        err: text(&out.stderr),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_listed_shown_undone_and_rolled_back() {
    let mut story = Story::begin().await;
    story.program.kill().await;
    let empty = command(&story, &["deployment", "list"]).await.succeeds();
    assert_eq!(empty.out, "No deployment yet.\n");
    let none = command(&story, &["deployment", "show", "shop"]).await;
    assert_eq!(none.code, Some(1));
    assert!(
        none.err.contains("There is no deployment of the site"),
        "{}",
        none.err
    );
    assert!(
        none.err.contains("edge-delivery deploy shop"),
        "{}",
        none.err
    );
    command(&story, &["deploy", "shop"]).await.succeeds();
    let listed = command(&story, &["deployment", "list", "shop"])
        .await
        .succeeds();
    assert!(
        listed
            .out
            .contains("create KV namespace, content, Worker, route"),
        "{}",
        listed.out
    );
    let listed = command(&story, &["deployment", "list", "--json"])
        .await
        .succeeds()
        .json();
    let first = id_of(&listed["items"][0]);
    let shown = command(&story, &["deployment", "show", &first])
        .await
        .succeeds();
    for words in [
        "shop: live (4 steps, ",
        "✓ create Route shop.localhost/*",
        &format!("take back what it did: edge-delivery deployment undo {first}"),
    ] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    let shown = command(&story, &["deployment", "show", "shop", "--json"])
        .await
        .succeeds();
    assert_eq!(shown.json()["offers"], json!(["undo"]), "{}", shown.out);
    assert!(
        shown.json()["steps"][3]["after"].is_string(),
        "{}",
        shown.out
    );

    // Undoing asks; in a pipe it wants a yes.
    let asked = command(&story, &["deployment", "undo", "shop"]).await;
    assert_eq!(asked.code, Some(1));
    assert!(asked.err.contains("say --yes"), "{}", asked.err);
    let undone = command(&story, &["deployment", "undo", "shop", "--yes"])
        .await
        .succeeds();
    assert!(
        undone.out.starts_with("shop: undone (3 steps, "),
        "{}",
        undone.out
    );
    assert_eq!(story.cloud.count("scripts").await, 0);

    command(&story, &["deploy", "shop"]).await.succeeds();
    let live = command(&story, &["deployment", "show", "shop", "--json"])
        .await
        .succeeds()
        .json();
    let rolled = ["deployment", "rollback", &id_of(&live), "--yes", "--json"];
    let rolled = command(&story, &rolled).await.succeeds().json();
    assert_eq!(
        (&rolled["kind"], &rolled["status"]),
        (&json!("rollback"), &json!("live"))
    );
    let no = command(&story, &["deployment", "cancel", "shop"]).await;
    assert_eq!(no.code, Some(1));
    assert!(no.err.contains("there is nothing to stop"), "{}", no.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deployment_says_once_what_failed_and_by_which_command_it_goes_on() {
    let mut story = Story::begin().await;
    story.program.kill().await;
    story
        .cloud
        .fault_of(&json!({
            "match": { "method": "PUT", "path": "/workers/scripts/[^/]+$" },
            "kind": "before", "status": 403, "code": 10_034, "times": 1,
        }))
        .await;
    let failed = command(&story, &["deploy", "shop"]).await;
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.out.starts_with("shop: failed (2 of 4 steps done, "),
        "{}",
        failed.out
    );
    let words = "The e-mail address of the Cloudflare account is not verified";
    assert_eq!(failed.err.matches(words).count(), 1, "{}", failed.err);
    assert!(!failed.err.contains("WARN"), "{}", failed.err);
    assert!(
        failed.err.contains("failed at step 3 of 4: create Worker"),
        "{}",
        failed.err
    );
    let (_, id) = failed
        .err
        .split_once("go on with what is left: edge-delivery deployment continue ")
        .unwrap_or_else(|| panic!("no way on: {}", failed.err));
    let id = id.lines().next().expect("an id");
    let went_on = command(&story, &["deployment", "continue", id])
        .await
        .succeeds();
    assert!(
        went_on.out.starts_with("shop: live (2 steps, "),
        "{}",
        went_on.out
    );
    story.cloud.no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_deployment_is_stopped_and_goes_on() {
    let story = Story::begin().await;
    story
        .cloud
        .fault_of(&json!({
            "match": { "method": "PUT", "path": "/workers/scripts/[^/]+$" },
            "kind": "timeout", "times": 1, "delayMs": 3_000,
        }))
        .await;
    let running = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{running}");
    story
        .program
        .until(&path, |answer| answer["steps"][2]["status"] == "running")
        .await;
    let stopped = command(&story, &["deployment", "cancel", "shop"])
        .await
        .succeeds();
    assert!(
        stopped
            .out
            .starts_with("shop: cancelled (2 of 4 steps done, "),
        "{}",
        stopped.out
    );
    let on = command(&story, &["deployment", "continue", "shop"])
        .await
        .succeeds();
    assert!(on.out.starts_with("shop: live"), "{}", on.out);
    story.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_the_command_that_solves_it() {
    let mut story = Story::begin_with(&format!(
        "[[scripts]]\naccount = \"{ACCOUNT}\"\nname = \"their-worker\"\n[[routes]]\nid = \"d0000000000000000000000000000009\"\nzone = \"{SHOP}\"\npattern = \"shop.localhost/*\"\nscript = \"their-worker\"\n"
    ))
    .await;
    story.program.kill().await;
    let before = story.cloud.state().await;
    let adopt = "edge-delivery route adopt shop 'shop.localhost/*'";
    let plan = command(&story, &["plan", "shop"]).await;
    assert_eq!(plan.code, Some(1));
    assert!(plan.out.contains(adopt), "{}", plan.out);
    let failed = command(&story, &["deploy", "shop"]).await;
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.out.starts_with("shop: failed (0 of "),
        "{}",
        failed.out
    );
    let (at_conflict, at_on) = (failed.err.find(adopt), failed.err.find("then go on: "));
    assert!(
        at_conflict.is_some() && at_conflict < at_on,
        "{}",
        failed.err
    );

    let wrong = command(&story, &["route", "accept", "shop", "shop.localhost/*"]).await;
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.err.contains("The plan shows no such conflict"),
        "{}",
        wrong.err
    );
    let adopted = ["route", "adopt", "shop", "shop.localhost/*", "--json"];
    let adopted = command(&story, &adopted).await.succeeds().json();
    assert_eq!(adopted["choice"], "adopt");
    command(&story, &["route", "withdraw", "shop", "shop.localhost/*"])
        .await
        .succeeds();
    assert_eq!(command(&story, &["plan", "shop"]).await.code, Some(1));
    command(
        &story,
        &[
            "route",
            "narrow",
            "shop",
            "shop.localhost",
            "shop.localhost/blog/*",
        ],
    )
    .await
    .succeeds();
    assert_eq!(command(&story, &["plan", "shop"]).await.code, Some(2));
    command(&story, &["route", "narrow", "shop", "shop.localhost"])
        .await
        .succeeds();
    let only = command(&story, &["route", "leave-out", "shop", "shop.localhost"]).await;
    assert_eq!(only.code, Some(1));
    assert!(only.err.contains("only host name"), "{}", only.err);
    assert_eq!(
        story.cloud.state().await,
        before,
        "decisions change nothing"
    );

    command(&story, &["route", "adopt", "shop", "shop.localhost/*"])
        .await
        .succeeds();
    let on = command(&story, &["deployment", "continue", "shop"])
        .await
        .succeeds();
    assert!(on.out.starts_with("shop: live"), "{}", on.out);
    let log = command(&story, &["audit", "--json"]).await.succeeds();
    assert!(
        log.out.contains("narrower_pattern") && log.out.contains("adopt"),
        "{}",
        log.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_several_is_named() {
    let mut story = Story::begin().await;
    story
        .program
        .make_site(&story.connection, BLOG, "blog")
        .await;
    story.program.kill().await;
    for (zone, name) in [(SHOP, "shop"), (BLOG, "blog")] {
        let foreign = json!({ "pattern": format!("{name}.localhost/*") });
        let path = format!("/zones/{zone}/workers/routes");
        story.cloud.call("POST", &path, Some(foreign)).await;
    }
    for args in [
        &["deploy", "--all", "--json"][..],
        &["deploy", "shop", "blog"],
    ] {
        let failed = command(&story, args).await;
        assert_eq!(failed.code, Some(1));
        for name in ["shop", "blog"] {
            let words = format!("{name}: error: ");
            assert_eq!(failed.err.matches(&words).count(), 1, "{}", failed.err);
            let way = format!("{name}: adopt that route: edge-delivery route adopt {name} ");
            assert!(failed.err.contains(&way), "{}", failed.err);
        }
    }
}
