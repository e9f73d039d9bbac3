//! What stands between Workers and the console: it delivers some batches twice.

use crate::{local_cloudflare::client, program::Program};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// What the proxy before the console saw.
#[derive(Default)]
pub(super) struct Seen {
    /// Visits and dropped ones of each batch that the console acknowledged.
    pub(super) acknowledged: BTreeMap<String, (u64, u64)>,
    /// Batches that were delivered twice.
    pub(super) twice: u64,
    /// Batches that nobody took.
    pub(super) failed: u64,
}

/// A proxy before the console.
pub(super) struct Proxy {
    console: Mutex<String>,
    /// What it saw.
    pub(super) seen: Mutex<Seen>,
}

impl Proxy {
    /// Starts it; its address comes with it.
    pub(super) async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let proxy = Arc::new(Self {
            console: Mutex::default(),
            seen: Mutex::default(),
        });
        let router = Router::new()
            .route("/ingest/v1/visits", post(pass))
            .with_state((proxy.clone(), client()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, url)
    }

    /// Where the console is from now on.
    pub(super) fn leads_to(&self, program: &Program) {
        program
            .base()
            .clone_into(&mut self.console.lock().expect("nobody panics"));
    }

    /// Visits that were acknowledged, and those that were told as dropped.
    pub(super) fn acknowledged(&self) -> (u64, u64) {
        let seen = self.seen.lock().expect("nobody panics");
        let all = seen.acknowledged.values();
        all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// Brings a batch to the console, every third one twice at the same time.
async fn pass(
    State((proxy, client)): State<(Arc<Proxy>, reqwest::Client)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let console = proxy.console.lock().expect("nobody panics").clone();
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let deliver = || {
        let mut request = client.post(format!("{console}/ingest/v1/visits"));
        for name in [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-edge-delivery-dropped",
        ] {
            request = request.header(name, text(name));
        }
        request.body(body.clone()).send()
    };
    let is_third = {
        let seen = proxy.seen.lock().expect("nobody panics");
        seen.acknowledged.len() % 3 == 0
    };
    let (answer, second) = if is_third {
        let (first, second) = tokio::join!(deliver(), deliver());
        (first, Some(second))
    } else {
        (deliver().await, None)
    };
    let mut seen = proxy.seen.lock().expect("nobody panics");
    let Ok(answer) = answer else {
        seen.failed += 1;
        return StatusCode::BAD_GATEWAY;
    };
    seen.twice += u64::from(second.is_some_and(|second| second.is_ok()));
    if answer.status() == 204 {
        let visits: Vec<Value> = serde_json::from_slice(&body).expect("a batch");
        let dropped = text("x-edge-delivery-dropped").parse().expect("a number");
        seen.acknowledged
            .insert(text("idempotency-key"), (visits.len() as u64, dropped));
    }
    answer.status()
}
