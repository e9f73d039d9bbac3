//! A person changes the own password. Every session ends, this one too: whoever stole one is out.

use super::{
    SignedIn, attempts,
    passwords::PASSWORD_MIN,
    peer::Peer,
    people,
    views::{ChangePasswordPage, page as answer},
};
use crate::{
    app::{App, AppState},
    problem::{Outcome, Problem},
};
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use domain::secret::Secret;
use serde::Deserialize;

/// What the form sends. Wrong or missing fields count as empty.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ChangePasswordForm {
    current_password: String,
    new_password: String,
}

fn view(signed_in: &SignedIn, problem: Option<Problem>) -> Response {
    let page = ChangePasswordPage {
        email: signed_in.user.email.clone(),
        password_min: PASSWORD_MIN,
        problem: problem.clone(),
    };
    answer(&page, problem.as_ref())
}

/// The page.
pub(super) async fn page(signed_in: SignedIn) -> Response {
    view(&signed_in, None)
}

/// Changes the password.
pub(super) async fn submit(
    State(app): State<AppState>,
    peer: Peer,
    signed_in: SignedIn,
    Form(form): Form<ChangePasswordForm>,
) -> Response {
    match change(&app, &peer, &signed_in, form).await {
        Ok(()) => Redirect::to("/sign-in?notice=password").into_response(),
        Err(problem) => view(&signed_in, Some(problem)),
    }
}

async fn change(
    app: &App,
    peer: &Peer,
    signed_in: &SignedIn,
    form: ChangePasswordForm,
) -> Outcome<()> {
    let attempt = attempts::begin(app, &signed_in.user.email, &peer.counting_key()).await?;
    people::change_password(
        app,
        &signed_in.user,
        Secret::new(form.current_password),
        &Secret::new(form.new_password),
    )
    .await?;
    attempts::succeeded(app, attempt).await?;
    signed_in
        .session
        .flush()
        .await
        .map_err(|error| Problem::internal(&error))
}
