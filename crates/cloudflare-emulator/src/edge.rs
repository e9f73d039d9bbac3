//! The edge: a request's Host decides the zone, the zone's routes decide the Worker, and what no Worker takes
//! goes to the zone's origin.
//!
//! A visitor's request is marked as Cloudflare marks it ([`visitor`]) and sent to the script's own socket in workerd.
//! What the script fetches, or lets pass, comes back on a socket of that script alone ([`outbound`]).

mod outbound;
pub mod pattern;
pub mod proxy;
mod surroundings;
mod visitor;
mod words;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::serve::ListenerExt as _;
use http::uri::Authority;
use http::{HeaderValue, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::account::{Route, SharedWorld, World, Zone};
use crate::runtime::spec::WorkerId;
use crate::runtime::{Runtime, Unavailable};
use pattern::Pattern;
use proxy::{HttpClient, Pool, SendError};
use surroundings::{Check, Listeners};
use visitor::Visitor;

/// How long a request that may be repeated looks for a living process.
const RETRY_LIMIT: Duration = Duration::from_secs(5);
/// The pause between two such tries.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How long a stop lets requests finish.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The running edge.
pub struct EdgeServer {
    edge: Arc<Edge>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// What requests need.
pub(crate) struct Edge {
    world: Arc<SharedWorld>,
    runtime: OnceLock<Arc<Runtime>>,
    address: SocketAddr,
    client: HttpClient,
    /// The zones whose requests each script has been given: those are the zones it may fetch.
    callers: RwLock<HashMap<WorkerId, HashSet<String>>>,
}

/// What becomes of a request.
#[derive(Debug)]
enum Decision {
    /// It runs a script; the origin is for what the script lets pass.
    Worker(WorkerId, String),
    /// It goes to the origin, marked as by a proxy.
    Proxied(url::Url),
    /// It goes to the origin, as if there were no Cloudflare.
    Direct(url::Url),
    /// It goes nowhere: status and words.
    Nowhere(u16, String),
}

impl EdgeServer {
    /// Serves `world` at `listener`, running its scripts with the program `workerd`.
    ///
    /// # Errors
    /// When sockets cannot be opened.
    pub async fn start(
        world: Arc<SharedWorld>,
        listener: TcpListener,
        workerd: PathBuf,
    ) -> io::Result<Self> {
        let edge = Arc::new(Edge {
            runtime: OnceLock::new(),
            address: listener.local_addr()?,
            client: proxy::client(Pool::Brief),
            callers: RwLock::default(),
            world: Arc::clone(&world),
        });
        let stop = CancellationToken::new();
        let listeners = Listeners::new(&edge, stop.clone());
        let runtime =
            Arc::new(Runtime::start(workerd, Arc::new(listeners), world.subscribe()).await?);
        let _ = edge.runtime.set(Arc::clone(&runtime));
        world.set_script_check(Arc::new(Check(runtime)));
        let router = Router::new().fallback(visit).with_state(Arc::clone(&edge));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = axum::serve(
            listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stop.clone().cancelled_owned());
        let server = tokio::spawn(async move { drop(server.await) });
        Ok(Self { edge, stop, server })
    }

    /// The process that runs the scripts, when there is one.
    #[must_use]
    pub fn workerd_pid(&self) -> Option<u32> {
        self.edge.runtime.get().and_then(|runtime| runtime.pid())
    }

    /// Ends it: requests get a moment to finish, processes are gone when this returns.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_LIMIT, &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
        if let Some(runtime) = self.edge.runtime.get() {
            runtime.stop().await;
        }
    }
}

impl Drop for EdgeServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

async fn visit(
    State(edge): State<Arc<Edge>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request<Body>,
) -> Response<Body> {
    visitor::to_origin_form(&mut request);
    let Some(mut visitor) = Visitor::new(&request, peer) else {
        return words::answer(400, "a request needs a Host header that names a host");
    };
    let decision = {
        let world = edge.world.read();
        if world.switches.trusts_forwarded_for {
            visitor.is_forwarded(request.headers_mut());
        }
        decide(&world, &visitor)
    };
    let mut response = match decision {
        Decision::Direct(origin) => return edge.to_origin(&origin, request).await,
        Decision::Nowhere(status, words) => words::answer(status, &words),
        Decision::Proxied(origin) => {
            visitor.mark(request.headers_mut());
            edge.to_origin(&origin, request).await
        }
        Decision::Worker(worker, zone) => {
            visitor.mark(request.headers_mut());
            visitor.add_cf(request.headers_mut());
            edge.remember_caller(&worker, zone);
            edge.to_worker(&worker, request).await
        }
    };
    if let Ok(ray) = HeaderValue::from_str(&visitor.ray) {
        response.headers_mut().insert("cf-ray", ray);
    }
    response
}

/// Cloudflare's way from a hostname to whoever answers (Cloudflare API notes §3.2, §5).
fn decide(world: &World, visitor: &Visitor) -> Decision {
    let Some(zone) = world.zone_of_host(&visitor.host) else {
        return Decision::Nowhere(530, format!("no zone holds the hostname {}", visitor.host));
    };
    let proxied = zone.proxies(&visitor.host) && zone.status == "active" && !zone.paused;
    let script = if proxied {
        routed(world, zone, visitor).and_then(|route| route.script.clone())
    } else {
        None
    };
    if let Some(name) = script.filter(|name| world.script(&zone.account, name).is_some()) {
        return Decision::Worker(
            WorkerId {
                account: zone.account.clone(),
                name,
            },
            zone.id.clone(),
        );
    }
    match &zone.origin {
        Some(origin) if proxied => Decision::Proxied(origin.clone()),
        Some(origin) => Decision::Direct(origin.clone()),
        None => Decision::Nowhere(523, format!("the zone {} has no origin", zone.name)),
    }
}

/// The route of `zone` that a request is given to.
fn routed<'a>(world: &'a World, zone: &'a Zone, visitor: &Visitor) -> Option<&'a Route> {
    let routes: Vec<_> = world
        .routes_of(&zone.id)
        .filter_map(|route| Some((Pattern::parse(&route.pattern, &zone.name).ok()?, route)))
        .collect();
    let routes = routes.iter().map(|(pattern, route)| (pattern, *route));
    pattern::best(
        routes,
        visitor.scheme,
        &visitor.host,
        &visitor.path_and_query,
    )
}

impl Edge {
    fn remember_caller(&self, worker: &WorkerId, zone: String) {
        if !self.has_called(worker, &zone) {
            let mut callers = self.callers.write().unwrap_or_else(PoisonError::into_inner);
            callers.entry(worker.clone()).or_default().insert(zone);
        }
    }

    fn has_called(&self, worker: &WorkerId, zone: &str) -> bool {
        let callers = self.callers.read().unwrap_or_else(PoisonError::into_inner);
        callers
            .get(worker)
            .is_some_and(|zones| zones.contains(zone))
    }

    /// Runs `worker`. A request that a dying process left unanswered is sent again when that does no harm.
    async fn to_worker(&self, worker: &WorkerId, mut request: Request<Body>) -> Response<Body> {
        let Some(runtime) = self.runtime.get() else {
            return words::answer(503, "the Workers runtime is not up yet");
        };
        let deadline = tokio::time::Instant::now() + RETRY_LIMIT;
        loop {
            let lease = match runtime.worker(worker).await {
                Ok(lease) => lease,
                Err(error @ Unavailable::Script(_)) => {
                    return words::answer(500, &error.to_string());
                }
                Err(error @ Unavailable::Down) => return words::answer(503, &error.to_string()),
            };
            let (client, authority) = (lease.client().clone(), lease.authority());
            match proxy::send(&client, &authority, request, lease).await {
                Ok(response) => return response,
                Err(SendError {
                    again: Some(again), ..
                }) if tokio::time::Instant::now() < deadline => {
                    request = *again;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(SendError { error, .. }) => {
                    tracing::warn!(
                        script = worker.name,
                        error = &error as &dyn std::error::Error,
                        "no answer"
                    );
                    return words::answer(
                        520,
                        "the Workers runtime broke off; it is being started again",
                    );
                }
            }
        }
    }

    /// Sends `request` to a zone's origin.
    async fn to_origin(&self, origin: &url::Url, request: Request<Body>) -> Response<Body> {
        if origin.scheme() != "http" {
            return words::answer(
                525,
                &format!("the origin {origin} is not reached by plain http"),
            );
        }
        let port = origin.port_or_known_default().unwrap_or(80);
        let authority = origin
            .host_str()
            .and_then(|host| format!("{host}:{port}").parse::<Authority>().ok());
        match authority {
            Some(authority) if authority.as_str() == self.address.to_string() => {
                words::answer(522, "the zone's origin is the edge itself")
            }
            Some(authority) => self.to_server(&authority, request).await,
            None => words::answer(523, &format!("the origin {origin} has no host")),
        }
    }

    async fn to_server(&self, authority: &Authority, mut request: Request<Body>) -> Response<Body> {
        for name in [crate::runtime::config::CF_BLOB_HEADER, "x-kv-namespace"] {
            request.headers_mut().remove(name);
        }
        let failed = match proxy::send(&self.client, authority, request, ()).await {
            Ok(response) => return response,
            // An idle connection may have been closed in this very moment.
            Err(SendError {
                error,
                again: Some(again),
            }) if !error.is_connect() => {
                match proxy::send(&self.client, authority, *again, ()).await {
                    Ok(response) => return response,
                    Err(failed) => failed.error,
                }
            }
            Err(failed) => failed.error,
        };
        let status = if failed.is_connect() { 521 } else { 520 };
        words::answer(
            status,
            &format!("the server {authority} does not answer ({failed})"),
        )
    }
}

/// What the folder of sockets is called in messages.
fn socket_error(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
