use std::{net::SocketAddr, path::Path};

use cloudflare_emulator::{SharedWorld, StateFile, api};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const ACME: &str = "a0000000000000000000000000000001";
pub(crate) const NEW: &str = "a0000000000000000000000000000002";
pub(crate) const SHOP: &str = "b0000000000000000000000000000001";
pub(crate) const BLOG: &str = "b0000000000000000000000000000002";
pub(crate) const THEIRS: &str = "c0000000000000000000000000000001";

pub(crate) const GOOD: &str = "example-good-00000000000000000000000000x";
pub(crate) const MIXED: &str = "example-mixed-0000000000000000000000000x";
pub(crate) const ACCOUNT_OWNED: &str = "example-account-owned-000000000000000000";
pub(crate) const UNKNOWN: &str = "example-unknown-00000000000000000000000x";

pub(crate) fn example() -> StateFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/state.toml");
    StateFile::load(&path).unwrap()
}

/// The API alone, without an edge behind it. Ends when dropped.
pub(crate) struct Local {
    pub(crate) http: Client,
    addr: SocketAddr,
    _stop: DropGuard,
}

/// What came back.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The result, when it succeeded.
    pub(crate) fn result(&self) -> Value {
        let json = self.json();
        assert_eq!(json["success"], true, "{json}");
        assert_eq!(self.status, 200, "{json}");
        json["result"].clone()
    }

    /// Status and first code, when it failed.
    pub(crate) fn refused(&self) -> (u16, u64) {
        let json = self.json();
        assert_eq!(json["success"], false, "{json}");
        assert_eq!(json["result"], Value::Null);
        (self.status, json["errors"][0]["code"].as_u64().unwrap())
    }

    pub(crate) fn message(&self) -> String {
        self.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Local {
    pub(crate) async fn start() -> Self {
        Self::with(example()).await
    }

    pub(crate) async fn with(state: StateFile) -> Self {
        Self::recording(state, None).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a plain client, as strangers have"
    )]
    pub(crate) async fn recording(state: StateFile, record: Option<&Path>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let world = SharedWorld::new(state.into_world().unwrap());
        let record = record.map(|path| api::record::Recorder::open(path).unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(api::serve(listener, world, record, stop.clone()));
        Self {
            http: Client::new(),
            addr,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn call(&self, method: &str, token: &str, path: &str) -> RequestBuilder {
        self.http
            .request(
                Method::from_bytes(method.as_bytes()).unwrap(),
                self.url(&format!("/client/v4{path}")),
            )
            .bearer_auth(token)
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Got {
        got(self.call("GET", token, path)).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Got {
        got(self.call(method, GOOD, path).json(&body)).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Got {
        let request = self.http.request(
            Method::from_bytes(method.as_bytes()).unwrap(),
            self.url(&format!("/__emulator{path}")),
        );
        got(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }
}

pub(crate) async fn got(request: RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    Got {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}
