//! Cloudflare's API under `/client/v4`, and the control calls for tests under `/__emulator`.
//!
//! Each resource's file holds its route table (`route`) and its handlers. This file does what all calls share, in the
//! order of the real service: is the path known, whose token is it, may it do this, and only then the body.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{account::SharedWorld, clock::now_ms, faults::FaultKind, limits::BODY_BYTES};

use answer::Refusal;
use call::Call;
use rate::Standing;
use sealing::{failure, injected, seal, throttled};

mod accounts;
mod analytics_engine;
mod answer;
mod auth;
pub(crate) mod bindings;
mod call;
mod control;
mod deployments;
mod form;
mod kv_bulk;
mod kv_namespaces;
mod kv_values;
mod paging;
mod paths;
mod rate;
pub mod record;
mod routes;
pub(crate) mod scripts;
mod sealing;
mod secrets;
mod services;
mod settings;
mod subdomain;
mod tokens;
mod upload;
mod versions;
mod zones;

/// How long calls in flight may take when the emulator ends.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// What all calls share.
struct Api {
    world: Arc<SharedWorld>,
    rates: rate::Rates,
    record: Option<record::Recorder>,
    /// Calls by method and path template.
    counts: Mutex<BTreeMap<(String, String), u64>>,
    /// Whether the control calls exist.
    control: bool,
}

/// Serves the API until `stop`.
pub async fn serve(
    listener: TcpListener,
    world: Arc<SharedWorld>,
    record: Option<record::Recorder>,
    stop: CancellationToken,
) {
    let control = listener.local_addr().is_ok_and(|a| a.ip().is_loopback());
    let api = Arc::new(Api {
        world,
        rates: rate::Rates::default(),
        record,
        counts: Mutex::default(),
        control,
    });
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    // Out of file handles, say: others may be given back meanwhile.
                    tracing::warn!(error = %e, "the API could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let (api, stop) = (Arc::clone(&api), stop.clone());
        connections.spawn(async move {
            let service = service_fn(|request| exchange(Arc::clone(&api), peer, request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                // An error is a client that went away, or a fault that closes the connection.
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(LAST_CALLS, connection).await;
                }
            }
        });
    }
    connections.close();
    connections.wait().await;
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault closes the connection")]
struct Closed;

type HttpResponse = Response<Full<Bytes>>;

/// A request, apart from how it came.
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// As sent, without query.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
}

async fn exchange(
    api: Arc<Api>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<HttpResponse, Closed> {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(ToOwned::to_owned),
        headers: parts.headers,
        peer: peer.ip(),
    };
    let began_ms = now_ms();
    let is_control = asked.path.starts_with("/__emulator/");
    let mut kept = Bytes::new();
    let answered = if is_control {
        Ok(control::exchange(&api, &asked, body).await)
    } else {
        cloudflare(&api, &asked, body, &mut kept).await
    };
    if let Some(record) = api.record.as_ref().filter(|_| !is_control) {
        record
            .append(&asked, &kept, answered.as_ref().ok(), began_ms)
            .await;
    }
    answered
}

async fn cloudflare(
    api: &Arc<Api>,
    asked: &Asked,
    body: Incoming,
    kept: &mut Bytes,
) -> Result<HttpResponse, Closed> {
    let latency = api.world.latency_ms();
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let Some(path) = asked.path.strip_prefix("/client/v4") else {
        return Ok(seal(
            Err(Refusal::plain(404, "404 page not found")),
            Standing::unlimited(),
        ));
    };
    let found = paths::find(&asked.method, path);
    let template = found.as_ref().map_or("(unknown)", |e| e.template);
    api.count(&asked.method, template);

    let fault = api.world.faults().take_api(asked.method.as_str(), path);
    let after = match fault {
        Some(fault) if fault.kind.is_done() => Some(fault),
        Some(fault) => return injected(fault, body).await,
        None => None,
    };
    let now = now_ms();
    let authorised = found.and_then(|endpoint| {
        let token = auth::authorise(
            &api.world.read(),
            &endpoint,
            &asked.headers,
            asked.peer,
            now,
        )?;
        Ok((endpoint, token))
    });
    // The body of a refused call is read too, so that the answer reaches a client that is still sending.
    let body = read(body).await;
    let (endpoint, token) = match authorised {
        Ok(authorised) => authorised,
        Err(refusal) => return Ok(seal(Err(refusal), Standing::unlimited())),
    };
    let standing = if api.world.read().switches.rate_limits {
        api.rates.count(&token.id(), now)
    } else {
        Standing::unlimited()
    };
    if standing.retry_after.is_some() {
        return Ok(seal(Err(throttled(971)), standing));
    }
    let body = match body {
        Ok(body) => body,
        Err(refusal) => return Ok(seal(Err(refusal), standing)),
    };
    *kept = body.clone();
    let call = Call {
        world: Arc::clone(&api.world),
        token,
        query: pairs(asked.query.as_deref()),
        headers: asked.headers.clone(),
        body,
        now_ms: now,
    };
    if let Some(fault) = after.as_ref().filter(|fault| fault.kind == FaultKind::Late) {
        let fault = fault.clone();
        tokio::spawn(async move {
            fault.hold().await;
            (endpoint.work)(call).await
        });
        return Err(Closed);
    }
    let reply = (endpoint.work)(call).await;
    let Some(fault) = after else {
        return Ok(seal(reply, standing));
    };
    fault.hold().await;
    match fault.kind {
        FaultKind::Hang => Err(Closed),
        FaultKind::Slow => Ok(seal(reply, standing)),
        _ => Ok(seal(Err(failure(&fault)), standing)),
    }
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    match Limited::new(body, BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        // The status is Cloudflare's, the code is ours: none is known for this.
        Err(_) => Err(Refusal::new(
            413,
            10413,
            "request body is too large or broke off",
        )),
    }
}

/// A new id: 32 hex digits.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

impl Api {
    fn count(&self, method: &Method, template: &str) {
        let key = (method.as_str().to_owned(), template.to_owned());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
    }
}

/// Handlers of the control calls answer through the same door.
pub(crate) async fn collect(body: Incoming) -> Result<Bytes, Infallible> {
    Ok(Limited::new(body, 1024 * 1024)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default())
}
