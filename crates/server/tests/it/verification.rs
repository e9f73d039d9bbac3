//! What agents are verified by: operators' lists at a mirror, fetched, doubted, kept.

use crate::{
    local_cloudflare::{LocalCloudflare, client},
    program::Program,
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the mirror answers: a status, a body and perhaps an `ETag`.
type Answer = (u16, String, Option<&'static str>);

#[derive(Default)]
struct Desk {
    answers: Mutex<HashMap<String, Answer>>,
    /// Path and `If-None-Match` of each request.
    asked: Mutex<Vec<(String, Option<String>)>>,
}

/// A mirror of the operators' lists.
pub(crate) struct Mirror {
    pub(crate) url: String,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Mirror {
    pub(crate) async fn start() -> Self {
        let desk = Arc::new(Desk::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/lists",
            listener.local_addr().expect("an address")
        );
        let router = Router::new()
            .route("/lists/{*path}", get(answer))
            .with_state(desk.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { url, desk, task }
    }

    /// What it answers at a path.
    pub(crate) fn set(&self, path: &str, status: u16, body: &str, etag: Option<&'static str>) {
        let answer = (status, body.to_owned(), etag);
        let mut answers = self.desk.answers.lock().expect("nobody panics here");
        answers.insert(path.to_owned(), answer);
    }

    fn asked(&self, path: &str) -> Vec<Option<String>> {
        let asked = self.desk.asked.lock().expect("nobody panics here");
        let of_path = asked.iter().filter(|(other, _)| other == path);
        of_path.map(|(_, etag)| etag.clone()).collect()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let known = headers.get(header::IF_NONE_MATCH);
    let known = known.map(|value| value.to_str().expect("text").to_owned());
    let answers = desk.answers.lock().expect("nobody panics here");
    let found = answers.get(&path).cloned();
    let mut asked = desk.asked.lock().expect("nobody panics here");
    asked.push((path, known.clone()));
    let Some((status, body, etag)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if etag.is_some() && known.as_deref() == etag {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let status = StatusCode::from_u16(status).expect("a status");
    let location = (header::LOCATION, "http://127.0.0.1:1/");
    match etag {
        Some(etag) => (status, [(header::ETAG, etag)], body).into_response(),
        None if status.is_redirection() => (status, [location], body).into_response(),
        None => (status, body).into_response(),
    }
}

const GPTBOT: &str = "https://openai.com/gptbot.json";
const SEARCHBOT: &str = "https://openai.com/searchbot.json";
const PERPLEXITY: &str = "https://www.perplexity.com/perplexitybot.json";
const CHATGPT_KEYS: &str = "https://chatgpt.com/.well-known/http-message-signatures-directory";

async fn list(program: &Program, url: &str) -> Value {
    let answer = program.ok("GET", "/agents/verification", None).await;
    let items = answer["items"].as_array().expect("a list").clone();
    let mut items = items.into_iter();
    items
        .find(|item| item["url"] == url)
        .unwrap_or_else(|| panic!("{url} is listed"))
}

/// Fetches everything, and waits until this list was tried after `before`.
pub(crate) async fn refresh(program: &Program, url: &str) -> Value {
    let before = list(program, url).await["lastAttemptAt"].clone();
    let (status, _) = program
        .call("POST", "/agents/verification/refresh", None)
        .await;
    assert_eq!(status, 202);
    until(program, url, |list| list["lastAttemptAt"] != before).await
}

async fn until(program: &Program, url: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let found = list(program, url).await;
        if is_so(&found) {
            return found;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{found:#}\n{}",
            program.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn who(program: &Program, agent: &str, address: &str) -> String {
    let path = format!("/agents/verification/check?agent={agent}&address={address}");
    let answer = program.ok("GET", &path, None).await;
    format!(
        "{} {}",
        answer["identity"].as_str().expect("a word"),
        answer["ground"].as_str().expect("a word")
    )
}

async fn start(
    folder: &tempfile::TempDir,
    cloud: &LocalCloudflare,
    mirror: &Mirror,
    every: &str,
) -> Program {
    let database = format!("sqlite://{}/test.db", folder.path().display());
    let more = [
        ("EDGE_DELIVERY_VERIFICATION_MIRROR", mirror.url.as_str()),
        ("EDGE_DELIVERY_VERIFICATION_EVERY", every),
    ];
    Program::start_with(database, folder.path(), cloud, &more).await
}

/// A list in Google's form.
pub(crate) fn google_style(prefixes: &[&str]) -> String {
    let entries: Vec<String> = prefixes
        .iter()
        .map(|prefix| {
            let family = if prefix.contains(':') {
                "ipv6Prefix"
            } else {
                "ipv4Prefix"
            };
            format!(r#"{{"{family}": "{prefix}"}}"#)
        })
        .collect();
    format!(
        r#"{{"creationTime": "2026-11-24T00:00:00", "prefixes": [{}]}}"#,
        entries.join(",")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_fetched_doubted_and_kept() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let (folder, mirror) = (
        tempfile::tempdir().expect("a folder"),
        Mirror::start().await,
    );
    let mut program = start(&folder, &cloud, &mirror, "off").await;

    // What came with the program; it is too old to contradict anybody, and nothing was fetched.
    let shipped = list(&program, GPTBOT).await;
    assert_eq!(
        (&shipped["origin"], &shipped["operator"]),
        (&"shipped".into(), &"OpenAI".into())
    );
    assert_eq!(shipped["nextFetchAt"], Value::Null);
    assert!(mirror.asked("openai.com/gptbot.json").is_empty());
    assert_eq!(list(&program, PERPLEXITY).await["freshness"], "missing");
    assert_eq!(
        who(&program, "PerplexityBot", "203.0.113.9").await,
        "claimed no_list_yet"
    );
    assert_eq!(
        who(&program, "Bytespider", "203.0.113.9").await,
        "claimed nothing_published"
    );

    // Fetched: fresh, and asked with the ETag the next time.
    let four = [
        "192.0.2.0/28",
        "192.0.2.32/28",
        "2001:db8:7::/48",
        "192.0.2.96/28",
    ];
    mirror.set(
        "openai.com/gptbot.json",
        200,
        &google_style(&four),
        Some("\"1\""),
    );
    mirror.set(
        "openai.com/searchbot.json",
        200,
        "<!doctype html><title>Just a moment…",
        None,
    );
    let key = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}]}"#;
    mirror.set(
        "chatgpt.com/.well-known/http-message-signatures-directory",
        200,
        key,
        None,
    );
    let fetched = refresh(&program, GPTBOT).await;
    assert_eq!(
        (&fetched["origin"], &fetched["freshness"]),
        (&"fetched".into(), &"fresh".into())
    );
    assert_eq!(
        (&fetched["entries"], &fetched["lastError"]),
        (&4.into(), &Value::Null)
    );
    let answers = [
        ("192.0.2.33", "verified address"),
        ("::ffff:192.0.2.33", "verified address"),
        ("2001:db8:7::1", "verified address"),
        ("203.0.113.9", "contradicted not_listed"),
    ];
    for (address, expected) in answers {
        // In memory a moment after it was stored.
        let started = Instant::now();
        while who(&program, "GPTBot", address).await != expected {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{address}: {expected}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let keys = until(&program, CHATGPT_KEYS, |list| list["entries"] == 1).await;
    assert_eq!(
        (&keys["kind"], &keys["freshness"]),
        (&"keys".into(), &"fresh".into())
    );

    // A page instead of a list: what was there stays, and it is told.
    let search = until(&program, SEARCHBOT, |list| list["lastError"] != Value::Null).await;
    assert_eq!(search["origin"], "shipped");
    assert!(
        search["lastError"]
            .as_str()
            .expect("words")
            .contains("web page"),
        "{search:#}"
    );
    let missing = until(&program, PERPLEXITY, |list| {
        list["lastError"] != Value::Null
    })
    .await;
    assert!(
        missing["lastError"]
            .as_str()
            .expect("words")
            .contains("404"),
        "{missing:#}"
    );

    let same = refresh(&program, GPTBOT).await;
    assert_eq!(
        mirror.asked("openai.com/gptbot.json"),
        [None, Some("\"1\"".to_owned())]
    );
    assert_eq!(same["changedAt"], fetched["changedAt"]);
    assert_ne!(same["confirmedAt"], fetched["confirmedAt"]);

    // What cannot be right is not taken.
    let large = format!("{}\n", "192.0.2.1 ".repeat(400_000));
    for (status, body, said) in [
        (200, google_style(&["192.0.2.0/28"]), "lacks more than half"),
        (200, google_style(&["0.0.0.0/0"]), "too wide"),
        (200, google_style(&["10.0.0.0/24"]), "not public"),
        (200, google_style(&[]), "is empty"),
        (200, large, "larger than"),
        (302, String::new(), "302"),
        (503, String::new(), "503"),
    ] {
        mirror.set("openai.com/gptbot.json", status, &body, None);
        let kept = refresh(&program, GPTBOT).await;
        assert!(
            kept["lastError"].as_str().expect("words").contains(said),
            "{said}: {kept:#}"
        );
        assert_eq!(
            (&kept["entries"], &kept["changedAt"]),
            (&4.into(), &fetched["changedAt"]),
            "{said}"
        );
    }
    assert_eq!(
        who(&program, "GPTBot", "192.0.2.33").await,
        "verified address"
    );

    // Told everywhere, and there after a power cut.
    let metrics = client()
        .get(format!("{}/metrics", program.base()))
        .send()
        .await;
    let metrics = metrics.expect("it answers").text().await.expect("text");
    let label = format!(r#"{{list="{GPTBOT}"}}"#);
    assert!(
        metrics.contains(&format!(
            "edge_delivery_verification_list_failures{label} 7"
        )),
        "{metrics}"
    );
    assert!(metrics.contains(&format!(
        "edge_delivery_verification_list_age_seconds{label}"
    )));
    let audit = program
        .ok("GET", "/audit?kind=verification.refreshed", None)
        .await;
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(9));
    program.kill_and_start_again().await;
    assert_eq!(
        who(&program, "GPTBot", "192.0.2.33").await,
        "verified address"
    );
    assert_eq!(
        who(&program, "GPTBot", "203.0.113.9").await,
        "contradicted not_listed"
    );

    // The page, without scripts.
    let cookie = program.signed_in().await;
    let (status, page) = program
        .page(
            &cookie,
            "/agents/verification?agent=GPTBot&address=203.0.113.9",
        )
        .await;
    assert_eq!(status, 200);
    for text in [
        "Contradicted",
        "the address is not in it",
        "4\u{a0}prefixes",
        "it answered 503",
        PERPLEXITY,
    ] {
        assert!(page.contains(text), "{text}");
    }
    let (status, page) = program
        .page(
            &cookie,
            "/agents/verification?agent=GPTBot&address=everywhere",
        )
        .await;
    assert_eq!(status, 422);
    assert!(page.contains("is not an IP address"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_fetched_by_themselves_and_by_one_replica() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let (folder, mirror) = (
        tempfile::tempdir().expect("a folder"),
        Mirror::start().await,
    );
    mirror.set("openai.com/gptbot.json", 200, "192.0.2.0/28\n", None);
    let program = start(&folder, &cloud, &mirror, "1h").await;
    let other = start(&folder, &cloud, &mirror, "1h").await;
    for program in [&program, &other] {
        let list = until(program, GPTBOT, |list| list["origin"] == "fetched").await;
        assert_ne!(list["nextFetchAt"], Value::Null);
        // Whoever did not fetch it reads it from the database.
        let started = Instant::now();
        while who(program, "GPTBot", "203.0.113.9").await != "contradicted not_listed" {
            assert!(started.elapsed() < Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let tried = until(&program, PERPLEXITY, |list| {
        list["lastError"] != Value::Null
    })
    .await;
    assert_eq!(tried["failures"], 1);
    assert_eq!(
        mirror.asked("openai.com/gptbot.json").len(),
        1,
        "one of the two fetched it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let (folder, mirror) = (
        tempfile::tempdir().expect("a folder"),
        Mirror::start().await,
    );
    let program = start(&folder, &cloud, &mirror, "off").await;
    for (query, field) in [
        ("agent=Mozilla&address=192.0.2.1", "agent"),
        ("agent=GPTBot&address=192.0.2.256", "address"),
        ("agent=GPTBot&address=192.0.2.0/24", "address"),
        ("agent=GPTBot&address=", "address"),
        ("agent=GPTBot", "address"),
        ("agent=GPTBot&address=192.0.2.1&x=1", "x"),
    ] {
        let path = format!("/agents/verification/check?{query}");
        let (status, problem) = program.call("GET", &path, None).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &"validation_failed".into()),
            "{query}"
        );
        assert!(problem.to_string().contains(field), "{query}: {problem:#}");
    }
}
