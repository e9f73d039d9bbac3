//! A local Cloudflare with one account, two zones, a few tokens, and an origin site behind each zone.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use cloudflare_emulator::{Emulator, Options, StateFile};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The account.
pub(crate) const ACCOUNT: &str = "a0000000000000000000000000000001";
/// The zone `shop.localhost`.
pub(crate) const SHOP: &str = "b0000000000000000000000000000001";
/// The zone `blog.localhost`.
pub(crate) const BLOG: &str = "b0000000000000000000000000000002";
/// A token with everything.
pub(crate) const GOOD_TOKEN: &str = "local-demo-good-000000000000000000000000";
/// A token that may read, and write nothing.
pub(crate) const READ_ONLY_TOKEN: &str = "local-demo-read-only-0000000000000000000";

/// It, running; dropping it ends it.
pub(crate) struct LocalCloudflare {
    emulator: Emulator,
    origin: JoinHandle<()>,
    mood: Arc<Mutex<Mood>>,
    client: reqwest::Client,
}

impl Drop for LocalCloudflare {
    fn drop(&mut self) {
        self.origin.abort();
    }
}

/// The one HTTP client of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "a plain client, as strangers have"
)]
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(40))
        .build()
        .expect("a client without settings from outside")
}

/// How the origin behaves.
#[derive(Debug, Clone, Default)]
pub(crate) enum Mood {
    /// The same page always.
    #[default]
    Calm,
    /// Each answer has a number of its own.
    Varying(u64),
    /// AI agents are turned away, as by a firewall rule.
    BlocksAgents,
    /// After so many answers, this status and text for everybody.
    ThenAnswers(u64, u16, String),
    /// These paths have a status and a text of their own (of a redirect: where to); the rest are as ever.
    Pages(HashMap<&'static str, (u16, String)>),
}

fn is_agent(headers: &HeaderMap) -> bool {
    headers
        .get("user-agent")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.contains("GPTBot") || text.contains("ClaudeBot"))
}

/// Says what it got, so that a test sees that Host, path and query came through unchanged.
async fn origin_page(
    State(mood): State<Arc<Mutex<Mood>>>,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, [(&'static str, String); 2], String) {
    let html = ("content-type", "text/html".to_owned());
    let plain = ("x-origin", "yes".to_owned());
    let (status, more) = match &mut *mood.lock().expect("nobody panics") {
        Mood::Pages(pages) if pages.contains_key(uri.path()) => {
            let (status, text) = pages[uri.path()].clone();
            let status = StatusCode::from_u16(status).expect("a status");
            let second = if status.is_redirection() {
                ("location", text.clone())
            } else {
                plain
            };
            return (status, [html, second], text);
        }
        Mood::Pages(_) => (StatusCode::OK, String::new()),
        Mood::BlocksAgents if is_agent(&headers) => (StatusCode::FORBIDDEN, String::new()),
        Mood::Calm | Mood::BlocksAgents => (StatusCode::OK, String::new()),
        Mood::Varying(count) => {
            *count += 1;
            (StatusCode::OK, format!("<p>answer {count}</p><p>end</p>"))
        }
        Mood::ThenAnswers(0, status, text) => {
            let status = StatusCode::from_u16(*status).expect("a status");
            return (status, [html, plain], text.clone());
        }
        Mood::ThenAnswers(left, ..) => {
            *left -= 1;
            (StatusCode::OK, String::new())
        }
    };
    let host = headers
        .get("host")
        .and_then(|host| host.to_str().ok())
        .unwrap_or("-");
    (
        status,
        [html, plain],
        format!("<h1>origin of {host}{uri}</h1>{more}"),
    )
}

fn state(origin: SocketAddr, switches: &str, more: &str) -> String {
    let zone = |id: &str, name: &str| {
        format!(
            "[[zones]]\nid = \"{id}\"\naccount = \"{ACCOUNT}\"\nname = \"{name}\"\norigin = \"http://{origin}\"\nproxied = [\"{name}\", \"www.{name}\"]\n"
        )
    };
    format!(
        r#"{switches}
[[accounts]]
id = "{ACCOUNT}"
name = "Sample account"
{shop}{blog}
[[tokens]]
value = "{GOOD_TOKEN}"
permissions = {{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }}
[[tokens]]
value = "{READ_ONLY_TOKEN}"
permissions = {{ workers_scripts = "read", workers_kv_storage = "read", account_settings = "read", workers_routes = "read", zone = "read" }}
{more}
"#,
        shop = zone(SHOP, "shop.localhost"),
        blog = zone(BLOG, "blog.localhost"),
    )
}

impl LocalCloudflare {
    /// Starts it with switches and more tables in its state.
    pub(crate) async fn start_with(switches: &str, more: &str) -> Self {
        Self::start_of(|origin| state(origin, switches, more), None).await
    }

    /// Starts it with the state that `make` writes for the origin's address, and a record of every call if wanted.
    pub(crate) async fn start_of(
        make: impl FnOnce(SocketAddr) -> String,
        record: Option<PathBuf>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mood = Arc::new(Mutex::new(Mood::default()));
        let router = Router::new()
            .fallback(origin_page)
            .with_state(Arc::clone(&mood));
        let origin = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("state.toml");
        std::fs::write(&file, make(address)).expect("the state is written");
        let emulator = Emulator::start(Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            edge_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: StateFile::load(&file).expect("the state is right"),
            record,
            ..Options::default()
        })
        .await
        .expect("the local Cloudflare starts (it needs workerd: run cargo xtask test)");
        Self {
            emulator,
            origin,
            mood,
            client: client(),
        }
    }

    /// Whether Analytics Engine is enabled for the accounts from now on.
    pub(crate) fn analytics_engine_is(&self, is_enabled: bool) {
        for account in &mut self.emulator.world().write().accounts {
            account.analytics_engine = is_enabled;
        }
    }

    /// How the origin behaves from now on.
    pub(crate) fn origin_is(&self, mood: Mood) {
        *self.mood.lock().expect("nobody panics") = mood;
    }

    /// `CLOUDFLARE_API_BASE_URL`.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/client/v4", self.emulator.api_addr())
    }

    /// `EDGE_DELIVERY_EDGE_URL`.
    pub(crate) fn edge_url(&self) -> String {
        format!("http://{}", self.emulator.edge_addr())
    }

    fn control(&self, path: &str) -> String {
        format!("http://{}/__emulator/{path}", self.emulator.api_addr())
    }

    /// Everything in the account, without values.
    pub(crate) async fn state(&self) -> Value {
        let answer = self
            .client
            .get(self.control("state"))
            .send()
            .await
            .expect("it answers");
        answer.json().await.expect("JSON")
    }

    /// How many calls were made so far.
    pub(crate) async fn calls(&self) -> u64 {
        self.requests().await["total"].as_u64().expect("a number")
    }

    /// How many objects of a table there are.
    pub(crate) async fn count(&self, table: &str) -> usize {
        self.state().await[table]
            .as_array()
            .unwrap_or_else(|| panic!("no table {table}"))
            .len()
    }

    /// The next matching calls go wrong.
    pub(crate) async fn fault(&self, method: &str, path: &str, kind: &str, times: u64) {
        let fault = json!({
            "match": { "method": method, "path": path },
            "kind": kind, "status": 500, "code": 10000, "times": times, "delayMs": 300,
        });
        self.fault_of(&fault).await;
    }

    /// The same, in full.
    pub(crate) async fn fault_of(&self, fault: &Value) {
        let answer = self
            .client
            .post(self.control("faults"))
            .json(fault)
            .send()
            .await
            .expect("it answers");
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// How far the faults are, in the order in which they were asked for.
    pub(crate) async fn faults(&self) -> Vec<Value> {
        let answer = self.client.get(self.control("faults")).send().await;
        let mut answer: Value = answer
            .expect("it answers")
            .json()
            .await
            .expect("faults are JSON");
        match answer["faults"].take() {
            Value::Array(faults) => faults,
            other => panic!("no faults in {other}"),
        }
    }

    /// How many calls there were, by method and path with names for what varies.
    pub(crate) async fn requests(&self) -> Value {
        let answer = self.client.get(self.control("requests")).send().await;
        answer.expect("it answers").json().await.expect("JSON")
    }

    /// Holds every call of the API so long.
    pub(crate) async fn latency(&self, ms: u64) {
        let answer = self
            .client
            .put(self.control("latency"))
            .json(&json!({ "ms": ms }))
            .send()
            .await;
        assert!(answer.expect("it answers").status().is_success());
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn no_faults(&self) {
        let answer = self.client.delete(self.control("faults")).send().await;
        assert!(answer.expect("it answers").status().is_success());
    }

    /// How many calls of a method and path pattern there were.
    pub(crate) async fn count_of(&self, method: &str, path: &str) -> u64 {
        self.requests().await["requests"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["method"] == method && one["path"] == path)
            .filter_map(|one| one["count"].as_u64())
            .sum()
    }

    /// A call to Cloudflare's API with the good token.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.api_url()))
            .bearer_auth(GOOD_TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer: Value = request
            .send()
            .await
            .expect("it answers")
            .json()
            .await
            .expect("JSON");
        assert_eq!(answer["success"], true, "{path}: {answer}");
        answer["result"].clone()
    }

    /// A form sent to Cloudflare's API as wrangler does: each part with its name and, for a file, its content type.
    pub(crate) async fn form(&self, method: &str, path: &str, parts: &[(&str, &str, &str)]) {
        let boundary = "a-boundary-that-is-in-no-part";
        let mut body = String::new();
        for (name, content_type, text) in parts {
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n{text}\r\n"
            ));
        }
        body.push_str(&format!("--{boundary}--\r\n"));
        let answer: Value = self
            .client
            .request(
                method.parse().expect("a method"),
                format!("{}{path}", self.api_url()),
            )
            .bearer_auth(GOOD_TOKEN)
            .header("user-agent", "wrangler/4.125.0")
            .header(
                "content-type",
                format!("multipart/form-data; boundary={boundary}"),
            )
            .body(body)
            .send()
            .await
            .expect("it answers")
            .json()
            .await
            .expect("JSON");
        assert_eq!(answer["success"], true, "{path}: {answer}");
    }

    /// A deletion that may go wrong, as any call may while there are faults.
    pub(crate) async fn try_delete(&self, token: &str, path: &str) {
        let url = format!("{}{path}", self.api_url());
        let answer = self.client.delete(url).bearer_auth(token).send().await;
        println!("DELETE {path}: {:?}", answer.map(|answer| answer.status()));
    }

    /// A visit to the edge.
    pub(crate) async fn visit(
        &self,
        host: &str,
        path: &str,
        user_agent: &str,
    ) -> reqwest::Response {
        self.client
            .get(format!("{}{path}", self.edge_url()))
            .header("host", host)
            .header("user-agent", user_agent)
            .header("accept", "text/html,*/*;q=0.8")
            .send()
            .await
            .expect("the edge answers")
    }
}

impl LocalCloudflare {
    /// The secret that the account's only Worker was uploaded with.
    pub(crate) fn site_key(&self) -> String {
        self.site_keys().next().expect("its key")
    }

    /// The secret of another Worker than the one that has this.
    pub(crate) fn site_key_other_than(&self, key: &str) -> String {
        let mut keys = self.site_keys();
        keys.find(|other| other != key).expect("another Worker")
    }

    fn site_keys(&self) -> impl Iterator<Item = String> {
        use cloudflare_emulator::account::Binding;
        let world = self.emulator.world().read();
        let is_key = |binding: &Binding| match binding {
            Binding::SecretText { name, text } if name == "SITE_KEY" => Some(text.to_string()),
            _ => None,
        };
        let keys: Vec<String> = world
            .scripts
            .values()
            .filter_map(|script| script.versions.last())
            .filter_map(|version| version.content.bindings.iter().find_map(is_key))
            .collect();
        keys.into_iter()
    }
}
