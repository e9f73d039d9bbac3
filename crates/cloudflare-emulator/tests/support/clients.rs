//! Real clients as child processes: what they share.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cloudflare_emulator::{Emulator, Options, StateFile};

pub const ACCOUNT: &str = "a0000000000000000000000000000001";
pub const ZONE: &str = "b0000000000000000000000000000001";
pub const TOKEN: &str = "local-client-test-0000000000000000000000";

/// An emulator from a state file, with an origin that answers `origin`.
pub struct Site {
    pub emulator: Emulator,
    pub folder: tempfile::TempDir,
    origin: tokio::task::JoinHandle<()>,
}

impl Site {
    pub async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port");
        let origin = listener.local_addr().expect("an address");
        let router = axum::Router::new().fallback(|| async { "origin" });
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state.toml");
        let text = format!(
            "[[accounts]]\nid = \"{ACCOUNT}\"\nname = \"Acme\"\n\
             [[zones]]\nid = \"{ZONE}\"\naccount = \"{ACCOUNT}\"\nname = \"shop.example\"\n\
             origin = \"http://{origin}\"\nproxied = [\"shop.example\"]\n\
             [[tokens]]\nvalue = \"{TOKEN}\"\npermissions = {{ workers_scripts = \"edit\", workers_kv_storage = \
             \"edit\", account_settings = \"read\", workers_routes = \"edit\", zone = \"read\" }}\n"
        );
        std::fs::write(&state, text).expect("written");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = Options {
            listen: any,
            edge_listen: any,
            state: StateFile::load(&state).expect("a good state"),
            ..Options::default()
        };
        let emulator = Emulator::start(options)
            .await
            .expect("the emulator starts; if not, run `cargo xtask test`");
        Self {
            emulator,
            folder,
            origin: task,
        }
    }

    /// The API's base, as wrangler and the SDKs take it.
    pub fn api(&self) -> String {
        format!("http://{}/client/v4", self.emulator.api_addr())
    }

    /// What the edge answers at `path`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a plain client, as strangers have"
    )]
    pub async fn visit(&self, path: &str) -> String {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let url = format!("http://{}{path}", self.emulator.edge_addr());
        let response = client
            .get(url)
            .header("host", "shop.example")
            .send()
            .await
            .expect("an answer");
        response.text().await.expect("a body")
    }

    /// Waits until the edge answers at `path` with `expected`.
    pub async fn until(&self, path: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let text = self.visit(path).await;
            if text == expected {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{path} answers {text}, not {expected}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a client with nothing of our environment but the program search path.
    pub async fn run(
        &self,
        program: &Path,
        args: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Output {
        use tokio::io::AsyncWriteExt as _;
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).expect("a home");
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut stdin = child.stdin.take().expect("a pipe");
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(Duration::from_secs(120), child.wait_with_output());
        let output = output
            .await
            .unwrap_or_else(|_| panic!("{args:?} did not end"))
            .expect("waited for");
        Output {
            ok: output.status.success(),
            text: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.origin.abort();
    }
}

/// What a client said.
pub struct Output {
    pub ok: bool,
    pub text: String,
}

/// A file of the test's npm part.
pub fn npm(path: &str) -> PathBuf {
    installed(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/npm")
            .join(path),
    )
}

/// The Python that has the SDK.
pub fn python() -> PathBuf {
    installed(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sdk-venv/bin/python"))
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is not installed; run `cargo xtask test`, which installs it",
        path.display()
    );
    path
}
