//! `edge-delivery serve` as a child process, and its REST API.

use crate::{
    bare::{EMAIL, PASSWORD, cookie_of},
    local_cloudflare::{LocalCloudflare, client},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, running. Dropping it kills the process.
pub(crate) struct Program {
    child: Child,
    base: String,
    log: Log,
    key: String,
    client: reqwest::Client,
    settings: Vec<(&'static str, String)>,
}

/// What the program wrote on standard error so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn add(&self, line: &str) {
        let mut log = self.0.lock().expect("nobody panics while writing");
        log.push_str(line);
        log.push('\n');
    }
}

fn command(settings: &[(&'static str, String)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge-delivery"));
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(settings.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Program {
    /// Starts it on the data in `folder`, and makes an access key.
    pub(crate) async fn start(folder: &Path, cloud: &LocalCloudflare) -> Self {
        let database = format!("sqlite://{}/test.db", folder.display());
        Self::start_on(database, folder, cloud).await
    }

    /// Starts it on this database, with the key in `folder`, and makes an access key.
    pub(crate) async fn start_on(database: String, folder: &Path, cloud: &LocalCloudflare) -> Self {
        Self::start_with(database, folder, cloud, &[]).await
    }

    /// The same, with more settings; a setting named again takes the place of the first.
    pub(crate) async fn start_with(
        database: String,
        folder: &Path,
        cloud: &LocalCloudflare,
        more: &[(&'static str, &str)],
    ) -> Self {
        let mut settings = vec![
            ("EDGE_DELIVERY_LISTEN", "127.0.0.1:0".to_owned()),
            ("EDGE_DELIVERY_DATABASE_URL", database),
            (
                "EDGE_DELIVERY_KEY_FILE",
                format!("{}/test.key", folder.display()),
            ),
            ("EDGE_DELIVERY_LOG", "debug".to_owned()),
            ("CLOUDFLARE_API_BASE_URL", cloud.api_url()),
            ("EDGE_DELIVERY_EDGE_URL", cloud.edge_url()),
            // Tests do not leave this machine.
            ("EDGE_DELIVERY_VERIFICATION_EVERY", "off".to_owned()),
        ];
        settings.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let made = command(&settings, &["admin", "access-key", "create"])
            .output()
            .await
            .expect("the program starts");
        assert!(made.status.success(), "{made:?}");
        let key = String::from_utf8(made.stdout)
            .expect("text")
            .trim()
            .to_owned();
        let log = Log::default();
        let (child, base) = serve(&settings, &log).await;
        Self {
            child,
            base,
            log,
            key,
            client: client(),
            settings,
        }
    }

    /// Kills it as a power cut does, and starts it again on the same data.
    pub(crate) async fn kill_and_start_again(&mut self) {
        self.child.kill().await.expect("it is ours to kill");
        (self.child, self.base) = serve(&self.settings, &self.log).await;
    }

    /// Kills it, and starts it again with another setting.
    pub(crate) async fn start_again_with(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
        self.kill_and_start_again().await;
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it is ours to kill");
    }

    /// Runs another command on the same data.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        command(&self.settings, args)
            .output()
            .await
            .expect("the program starts")
    }

    /// Another command on the same data with some settings changed or added, to be started.
    pub(crate) fn command_with(
        &self,
        changed: &[(&'static str, String)],
        args: &[&str],
    ) -> Command {
        let mut command = command(&self.settings, args);
        command.envs(changed.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// The address of its database.
    pub(crate) fn database(&self) -> &str {
        let known = |(name, _): &&(&'static str, String)| *name == "EDGE_DELIVERY_DATABASE_URL";
        let setting = self.settings.iter().find(known);
        &setting.expect("every program has one").1
    }

    /// Makes an administrator and signs in; answers with the cookie.
    pub(crate) async fn signed_in(&self) -> String {
        let password = ("EDGE_DELIVERY_ADMIN_PASSWORD", PASSWORD.to_owned());
        let made = self
            .command_with(&[password], &["admin", "create", "--email", EMAIL])
            .output()
            .await
            .expect("the program starts");
        assert!(made.status.success(), "{made:?}");
        let answer = self
            .client
            .post(format!("{}/sign-in", self.base))
            .form(&[("email", EMAIL), ("password", PASSWORD)])
            .send()
            .await
            .expect("the program answers");
        cookie_of(&answer).expect("signed in")
    }

    /// A page of the console; answers with status and text.
    pub(crate) async fn page(&self, cookie: &str, path: &str) -> (u16, String) {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .header("cookie", cookie)
            .header("accept", "text/html")
            .send()
            .await
            .expect("the program answers");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("text"))
    }

    /// What it wrote on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log
            .0
            .lock()
            .expect("nobody panics while writing")
            .clone()
    }

    /// Where it answers, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The most memory that its process has held so far, in MiB (`VmHWM`).
    pub(crate) fn peak_memory(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux tells");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number")
            / 1024
    }

    /// Its access key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A call to the REST API, to be filled in and sent.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/api/v1{path}", self.base))
            .bearer_auth(&self.key)
    }

    /// A call to the REST API; answers with status and body.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}/api/v1{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the program answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// A call that must succeed.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer:#}"
        );
        answer
    }

    /// Publishes an HTML variant.
    pub(crate) async fn publish(&self, site: &str, path: &str, content: &str) {
        let url = format!("{}/api/v1/sites/{site}/variants/html/{path}", self.base);
        let answer = self
            .client
            .put(url)
            .bearer_auth(&self.key)
            .header("content-type", "text/html; charset=utf-8")
            .body(content.to_owned())
            .send()
            .await
            .expect("the program answers");
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// Connects an account; answers with the connection's id.
    pub(crate) async fn connect(&self, token: &str) -> String {
        id_of(
            &self
                .ok("POST", "/connections", Some(&json!({ "token": token })))
                .await,
        )
    }

    /// Makes a site; answers with its id.
    pub(crate) async fn make_site(&self, connection: &str, zone: &str, name: &str) -> String {
        let body = json!({ "connectionId": connection, "zoneId": zone, "name": name });
        id_of(&self.ok("POST", "/sites", Some(&body)).await)
    }

    /// Starts a deployment; answers with its id.
    pub(crate) async fn deploy(&self, site: &str) -> String {
        let path = format!("/sites/{site}/deployments");
        id_of(&self.ok("POST", &path, Some(&json!({}))).await)
    }

    /// Starts the removal of a site; answers with the deployment's id.
    pub(crate) async fn remove(&self, site: &str) -> String {
        id_of(&self.ok("DELETE", &format!("/sites/{site}"), None).await)
    }

    /// Waits for a deployment's end.
    pub(crate) async fn ended(&self, deployment: &str) -> Value {
        let path = format!("/deployments/{deployment}");
        self.until(&path, |answer| {
            !matches!(answer["status"].as_str(), Some("queued" | "running"))
        })
        .await
    }

    /// Waits for a deployment's end by its events: one call, however long it takes.
    pub(crate) async fn followed(&self, deployment: &str) -> Value {
        let path = format!("/deployments/{deployment}");
        let events = self
            .request(reqwest::Method::GET, &format!("{path}/events"))
            .timeout(PATIENCE)
            .send()
            .await
            .expect("the program answers");
        // The stream ends with the deployment.
        let said = events.text().await.expect("the stream ends");
        let ended = self.ok("GET", &path, None).await;
        assert!(
            !matches!(ended["status"].as_str(), Some("queued" | "running")),
            "{said}\n{ended:#}"
        );
        ended
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.ok("GET", path, None).await;
            if is_wanted(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} stays {answer:#}");
            // Below the 50 calls a second that a key may make.
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// The plan of a site.
    pub(crate) async fn plan(&self, site: &str) -> Value {
        self.ok("GET", &format!("/sites/{site}/plan"), None).await
    }
}

async fn serve(settings: &[(&'static str, String)], log: &Log) -> (Child, String) {
    let mut child = command(settings, &["serve"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines();
    let mut seen = String::new();
    let address = tokio::time::timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.expect("text") {
            if let Some(address) = line.strip_prefix("listening on ") {
                return Some(address.trim().to_owned());
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        None
    })
    .await
    .ok()
    .flatten();
    let address = address.unwrap_or_else(|| panic!("it did not start:\n{seen}"));
    // Its log is read off, so that it never waits for us; it shows with the output of a failing test.
    log.add(&seen);
    let log = log.clone();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            println!("{line}");
            log.add(&line);
        }
    });
    (child, address)
}

/// The `id` of an answer.
pub(crate) fn id_of(answer: &Value) -> String {
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {answer:#}"))
        .to_owned()
}
