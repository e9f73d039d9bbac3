//! Which of a token's accounts are used.

use super::{super::connections, Judge};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::ids::{AccountId, ConnectionId, WorkspaceId};
use store::Connection;

/// Uses these accounts and no others. Naming all that the token reaches is the default again: then accounts that it reaches
/// later are used too. An account with sites on it cannot be left out.
pub(crate) async fn choose(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    ids: &[String],
) -> Outcome<Connection> {
    let connection = connections::get(app, ws, id).await?;
    let mut chosen: Vec<AccountId> = Vec::new();
    for text in ids {
        let reached = connection
            .accounts
            .iter()
            .find(|account| account.id.as_str() == text)
            .ok_or_else(|| {
                Problem::field(
                    "accounts",
                    "names an account that the connection's token does not reach",
                )
            })?;
        if !chosen.contains(&reached.id) {
            chosen.push(reached.id.clone());
        }
    }
    if chosen.is_empty() {
        return Err(Problem::field(
            "accounts",
            "is empty: a connection uses one account at least",
        ));
    }
    refuse_used(app, &connection, &chosen).await?;
    let is_all = chosen.len() == connection.accounts.len();
    app.store
        .choose_accounts(ws, id, (!is_all).then_some(chosen.as_slice()))
        .await?;
    tracing::info!(connection.id = %id, accounts = chosen.len(), "chose the accounts of a connection");
    connections::get(app, ws, id).await
}

async fn refuse_used(app: &App, connection: &Connection, chosen: &[AccountId]) -> Outcome<()> {
    let sites = app
        .store
        .sites_of_connection(connection.workspace, connection.id)
        .await?;
    let judge = Judge::of(connection);
    let Some(site) = sites
        .iter()
        .find(|site| judge.uses(&site.account) && !chosen.contains(&site.account))
    else {
        return Ok(());
    };
    let account = connection
        .accounts
        .iter()
        .find(|account| account.id == site.account)
        .map_or_else(|| site.account.to_string(), |account| account.name.clone());
    Err(Problem::new(
        Code::InvalidState,
        format!(
            "The account {account} cannot be left out: the site {} is deployed in it.",
            site.name
        ),
    )
    .cause("A site is changed and removed through the connection that reaches its account.")
    .remedy("Keep the account chosen, or remove its sites first."))
}
