//! Answers of the edge itself, in words that say what is wrong with the set-up.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

/// A plain answer with `status` that explains itself.
#[must_use]
pub(super) fn answer(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("Local Cloudflare: {text}\n")));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
