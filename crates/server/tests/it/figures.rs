//! What deploying costs, with 80 ms for each call of the API: calls and wall time, against the straightforward way.

use crate::{
    local_cloudflare::{ACCOUNT, GOOD_TOKEN, LocalCloudflare, SHOP, client},
    program::Program,
    story::Story,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::Write as _,
    time::{Duration, Instant},
};

const LATENCY_MS: u64 = 80;
const VARIANTS: usize = 100;
const SITES: usize = 20;

/// Calls of the API: all of them, and those that write.
async fn calls(cloud: &LocalCloudflare) -> (u64, u64) {
    let requests = cloud.requests().await;
    let rows = requests["requests"].as_array().expect("a list");
    let count = |row: &Value| row["count"].as_u64().expect("a number");
    let writes = rows.iter().filter(|row| row["method"] != "GET");
    (rows.iter().map(count).sum(), writes.map(count).sum())
}

/// One row of the table.
struct Row {
    what: String,
    calls: u64,
    writes: u64,
    took: Duration,
}

/// Does something with every call held, and counts.
async fn measured<T>(
    cloud: &LocalCloudflare,
    what: &str,
    doing: impl Future<Output = T>,
) -> (Row, T) {
    cloud.latency(LATENCY_MS).await;
    let (before, begun) = (calls(cloud).await, Instant::now());
    let done = doing.await;
    let (took, after) = (begun.elapsed(), calls(cloud).await);
    cloud.latency(0).await;
    let row = Row {
        what: what.to_owned(),
        calls: after.0 - before.0,
        writes: after.1 - before.1,
        took,
    };
    (row, done)
}

fn print(title: &str, rows: &[Row]) {
    let mut text = format!(
        "{title}\n{:<44} {:>6} {:>7} {:>9}\n",
        "", "calls", "writes", "time"
    );
    for Row {
        what,
        calls,
        writes,
        took,
    } in rows
    {
        writeln!(
            text,
            "{what:<44} {calls:>6} {writes:>7} {:>7.2} s",
            took.as_secs_f64()
        )
        .expect("text");
    }
    write!(std::io::stderr(), "{text}").expect("somebody reads");
}

async fn import(program: &Program, site: &str) {
    let mut lines = String::new();
    for page in 0..VARIANTS {
        let line = json!({ "path": format!("/page{page}"), "format": "html", "content": format!("<h1>page {page}</h1>") });
        writeln!(lines, "{line}").expect("text");
    }
    let answer = program
        .request(
            reqwest::Method::POST,
            &format!("/sites/{site}/variants:import"),
        )
        .header("content-type", "application/x-ndjson")
        .body(lines)
        .send()
        .await
        .expect("the program answers");
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap_or_default()
    );
}

/// Namespace, upload, three secrets, route, and one write a variant, one after the other.
async fn straightforward(cloud: &LocalCloudflare) {
    let client = client();
    let (account, zone) = (format!("/accounts/{ACCOUNT}"), format!("/zones/{SHOP}"));
    let send = async |method: &str, path: String, body: Option<Value>, text: Option<String>| {
        let url = format!("{}{path}", cloud.api_url());
        let method = method.parse().expect("a method");
        let mut request = client.request(method, url).bearer_auth(GOOD_TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(text) = text {
            request = request.body(text);
        }
        let answer = request.send().await.expect("it answers");
        let status = answer.status();
        let answer: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{path}: {answer}");
        answer["result"].clone()
    };
    let title = json!({ "title": "straightforward" });
    let namespaces = format!("{account}/storage/kv/namespaces");
    let namespace = send("POST", namespaces.clone(), Some(title), None).await;
    let namespace = namespace["id"].as_str().expect("an id");
    let metadata = json!({
        "body_part": "worker.js",
        "bindings": [{ "type": "kv_namespace", "name": "KV", "namespace_id": namespace }],
    });
    let form = reqwest::multipart::Form::new()
        .text("metadata", metadata.to_string())
        .text("worker.js", "addEventListener('fetch', () => {})");
    let script = format!("{account}/workers/scripts/straightforward");
    let uploaded = client
        .put(format!("{}{script}", cloud.api_url()))
        .bearer_auth(GOOD_TOKEN)
        .multipart(form)
        .send()
        .await
        .expect("it answers");
    assert!(uploaded.status().is_success());
    for name in ["ONE", "TWO", "THREE"] {
        let secret = json!({ "name": name, "text": "not-a-secret", "type": "secret_text" });
        send("PUT", format!("{script}/secrets"), Some(secret), None).await;
    }
    let route = json!({ "pattern": "shop.localhost/straight/*", "script": "straightforward" });
    send("POST", format!("{zone}/workers/routes"), Some(route), None).await;
    for page in 0..VARIANTS {
        let path = format!("{namespaces}/{namespace}/values/page{page}");
        send("PUT", path, None, Some(format!("<h1>page {page}</h1>"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_site() {
    let story = Story::begin().await;
    let (cloud, program) = (&story.cloud, &story.program);
    import(program, &story.site).await;
    let (first, _) = measured(cloud, "first deployment", story.deployed()).await;
    let (again, ended) = measured(cloud, "again, nothing changed", story.deployed()).await;
    assert_eq!(
        (again.writes, &ended["steps"]),
        (0, &json!([])),
        "it writes nothing"
    );
    let site = format!("/sites/{}", story.site);
    let change = json!({ "settings": { "kvDeadlineMs": 500 } });
    program.ok("PATCH", &site, Some(&change)).await;
    let (update, _) = measured(cloud, "another setting", story.deployed()).await;
    let (removal, ended) = measured(cloud, "removal", async {
        let removal = program.remove(&story.site).await;
        program.followed(&removal).await
    })
    .await;
    assert_eq!(ended["status"], "removed", "{ended:#}");
    let (plain, ()) = measured(
        cloud,
        "the straightforward way to the first",
        straightforward(cloud),
    )
    .await;
    assert_eq!(plain.calls, 6 + VARIANTS as u64);
    // Namespace, content, index, Worker, route; and two looks around them.
    assert!(
        first.writes <= 5 && first.calls <= 14,
        "{} calls",
        first.calls
    );
    assert!(update.writes <= 1 && removal.writes <= 3);
    assert!(first.calls < plain.calls && first.took < plain.took);
    let title = format!("one site with {VARIANTS} variants, {LATENCY_MS} ms a call");
    print(&title, &[first, again, update, removal, plain]);
}

/// An account with many zones and one token.
fn many_zones(origin: &str) -> String {
    let mut text = format!(
        r#"
[[accounts]]
id = "{ACCOUNT}"
name = "Sample account"
[[tokens]]
value = "{GOOD_TOKEN}"
permissions = {{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }}
"#
    );
    for number in 0..SITES {
        write!(
            text,
            "[[zones]]\nid = \"b{number:031x}\"\naccount = \"{ACCOUNT}\"\nname = \"zone{number}.localhost\"\norigin = \"http://{origin}\"\n"
        )
        .expect("text");
    }
    text
}

async fn deploy_all(program: &Program, sites: &[String]) {
    let mut asked = Vec::new();
    for site in sites {
        asked.push(program.deploy(site).await);
    }
    all_ended(program, &asked, "live").await;
}

async fn remove_all(program: &Program, sites: &[String]) {
    let mut asked = Vec::new();
    for site in sites {
        asked.push(program.remove(site).await);
    }
    all_ended(program, &asked, "removed").await;
}

async fn all_ended(program: &Program, deployments: &[String], status: &str) {
    for deployment in deployments {
        let ended = program.followed(deployment).await;
        assert_eq!(ended["status"], status, "{ended:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sites_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cloud = LocalCloudflare::start_of(|origin| many_zones(&origin.to_string()), None).await;
    let before = cloud.state().await;
    let mut program = Program::start(folder.path(), &cloud).await;
    let connection = program.connect(GOOD_TOKEN).await;
    let mut sites = Vec::new();
    for number in 0..SITES {
        let zone = format!("b{number:031x}");
        let site = program
            .make_site(&connection, &zone, &format!("zone {number}"))
            .await;
        program.publish(&site, "", "<h1>variant</h1>").await;
        sites.push(site);
    }
    let (first, ()) = measured(&cloud, "first deployment", deploy_all(&program, &sites)).await;
    let (again, ()) = measured(
        &cloud,
        "again, nothing changed",
        deploy_all(&program, &sites),
    )
    .await;
    assert_eq!(again.writes, 0, "it writes nothing");
    // A token makes 600 calls at once, then two a second, within Cloudflare's limit of 1,200 in five minutes. All of this
    // is more; what is to be seen here is the removal, as on another day.
    program.kill_and_start_again().await;
    let (removal, ()) = measured(
        &cloud,
        "removal, on another day",
        remove_all(&program, &sites),
    )
    .await;
    assert_eq!(cloud.state().await, before);
    let title =
        format!("{SITES} sites of {SITES} zones at once, one token, {LATENCY_MS} ms a call");
    print(&title, &[first, again, removal]);
}
