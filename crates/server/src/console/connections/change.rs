//! Changing: connect, check again, rename, replace the token.

use super::{ConnectPage, Named, attempt::Attempt, show::with_problem};
use crate::{
    audit::{Event, Kind},
    console::{
        desk::{Desk, done, id, page},
        form::Form,
    },
    problem::{Outcome, Problem},
    services::connections,
};
use axum::{extract::Path, http::HeaderMap, response::Response};
use domain::secret::Secret;
use serde::Deserialize;
use store::Connection;

/// The page with the token field.
pub(crate) async fn new(desk: Desk) -> Response {
    page(&ConnectPage::new(&desk, None, String::new()))
}

/// What the token form sends. It is neither printed nor echoed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct TokenForm {
    token: String,
    name: String,
}

/// Checks the token and stores it sealed.
pub(crate) async fn create(
    desk: Desk,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    let attempt = Attempt {
        desk,
        replaces: None,
        token: Secret::new(form.token),
        name: form.name,
    };
    attempt.answer(&headers).await
}

pub(super) async fn target(desk: &Desk, text: &str) -> Outcome<(Connection, Named)> {
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
    Ok(page(&ConnectPage::new(&desk, Some(named), String::new())))
}

/// Puts another token in the place of the stored one.
pub(crate) async fn replace(
    desk: Desk,
    Path(text): Path<String>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<Response, Problem> {
    let replaces = Some(target(&desk, &text).await?);
    let attempt = Attempt {
        desk,
        replaces,
        token: Secret::new(form.token),
        name: String::new(),
    };
    Ok(attempt.answer(&headers).await)
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
