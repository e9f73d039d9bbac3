//! Disconnecting: at once, or after the connection's sites were removed.

use super::get;
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    problem::{Code, Outcome, Problem},
    services::sites,
};
use domain::{
    deployment::SiteStatus,
    ids::{ConnectionId, WorkspaceId},
};
use store::{Connection, Deployment};

/// Removes a connection and its sealed token; says which it was. Refuses while sites use it, unless forced: those sites then
/// keep running as they are, unmanaged until another connection is chosen for them.
pub(crate) async fn disconnect(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    force: bool,
) -> Outcome<Connection> {
    let connection = get(app, ws, id).await?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    if !force && !sites.is_empty() {
        let names: Vec<&str> = sites.iter().map(|site| site.name.as_str()).collect();
        return Err(Problem::new(
            Code::ConnectionInUse,
            format!("The connection is used by: {}.", names.join(", ")),
        )
        .cause("Without the token these sites could not be deployed, changed or removed.")
        .remedy("Remove the sites first, one by one or all at once: then it is disconnected after the last of them.")
        .remedy("Or disconnect with force: the sites keep running as they are, but are no longer managed.")
        .with_connection(id));
    }
    app.store.delete_connection(ws, id).await?;
    for site in sites {
        // Nobody can look at the account any more.
        if site.status != SiteStatus::New {
            app.store
                .set_site_status(ws, site.id, SiteStatus::Unknown, None)
                .await?;
        }
    }
    tracing::info!(connection.id = %id, force, "disconnected");
    Ok(connection)
}

/// Begins the removal of every site of the connection, which is disconnected after the last of them; answers with the
/// removals. Killed in between, it is asked for again: a removal that is on its way is found, not begun anew.
pub(crate) async fn leave(
    app: &App,
    ws: WorkspaceId,
    id: ConnectionId,
    by: &str,
) -> Outcome<Vec<Deployment>> {
    get(app, ws, id).await?;
    let sites = app.store.sites_of_connection(ws, id).await?;
    app.store.set_leaving(ws, id, Some(app.clock.now())).await?;
    let mut removals = Vec::new();
    for site in sites {
        removals.push(sites::remove(app, ws, site.id, by).await?);
    }
    app.signals.wake_watching();
    tracing::info!(connection.id = %id, sites = removals.len(), "disconnecting after the removal of its sites");
    Ok(removals)
}

/// Keeps a connection that was to be disconnected after its last site. Removals that are on their way go on.
pub(crate) async fn call_back(app: &App, ws: WorkspaceId, id: ConnectionId) -> Outcome<()> {
    if app.store.set_leaving(ws, id, None).await? {
        Ok(())
    } else {
        Err(Problem::not_found("connection", &id.to_string()))
    }
}

/// Disconnects what waited for the removal of its last site.
pub(crate) async fn let_go(app: &App) -> Outcome<()> {
    for connection in app.store.delete_left_connections().await? {
        let actor = Actor::background(connection.workspace);
        let event = Event::connection(Kind::ConnectionDisconnected, &connection);
        audit::record(app, &actor, event).await;
        tracing::info!(connection.id = %connection.id, "disconnected after the removal of its last site");
    }
    Ok(())
}
