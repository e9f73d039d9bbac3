//! Visits that a site keeps in Cloudflare's Workers Analytics Engine: the Worker writes them by workerd's own binding, and the
//! program reads them by the SQL API.

use crate::{
    local_cloudflare::{BLOG, GOOD_TOKEN, client},
    story::Story,
};
use serde_json::{Value, json};
use std::net::TcpListener;

const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";
const CLAUDEBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// A token that may read what is kept in Analytics Engine, too.
const READER: &str = "local-demo-reader-0000000000000000000000";

fn reader() -> String {
    format!(
        "[[tokens]]\nvalue = \"{READER}\"\npermissions = {{ workers_scripts = \"edit\", workers_kv_storage = \"edit\", account_settings = \"read\", workers_routes = \"edit\", zone = \"read\", account_analytics = \"read\" }}\n"
    )
}

/// A story whose connection may read visits, and whose program has an address that its Workers are told.
async fn begin(switches: &str) -> Story {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let listen = format!("127.0.0.1:{port}");
    let more = reader();
    let story = Story::begin_with_all(switches, &more, &[("EDGE_DELIVERY_LISTEN", &listen)]).await;
    let path = format!("/connections/{}", story.connection);
    let replaced = story
        .program
        .ok("PATCH", &path, Some(&json!({ "token": READER })))
        .await;
    assert_eq!(replaced["optionalPermissions"][0]["granted"], "yes");
    story
}

async fn choose(story: &Story, site: &str, store: &str) {
    let body = json!({ "settings": { "visitStore": store } });
    let changed = story
        .program
        .ok("PATCH", &format!("/sites/{site}"), Some(&body))
        .await;
    assert_eq!(changed["settings"]["visitStore"], store);
}

async fn deployed(story: &Story, site: &str) {
    let deployment = story.program.deploy(site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
}

async fn visit(story: &Story, host: &str, user_agent: &str, path: &str, etag: Option<&str>) -> u16 {
    let mut request = client()
        .get(format!("{}{path}", story.cloud.edge_url()))
        .header("host", host)
        .header("user-agent", user_agent);
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    answer.bytes().await.expect("a body");
    status
}

/// The same requests to any host: fifteen by agents, some by people and a search engine.
async fn a_day(story: &Story, host: &str) {
    for _ in 0..4 {
        assert_eq!(visit(story, host, GPTBOT, "/pricing", None).await, 200);
        assert_eq!(visit(story, host, CHROME, "/pricing", None).await, 200);
    }
    for _ in 0..3 {
        assert_eq!(visit(story, host, GPTBOT, "/pricing", Some("*")).await, 304);
    }
    for path in ["/missing", "/it's/a-quote", "/per%25cent", "/a%20b"] {
        visit(story, host, CLAUDEBOT, path, None).await;
        visit(story, host, GPTBOT, path, None).await;
    }
    visit(story, host, "Googlebot/2.1", "/pricing", None).await;
}

/// Waits until so many data points are there.
async fn points(story: &Story, wanted: u64) {
    let wait = async {
        loop {
            let state = story.cloud.state().await;
            if state["datasets"][0]["points"].as_u64() >= Some(wanted) {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), wait)
        .await
        .expect("the data points arrive");
}

async fn traffic(story: &Story, site: &str, question: &str) -> Value {
    let path = format!("/sites/{site}/traffic?{question}");
    story.program.ok("GET", &path, None).await
}

/// What does not depend on where visits are kept: identities and times in the Worker do.
fn comparable(traffic: &Value) -> Value {
    let counts = |value: &Value| {
        json!({
            "visits": value["visits"], "variant": value["variant"], "notModified": value["notModified"],
            "origin": value["origin"], "error": value["error"],
        })
    };
    let rows = |list: &str, name: &str| -> Vec<Value> {
        traffic[list]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| json!([row[name], counts(row), row["hasVariant"], row["lastSeen"]]))
            .collect()
    };
    json!({
        "totals": counts(&traffic["totals"]),
        "previous": counts(&traffic["previous"]),
        "series": traffic["series"],
        "byAgent": rows("byAgent", "agent"),
        "byPurpose": rows("byPurpose", "purpose"),
        "byPath": rows("byPath", "path"),
        "missedPaths": rows("missedPaths", "path"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_count_the_same() {
    let story = begin("").await;
    let blog = story
        .program
        .make_site(&story.connection, BLOG, "blog")
        .await;
    choose(&story, &story.site, "analytics_engine").await;
    for site in [&story.site, &blog] {
        story
            .program
            .publish(site, "pricing", "<h1>Prices</h1>")
            .await;
        deployed(&story, site).await;
        let plan = story.program.plan(site).await;
        assert_eq!(plan["steps"], json!([]), "{plan:#}");
    }
    // Nothing was written yet, so there is no dataset: that is no failure.
    let none = traffic(&story, &story.site, "from=30d").await;
    assert_eq!(none["totals"]["visits"], 0, "{none:#}");
    assert_eq!(none["store"], "analytics_engine");

    a_day(&story, "shop.localhost").await;
    a_day(&story, "blog.localhost").await;
    points(&story, 15).await;
    let path = format!("/sites/{blog}/traffic?from=24h");
    let console = story
        .program
        .until(&path, |traffic| traffic["totals"]["visits"] == 15)
        .await;
    let engine = traffic(&story, &story.site, "from=24h").await;
    assert_eq!(comparable(&engine), comparable(&console));
    assert_eq!(engine["totals"]["variant"], 4);
    assert_eq!(engine["totals"]["notModified"], 3);
    // Nobody is checked there, and that is said.
    assert_eq!(engine["totals"]["claimed"], 15);
    assert!(
        engine["notes"][0]
            .as_str()
            .expect("a note")
            .contains("not checked"),
        "{engine:#}"
    );
    assert_eq!(
        (&engine["sampled"], &engine["sampledPoints"]),
        (&json!(false), &json!(15))
    );
    assert_eq!(
        (&console["store"], &console["sampledPoints"]),
        (&json!("console"), &Value::Null)
    );
    for question in [
        "from=24h&path=/it's",
        "from=24h&path=/per%2525",
        "from=24h&path=/pri&outcome=variant",
        "from=24h&path=/%27%3B%20DROP%20TABLE%20edge_delivery_visits",
        "from=24h&agent=claudebot",
        "from=90d&purpose=training&bucket=week",
        "from=7d&timeZone=Asia/Kathmandu",
    ] {
        let engine = traffic(&story, &story.site, question).await;
        let console = traffic(&story, &blog, question).await;
        assert_eq!(comparable(&engine), comparable(&console), "{question}");
    }
    let contradicted = traffic(&story, &story.site, "from=24h&identity=contradicted").await;
    assert_eq!(contradicted["totals"]["visits"], 0);
    // No address came anywhere near the dataset, and the console got no batch of this site.
    assert_eq!(story.cloud.state().await["datasets"][0]["points"], 15);

    let cookie = story.program.signed_in().await;
    let page = format!("/sites/{}/traffic?from=24h", story.site);
    let (status, html) = story.program.page(&cookie, &page).await;
    assert_eq!(status, 200);
    assert!(html.contains("every visit counts as claimed"), "{html}");
    let said = story
        .program
        .run(&["traffic", "shop", "--from", "24h"])
        .await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("15 visits by agents"), "{said}");
    assert!(said.contains("Workers Analytics Engine"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_is_a_change_of_the_plan_and_goes_back() {
    let story = begin("").await;
    deployed(&story, &story.site).await;
    choose(&story, &story.site, "analytics_engine").await;
    let site = format!("/sites/{}", story.site);
    let changed = story.program.ok("GET", &site, None).await;
    assert_eq!(changed["notDeployed"], json!(["where visits are kept"]));
    let plan = story.program.plan(&story.site).await;
    let step = &plan["steps"][0];
    assert_eq!(
        (&step["action"], &step["resource"]),
        (&json!("update"), &json!("script"))
    );
    let after = step["after"].as_str().expect("words");
    assert!(
        after.ends_with("bound to the Analytics Engine dataset edge_delivery_visits"),
        "{plan:#}"
    );
    assert!(
        step["reason"]
            .as_str()
            .expect("words")
            .contains("a binding to the Analytics Engine dataset")
    );
    // Until it is deployed the console is where visits are.
    assert_eq!(
        traffic(&story, &story.site, "from=24h").await["store"],
        "console"
    );
    deployed(&story, &story.site).await;
    let bindings = |state: &Value| state["scripts"][0]["bindings"].to_string();
    assert!(bindings(&story.cloud.state().await).contains("analytics_engine"));
    visit(&story, "shop.localhost", GPTBOT, "/", None).await;
    points(&story, 1).await;
    assert_eq!(
        traffic(&story, &story.site, "from=24h").await["totals"]["visits"],
        1
    );

    choose(&story, &story.site, "console").await;
    let plan = story.program.plan(&story.site).await;
    let before = plan["steps"][0]["before"].as_str().expect("words");
    assert!(before.contains("Analytics Engine dataset"), "{plan:#}");
    deployed(&story, &story.site).await;
    assert!(!bindings(&story.cloud.state().await).contains("analytics_engine"));
    visit(&story, "shop.localhost", GPTBOT, "/", None).await;
    let path = format!("/sites/{}/traffic?from=24h", story.site);
    let back = story
        .program
        .until(&path, |traffic| traffic["totals"]["visits"] == 1)
        .await;
    assert_eq!(back["store"], "console");
    assert_eq!(story.cloud.state().await["datasets"][0]["points"], 1);

    // The removal takes everything out.
    let removal = story.program.remove(&story.site).await;
    story.program.ended(&removal).await;
    assert_eq!(story.cloud.count("scripts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_permission_deploys_and_says_what_is_missing() {
    let story = Story::begin_with(&reader()).await;
    let connection = format!("/connections/{}", story.connection);
    let shown = story.program.ok("GET", &connection, None).await;
    assert_eq!(shown["status"], "ready");
    assert!(
        shown["permissions"]
            .as_array()
            .expect("rows")
            .iter()
            .all(|row| row["granted"] == "yes"),
        "{shown:#}"
    );
    let optional = &shown["optionalPermissions"];
    assert_eq!(optional.as_array().map(Vec::len), Some(1), "{optional:#}");
    assert_eq!(
        (&optional[0]["name"], &optional[0]["granted"]),
        (&json!("Account Analytics"), &json!("no"))
    );
    let form = optional[0]["fixUrl"].as_str().expect("an address");
    assert!(form.contains("account_analytics"), "{form}");

    choose(&story, &story.site, "analytics_engine").await;
    let plan = story.program.plan(&story.site).await;
    let codes: Vec<&str> = plan["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert!(codes.contains(&"visits_not_readable"), "{codes:?}");
    let cookie = story.program.signed_in().await;
    let settings = format!("/sites/{}/settings", story.site);
    let (_, html) = story.program.page(&cookie, &settings).await;
    assert!(html.contains("needs one more permission"), "{html}");
    deployed(&story, &story.site).await;
    visit(&story, "shop.localhost", GPTBOT, "/", None).await;
    points(&story, 1).await;
    let path = format!("/sites/{}/traffic?from=24h", story.site);
    let (status, problem) = story.program.call("GET", &path, None).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("insufficient_permissions")),
        "{problem:#}"
    );
    assert!(
        problem["causes"][0]
            .as_str()
            .expect("a cause")
            .contains("Account Analytics: Read")
    );
    let page = format!("/sites/{}/traffic?from=24h", story.site);
    let (status, html) = story.program.page(&cookie, &page).await;
    assert_eq!(status, 422);
    assert!(
        html.contains("account_analytics"),
        "the button opens the form with it"
    );
    // The connection is as good as before.
    let shown = story
        .program
        .ok("POST", &format!("{connection}/check"), None)
        .await;
    assert_eq!(shown["status"], "ready");

    // With it, what was kept meanwhile is there.
    let body = json!({ "token": READER });
    story.program.ok("PATCH", &connection, Some(&body)).await;
    assert_eq!(
        traffic(&story, &story.site, "from=24h").await["totals"]["visits"],
        1
    );
    let (_, html) = story.program.page(&cookie, &settings).await;
    assert!(!html.contains("needs one more permission"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_are_told_as_such() {
    let story = begin("analytics_sample = 4").await;
    choose(&story, &story.site, "analytics_engine").await;
    deployed(&story, &story.site).await;
    for _ in 0..40 {
        visit(&story, "shop.localhost", GPTBOT, "/", None).await;
    }
    points(&story, 10).await;
    let found = traffic(&story, &story.site, "from=24h").await;
    assert_eq!(found["totals"]["visits"], 40, "{found:#}");
    assert_eq!(
        (
            &found["sampled"],
            &found["sampledPoints"],
            &found["sampleInterval"]
        ),
        (&json!(true), &json!(10), &json!(4.0))
    );
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("Estimated from 10 sampled data points"),
        "{notes}"
    );
    let old = traffic(&story, &story.site, "from=12mo").await;
    assert!(old["notes"].to_string().contains("three months"), "{old:#}");
    let cookie = story.program.signed_in().await;
    let page = format!("/sites/{}/traffic?from=24h", story.site);
    let (_, html) = story.program.page(&cookie, &page).await;
    assert!(
        html.contains("Estimated from 10 sampled data points"),
        "{html}"
    );
    // A token that may not read them takes the place all the same, and says so.
    let path = format!("/connections/{}", story.connection);
    let body = json!({ "token": GOOD_TOKEN });
    let replaced = story.program.ok("PATCH", &path, Some(&body)).await;
    assert_eq!(replaced["status"], "ready");
    let notes = replaced["notes"].to_string();
    assert!(
        notes.contains("keeps its visits in Analytics Engine"),
        "{notes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_analytics_engine_is_told_what_to_do() {
    let story = begin("").await;
    story.cloud.analytics_engine_is(false);
    choose(&story, &story.site, "analytics_engine").await;
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.ended(&deployment).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let problem = &ended["problem"];
    assert_eq!(problem["cloudflare"]["code"], 10089, "{problem:#}");
    assert!(
        problem["detail"]
            .as_str()
            .expect("words")
            .contains("not enabled for the account")
    );
    assert_eq!(story.cloud.count("scripts").await, 0);
    assert_eq!(story.cloud.count("routes").await, 0);
    story.cloud.analytics_engine_is(true);
    deployed(&story, &story.site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_cloudflare_is_told_and_answers_are_remembered() {
    let story = begin("").await;
    choose(&story, &story.site, "analytics_engine").await;
    deployed(&story, &story.site).await;
    visit(&story, "shop.localhost", GPTBOT, "/", None).await;
    points(&story, 1).await;
    let sql = "/accounts/{account_id}/analytics_engine/sql";
    let before = story.cloud.count_of("POST", sql).await;
    for _ in 0..5 {
        let found = traffic(&story, &story.site, "from=24h&to=2100-01-01T00:00:00Z").await;
        drop(found);
    }
    let asked = story.cloud.count_of("POST", sql).await - before;
    assert!(asked <= 4, "{asked} questions");
    story
        .cloud
        .fault("POST", "/analytics_engine/sql", "html", 100)
        .await;
    let path = format!("/sites/{}/traffic?from=30d", story.site);
    let (status, problem) = story.program.call("GET", &path, None).await;
    assert_eq!(
        (status, &problem["code"]),
        (502, &json!("cloudflare_unavailable")),
        "{problem:#}"
    );
    story.cloud.no_faults().await;
    assert_eq!(
        traffic(&story, &story.site, "from=30d").await["totals"]["visits"],
        1
    );
}
