//! Sends a request on to another server and its answer back: bodies streamed, nothing rewritten but the headers that
//! belong to one connection alone; a switch of protocols (WebSocket) is carried through.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::{Body as _, Frame, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

/// The client through which everything is sent on.
pub type HttpClient = Client<HttpConnector, Body>;

/// Whether connections are used again.
#[derive(Clone, Copy, Debug)]
pub enum Pool {
    /// For less than the five seconds after which workerd closes an idle one.
    Kept,
    /// For a moment: servers that people write may close at any time.
    Brief,
}

/// Why nothing came back.
#[derive(Debug)]
pub struct SendError {
    /// What went wrong.
    pub error: hyper_util::client::legacy::Error,
    /// The request once more, when sending it twice does no harm.
    pub again: Option<Box<Request<Body>>>,
}

/// A client for plain HTTP.
#[must_use]
pub fn client(pool: Pool) -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    let idle = match pool {
        Pool::Kept => Duration::from_secs(2),
        Pool::Brief => Duration::from_millis(500),
    };
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(idle)
        .build(connector)
}

/// Sends `request` to the server at `authority` and answers with what that says. `guard` lives as long as the answer
/// is on its way, or as long as the switched connection is open.
///
/// # Errors
/// When the server cannot be reached or breaks off before it answers.
pub async fn send<G: Send + Unpin + 'static>(
    client: &HttpClient,
    authority: &Authority,
    mut request: Request<Body>,
    guard: G,
) -> Result<Response<Body>, SendError> {
    let upgrade = upgrade_of(request.headers());
    let visitor = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    strip(request.headers_mut());
    if let Some(protocol) = upgrade {
        request
            .headers_mut()
            .insert(CONNECTION, http::HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(UPGRADE, protocol);
    }
    *request.uri_mut() = target(authority, request.uri());
    *request.version_mut() = http::Version::HTTP_11;
    let again = if visitor.is_none() {
        copy(&request).map(Box::new)
    } else {
        None
    };
    let mut response = match client.request(request).await {
        Ok(response) => response,
        Err(error) => return Err(SendError { error, again }),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let protocol = upgrade_of(response.headers());
        let server = hyper::upgrade::on(&mut response);
        strip(response.headers_mut());
        if let Some(protocol) = protocol {
            response
                .headers_mut()
                .insert(CONNECTION, http::HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(UPGRADE, protocol);
        }
        if let Some(visitor) = visitor {
            tokio::spawn(async move {
                let _guard = guard;
                if let (Ok(visitor), Ok(server)) = tokio::join!(visitor, server) {
                    let (mut visitor, mut server) = (TokioIo::new(visitor), TokioIo::new(server));
                    let _ = tokio::io::copy_bidirectional(&mut visitor, &mut server).await;
                }
            });
        }
        return Ok(response.map(|_| Body::empty()));
    }
    strip(response.headers_mut());
    Ok(response.map(|body| {
        Body::new(Guarded {
            body,
            _guard: guard,
        })
    }))
}

/// The request's path and query at another server, byte for byte.
fn target(authority: &Authority, uri: &Uri) -> Uri {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority.clone())
        .path_and_query(path)
        .build()
        .unwrap_or_else(|_| Uri::from_static("/"))
}

fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let harmless =
        matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream();
    harmless.then(|| {
        let mut again = Request::new(Body::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    })
}

fn upgrade_of(headers: &HeaderMap) -> Option<http::HeaderValue> {
    let connection = headers.get(CONNECTION)?.to_str().ok()?;
    let wanted = connection
        .split(',')
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| wanted).cloned()
}

/// Removes what belongs to one connection (RFC 9110 §7.6.1).
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

/// A body that keeps something alive.
struct Guarded<G> {
    body: hyper::body::Incoming,
    _guard: G,
}

impl<G: Unpin> hyper::body::Body for Guarded<G> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
