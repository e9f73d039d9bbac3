//! One state of the runtime: the process that runs it, and the requests it is busy with.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::uri::Authority;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::watch;

use super::ScriptError;
use super::config::Config;
use super::process::Process;
use super::pulse;
use super::spec::WorkerId;
use crate::edge::proxy;

/// One configuration and its process.
#[derive(Debug)]
pub(super) struct Generation {
    wanted: Option<Config>,
    process: Mutex<Option<Process>>,
    ended: Option<watch::Receiver<bool>>,
    pid: Option<u32>,
    ports: HashMap<WorkerId, u16>,
    refused: HashMap<WorkerId, ScriptError>,
    client: Client<HttpConnector, Body>,
    in_flight: watch::Sender<usize>,
    has_served: AtomicBool,
}

/// The right to send one request to a script. While it lives, the process is not ended for being outdated.
#[derive(Debug)]
pub struct Lease {
    generation: Arc<Generation>,
    authority: Authority,
}

impl Generation {
    pub(super) fn none() -> Self {
        Self::build(None, None, HashMap::new())
    }

    pub(super) fn new(
        wanted: Config,
        process: Option<Process>,
        refused: HashMap<WorkerId, ScriptError>,
    ) -> Self {
        Self::build(Some(wanted), process, refused)
    }

    fn build(
        wanted: Option<Config>,
        process: Option<Process>,
        refused: HashMap<WorkerId, ScriptError>,
    ) -> Self {
        Self {
            wanted,
            ended: process.as_ref().map(Process::watch),
            pid: process.as_ref().map(|process| process.pid),
            ports: process
                .as_ref()
                .map(|process| process.ports.clone())
                .unwrap_or_default(),
            process: Mutex::new(process),
            refused,
            client: proxy::client(proxy::Pool::Kept),
            in_flight: watch::Sender::new(0),
            has_served: AtomicBool::new(false),
        }
    }

    pub(super) fn wanted(&self) -> Option<&Config> {
        self.wanted.as_ref()
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }

    pub(super) fn has(&self, worker: &WorkerId) -> bool {
        self.ports.contains_key(worker)
    }

    pub(super) fn refused(&self, worker: &WorkerId) -> Option<&ScriptError> {
        self.refused.get(worker)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| *ended.borrow())
    }

    /// Comes back when the process has ended by itself; never when there is none.
    pub(super) async fn ended(&self) {
        match self.ended.clone() {
            // An error means that the minding task is gone: ended as well.
            Some(mut ended) => drop(ended.wait_for(|ended| *ended).await),
            None => std::future::pending().await,
        }
    }

    /// Comes back when the process is there and does not answer any more; never when there is none.
    pub(super) async fn hangs(&self) {
        match self.ports.values().next() {
            Some(port) => pulse::lost(*port).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn lease(this: &Arc<Self>, worker: &WorkerId) -> Option<Lease> {
        let authority = format!("127.0.0.1:{}", this.ports.get(worker)?)
            .parse()
            .ok()?;
        this.in_flight.send_modify(|count| *count += 1);
        this.has_served.store(true, Ordering::Relaxed);
        Some(Lease {
            generation: Arc::clone(this),
            authority,
        })
    }

    pub(super) fn is_busy(&self) -> bool {
        *self.in_flight.borrow() > 0
    }

    pub(super) fn has_served(&self) -> bool {
        self.has_served.load(Ordering::Relaxed)
    }

    /// Comes back when no request is in flight.
    pub(super) async fn idle(&self) {
        let _ = self
            .in_flight
            .subscribe()
            .wait_for(|count| *count == 0)
            .await;
    }

    /// Ends the process.
    pub(super) fn end(&self) {
        drop(
            self.process
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Lease {
    /// Where the script listens.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority.clone()
    }

    /// The client with the connections to this process.
    #[must_use]
    pub fn client(&self) -> &Client<HttpConnector, Body> {
        &self.generation.client
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.generation
            .in_flight
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}
