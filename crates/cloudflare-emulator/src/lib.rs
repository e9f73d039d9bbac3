//! Cloudflare on loopback: its API and its edge, with the real `workerd` behind it.
//!
//! [`Emulator::start`] brings up both. What it knows is the [`account::World`], filled from a [`StateFile`] and kept
//! in memory; the API ([`api`]) changes it, the edge ([`edge`]) serves from it.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub mod account;
pub mod analytics_backend;
pub mod api;
pub mod clock;
pub mod edge;
pub mod faults;
pub mod kv_backend;
pub mod limits;
pub mod runtime;
pub mod state_file;

pub use account::SharedWorld;
pub use state_file::{StateError, StateFile};

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one. Control calls exist on a loopback address only.
    pub listen: SocketAddr,
    /// Where the edge listens; port 0 takes a free one.
    pub edge_listen: SocketAddr,
    /// What there is at the start.
    pub state: StateFile,
    /// A file that every request and answer is appended to, one JSON object per line, secrets masked.
    pub record: Option<PathBuf>,
    /// The `workerd` program; without it, it is looked for (environment, PATH, `node_modules`).
    pub workerd: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8788)),
            edge_listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            state: StateFile::default(),
            record: None,
            workerd: None,
        }
    }
}

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there, or the address is not this machine's.
    #[error("cannot listen on {addr} (choose another address with {flag})")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The command line flag that changes it.
        flag: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The program that runs the scripts is missing.
    #[error(transparent)]
    Workerd(#[from] runtime::locate::LocateError),
    /// The edge has no room for its sockets.
    #[error("the edge cannot be started")]
    Edge(#[source] io::Error),
    /// The state contradicts itself.
    #[error(transparent)]
    State(#[from] StateError),
    /// The record file cannot be written.
    #[error("cannot write the record {path} (choose another file with --record)")]
    Record {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A running emulator. Dropping it ends it, without waiting for requests in flight; [`Emulator::stop`] waits.
pub struct Emulator {
    world: Arc<SharedWorld>,
    edge: edge::EdgeServer,
    api_addr: SocketAddr,
    edge_addr: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Emulator {
    /// Starts API and edge; both listen when this returns.
    ///
    /// # Errors
    /// An address that is taken, a state that contradicts itself, a record file that cannot be written.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let world = SharedWorld::new(options.state.into_world()?);
        let record =
            match &options.record {
                Some(path) => Some(api::record::Recorder::open(path).map_err(|source| {
                    StartError::Record {
                        path: path.clone(),
                        source,
                    }
                })?),
                None => None,
            };
        let (api_listener, api_addr) = listen(options.listen, "--listen").await?;
        let (edge_listener, edge_addr) = listen(options.edge_listen, "--edge-listen").await?;
        world.set_api_addr(api_addr);
        let workerd = runtime::locate::locate(options.workerd.as_deref())?;

        let edge = edge::EdgeServer::start(Arc::clone(&world), edge_listener, workerd)
            .await
            .map_err(StartError::Edge)?;
        let stop = CancellationToken::new();
        let tasks = vec![tokio::spawn(api::serve(
            api_listener,
            Arc::clone(&world),
            record,
            stop.clone(),
        ))];
        Ok(Self {
            world,
            edge,
            api_addr,
            edge_addr,
            stop,
            tasks,
        })
    }

    /// Where the API listens; its base is `http://{api_addr}/client/v4`.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.api_addr
    }

    /// Where the edge listens.
    #[must_use]
    pub fn edge_addr(&self) -> SocketAddr {
        self.edge_addr
    }

    /// What it knows.
    #[must_use]
    pub fn world(&self) -> &Arc<SharedWorld> {
        &self.world
    }

    /// Ends it: no new requests, those in flight are finished within their bounds.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            let _ = task.await;
        }
        self.edge.stop().await;
    }

    /// The process that runs the scripts, when there is one.
    #[must_use]
    pub fn workerd_pid(&self) -> Option<u32> {
        self.edge.workerd_pid()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen(
    addr: SocketAddr,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { addr, flag, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_names_the_address_and_the_flag() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (_held, addr) = listen(any, "--listen").await.unwrap();
        let refused = listen(addr, "--edge-listen").await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(&addr.to_string()), "{text}");
        assert!(
            text.contains("choose another address with --edge-listen"),
            "{text}"
        );
        let reason = std::error::Error::source(&refused).unwrap().to_string();
        assert!(
            !text.contains(&reason),
            "the reason is told by whoever prints the chain: {text}"
        );
    }
}
