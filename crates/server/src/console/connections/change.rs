//! Changing: connect, check again, rename, replace the token, disconnect.

use super::{ConnectPage, Named, show::with_problem};
use crate::{
    audit::{self, Event, Kind},
    console::{
        desk::{Desk, done, id, page, refused},
        parts::{CheckRow, ProblemPanel},
    },
    problem::{Outcome, Problem},
    services::{connections, token_check::UNWATCHED, token_url},
};
use axum::{Form, extract::Path, response::Response};
use domain::secret::Secret;
use serde::Deserialize;
use store::Connection;

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
    let outcome =
        connections::connect(desk.app(), desk.ws(), token.expose(), name, UNWATCHED).await;
    audit::record_token(desk.app(), &desk.actor(), None, &outcome).await;
    match outcome {
        Ok(connection) => done(&format!("/connections/{}", connection.id), "connected"),
        Err(problem) => {
            let view = view(&desk, None, form.name, Some(problem));
            refused(&view, view.problem.as_ref())
        }
    }
}

async fn target(desk: &Desk, text: &str) -> Outcome<(Connection, Named)> {
    let connection = connections::get(desk.app(), desk.ws(), id(text, "connection")?).await?;
    let named = Named {
        id: connection.id.to_string(),
        name: connection.name.clone(),
    };
    Ok((connection, named))
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
    let (former, named) = target(&desk, &text).await?;
    let connection = former.id;
    let token = Secret::new(form.token);
    let (app, ws) = (desk.app(), desk.ws());
    let outcome = connections::replace_token(app, ws, connection, token.expose(), UNWATCHED).await;
    audit::record_token(app, &desk.actor(), Some(&former), &outcome).await;
    match outcome {
        Ok(_) => Ok(done(&format!("/connections/{connection}"), "replaced")),
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
        Ok(checked) => {
            desk.record(Event::connection(Kind::ConnectionChecked, &checked))
                .await;
            Ok(done(&format!("/connections/{connection}"), "checked"))
        }
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
    let (former, _) = target(&desk, &text).await?;
    let connection = former.id;
    match connections::rename(desk.app(), desk.ws(), connection, &form.name).await {
        Ok(renamed) => {
            let event = Event::connection(Kind::ConnectionRenamed, &renamed);
            desk.record(event.with("formerName", former.name)).await;
            Ok(done(&format!("/connections/{connection}"), "renamed"))
        }
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}

/// What the confirmation sends.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct DisconnectForm {
    confirm: String,
    force: String,
}

/// Deletes the connection with its sealed token.
pub(crate) async fn disconnect(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<DisconnectForm>,
) -> Result<Response, Problem> {
    let (former, named) = target(&desk, &text).await?;
    let connection = former.id;
    let is_forced = form.force == "yes";
    let outcome = if form.confirm.trim() == named.name {
        connections::disconnect(desk.app(), desk.ws(), connection, is_forced).await
    } else {
        Err(Problem::field("confirm", "is not the connection's name"))
    };
    match outcome {
        Ok(()) => {
            let event = Event::connection(Kind::ConnectionDisconnected, &former);
            desk.record(event.with("force", is_forced)).await;
            Ok(done("/connections", "disconnected"))
        }
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}
