//! Errors in the form that the reader wants: a page for a person in a browser, a problem document for everybody else.
//!
//! Handlers answer with problem documents; libraries with bare statuses and plain text. Both come through here.

use crate::{
    auth::wants_page,
    console::{failure::PlainProblemPage, parts::ProblemPanel},
    problem::{Code, Problem},
};
use askama::Template;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::any::Any;

/// Problem documents are small; this is far beyond them.
const DOCUMENT_MAX: usize = 1024 * 1024;

/// Answers to a panic: the log has its message, the reader does not.
#[expect(clippy::needless_pass_by_value, reason = "the layer calls it so")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)");
    tracing::error!(panic = message, "a request's handler panicked");
    Problem::new(
        Code::Internal,
        "The program could not finish the request. Its log says why.",
    )
    .cause("A fault of Edge Delivery.")
    .remedy("Try again; if it stays, report it with the log's lines about this request.")
    .into_response()
}

/// Turns errors into problems, and problems into pages where a person looks on.
pub(super) async fn as_the_reader_wants(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let machines = ["/api/", "/ingest/"]
        .iter()
        .any(|start| path.starts_with(start));
    let page =
        !machines && wants_page(request.headers()) && !request.headers().contains_key("hx-request");
    let request_id = super::watch::request_id(request.extensions());
    let response = next.run(request).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    let response = match form_of(&response) {
        Form::Document => response,
        Form::Bare => into_document(response),
        Form::Page => return response,
    };
    if page {
        into_page(response, &request_id).await
    } else {
        response
    }
}

/// The form in which an error comes.
enum Form {
    /// A problem document.
    Document,
    /// A status with nothing or plain text.
    Bare,
    /// Anything else: the handler knew what it did.
    Page,
}

fn form_of(response: &Response) -> Form {
    match response.headers().get(header::CONTENT_TYPE) {
        None => Form::Bare,
        Some(value) if value.as_bytes().starts_with(b"text/plain") => Form::Bare,
        Some(value) if value.as_bytes().starts_with(b"application/problem+json") => Form::Document,
        Some(_) => Form::Page,
    }
}

/// The same answer with a problem document for a body.
fn into_document(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    let document = of_status(parts.status).into_response();
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in document.headers() {
        parts.headers.insert(name.clone(), value.clone());
    }
    Response::from_parts(parts, document.into_body())
}

/// The same answer with the problem as a page.
async fn into_page(response: Response, request_id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, DOCUMENT_MAX).await else {
        return parts.status.into_response();
    };
    let html = serde_json::from_slice::<Problem>(&bytes)
        .ok()
        .and_then(|mut problem| {
            if problem.status >= 500 {
                problem.detail = format!("{} Request: {request_id}.", problem.detail);
            }
            let panel = ProblemPanel::new(problem);
            PlainProblemPage { panel }.render().ok()
        });
    let Some(html) = html else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    Response::from_parts(parts, Body::from(html))
}

/// What a bare status means here.
fn of_status(status: StatusCode) -> Problem {
    let (code, detail, remedy) = match status {
        StatusCode::NOT_FOUND => (
            Code::NotFound,
            "There is nothing at this address.",
            "Go to the front page of the console and look from there.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            Code::MethodNotAllowed,
            "This address does not take that method.",
            "Use one of the methods that the Allow header names.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            Code::TooLarge,
            "The request is larger than this address takes.",
            "Send less at once.",
        ),
        status if status.is_server_error() => (
            Code::Internal,
            "The program could not finish the request. Its log says why.",
            "Try again; if it stays, look at the log for this request's id.",
        ),
        _ => (
            Code::MalformedRequest,
            "The request is not in the form that this address takes.",
            "Load the page again and send the form once more.",
        ),
    };
    Problem::new(code, detail)
        .with_status(status)
        .cause("The address or the request is not what the server expects, for example after an update.")
        .remedy(remedy)
}
