//! Changing: connect, check again, rename, replace the token, disconnect.

use super::{
    ConnectPage, Named,
    show::{NOTES, tell, with_problem},
};
use crate::{
    console::{
        desk::{Desk, done, id, page, refused},
        parts::{CheckRow, ProblemPanel},
    },
    problem::{Outcome, Problem},
    services::{connections, token_check::UNWATCHED, token_url},
};
use axum::{Form, extract::Path, response::Response};
use domain::{ids::ConnectionId, secret::Secret};
use serde::Deserialize;

fn view(
    desk: &Desk,
    replaces: Option<Named>,
    name: String,
    problem: Option<Problem>,
) -> ConnectPage {
    let problem = problem.map(ProblemPanel::new);
    ConnectPage {
        shell: desk.shell("connections"),
        replaces,
        name,
        checks: problem
            .as_ref()
            .map(|panel| CheckRow::of(&panel.problem))
            .unwrap_or_default(),
        problem,
        user_form: token_url::user_form().to_string(),
        account_form: token_url::account_form().to_string(),
    }
}

/// The page with the token field.
pub(crate) async fn new(desk: Desk) -> Response {
    page(&view(&desk, None, String::new(), None))
}

/// What the token form sends. It is neither printed nor echoed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct TokenForm {
    token: String,
    name: String,
}

/// Checks the token and stores it sealed.
pub(crate) async fn create(desk: Desk, Form(form): Form<TokenForm>) -> Response {
    let token = Secret::new(form.token);
    let name = Some(form.name.trim()).filter(|name| !name.is_empty());
    match connections::connect(desk.app(), desk.ws(), token.expose(), name, UNWATCHED).await {
        Ok(connection) => done(&format!("/connections/{}", connection.id), "connected"),
        Err(problem) => {
            let view = view(&desk, None, form.name, Some(problem));
            refused(&view, view.problem.as_ref())
        }
    }
}

pub(super) async fn target(desk: &Desk, text: &str) -> Outcome<(ConnectionId, Named)> {
    let connection = connections::get(desk.app(), desk.ws(), id(text, "connection")?).await?;
    let named = Named {
        id: connection.id.to_string(),
        name: connection.name,
    };
    Ok((connection.id, named))
}

/// The page that replaces a token.
pub(crate) async fn replace_page(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let (_, named) = target(&desk, &text).await?;
    Ok(page(&view(&desk, Some(named), String::new(), None)))
}

/// Puts another token in the place of the stored one.
pub(crate) async fn replace(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<TokenForm>,
) -> Result<Response, Problem> {
    let (connection, named) = target(&desk, &text).await?;
    let token = Secret::new(form.token);
    match connections::replace_token(desk.app(), desk.ws(), connection, token.expose(), UNWATCHED)
        .await
    {
        Ok(replaced) => {
            tell(&desk, NOTES, &replaced.notes).await?;
            let word = replaced.kind.word();
            Ok(done(&format!("/connections/{connection}"), word))
        }
        Err(problem) => {
            let view = view(&desk, Some(named), String::new(), Some(problem));
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// Checks the stored token now.
pub(crate) async fn check(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let connection = id(&text, "connection")?;
    match connections::check_now(desk.app(), desk.ws(), connection).await {
        Ok(_) => Ok(done(&format!("/connections/{connection}"), "checked")),
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}

/// What the name form sends.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct NameForm {
    name: String,
}

/// Gives the connection another name.
pub(crate) async fn rename(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let connection = id(&text, "connection")?;
    match connections::rename(desk.app(), desk.ws(), connection, &form.name).await {
        Ok(_) => Ok(done(&format!("/connections/{connection}"), "renamed")),
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}
