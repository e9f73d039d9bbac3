//! Leaving: disconnect at once or after the removal of the sites, and what is left to do at Cloudflare.

use super::{
    Former,
    change::target,
    show::{GONE, tell, with_problem},
};
use crate::{
    audit::{self, Event, Kind},
    console::{
        desk::{Desk, done, id},
        form::Form,
    },
    problem::Problem,
    services::{connections, token_url},
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::ids::ConnectionId;
use serde::Deserialize;

/// What a confirmation sends.
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
        Ok(gone) => {
            let event = Event::connection(Kind::ConnectionDisconnected, &gone);
            desk.record(event.with("force", is_forced)).await;
            let former = Former {
                hint: gone.token_hint,
                of: gone.name,
                delete_url: token_url::tokens_page(gone.token_kind).to_owned(),
            };
            tell(&desk, GONE, &former).await?;
            Ok(Redirect::to("/connections").into_response())
        }
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}

/// Begins the removal of every site; the connection goes after the last of them.
pub(crate) async fn remove_sites(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<DisconnectForm>,
) -> Result<Response, Problem> {
    let (leaving, named) = target(&desk, &text).await?;
    let connection = leaving.id;
    let outcome = if form.confirm.trim() == named.name {
        connections::leave(desk.app(), desk.ws(), connection, desk.me.by()).await
    } else {
        Err(Problem::field("confirm", "is not the connection's name"))
    };
    match outcome {
        Ok(removals) => {
            audit::record_leaving(desk.app(), &desk.actor(), &leaving, &removals).await;
            Ok(done(&format!("/connections/{connection}"), "leaving"))
        }
        Err(problem) => Ok(with_problem(&desk, connection, problem).await),
    }
}

/// Keeps a connection that was to go after its last site.
pub(crate) async fn call_back(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let (kept, _) = target(&desk, &text).await?;
    let connection = kept.id;
    connections::call_back(desk.app(), desk.ws(), connection).await?;
    desk.record(Event::connection(Kind::ConnectionKept, &kept))
        .await;
    Ok(done(&format!("/connections/{connection}"), "stays"))
}

/// Takes the reminder of the token before away.
pub(crate) async fn forget_former(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let connection = id::<ConnectionId>(&text, "connection")?;
    connections::forget_former_token(desk.app(), desk.ws(), connection).await?;
    Ok(done(&format!("/connections/{connection}"), "former_gone"))
}
