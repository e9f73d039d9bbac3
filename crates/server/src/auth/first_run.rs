//! The first-run page: makes the first administrator.

use super::{attempts, page as answer, peer::Peer, people, sign_in};
use crate::{
    app::{App, AppState},
    audit::{self, Event, Kind},
    console::{door::FirstRunPage, form::Form, parts::ProblemPanel},
    problem::{Code, Outcome, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::secret::Secret;
use serde::Deserialize;
use store::User;
use subtle::ConstantTimeEq;
use tower_sessions::Session;

/// What the form sends. Wrong or missing fields count as empty.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct FirstRunForm {
    email: String,
    password: String,
    code: String,
}

/// The code that is printed in the log: the same in every replica, since it comes from the vault's key.
pub(crate) fn code(app: &App) -> Secret {
    /// No letters that look like digits.
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let bytes = app.vault.derive("first-run code");
    let mut text = String::with_capacity(11);
    for (at, byte) in bytes.iter().take(10).enumerate() {
        if at == 5 {
            text.push('-');
        }
        text.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Secret::new(text)
}

/// What people type, without what does not matter.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The page.
pub(super) async fn page(State(app): State<AppState>, peer: Peer) -> Result<Response, Problem> {
    if !people::is_first_run(&app).await? {
        return Ok(sign_in::to_sign_in());
    }
    let page = FirstRunPage {
        needs_code: !peer.is_local,
        email: String::new(),
        problem: None,
    };
    Ok(answer(&page, None))
}

/// Makes the administrator and signs in.
pub(super) async fn submit(
    State(app): State<AppState>,
    peer: Peer,
    session: Session,
    Form(form): Form<FirstRunForm>,
) -> Response {
    match make(&app, &peer, &form).await {
        Ok(Some(user)) => match sign_in::straight_in(&app, &session, &user).await {
            Ok(redirect) => redirect.into_response(),
            Err(problem) => problem.into_response(),
        },
        Ok(None) => sign_in::to_sign_in(),
        Err(problem) => {
            let page = FirstRunPage {
                needs_code: !peer.is_local,
                email: form.email,
                problem: Some(ProblemPanel::new(problem.clone())),
            };
            answer(&page, Some(&problem))
        }
    }
}

async fn make(app: &App, peer: &Peer, form: &FirstRunForm) -> Outcome<Option<User>> {
    if !people::is_first_run(app).await? {
        return Ok(None);
    }
    if !peer.is_local {
        let attempt = attempts::begin(app, "first-run", &peer.counting_key()).await?;
        let expected = plain(code(app).expose());
        let right: bool = plain(&form.code)
            .as_bytes()
            .ct_eq(expected.as_bytes())
            .into();
        if !right {
            tracing::warn!(client.address = %peer.address, "a wrong first-run code was given");
            return Err(
                Problem::new(Code::Forbidden, "The code is not the one in the server's log.")
                    .cause("This page was not reached over loopback, so it asks who can read the log.")
                    .remedy("Look for the line “first run” in the output of `edge-delivery serve`, and type that code.")
                    .remedy("Or on the server, run: edge-delivery admin create"),
            );
        }
        attempts::succeeded(app, attempt).await?;
    }
    let made = people::create_first(app, &form.email, &Secret::new(form.password.as_str())).await?;
    if let Some(user) = &made {
        tracing::info!(user.id = %user.id, client.address = %peer.address, "made the first administrator");
        let event = Event::person(Kind::AdministratorMade, user);
        audit::record(app, &sign_in::actor_of(user, peer), event).await;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_typed_in_many_ways() {
        assert_eq!(super::plain(" abcde-fghjk "), "ABCDEFGHJK");
    }
}
