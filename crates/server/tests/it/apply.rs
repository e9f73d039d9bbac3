//! How a plan is applied: what is lost is looked up, who is told to wait waits and says so, a failure says where it
//! stands, and one process at a time works on a site.

use crate::{
    console::Console,
    local_cloudflare::{BLOG, GOOD_TOKEN, LocalCloudflare, SHOP},
    postgres::Database,
    program::{Program, id_of},
    story::Story,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NAMESPACES: &str = "/storage/kv/namespaces$";
const SCRIPT: &str = "/workers/scripts/[^/]+$";

/// Calls of the API from now on: connecting makes some, too, to learn what a token may do.
struct Calls<'a> {
    cloud: &'a LocalCloudflare,
    before: Value,
}

impl<'a> Calls<'a> {
    async fn from_now(cloud: &'a LocalCloudflare) -> Self {
        let before = cloud.requests().await;
        Self { cloud, before }
    }

    /// How many there were, by method and the end of the path with names for what varies.
    async fn count(&self, method: &str, end: &str) -> u64 {
        let of = |requests: &Value| -> u64 {
            let all = requests["requests"].as_array().expect("a list");
            let is_meant = |row: &&Value| {
                let path = row["path"].as_str().expect("a path");
                row["method"] == method && path.ends_with(end)
            };
            let counts = all.iter().filter(is_meant).map(|row| &row["count"]);
            counts.map(|count| count.as_u64().expect("a number")).sum()
        };
        of(&self.cloud.requests().await) - of(&self.before)
    }
}

/// What was done, though its answer was lost, is found by looking and not done again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_looked_up_and_not_repeated() {
    let story = Story::begin().await;
    let cloud = &story.cloud;
    let calls = Calls::from_now(cloud).await;
    let makings = [
        ("POST", NAMESPACES, "/storage/kv/namespaces"),
        ("PUT", SCRIPT, "/workers/scripts/{script_name}"),
        ("POST", "/workers/routes$", "/workers/routes"),
    ];
    for (method, path, _) in makings {
        cloud.fault(method, path, "hang", 1).await;
    }
    story.deployed().await;
    for (method, _, end) in makings {
        assert_eq!(calls.count(method, end).await, 1, "{method} {end}");
    }
    let removals = [
        ("/workers/routes/[^/]+$", "/workers/routes/{route_id}"),
        (SCRIPT, "/workers/scripts/{script_name}"),
        ("/namespaces/[^/]+$", "/namespaces/{namespace_id}"),
    ];
    for (path, _) in removals {
        cloud.fault("DELETE", path, "hang", 1).await;
    }
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.followed(&removal).await["status"], "removed");
    for (_, end) in removals {
        assert_eq!(calls.count("DELETE", end).await, 1, "DELETE {end}");
    }
}

fn wait(seconds: u64) -> Value {
    json!({
        "match": { "method": "POST", "path": NAMESPACES },
        "kind": "rate_limited", "times": 1, "retryAfter": seconds,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_and_shown() {
    let story = Story::begin().await;
    let calls = Calls::from_now(&story.cloud).await;
    story.cloud.fault_of(&wait(4)).await;
    let begun = Instant::now();
    let deployment = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{deployment}");
    let waiting = story
        .program
        .until(&path, |answer| answer["waitingUntil"].is_string())
        .await;
    assert_eq!(waiting["status"], "running", "{waiting:#}");
    let page = Console::open(&story).await.get(&path).await;
    for words in ["Cloudflare asks to wait", "data-countdown"] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let events = story
        .program
        .request(reqwest::Method::GET, &format!("{path}/events"))
        .send()
        .await
        .expect("the program answers");
    let said = events.text().await.expect("the stream ends");
    assert!(said.contains("\"waiting\""), "{said}");
    let until = waiting["waitingUntil"].as_str().expect("a time");
    assert!(said.contains(until), "{said}");
    let ended = story.program.followed(&deployment).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    assert_eq!(ended["waitingUntil"], Value::Null, "{ended:#}");
    assert!(begun.elapsed() >= Duration::from_secs(4));
    let namespaces = calls.count("POST", "/storage/kv/namespaces").await;
    assert_eq!(namespaces, 2, "refused once, then made");
    story.is_whole().await;
}

/// Whatever call is refused, looks included.
#[tokio::test(flavor = "multi_thread")]
async fn every_wait_is_shown() {
    let story = Story::begin().await;
    for (method, path) in [
        ("GET", "/zones/[^/]+$"),
        ("GET", "/workers/routes$"),
        ("PUT", "/bulk$"),
        ("PUT", SCRIPT),
        ("POST", "/workers/routes$"),
    ] {
        let told = json!({
            "match": { "method": method, "path": path },
            "kind": "rate_limited", "times": 1, "retryAfter": 2,
        });
        story.cloud.fault_of(&told).await;
        let deployment = story.program.deploy(&story.site).await;
        let at = format!("/deployments/{deployment}");
        story
            .program
            .until(&at, |answer| answer["waitingUntil"].is_string())
            .await;
        let ended = story.program.followed(&deployment).await;
        assert_eq!(ended["status"], "live", "{method} {path}: {ended:#}");
        let undo = id_of(&story.program.ok("POST", &format!("{at}/undo"), None).await);
        assert_eq!(story.program.followed(&undo).await["status"], "undone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_told_to_wait_says_how_long() {
    let story = Story::begin().await;
    let told = json!({
        "match": { "path": "/workers/routes$" },
        "kind": "rate_limited", "times": 1, "retryAfter": 90,
    });
    story.cloud.fault_of(&told).await;
    let path = format!("/sites/{}/plan", story.site);
    let (status, problem) = story.program.call("GET", &path, None).await;
    assert_eq!(
        (status, &problem["retryAfter"]),
        (429, &json!(90)),
        "{problem:#}"
    );
    assert_eq!(
        problem["remedies"][0],
        "Wait 90 s, then try again; a deployment waits by itself."
    );
    // The next one calls nobody, and says what is left.
    let (_, problem) = story.program.call("GET", &path, None).await;
    let left = problem["retryAfter"].as_u64().expect("seconds");
    assert!((80..=90).contains(&left), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_can_be_stopped() {
    let story = Story::begin().await;
    story.cloud.fault_of(&wait(50)).await;
    let deployment = story.program.deploy(&story.site).await;
    let path = format!("/deployments/{deployment}");
    story
        .program
        .until(&path, |answer| answer["waitingUntil"].is_string())
        .await;
    let begun = Instant::now();
    story
        .program
        .ok("POST", &format!("{path}/cancel"), None)
        .await;
    let ended = story.program.followed(&deployment).await;
    assert_eq!(ended["status"], "cancelled", "{ended:#}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(ended["offers"], json!(["continue", "undo"]), "{ended:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_rate_limit_fails_and_says_when_to_continue() {
    let mut story = Story::begin().await;
    story.cloud.fault_of(&wait(240)).await;
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.followed(&deployment).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let problem = &ended["problem"];
    assert_eq!(problem["code"], "rate_limited", "{problem:#}");
    assert_eq!(problem["retryAfter"], 240, "{problem:#}");
    let remedy = problem["remedies"][0].as_str().expect("a remedy");
    assert!(
        remedy.starts_with("Continue this deployment after 20"),
        "{remedy}"
    );
    assert_eq!(ended["failedStep"], 0, "{ended:#}");
    assert_eq!(ended["offers"], json!(["undo"]), "{ended:#}");
    assert!(ended["continueAfter"].is_string(), "{ended:#}");
    // Too early: refused, and nobody is called; a program that was started again does not forget it either.
    let calls = story.cloud.requests().await;
    let path = format!("/deployments/{deployment}/continue");
    for is_started_again in [false, true] {
        if is_started_again {
            assert_eq!(story.cloud.requests().await, calls);
            story.program.kill_and_start_again().await;
        }
        let (status, problem) = story.program.call("POST", &path, None).await;
        assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
        let left = problem["retryAfter"].as_u64().expect("seconds");
        assert!((180..=240).contains(&left), "{problem:#}");
    }
    // A deployment that is asked for anew finds out by itself whether it may call again.
    story.deployed().await;
    story.is_whole().await;
}

fn forbidden() -> Value {
    json!({
        "match": { "method": "PUT", "path": SCRIPT },
        "kind": "before", "status": 403, "code": 10000, "times": 1,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_where_it_stands_and_what_can_be_done() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    story.cloud.fault_of(&forbidden()).await;
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.followed(&deployment).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let step = ended["failedStep"].as_u64().expect("a step") as usize;
    assert_eq!(ended["steps"][step]["resource"], "script", "{ended:#}");
    assert_eq!(
        ended["steps"][step]["problem"]["code"],
        "insufficient_permissions"
    );
    let in_place = ended["inPlace"].as_array().expect("a list");
    assert_eq!(in_place.len(), 1, "{ended:#}");
    assert_eq!(in_place[0]["resource"], "kv_namespace");
    assert_eq!(ended["offers"], json!(["continue", "undo"]));

    story.cloud.fault_of(&forbidden()).await;
    let out = story.program.run(&["deploy", "shop"]).await;
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    for words in [
        "failed at step 1 of 2: create Worker",
        "Workers Scripts: Edit",
        "in place: KV namespace edge-delivery ",
        "go on with what is left: edge-delivery deployment continue ",
        "take back what it did: edge-delivery deployment undo ",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }

    let out = story.program.run(&["deploy", "shop"]).await;
    assert!(out.status.success(), "{out:?}");
    story.is_whole().await;
    let removal = story.program.remove(&story.site).await;
    assert_eq!(story.program.followed(&removal).await["status"], "removed");
    assert_eq!(story.cloud.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deployment_is_taken_back() {
    let story = Story::begin().await;
    let before = story.cloud.state().await;
    story.cloud.fault_of(&forbidden()).await;
    let deployment = story.program.deploy(&story.site).await;
    assert_eq!(
        story.program.followed(&deployment).await["status"],
        "failed"
    );
    let path = format!("/deployments/{deployment}/undo");
    let undoing = id_of(&story.program.ok("POST", &path, None).await);
    let ended = story.program.followed(&undoing).await;
    assert_eq!(ended["status"], "undone", "{ended:#}");
    assert_eq!(story.cloud.state().await, before);
}

/// Two processes on one database; the one that works is killed.
async fn two_replicas(database: String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cloud = LocalCloudflare::start_with("", "").await;
    let mut one = Program::start_on(database.clone(), folder.path(), &cloud).await;
    let mut two = Program::start_on(database, folder.path(), &cloud).await;
    let connection = one.connect(GOOD_TOKEN).await;
    let shop = one.make_site(&connection, SHOP, "shop").await;
    let blog = one.make_site(&connection, BLOG, "blog").await;
    let calls = Calls::from_now(&cloud).await;
    // Asked of both at once, each of the two sites is worked on by one of them.
    let asked = tokio::join!(
        one.deploy(&shop),
        two.deploy(&shop),
        two.deploy(&blog),
        one.deploy(&blog)
    );
    assert_eq!(
        (&asked.0, &asked.2),
        (&asked.1, &asked.3),
        "one deployment a site"
    );
    for (program, deployment) in [(&one, &asked.0), (&two, &asked.2)] {
        let ended = program.followed(deployment).await;
        assert_eq!(ended["status"], "live", "{ended:#}");
    }
    for (method, end) in [
        ("POST", "/storage/kv/namespaces"),
        ("PUT", "/workers/scripts/{script_name}"),
        ("POST", "/workers/routes"),
    ] {
        assert_eq!(calls.count(method, end).await, 2, "{method} {end}");
    }
    // Held in the first deletion, the process that has it is killed: the other one goes on in time.
    let held = json!({
        "match": { "method": "DELETE", "path": "/workers/routes/[^/]+$" },
        "kind": "hang", "times": 1, "delayMs": 600_000,
    });
    cloud.fault_of(&held).await;
    let removal = one.remove(&shop).await;
    let path = format!("/deployments/{removal}");
    let is_held = |answer: &Value| answer["steps"][0]["status"] == "running";
    one.until(&path, is_held).await;
    let taken = format!("deployment taken deployment.id={removal}");
    let (dead, alive) = if one.log().contains(&taken) {
        (&mut one, &two)
    } else {
        assert!(two.log().contains(&taken));
        (&mut two, &one)
    };
    let begun = Instant::now();
    dead.kill().await;
    let taken_over = |answer: &Value| answer["steps"][1]["status"] != "waiting";
    alive.until(&path, taken_over).await;
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    let ended = alive.followed(&removal).await;
    assert_eq!(ended["status"], "removed", "{ended:#}");
    let routes = calls.count("DELETE", "/workers/routes/{route_id}").await;
    assert_eq!(routes, 1, "done, though nobody heard of it");
}

/// A call takes at most 10 s, and a step with its repetitions 45 s.
async fn a_step_gives_up_in_time() {
    let story = Story::begin().await;
    let held = json!({
        "match": { "method": "POST", "path": NAMESPACES },
        "kind": "timeout", "times": 1000, "delayMs": 600_000,
    });
    story.cloud.fault_of(&held).await;
    let calls = Calls::from_now(&story.cloud).await;
    let begun = Instant::now();
    let deployment = story.program.deploy(&story.site).await;
    let ended = story.program.followed(&deployment).await;
    let took = begun.elapsed();
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert_eq!(
        ended["problem"]["code"], "cloudflare_unavailable",
        "{ended:#}"
    );
    assert!(took < Duration::from_secs(47), "{took:?}");
    let tried = calls.count("POST", "/storage/kv/namespaces").await;
    assert!(
        (4..=5).contains(&tried),
        "{tried} calls of 10 s in {took:?}"
    );
    assert_eq!(ended["offers"], json!(["continue", "undo"]));
}

/// What takes its time, all of it at once.
#[tokio::test(flavor = "multi_thread")]
async fn time_limits_and_replicas() {
    let database = Database::new().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = format!("sqlite://{}/shared.db", folder.path().display());
    tokio::join!(
        a_step_gives_up_in_time(),
        two_replicas(database.url()),
        two_replicas(file),
    );
}
