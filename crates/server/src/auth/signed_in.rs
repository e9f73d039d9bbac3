//! The extractor of console handlers: a person with a good session, or the way to the sign-in page.

use super::{FIRST_RUN, SIGN_IN, people, sessions};
use crate::{
    app::{App, AppState},
    problem::{Code, Problem},
};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, Method, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use domain::ids::WorkspaceId;
use store::User;
use tower_sessions::Session;

/// A person with a good session.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// The person.
    pub(crate) user: User,
    /// The workspace they work in.
    pub(crate) workspace: WorkspaceId,
    /// Their session.
    pub(crate) session: Session,
}

impl SignedIn {
    /// The name under which their deeds are recorded.
    pub(crate) fn by(&self) -> &str {
        &self.user.email
    }
}

async fn session_of(parts: &mut Parts, app: &AppState) -> Result<Session, Problem> {
    <Session as FromRequestParts<AppState>>::from_request_parts(parts, app)
        .await
        .map_err(|(_, why)| {
            Problem::new(Code::Internal, "The session could not be read.")
                .cause(why)
                .remedy("Report it: a page stands outside the session layer.")
        })
}

async fn from_session(app: &App, session: Session) -> Result<Option<SignedIn>, Problem> {
    Ok(sessions::holder(app, &session).await?.map(|user| SignedIn {
        workspace: user.workspace,
        user,
        session,
    }))
}

/// Whether the answer will be looked at by a person in a browser's window.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// The place to come back to after signing in: the page itself, never a form's target.
fn way_in(parts: &Parts) -> String {
    let here = parts
        .uri
        .path_and_query()
        .map_or("/", axum::http::uri::PathAndQuery::as_str);
    if parts.method != Method::GET || here == "/" {
        return SIGN_IN.to_owned();
    }
    let next = percent_encoding::utf8_percent_encode(here, percent_encoding::NON_ALPHANUMERIC);
    format!("{SIGN_IN}?next={next}")
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let session = session_of(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let found = from_session(app, session)
            .await
            .map_err(IntoResponse::into_response)?;
        if let Some(signed_in) = found {
            return Ok(signed_in);
        }
        // Parts of a page (htmx, event streams) cannot show the sign-in page in their place.
        if wants_page(&parts.headers) && !parts.headers.contains_key("hx-request") {
            let first_run = people::is_first_run(app)
                .await
                .map_err(IntoResponse::into_response)?;
            return Err(if first_run {
                Redirect::to(FIRST_RUN).into_response()
            } else {
                Redirect::to(&way_in(parts)).into_response()
            });
        }
        let mut response = Problem::new(Code::Unauthenticated, "Your session is over.")
            .cause("It ended by itself, or was signed out elsewhere.")
            .remedy("Load the page again and sign in.")
            .into_response();
        response
            .headers_mut()
            .insert("hx-redirect", axum::http::HeaderValue::from_static(SIGN_IN));
        Err(response)
    }
}

impl OptionalFromRequestParts<AppState> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &AppState,
    ) -> Result<Option<Self>, Problem> {
        let session = session_of(parts, app).await?;
        from_session(app, session).await
    }
}
