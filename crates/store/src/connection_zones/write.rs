//! Writing what was read, and what was asked.

use super::{ConnectionZone, RoutesFinding, folded};
use crate::{
    Result, Store,
    convert::{to_json, to_word},
    database::bind_parameters_max,
    entities::{
        connection,
        connection_zone::{self, Column},
    },
};
use domain::{
    connection::ReachableAccount,
    ids::{AccountId, ConnectionId, WorkspaceId, ZoneId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashSet;

/// The columns of a row.
const COLUMNS: usize = 12;

impl Store {
    /// Puts these zones in the place of all that a connection had, in few statements and one transaction. With
    /// `keep_findings`, what was asked about routes of zones that stay is kept; without, `zones` say it. Zones that come
    /// twice are taken once. `false`, and nothing is changed, when there is no such connection, or when its zones were read
    /// after `read_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_connection_zones(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        zones: &[ConnectionZone],
        keep_findings: bool,
        read_at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let Some(known_at) = lock(&tx, workspace, connection).await? else {
            return Ok(false);
        };
        if known_at.is_some_and(|known_at| known_at > read_at.0) {
            return Ok(false);
        }
        let mut seen = HashSet::with_capacity(zones.len());
        let zones: Vec<&ConnectionZone> = zones
            .iter()
            .filter(|one| seen.insert(one.zone.id.as_str()))
            .collect();
        forget_others(&tx, connection, &seen).await?;
        for chunk in zones.chunks(bind_parameters_max(&tx) / COLUMNS) {
            let rows = chunk.iter().map(|one| to_row(workspace, connection, one));
            connection_zone::Entity::insert_many(rows)
                .on_conflict(overwriting(keep_findings))
                .exec_without_returning(&tx)
                .await?;
        }
        connection::Entity::update_many()
            .col_expr(connection::Column::ZonesReadAt, Expr::value(read_at.0))
            .filter(connection::Column::Id.eq(connection.to_string()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps what was found about the routes of zones; zones that are not there any more are passed over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_routes_findings(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        findings: &[(ZoneId, RoutesFinding)],
    ) -> Result<()> {
        let tx = self.begin().await?;
        for (zone, finding) in findings {
            connection_zone::Entity::update_many()
                .col_expr(Column::Routes, Expr::value(to_word(finding.granted)))
                .col_expr(Column::RoutesDetail, Expr::value(finding.detail.as_str()))
                .col_expr(Column::RoutesAskedAt, Expr::value(finding.asked_at.0))
                .filter(Column::ConnectionId.eq(connection.to_string()))
                .filter(Column::WorkspaceId.eq(workspace.to_string()))
                .filter(Column::ZoneId.eq(zone.as_str()))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Sets which accounts of a connection are used; `None`: all. `false` when there is no such connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn choose_accounts(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        accounts: Option<&[AccountId]>,
    ) -> Result<bool> {
        let done = connection::Entity::update_many()
            .col_expr(
                connection::Column::ChosenAccounts,
                Expr::value(accounts.map(to_json)),
            )
            .filter(connection::Column::Id.eq(connection.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Sets the accounts that a connection reaches, as they were read beside its zones; `false` when there is no such
    /// connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_reachable_accounts(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        accounts: &[ReachableAccount],
    ) -> Result<bool> {
        let done = connection::Entity::update_many()
            .col_expr(connection::Column::Accounts, Expr::value(to_json(accounts)))
            .filter(connection::Column::Id.eq(connection.to_string()))
            .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }
}

/// Locks the connection, and answers with the time at which its zones were read; `None` when there is no such connection.
async fn lock(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    connection: ConnectionId,
) -> Result<Option<Option<i64>>> {
    Ok(connection::Entity::find_by_id(connection.to_string())
        .filter(connection::Column::WorkspaceId.eq(workspace.to_string()))
        .select_only()
        .column(connection::Column::ZonesReadAt)
        .lock_exclusive()
        .into_tuple()
        .one(tx)
        .await?)
}

async fn forget_others(
    tx: &DatabaseTransaction,
    connection: ConnectionId,
    stay: &HashSet<&str>,
) -> Result<()> {
    let known: Vec<String> = connection_zone::Entity::find()
        .filter(Column::ConnectionId.eq(connection.to_string()))
        .select_only()
        .column(Column::ZoneId)
        .into_tuple()
        .all(tx)
        .await?;
    let gone: Vec<String> = known
        .into_iter()
        .filter(|id| !stay.contains(id.as_str()))
        .collect();
    for chunk in gone.chunks(bind_parameters_max(tx) - 1) {
        connection_zone::Entity::delete_many()
            .filter(Column::ConnectionId.eq(connection.to_string()))
            .filter(Column::ZoneId.is_in(chunk))
            .exec(tx)
            .await?;
    }
    Ok(())
}

fn overwriting(keep_findings: bool) -> OnConflict {
    let mut known = OnConflict::columns([Column::ConnectionId, Column::ZoneId]);
    known.update_columns([
        Column::AccountId,
        Column::Name,
        Column::FoldedName,
        Column::Status,
        Column::Paused,
        Column::Plan,
    ]);
    if !keep_findings {
        known.update_columns([Column::Routes, Column::RoutesDetail, Column::RoutesAskedAt]);
    }
    known
}

fn to_row(
    workspace: WorkspaceId,
    connection: ConnectionId,
    one: &ConnectionZone,
) -> connection_zone::ActiveModel {
    let (zone, routes) = (&one.zone, one.routes.as_ref());
    connection_zone::ActiveModel {
        connection_id: Set(connection.to_string()),
        zone_id: Set(zone.id.to_string()),
        workspace_id: Set(workspace.to_string()),
        account_id: Set(zone.account_id.to_string()),
        name: Set(zone.name.clone()),
        folded_name: Set(folded(&zone.name)),
        status: Set(zone.status.clone()),
        paused: Set(zone.paused),
        plan: Set(zone.plan.clone()),
        routes: Set(routes.map(|finding| to_word(finding.granted))),
        routes_detail: Set(routes.map(|finding| finding.detail.clone())),
        routes_asked_at: Set(routes.map(|finding| finding.asked_at.0)),
    }
}
