//! Who may use the console and the API.
//!
//! People sign in with e-mail address and password and get a session ([`sessions`]); programs send an access key
//! ([`access_keys`]). The two never mix: the API reads no cookie, the console no key.
//!
//! - The first administrator comes from the environment, from `edge-delivery admin create`, or from the first-run page.
//!   Whoever reaches that page first must not win a public console, so it asks for a code from the log unless it is
//!   reached over loopback ([`peer`]).
//! - Cross-site requests are refused by `Origin` and `Sec-Fetch-Site` (see [`crate::http`]); forms hold no tokens.
//! - Failed sign-ins are counted in the database, by account and by address ([`attempts`]).

pub(crate) mod access_keys;
mod api_caller;
pub(crate) mod attempts;
pub(crate) mod first_run;
pub(crate) mod passwords;
pub(crate) mod peer;
pub(crate) mod people;
pub(crate) mod sessions;
mod sign_in;
mod signed_in;

pub(crate) use self::{
    api_caller::{ApiCaller, caller},
    signed_in::{SignedIn, wants_page},
};

use crate::{app::AppState, problem::Problem};
use axum::{
    Router,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

/// Where people sign in.
pub(crate) const SIGN_IN: &str = "/sign-in";
/// Where the first administrator is made.
pub(crate) const FIRST_RUN: &str = "/first-run";

/// Answers with a page; its status is the problem's, if there is one.
fn page(template: &impl askama::Template, problem: Option<&Problem>) -> Response {
    let status = problem.map_or(StatusCode::OK, Problem::status_code);
    let mut response = match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The routes of this module; the pages themselves are the console's ([`crate::console::door`]). They need the session layer around them.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(SIGN_IN, get(sign_in::page).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/sign-out-everywhere", post(sign_in::sign_out_everywhere))
        .route(FIRST_RUN, get(first_run::page).post(first_run::submit))
}
