//! The HTTP side of `serve`: all routes in one place, and what happens to every request on its way.
//!
//! From the outside in:
//!
//! 1. [`watch`]: request id, log line, metrics.
//! 2. [`security`]: the headers that every answer carries.
//! 3. compression; event streams are spared.
//! 4. [`problems`]: errors become problem documents, or pages for people in a browser; so do panics.
//! 5. [`host`]: a request for another host is refused.
//! 6. [`limits`]: the time until an answer begins.
//! 7. for pages alone: cross-site requests are refused, then the session.

mod connection_figures;
pub(crate) mod health;
mod host;
mod ingest_figures;
mod limits;
mod list_figures;
mod problems;
pub(crate) mod security;
pub(crate) mod watch;

use crate::{
    app::{App, AppState},
    auth, console,
    problem::{Code, Problem},
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::Uri,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::{CsrfLayer, ProtectionError},
};

/// Forms are small, but for the editor's.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Everything that `serve` answers. Event streams end when `shutdown` is cancelled.
pub(crate) fn router(app: &AppState, shutdown: &CancellationToken) -> Router {
    let pages = auth::router()
        .merge(console::router())
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(auth::sessions::layer(app))
        .layer(same_site_alone(app));
    Router::new()
        .merge(pages)
        .merge(console::assets::router())
        .merge(crate::api::router())
        .merge(health::router())
        .merge(crate::ingest::router())
        .fallback(nothing_here)
        .layer(from_fn(limits::time))
        .layer(from_fn_with_state(shutdown.clone(), limits::end_streams))
        .layer(from_fn_with_state(app.clone(), host::check))
        .layer(CatchPanicLayer::custom(problems::panicked))
        .layer(from_fn(problems::as_the_reader_wants))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(app.clone(), security::headers))
        .layer(from_fn(watch::watch))
        .with_state(app.clone())
}

/// Refuses what another site makes a browser send.
fn same_site_alone(
    app: &App,
) -> CsrfLayer<impl FnMut(ProtectionError) -> Response + Clone + Send + Sync + 'static> {
    let layer = CsrfLayer::new();
    let layer = match &app.config.public_url {
        Some(url) => layer
            .add_trusted_origin(url.origin().ascii_serialization())
            .unwrap_or_default(),
        None => layer,
    };
    layer.with_rejection_response(|_: ProtectionError| {
        Problem::new(
            Code::Forbidden,
            "The request was made by a page of another site, so it was refused.",
        )
        .cause("A page of another site sent a form here, or a proxy changes the Host or Origin header.")
        .remedy("Open the console itself and do it there.")
        .remedy("Behind a proxy: set EDGE_DELIVERY_PUBLIC_URL to the address that people use, and let Host and Origin through.")
        .into_response()
    })
}

async fn nothing_here(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::NotFound, format!("There is nothing at {path}."))
        .cause("The address is mistyped, or what was there is gone.")
        .remedy("Go to the front page of the console and look from there.")
}
