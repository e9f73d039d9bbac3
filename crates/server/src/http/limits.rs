//! Time limits. They end the wait for an answer, not an answer that is on its way: event streams are spared.

use crate::problem::{Code, Problem};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest wait for an answer to begin. One step at Cloudflare with its retries takes 45 s at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);

/// The longest wait for the answer to an import: a million lines over a slow line.
const IMPORTED_WITHIN: Duration = Duration::from_secs(4 * 60 * 60);

/// Gives up on handlers that take too long.
pub(super) async fn time(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let limit = if path.ends_with("/variants:import") || path.contains("/variants/import") {
        IMPORTED_WITHIN
    } else {
        ANSWER_WITHIN
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Code::Internal,
            format!("No answer could be given within {} s.", limit.as_secs()),
        )
        .with_status(StatusCode::GATEWAY_TIMEOUT)
        .cause(
            "The request was sent very slowly, or the server or its database has too much to do.",
        )
        .remedy("Look whether it was done all the same, then try again.")
        .into_response(),
    }
}

pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Ends event streams when the server stops; browsers ask again by themselves.
pub(super) async fn end_streams(
    State(shutdown): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if !is_event_stream(response.headers()) {
        return response;
    }
    response.map(|body| {
        Body::from_stream(
            body.into_data_stream()
                .take_until(shutdown.cancelled_owned()),
        )
    })
}
