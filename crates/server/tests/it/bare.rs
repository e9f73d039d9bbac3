//! `edge-delivery` alone, without a Cloudflare: for sign-in, settings, keys and the HTTP side.

use crate::local_cloudflare::client;
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// An administrator's e-mail address.
pub(crate) const EMAIL: &str = "owner@example.com";
/// And password.
pub(crate) const PASSWORD: &str = "canary-password-0000";

/// A folder with a database and a key, and the settings that name them.
pub(crate) struct Place {
    /// The folder; gone when dropped.
    pub(crate) folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    log: Arc<Mutex<String>>,
    client: reqwest::Client,
}

/// What a command wrote, as text.
pub(crate) struct Said {
    /// Whether its exit code was 0.
    pub(crate) is_good: bool,
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            is_good: output.status.success(),
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of one's own");
        let path = folder.path().display();
        let settings = [
            ("EDGE_DELIVERY_LISTEN", "127.0.0.1:0".to_owned()),
            (
                "EDGE_DELIVERY_DATABASE_URL",
                format!("sqlite://{path}/bare.db"),
            ),
            // A port that answers nothing: no test here may reach a Cloudflare.
            (
                "CLOUDFLARE_API_BASE_URL",
                "http://127.0.0.1:9/client/v4".to_owned(),
            ),
            // Or an operator of agents.
            ("EDGE_DELIVERY_VERIFICATION_EVERY", "off".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        Self { folder, settings }
    }

    /// With another setting.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an administrator from the environment.
    pub(crate) fn with_administrator(self) -> Self {
        self.with("EDGE_DELIVERY_ADMIN_EMAIL", EMAIL)
            .with("EDGE_DELIVERY_ADMIN_PASSWORD", PASSWORD)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge-delivery"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        let output = tokio::time::timeout(PATIENCE, self.command(args).output());
        output
            .await
            .expect("it ends")
            .expect("the program starts")
            .into()
    }

    /// The same with something on its standard input.
    pub(crate) async fn run_with_input(&self, args: &[&str], input: &str) -> Said {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        child.wait_with_output().await.expect("it ends").into()
    }

    /// Makes an access key.
    pub(crate) async fn access_key(&self) -> String {
        let said = self.run(&["admin", "access-key", "create"]).await;
        assert!(said.is_good, "{}", said.err);
        said.out.trim().to_owned()
    }

    /// Starts `serve`.
    pub(crate) async fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let (told, address) = tokio::sync::oneshot::channel();
        let lines = Arc::clone(&log);
        tokio::spawn(async move {
            let mut told = Some(told);
            let mut reader = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                if let Some(address) = line.strip_prefix("listening on ")
                    && let Some(told) = told.take()
                {
                    let _ = told.send(address.to_owned());
                }
                let mut log = lines.lock().expect("nobody panics with it");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let base = tokio::time::timeout(PATIENCE, address).await;
        let Ok(Ok(base)) = base else {
            panic!("it did not start:\n{}", log.lock().expect("a log"));
        };
        Server {
            child,
            base,
            log,
            client: client(),
        }
    }

    /// Every file of the place, for a search.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_in(self.folder.path())
    }
}

/// Every file below a folder.
pub(crate) fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.push((path, bytes));
        }
    }
    found
}

/// Whether the bytes hold the text.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

impl Server {
    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}{path}", self.base))
            .form(fields)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Signs in; answers with the cookie (`name=value`).
    pub(crate) async fn sign_in(&self, password: &str) -> Option<String> {
        let fields = [("email", EMAIL), ("password", password)];
        cookie_of(&send(self.post("/sign-in", &fields)).await)
    }

    /// Whether a session with this cookie is good: the sign-in page sends such a person on.
    pub(crate) async fn is_signed_in(&self, cookie: &str) -> bool {
        send(self.get("/sign-in").header("cookie", cookie))
            .await
            .status()
            == 303
    }

    /// Asks it to stop as a service manager does; answers with whether it ended well, and how fast.
    pub(crate) async fn terminate(mut self) -> (bool, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(asked.is_ok_and(|status| status.success()));
        let ended = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends")
            .expect("it is ours");
        (ended.success(), begun.elapsed())
    }
}

/// Sends a request.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> reqwest::Response {
    request.send().await.expect("the program answers")
}

/// A header as text; empty when it is not there.
pub(crate) fn header(answer: &reqwest::Response, name: &str) -> String {
    answer
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// The session cookie that an answer sets, as a browser sends it back.
pub(crate) fn cookie_of(answer: &reqwest::Response) -> Option<String> {
    let cookie = header(answer, "set-cookie");
    let pair = cookie.split(';').next()?;
    pair.starts_with("edge_delivery_session=")
        .then(|| pair.to_owned())
}
