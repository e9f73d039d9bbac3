//! What happens with a connection after it was made: its end is told, it is checked again, replaced, left.

use crate::{
    bare::{EMAIL, PASSWORD},
    local_cloudflare::{BLOG, GOOD_TOKEN, LocalCloudflare, SHOP, client},
    program::{Program, id_of},
    story::Story,
    webhook_receiver::{Message, Receiver},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const ALL: &str = r#"{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }"#;

fn token(name: &str) -> String {
    format!("{:0<40}", format!("local-demo-{name}-"))
}

fn token_table(name: &str, more: &str) -> String {
    format!(
        "[[tokens]]\nvalue = \"{}\"\npermissions = {ALL}\n{more}\n",
        token(name)
    )
}

fn ends(after: SignedDuration) -> String {
    format!("expires_on = \"{}\"", Timestamp::now() + after)
}

async fn start(
    cloud: &LocalCloudflare,
    more: &[(&'static str, &str)],
) -> (tempfile::TempDir, Program) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}/test.db", folder.path().display());
    let program = Program::start_with(database, folder.path(), cloud, more).await;
    (folder, program)
}

/// A page as somebody signed in sees it.
async fn page(program: &Program, cookie: &str, path: &str) -> (u16, String) {
    let answer = client()
        .get(format!("{}{path}", program.base()))
        .header("cookie", cookie)
        .send()
        .await
        .expect("it answers");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("text"))
}

async fn form(program: &Program, cookie: &str, path: &str, fields: &[(&str, &str)]) -> u16 {
    let answer = client()
        .post(format!("{}{path}", program.base()))
        .header("cookie", cookie)
        .form(fields)
        .send()
        .await
        .expect("it answers");
    answer.status().as_u16()
}

async fn sign_in(program: &Program) -> String {
    let answer = client()
        .post(format!("{}/sign-in", program.base()))
        .form(&[("email", EMAIL), ("password", PASSWORD)])
        .send()
        .await
        .expect("it answers");
    crate::bare::cookie_of(&answer).expect("signed in")
}

const ADMIN: [(&str, &str); 2] = [
    ("EDGE_DELIVERY_ADMIN_EMAIL", EMAIL),
    ("EDGE_DELIVERY_ADMIN_PASSWORD", PASSWORD),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_told_everywhere() {
    let tables = [
        token_table("six-days", &ends(SignedDuration::from_hours(6 * 24 + 1))),
        token_table("hours", &ends(SignedDuration::from_hours(13))),
        token_table("twenty-days", &ends(SignedDuration::from_hours(20 * 24))),
    ]
    .concat();
    let cloud = LocalCloudflare::start_with("", &tables).await;
    let support = ("EDGE_DELIVERY_SUPPORT_URL", "https://help.example/edge");
    let (_folder, program) = start(&cloud, &[ADMIN[0], ADMIN[1], support]).await;
    for (name, days, step) in [
        ("six-days", json!(6), Some("expires in 6 days")),
        ("hours", json!(0), Some("expires in 12 hours")),
        ("twenty-days", json!(19), None),
        ("good", Value::Null, None),
    ] {
        let body = json!({ "token": token(name), "name": name });
        let made = program.ok("POST", "/connections", Some(&body)).await;
        assert_eq!(made["daysLeft"], days, "{name}");
        assert!(made["tokenStoredAt"].is_string() && made["nextCheckAt"].is_string());
        let warnings = made["warnings"].as_array().expect("a list");
        assert_eq!(warnings.len(), usize::from(step.is_some()), "{made:#}");
        if let Some(step) = step {
            assert_eq!(warnings[0]["code"], "expires_soon");
            assert!(warnings[0]["title"].as_str().expect("words").contains(step));
        }
    }
    assert_eq!(token("good"), GOOD_TOKEN);

    let said = program.run(&["status"]).await;
    let said = String::from_utf8(said.stdout).expect("text");
    assert!(
        said.contains("warning: six-days: The token expires in 6 days."),
        "{said}"
    );
    let json = program.run(&["status", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["connections"][0]["daysLeft"], 6);
    assert_eq!(
        json["connections"][1]["warnings"][0]["code"],
        "expires_soon"
    );

    let figures = client()
        .get(format!("{}/metrics", program.base()))
        .send()
        .await
        .expect("it answers")
        .text()
        .await
        .expect("text");
    let ids: Vec<&str> = json["connections"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["id"].as_str().expect("an id"))
        .collect();
    let line = |start: String| {
        figures
            .lines()
            .find(|line| line.starts_with(&start))
            .map(|line| {
                line.rsplit(' ')
                    .next()
                    .expect("a figure")
                    .parse::<f64>()
                    .expect("one")
            })
    };
    let name = "edge_delivery_connection_expires_in_seconds";
    let left = line(format!("{name}{{connection=\"{}\"}}", ids[0])).expect("a line");
    assert!((518_000.0..522_001.0).contains(&left), "{left}");
    assert_eq!(line(format!("{name}{{connection=\"{}\"}}", ids[3])), None);
    for (state, figure) in [("ready", 1.0), ("expired", 0.0)] {
        let start = format!(
            "edge_delivery_connection_state{{connection=\"{}\",state=\"{state}\"}}",
            ids[0]
        );
        assert_eq!(line(start), Some(figure));
    }
    assert!(!figures.contains("six-days"), "ids, no names");

    let cookie = sign_in(&program).await;
    for path in [
        "/",
        "/sites",
        "/connections",
        "/agents",
        "/activity",
        "/settings",
        "/connections/new",
    ] {
        let (status, html) = page(&program, &cookie, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(
            html.contains("<b>six-days</b> The token expires in 6 days."),
            "{path}"
        );
        assert!(
            html.contains(&format!("/connections/{}/token", ids[1])),
            "{path}"
        );
        assert!(html.contains("https://help.example/edge"), "{path}");
        assert!(!html.contains("<b>twenty-days</b>"), "{path}");
    }
    let (_, html) = page(&program, &cookie, &format!("/connections/{}", ids[0])).await;
    assert!(html.contains("6 days left") && html.contains("No site"));
    assert!(
        !html.contains("<b>six-days</b>"),
        "said once on its own page"
    );
    // What is disconnected is gone from the figures.
    let (status, _) = program
        .call("DELETE", &format!("/connections/{}", ids[0]), None)
        .await;
    assert_eq!(status, 204);
    let figures = client()
        .get(format!("{}/metrics", program.base()))
        .send()
        .await;
    let figures = figures.expect("it answers").text().await.expect("text");
    assert!(!figures.contains(ids[0]) && figures.contains(ids[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_changes_nothing_and_an_end_is_found() {
    let tables = token_table("short", &ends(SignedDuration::from_secs(15)));
    let cloud = LocalCloudflare::start_with("", &tables).await;
    let receiver = Receiver::start().await;
    let (_folder, program) = start(
        &cloud,
        &[
            ("EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE", "1"),
            ("EDGE_DELIVERY_CHECK_EVERY", "1s"),
        ],
    )
    .await;
    let made = program
        .ok(
            "POST",
            "/connections",
            Some(&json!({ "token": token("short") })),
        )
        .await;
    let path = format!("/connections/{}", id_of(&made));
    let body = json!({ "url": receiver.url });
    program.ok("PUT", "/webhook", Some(&body)).await;
    // It is checked by itself.
    let checked = made["checkedAt"].clone();
    let seen = program.until(&path, |it| it["checkedAt"] != checked).await;
    assert_eq!(seen["status"], "ready");

    cloud.fault("GET", "/", "html", 1_000).await;
    let failed = program.call("POST", &format!("{path}/check"), None).await;
    assert_eq!(
        (failed.0, &failed.1["code"]),
        (502, &json!("cloudflare_unavailable"))
    );
    let during = program.ok("GET", &path, None).await;
    assert_eq!(during["status"], "ready", "{during:#}");
    assert_eq!(during["permissions"], made["permissions"]);
    cloud.no_faults().await;

    let ended = program.until(&path, |it| it["status"] == "expired").await;
    assert_eq!(ended["daysLeft"], 0);
    assert_eq!(ended["warnings"][0]["code"], "expired");
    let messages = receiver
        .until(|messages| {
            ["connection.expired", "connection.status_changed"]
                .iter()
                .all(|kind| messages.iter().any(|it| it.kind() == *kind))
        })
        .await;
    let kinds: Vec<&str> = messages.iter().map(Message::kind).collect();
    assert_eq!(kinds[0], "connection.expiring", "{kinds:?}");
    assert_eq!(kinds.len(), 3, "each once: {kinds:?}");
    let changed = messages
        .iter()
        .find(|it| it.kind() == "connection.status_changed")
        .expect("one");
    assert_eq!(changed.body["data"]["statusBefore"], "ready");
    assert_eq!(changed.body["data"]["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_takes_another_ones_place() {
    let tables = [
        token_table("other", ""),
        token_table("blog-alone", &format!("zones = [\"{BLOG}\"]")),
        token_table("elsewhere", "accounts = [\"a0000000000000000000000000000002\"]\nzones = [\"b0000000000000000000000000000003\"]"),
        "[[accounts]]\nid = \"a0000000000000000000000000000002\"\nname = \"Other account\"\n[[zones]]\nid = \"b0000000000000000000000000000003\"\naccount = \"a0000000000000000000000000000002\"\nname = \"other.localhost\"\n".to_owned(),
    ]
    .concat();
    let story = Story::begin_with(&tables).await;
    let program = &story.program;
    story.deployed().await;
    let path = format!("/connections/{}", story.connection);
    let before = program.ok("GET", &path, None).await;
    let patch = |name: &str| json!({ "token": token(name) });

    for (name, code, words) in [
        (
            "elsewhere",
            "invalid_state",
            ["The site shop", "account Sample account"],
        ),
        (
            "blog-alone",
            "insufficient_permissions",
            ["The site shop", "zone shop.localhost"],
        ),
    ] {
        let (status, problem) = program.call("PATCH", &path, Some(&patch(name))).await;
        assert_eq!(problem["code"], code, "{status} {problem:#}");
        for word in words {
            let detail = problem["detail"].as_str().expect("words");
            assert!(detail.contains(word), "{name}: {detail}");
        }
    }
    assert_eq!(
        program.ok("GET", &path, None).await["tokenStoredAt"],
        before["tokenStoredAt"]
    );

    let same = program.ok("PATCH", &path, Some(&patch("good"))).await;
    assert_eq!(same["tokenStoredAt"], before["tokenStoredAt"]);
    assert!(
        same["notes"][0]
            .as_str()
            .expect("a note")
            .contains("stored already")
    );
    assert_eq!(same["formerToken"], Value::Null);
    let log = program.ok("GET", "/audit", None).await;
    assert_eq!(
        log["items"][0]["kind"], "connection.checked",
        "replaced by itself, it was only checked: {log:#}"
    );

    let site = format!("/sites/{}", story.site);
    let site_before = program.ok("GET", &site, None).await;
    let other = program.ok("PATCH", &path, Some(&patch("other"))).await;
    assert_eq!(other["formerToken"]["tokenHint"], before["tokenHint"]);
    assert!(
        other["formerToken"]["deleteUrl"]
            .as_str()
            .expect("one")
            .starts_with("https://dash.cloudflare.com/")
    );
    assert_ne!(other["tokenStoredAt"], before["tokenStoredAt"]);
    assert_eq!(
        program.ok("GET", &site, None).await,
        site_before,
        "untouched"
    );
    assert_eq!(program.plan(&story.site).await["steps"], json!([]));

    // The one that was replaced can be connected again; the present one cannot.
    let (status, problem) = program
        .call("POST", "/connections", Some(&patch("other")))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("connection_exists"))
    );
    assert_eq!(problem["connectionId"], story.connection);
    let second = program.connect(GOOD_TOKEN).await;
    let second = format!("/connections/{second}");
    let (status, problem) = program.call("PATCH", &second, Some(&patch("other"))).await;
    assert_eq!(
        (status, &problem["connectionId"]),
        (409, &json!(story.connection)),
        "{problem:#}"
    );
    let listed = program.ok("GET", "/connections", None).await;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 2);
    assert_eq!(listed["items"][0]["sites"][0]["id"], story.site);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_outlives_its_connection() {
    let cloud = LocalCloudflare::start_with("", &token_table("other", "")).await;
    let (_folder, program) = start(&cloud, &ADMIN).await;
    let connection = program.connect(GOOD_TOKEN).await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    let deployment = program.deploy(&site).await;
    assert_eq!(program.ended(&deployment).await["status"], "live");
    let cookie = sign_in(&program).await;
    let path = format!("/connections/{connection}");
    let (status, problem) = program.call("DELETE", &path, None).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("connection_in_use"))
    );
    let (_, html) = page(&program, &cookie, &path).await;
    assert!(html.contains(&format!("/sites/{site}/remove")));
    let fields = [("confirm", "Sample account"), ("force", "yes")];
    let left = form(&program, &cookie, &format!("{path}/disconnect"), &fields).await;
    assert_eq!(left, 303);
    let (_, html) = page(&program, &cookie, "/connections").await;
    assert!(html.contains("Sample account is disconnected"), "{html}");
    assert!(html.contains("•••• 0000") && html.contains("Delete it in Cloudflare"));
    let (_, html) = page(&program, &cookie, "/connections").await;
    assert!(!html.contains("is disconnected"), "told once");

    // No page breaks, each says what is so.
    let unmanaged = program.ok("GET", &format!("/sites/{site}"), None).await;
    assert_eq!(unmanaged["status"], "unknown");
    for end in ["", "/plan", "/settings", "/remove"] {
        let (status, html) = page(&program, &cookie, &format!("/sites/{site}{end}")).await;
        assert_eq!(status, 200, "{end}");
        let says = end == "/remove" || html.contains("No connection");
        assert!(says, "{end}: {html}");
    }
    for path in ["/", "/sites", "/activity"] {
        assert_eq!(page(&program, &cookie, path).await.0, 200, "{path}");
    }
    let (status, problem) = program
        .call("GET", &format!("/sites/{site}/plan"), None)
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));

    // Another connection of the same account takes it over.
    let other = program.connect(&token("other")).await;
    let patch = json!({ "connectionId": "00000000-0000-7000-8000-000000000000" });
    let (status, _) = program
        .call("PATCH", &format!("/sites/{site}"), Some(&patch))
        .await;
    assert_eq!(status, 422);
    let fields = [("connection", other.as_str())];
    let attached = form(
        &program,
        &cookie,
        &format!("/sites/{site}/connection"),
        &fields,
    )
    .await;
    assert_eq!(attached, 303);
    let taken = program.ok("GET", &format!("/sites/{site}"), None).await;
    assert_eq!(taken["connectionId"], other);
    assert_eq!(program.plan(&site).await["steps"], json!([]));

    // Then it goes with its connection.
    let path = format!("/connections/{other}?removeSites=true");
    let (status, leaving) = program.call("DELETE", &path, None).await;
    assert_eq!(status, 202, "{leaving:#}");
    let removal = id_of(&leaving["deployments"][0]);
    assert_eq!(program.ended(&removal).await["status"], "removed");
    program
        .until("/connections", |listed| listed["items"] == json!([]))
        .await;
    assert_eq!(cloud.count("scripts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_leaves_can_be_kept() {
    let story = Story::begin().await;
    story.deployed().await;
    // The removal fails at its first step.
    let fault = json!({
        "match": { "method": "DELETE", "path": "/workers/routes/" },
        "kind": "before", "status": 403, "code": 10000, "times": 99,
    });
    story.cloud.fault_of(&fault).await;
    let path = format!("/connections/{}", story.connection);
    let leave = format!("{path}?removeSites=true");
    let leaving = story.program.ok("DELETE", &leave, None).await;
    let removal = id_of(&leaving["deployments"][0]);
    let ended = story.program.ended(&removal).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let waits = story.program.ok("GET", &path, None).await;
    assert!(waits["leavingSince"].is_string());
    assert_eq!(waits["sites"][0]["id"], story.site);
    // Asked again when the way is free, it goes on.
    story.cloud.no_faults().await;
    let again = story.program.ok("DELETE", &leave, None).await;
    let removal = id_of(&again["deployments"][0]);
    assert_eq!(story.program.ended(&removal).await["status"], "removed");
    story
        .program
        .until("/connections", |listed| listed["items"] == json!([]))
        .await;
}
