//! Signing in and out.

use super::{
    FIRST_RUN, SIGN_IN, SignedIn, attempts, page as answer, passwords, peer::Peer, people, sessions,
};
use crate::{
    app::{App, AppState},
    audit::{self, Actor, Event, Kind, Who},
    console::{door::SignInPage, form::Form, parts::ProblemPanel},
    problem::{Code, Outcome, Problem},
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use domain::secret::Secret;
use serde::Deserialize;
use store::User;
use tower_sessions::Session;

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInQuery {
    next: String,
}

/// What the form sends. Wrong or missing fields count as empty.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SignInForm {
    email: String,
    password: String,
    next: String,
}

/// A path of this server, or the front page: never another server (`//host`, `/\host`).
fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control);
    if is_path { next } else { "/" }
}

/// The name by which the browser called this console; it was checked before.
fn shown_host(headers: &HeaderMap) -> String {
    headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// The sign-in page.
pub(super) async fn page(
    State(app): State<AppState>,
    signed_in: Option<SignedIn>,
    headers: HeaderMap,
    Query(query): Query<SignInQuery>,
) -> Result<Response, Problem> {
    if signed_in.is_some() {
        return Ok(Redirect::to(safe_next(&query.next)).into_response());
    }
    if people::is_first_run(&app).await? {
        return Ok(Redirect::to(FIRST_RUN).into_response());
    }
    let page = SignInPage {
        host: shown_host(&headers),
        email: String::new(),
        next: query.next,
        problem: None,
    };
    Ok(answer(&page, None))
}

/// Signs in.
pub(super) async fn submit(
    State(app): State<AppState>,
    peer: Peer,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let next = safe_next(&form.next).to_owned();
    match try_in(
        &app,
        &peer,
        &session,
        &form.email,
        Secret::new(form.password),
    )
    .await
    {
        Ok(()) => Redirect::to(&next).into_response(),
        Err(problem) => {
            let page = SignInPage {
                host: shown_host(&headers),
                email: form.email,
                next,
                problem: Some(ProblemPanel::new(problem.clone())),
            };
            answer(&page, Some(&problem))
        }
    }
}

async fn try_in(
    app: &App,
    peer: &Peer,
    session: &Session,
    email: &str,
    password: Secret,
) -> Outcome<()> {
    let email = passwords::normal_email(email).unwrap_or_default();
    let attempt = attempts::begin(app, &email, &peer.counting_key()).await?;
    let Some(user) = people::with_password(app, &email, password).await? else {
        tracing::warn!(client.address = %peer.address, "a sign-in failed");
        record_failure(app, peer, &email).await?;
        return Err(Problem::new(
            Code::Unauthenticated,
            "The e-mail address or the password is wrong.",
        )
        .cause("One of the two is mistyped, or there is no such account.")
        .remedy("Type both again; letters of the password count as capital or small.")
        .remedy("Password lost? On the server, run: edge-delivery admin create"));
    };
    attempts::succeeded(app, attempt).await?;
    sessions::begin(app, session, user.id)
        .await
        .map_err(|error| Problem::internal(&error))?;
    tracing::info!(user.id = %user.id, client.address = %peer.address, "signed in");
    let event = Event::person(Kind::PersonSignedIn, &user);
    audit::record(app, &actor_of(&user, peer), event).await;
    Ok(())
}

/// Somebody whose name is known, for the audit log.
pub(super) fn actor_of(user: &User, peer: &Peer) -> Actor {
    Actor {
        workspace: user.workspace,
        who: Who::Person(user.email.clone()),
        address: Some(peer.address),
    }
}

/// An account is named only when there is one: people type passwords into the wrong field.
async fn record_failure(app: &App, peer: &Peer, email: &str) -> Outcome<()> {
    let event = match app.store.user_by_email(email).await? {
        Some(user) => Event::person(Kind::PersonSignInFailed, &user),
        None => Event::new(Kind::PersonSignInFailed).with("account", "unknown"),
    };
    let stranger = Actor {
        workspace: app.workspace,
        who: Who::Stranger,
        address: Some(peer.address),
    };
    audit::record(app, &stranger, event).await;
    Ok(())
}

/// Ends this session.
pub(super) async fn sign_out(session: Session) -> Result<Redirect, Problem> {
    session
        .flush()
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(Redirect::to(SIGN_IN))
}

/// Ends every session of the person.
pub(super) async fn sign_out_everywhere(
    State(app): State<AppState>,
    peer: Peer,
    signed_in: SignedIn,
) -> Result<Redirect, Problem> {
    people::sign_out_everywhere(&app, signed_in.user.id).await?;
    let event = Event::person(Kind::PersonSignedOutEverywhere, &signed_in.user);
    audit::record(&app, &actor_of(&signed_in.user, &peer), event).await;
    signed_in
        .session
        .flush()
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(Redirect::to(SIGN_IN))
}

/// Begins the session of somebody who just made the account.
pub(super) async fn straight_in(
    app: &App,
    session: &Session,
    user: &store::User,
) -> Outcome<Redirect> {
    sessions::begin(app, session, user.id)
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(Redirect::to("/"))
}

/// Where those go who came to the wrong page.
pub(super) fn to_sign_in() -> Response {
    Redirect::to(SIGN_IN).into_response()
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn only_own_paths_are_returned_to() {
        assert_eq!(safe_next("/sites/1?tab=plan"), "/sites/1?tab=plan");
        for bad in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\nb",
            "x",
        ] {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
    }
}
