//! What is odd about a site's traffic is told: once, in the console, by the API, on the command line and to the webhook,
//! and again when it is over. Past hours are counted by the store, as the program counts them.

use crate::{
    bare::EMAIL,
    local_cloudflare::{GOOD_TOKEN, LocalCloudflare, SHOP, client},
    postgres::Database,
    program::Program,
    story::Story,
    webhook_receiver::{Message, Receiver},
};
use domain::{
    identity::Identity,
    ids::{AlertId, SiteId, WorkspaceId},
    time::Millis,
    traffic::{Cube, HOUR_MS},
    visit::{Visit, VisitOutcome},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use store::{Addition, AlertChange, AlertLook, LookLease, Store, StoreOptions};

const MANY: Duration = Duration::from_secs(60);

fn now() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}

/// A way past the program to its counts.
struct Counts {
    store: Store,
    workspace: WorkspaceId,
    site: SiteId,
}

impl Counts {
    async fn of(program: &Program, site: &str) -> Self {
        let options = StoreOptions {
            url: program.database().to_owned(),
            max_connections: 2,
        };
        let store = Store::connect(&options)
            .await
            .expect("the database is there");
        let workspace = store.ensure_workspace(now()).await.expect("it is there");
        let site = site.parse().expect("an id");
        Self {
            store,
            workspace,
            site,
        }
    }

    /// Counts visits so many hours ago.
    async fn add(&self, hours_ago: i64, agent: &str, outcome: VisitOutcome, visits: usize) {
        let at = Millis(now().0 - hours_ago * HOUR_MS);
        let visit = Visit {
            at,
            agent: agent.to_owned(),
            path: "/".to_owned(),
            outcome,
            status: 200,
            revision: None,
            format: None,
            country: None,
            asn: None,
            spent_ms: 1,
            identity: Identity::Verified,
            user_agent: None,
            network: None,
        };
        let mut cube = Cube::default();
        for _ in 0..visits {
            cube.add(&visit);
        }
        let addition = Addition {
            workspace: self.workspace,
            site: self.site,
            hour: at.0.div_euclid(HOUR_MS),
            cube,
            dropped: 0,
        };
        assert!(self.store.roll_up(&[], &[addition]).await.expect("counted"));
    }

    /// An agent that came on six days and stopped 50 hours ago.
    async fn stopped(&self, agent: &str) {
        for day in 0..6 {
            self.add(50 + day * 24, agent, VisitOutcome::Variant, 5)
                .await;
        }
    }

    /// Takes the site as a replica does that looks at it.
    async fn lease(&self) -> LookLease {
        let begun = Instant::now();
        loop {
            let until = now().plus_seconds(30);
            let lease = self.store.lease_look("test", now(), until).await;
            if let Some(lease) = lease.expect("asked") {
                return lease;
            }
            assert!(begun.elapsed() < MANY, "it is never the test's turn");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Writes a look as of an earlier time.
    async fn looked(&self, at: Millis, watched_since: Millis, changes: &[AlertChange]) {
        let lease = self.lease().await;
        let look = AlertLook {
            at,
            watched_since,
            next: Some(now()),
            changes,
            messages: &[],
        };
        let done = self.store.finish_look(&lease, "test", look).await;
        assert!(done.expect("written"));
    }
}

/// Messages of alerts by title; the same message twice counts once, as receivers are told to do.
fn told(messages: &[Message]) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut told: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for message in messages {
        let data = &message.body["data"];
        let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let key = (word("status"), word("title"));
        told.entry(key).or_default().insert(message.id.clone());
    }
    told
}

async fn a_life_of_alerts(database: String, has_replica: bool) {
    let cloud = LocalCloudflare::start_with("", "").await;
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    let settings = [
        ("EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE", "1"),
        ("EDGE_DELIVERY_ALERTS_EVERY", "off"),
        ("EDGE_DELIVERY_PUBLIC_URL", "https://console.example"),
    ];
    let mut program = Program::start_with(database.clone(), folder.path(), &cloud, &settings).await;
    let connection = program.connect(GOOD_TOKEN).await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    let set = program
        .ok("PUT", "/webhook", Some(&json!({ "url": receiver.url })))
        .await;
    let secret = set["secret"].as_str().expect("a secret").to_owned();

    // Somebody comes all the time; one stopped; and the program has looked for three days.
    let counts = Counts::of(&program, &site).await;
    for hour in (0..200).step_by(4) {
        counts
            .add(hour, "ClaudeBot", VisitOutcome::Variant, 1)
            .await;
    }
    counts.stopped("GPTBot").await;
    let day = now().0 / HOUR_MS / 24;
    let watched = counts
        .store
        .watch_sites_for_background(day - 1, now())
        .await;
    assert_eq!(watched.expect("asked"), 1);
    let three_days_ago = Millis(now().0 - 72 * HOUR_MS);
    counts.looked(now(), three_days_ago, &[]).await;
    assert_eq!(program.ok("GET", "/alerts", None).await["items"], json!([]));

    program
        .start_again_with("EDGE_DELIVERY_ALERTS_EVERY", "1s")
        .await;
    let every_second = ("EDGE_DELIVERY_ALERTS_EVERY", "1s");
    let second = [settings[0], every_second, settings[2]];
    let _second = if has_replica {
        Some(Program::start_with(database, folder.path(), &cloud, &second).await)
    } else {
        None
    };
    let listed = program
        .until("/alerts", |it| it["items"] != json!([]))
        .await;
    let alert = &listed["items"][0];
    assert_eq!(alert["kind"], "agent_stopped", "{alert:#}");
    assert_eq!(
        (&alert["status"], &alert["siteId"]),
        (&json!("open"), &json!(site))
    );
    assert_eq!(alert["title"], "GPTBot stopped coming");
    assert_eq!(alert["figures"]["agents"], json!(["GPTBot"]));
    assert_eq!(alert["figures"]["visitsBefore"], 30);
    let id = alert["id"].as_str().expect("an id").to_owned();
    let messages = receiver.until(|messages| !messages.is_empty()).await;
    assert_eq!(messages[0].kind(), "traffic.agent_stopped");
    assert!(messages[0].is_signed_with(&secret));
    let data = &messages[0].body["data"];
    assert_eq!(
        (&data["alertId"], &data["status"]),
        (&json!(id), &json!("opened"))
    );
    assert_eq!(data["site"]["id"], site);
    assert_eq!(
        data["link"],
        format!("https://console.example/sites/{site}/traffic?from=30d&agent=GPTBot")
    );

    // Killed whenever something was told: nothing is told twice.
    for number in 0..4 {
        let agent = format!("Bot{number}");
        counts.stopped(&agent).await;
        program
            .until("/alerts", |it| {
                it["items"].as_array().map(Vec::len) == Some(number + 2)
            })
            .await;
        program.kill_and_start_again().await;
    }
    counts.add(0, "CCBot", VisitOutcome::Error, 60).await;
    let messages = receiver
        .until(|messages| messages.iter().any(|it| it.kind() == "traffic.errors"))
        .await;
    let told_so_far = told(&messages);
    assert_eq!(told_so_far.len(), 6, "{told_so_far:#?}");
    for (title, ids) in &told_so_far {
        assert_eq!(ids.len(), 1, "{title:?}");
    }
    let path = "/webhook/deliveries";
    let log = program.ok("GET", path, None).await;
    assert_eq!(log["items"].as_array().map(Vec::len), Some(6), "{log:#}");

    console(&program, &site, &id).await;
    status(&program, 6).await;

    // It comes again: for an hour nothing is said, then that it is over.
    counts.add(0, "GPTBot", VisitOutcome::Variant, 1).await;
    let of_site = format!("/sites/{site}/alerts");
    let of = |listed: &Value| -> Value {
        let items = listed["items"].as_array().expect("a list");
        items
            .iter()
            .find(|it| it["id"] == json!(id))
            .expect("it")
            .clone()
    };
    let clear = program
        .until(&of_site, |it| of(it)["clearSince"].is_string())
        .await;
    assert_eq!(of(&clear)["status"], "open");
    let alert: AlertId = id.parse().expect("an id");
    let before = Millis(now().0 - 61 * 60_000);
    counts
        .looked(before, before, &[AlertChange::Clear { id: alert }])
        .await;
    let ended = program
        .until(&of_site, |it| of(it)["status"] == "resolved")
        .await;
    assert_eq!(of(&ended)["ending"], "over");
    assert!(of(&ended)["acknowledgedBy"].is_string());
    let messages = receiver
        .until(|messages| {
            messages
                .iter()
                .any(|it| it.body["data"]["status"] == "resolved")
        })
        .await;
    let over = messages.last().expect("one");
    assert!(over.is_signed_with(&secret));
    assert_eq!(over.kind(), "traffic.agent_stopped");
    let data = &over.body["data"];
    assert_eq!(
        (&data["alertId"], &data["ending"]),
        (&json!(id), &json!("over"))
    );
    assert_eq!(data["title"], "GPTBot comes again");

    // What is no longer watched for ends, and says so.
    let rules = json!({ "errors": { "enabled": false } });
    let path = format!("/sites/{site}/alert-rules");
    program.ok("PUT", &path, Some(&rules)).await;
    let messages = receiver
        .until(|messages| {
            messages
                .iter()
                .any(|it| it.body["data"]["ending"] == "rule_off")
        })
        .await;
    let off = messages.last().expect("one");
    assert_eq!(off.kind(), "traffic.errors");
    let open = program
        .ok("GET", &format!("{of_site}?status=open"), None)
        .await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(4));
    let past = program
        .ok("GET", &format!("{of_site}?status=resolved&limit=1"), None)
        .await;
    assert!(past["nextCursor"].is_string(), "{past:#}");
    for (title, ids) in told(&receiver.messages()) {
        assert_eq!(ids.len(), 1, "{title:?}");
    }
}

/// The pages while alerts are open, and after somebody has seen one.
async fn console(program: &Program, site: &str, alert: &str) {
    let cookie = program.signed_in().await;
    let path = format!("/sites/{site}/alerts");
    let (status, html) = program.page(&cookie, &path).await;
    assert_eq!(status, 200);
    assert!(html.contains("GPTBot stopped coming") && html.contains("What is watched for"));
    assert!(html.contains("traffic?from=30d&#38;agent=GPTBot"), "{html}");
    let (_, html) = program.page(&cookie, "/").await;
    // The first run is not through, so that the overview shows the way and not what needs somebody.
    assert!(html.contains("Six steps"));
    for page in ["", "/traffic", "/settings"] {
        let (_, html) = program.page(&cookie, &format!("/sites/{site}{page}")).await;
        assert!(html.contains("stopped coming"), "{page}: {html}");
        assert!(html.contains("All alerts, 4 more"), "{page}: {html}");
    }
    let seen = client()
        .post(format!("{}{path}/{alert}/seen", program.base()))
        .header("cookie", &cookie)
        .send()
        .await
        .expect("it answers");
    assert_eq!(seen.status(), 303);
    let (_, html) = program
        .page(&cookie, &format!("{path}?done=alert-seen"))
        .await;
    assert!(html.contains(&format!("Seen by {EMAIL}")), "{html}");
    let (_, html) = program.page(&cookie, &format!("/sites/{site}")).await;
    assert!(html.contains("All alerts, 3 more"), "{html}");
    let log = program.ok("GET", "/audit", None).await;
    let kinds: Vec<&str> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"alert.acknowledged"), "{kinds:?}");
}

/// What the command line says.
async fn status(program: &Program, open: u64) {
    let said = program.run(&["status"]).await;
    let said = String::from_utf8(said.stdout).expect("text");
    assert!(said.contains(&format!("{open} open")), "{said}");
    let said = program.run(&["status", "--json"]).await;
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(said["sites"][0]["openAlerts"], open);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_is_told_once_and_when_it_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}/test.db", folder.path().display());
    a_life_of_alerts(database, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_tell_it_once() {
    let database = Database::new().await;
    a_life_of_alerts(database.url(), true).await;
}

/// Sends visits as a Worker does.
async fn send(story: &Story, batch: &str, visit: Value, count: usize) {
    let answer = client()
        .post(format!("{}/ingest/v1/visits", story.program.base()))
        .bearer_auth(story.cloud.site_key())
        .header("idempotency-key", batch)
        .json(&vec![visit; count])
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn thresholds_are_the_owners() {
    let story = Story::begin_with_settings(&[("EDGE_DELIVERY_ALERTS_EVERY", "1h")]).await;
    story.deployed().await;
    let visit = json!({ "t": now().0, "agent": "unknown", "path": "/", "outcome": "origin", "status": 200 });
    send(&story, "one", visit, 40).await;
    let (program, site) = (&story.program, &story.site);
    let path = format!("/sites/{site}/traffic?from=24h");
    program
        .until(&path, |it| it["totals"]["visits"] == 40)
        .await;

    let rules = format!("/sites/{site}/alert-rules");
    let set = program.ok("GET", &rules, None).await;
    assert_eq!(set["unknownBot"], json!({ "enabled": true, "visits": 500 }));
    assert_eq!(set["agentStopped"]["silentHours"], 48);
    for (body, field) in [
        (
            json!({ "unknownBot": { "visits": 0 } }),
            "unknownBot.visits",
        ),
        (json!({ "errors": { "percent": 101 } }), "errors.percent"),
        (
            json!({ "agentStopped": { "silentHours": 11 } }),
            "agentStopped.silentHours",
        ),
        (
            json!({ "contradicted": { "times": 0 } }),
            "contradicted.times",
        ),
    ] {
        let (status, problem) = program.call("PUT", &rules, Some(&body)).await;
        assert_eq!(status, 422, "{problem:#}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    for body in [
        json!({ "unknownBot": { "visits": -1 } }),
        json!({ "unknownBot": { "many": 1 } }),
        json!({ "other": {} }),
    ] {
        let (status, problem) = program.call("PUT", &rules, Some(&body)).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("validation_failed")),
            "{body}"
        );
    }
    assert_eq!(
        program.ok("GET", &rules, None).await,
        set,
        "nothing was changed"
    );

    // Not looked at for an hour, unless somebody says what is to be watched for.
    program
        .until("/alerts", |it| it["items"] == json!([]))
        .await;
    let asked = json!({ "unknownBot": { "visits": 40 } });
    let set = program.ok("PUT", &rules, Some(&asked)).await;
    assert_eq!(set["unknownBot"]["visits"], 40);
    assert_eq!(
        set["errors"]["percent"], 5,
        "what is left out has its default"
    );
    let open = program
        .until("/alerts", |it| it["items"] != json!([]))
        .await;
    let alert = &open["items"][0];
    assert_eq!(alert["kind"], "unknown_bot");
    assert_eq!(alert["figures"], json!({ "visits": 40, "hours": 24 }));
    let id = alert["id"].as_str().expect("an id");
    let seen = program
        .ok("POST", &format!("/alerts/{id}/acknowledge"), None)
        .await;
    let first = &seen["acknowledgedAt"];
    let again = program
        .ok("POST", &format!("/alerts/{id}/acknowledge"), None)
        .await;
    assert!(first.is_string() && again["acknowledgedAt"] == *first);
    assert_eq!(again["status"], "open", "seen is not over");

    let nobody = "0199a0e0-0000-7000-8000-000000000000";
    for (method, path) in [
        ("POST", format!("/alerts/{nobody}/acknowledge")),
        ("POST", "/alerts/x/acknowledge".to_owned()),
        ("GET", format!("/sites/{nobody}/alerts")),
        ("GET", format!("/sites/{nobody}/alert-rules")),
        ("PUT", format!("/sites/{nobody}/alert-rules")),
    ] {
        let (status, problem) = program.call(method, &path, None).await;
        assert_eq!(
            (status, &problem["code"]),
            (404, &json!("not_found")),
            "{method} {path}"
        );
    }
    for query in ["status=over", "limit=0", "cursor=x", "x=1"] {
        let path = format!("/sites/{site}/alerts?{query}");
        let (status, problem) = program.call("GET", &path, None).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("validation_failed")),
            "{query}"
        );
    }

    let cookie = program.signed_in().await;
    let form = |percent: &'static str| {
        let fields = [
            ("errors", "yes"),
            ("errors.percent", percent),
            ("errors.visits", "10"),
            ("errors.hours", "2"),
            ("agentStopped.silentHours", "48"),
            ("agentStopped.days", "5"),
            ("agentStopped.visits", "20"),
            ("unknownBot.visits", "500"),
            ("contradicted.percent", "10"),
            ("contradicted.times", "2"),
            ("contradicted.visits", "20"),
        ];
        client()
            .post(format!("{}/sites/{site}/alerts/rules", program.base()))
            .header("cookie", &cookie)
            .form(&fields)
            .send()
    };
    let refused = form("0").await.expect("it answers");
    assert_eq!(refused.status(), 422);
    let html = refused.text().await.expect("text");
    assert!(
        html.contains("The share of errors must be between 1 and 100"),
        "{html}"
    );
    assert_eq!(form("20").await.expect("it answers").status(), 303);
    let set = program.ok("GET", &rules, None).await;
    assert_eq!(
        set["errors"],
        json!({ "enabled": true, "percent": 20, "visits": 10, "hours": 2 })
    );
    assert_eq!(
        set["unknownBot"]["enabled"], false,
        "a box that is not ticked is off"
    );
    // A published variant ends the first run; an alert that nobody has seen needs somebody.
    program.publish(site, "pricing", "<h1>Prices</h1>").await;
    let failed =
        json!({ "t": now().0, "agent": "GPTBot", "path": "/", "outcome": "error", "status": 200 });
    send(&story, "two", failed, 30).await;
    program
        .until(&path, |it| it["totals"]["visits"] == 70)
        .await;
    assert_eq!(form("20").await.expect("it answers").status(), 303);
    let open = format!("/sites/{site}/alerts?status=open");
    program
        .until(&open, |it| it["items"][0]["kind"] == "errors")
        .await;
    let (_, html) = program.page(&cookie, "/").await;
    assert!(
        html.contains("shop: 42 % of the visits of agents ended in an error"),
        "{html}"
    );
    assert!(html.contains(&format!("/sites/{site}/alerts")));
}
