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
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    account::SharedWorld,
    clock::now_ms,
    faults::{Fault, FaultKind},
    limits::{BODY_BYTES, RATE_CALLS, RATE_WINDOW},
};

use answer::{Answer, Body, Refusal, Reply};
use call::{Call, Endpoint};
use rate::Standing;

mod accounts;
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
mod rate;
pub mod record;
mod routes;
pub(crate) mod scripts;
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
    let found = find(&asked.method, path);
    let template = found.as_ref().map_or("(unknown)", |e| e.template);
    api.count(&asked.method, template);

    let fault = api.world.faults().take_api(asked.method.as_str(), path);
    let after = match fault {
        Some(fault) if fault.kind == FaultKind::After => Some(fault),
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
    let reply = (endpoint.work)(call).await;
    match after {
        Some(fault) => {
            tokio::time::sleep(fault.delay).await;
            Ok(seal(Err(failure(fault)), standing))
        }
        None => Ok(seal(reply, standing)),
    }
}

/// What a fault makes of a call that is not done.
async fn injected(fault: Fault, body: Incoming) -> Result<HttpResponse, Closed> {
    if matches!(fault.kind, FaultKind::Timeout | FaultKind::Hang) {
        tokio::time::sleep(fault.delay).await;
        return Err(Closed);
    }
    let _ = read(body).await;
    tokio::time::sleep(fault.delay).await;
    let standing = Standing::unlimited();
    Ok(match fault.kind {
        FaultKind::Html => {
            let page = "<!DOCTYPE html>\n<html><head><title>502: Bad gateway</title></head>\
                <body><h1>Bad gateway</h1><p>Error code 502</p></body></html>\n";
            let mut answer = Answer::raw(
                Bytes::from_static(page.as_bytes()),
                "text/html; charset=UTF-8",
            );
            answer.status = StatusCode::BAD_GATEWAY;
            seal(Ok(answer), standing)
        }
        FaultKind::RateLimited => {
            let standing = Standing {
                remaining: 0,
                reset: 1,
                retry_after: Some(1),
            };
            seal(Err(throttled(fault.code)), standing)
        }
        _ => seal(Err(failure(fault)), standing),
    })
}

fn failure(fault: Fault) -> Refusal {
    Refusal::new(fault.status, fault.code, "workers.api.error.unknown")
}

fn throttled(code: u32) -> Refusal {
    Refusal::new(
        429,
        code,
        "Please wait and consider throttling your request speed",
    )
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

/// The endpoint of a path, or the refusal that a path without one gets.
fn find(method: &Method, path: &str) -> Result<Endpoint, Refusal> {
    let mut segments = Vec::new();
    for raw in path.split('/').skip(1) {
        let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| {
            Refusal::new(
                400,
                7003,
                "the path is not UTF-8 once it is percent-decoded",
            )
        })?;
        segments.push(decoded.into_owned());
    }
    if segments.len() > 1 && segments.last().is_some_and(String::is_empty) {
        segments.pop();
        if segments.last().is_some_and(|s| s == "values") {
            return Err(Refusal::plain(404, "404 page not found"));
        }
    }
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["accounts" | "zones", id, ..] = segments[..]
        && !is_id(id)
    {
        return Err(call::no_route(path));
    }
    if let Some(endpoint) = route(method.as_str(), &segments) {
        return Ok(endpoint);
    }
    let other = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .iter()
        .any(|m| route(m, &segments).is_some());
    Err(if other {
        Refusal::new(
            405,
            7001,
            format!("Method {method} not available for that URI."),
        )
    } else {
        call::no_route(path)
    })
}

fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    tokens::route(method, path)
        .or_else(|| accounts::route(method, path))
        .or_else(|| zones::route(method, path))
        .or_else(|| routes::route(method, path))
        .or_else(|| kv_namespaces::route(method, path))
        .or_else(|| kv_values::route(method, path))
        .or_else(|| kv_bulk::route(method, path))
        .or_else(|| scripts::route(method, path))
        .or_else(|| settings::route(method, path))
        .or_else(|| secrets::route(method, path))
        .or_else(|| versions::route(method, path))
        .or_else(|| deployments::route(method, path))
        .or_else(|| subdomain::route(method, path))
        .or_else(|| services::route(method, path))
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
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

/// The reply as it goes out, with the headers that every answer has.
fn seal(reply: Reply, standing: Standing) -> HttpResponse {
    let (status, headers, content_type, bytes) = match reply {
        Ok(answer) => {
            let (kind, bytes) = match answer.body {
                Body::Envelope(value) | Body::Bare(value) => {
                    (Some("application/json"), Bytes::from(value.to_string()))
                }
                Body::Raw(bytes) => (None, bytes),
            };
            (answer.status, answer.headers, kind, bytes)
        }
        Err(refusal) => match refusal.plain {
            Some(text) => (
                refusal.status,
                Vec::new(),
                Some("text/plain; charset=utf-8"),
                Bytes::from_static(text.as_bytes()),
            ),
            None => {
                let envelope = refusal.envelope().to_string();
                (
                    refusal.status,
                    Vec::new(),
                    Some("application/json"),
                    Bytes::from(envelope),
                )
            }
        },
    };
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    let map = response.headers_mut();
    if let Some(kind) = content_type {
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in headers {
        map.append(name, value);
    }
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            map.insert(HeaderName::from_static(name), value);
        }
    };
    set("cf-ray", format!("{}-DEV", &new_id()[..16]));
    set(
        "ratelimit",
        format!("\"default\";r={};t={}", standing.remaining, standing.reset),
    );
    set(
        "ratelimit-policy",
        format!("\"default\";q={RATE_CALLS};w={}", RATE_WINDOW.as_secs()),
    );
    if let Some(seconds) = standing.retry_after {
        set("retry-after", seconds.to_string());
    }
    response
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
