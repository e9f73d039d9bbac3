//! The repeated check of a stored token: who does it, and what it found.

use super::{Connection, from_row, of};
use crate::{
    Result, Store,
    convert::{Row, from_word, to_json, to_word},
    entities::connection,
    leases,
    webhooks::{self, NewDelivery},
};
use domain::{
    connection::ConnectionStatus,
    ids::{ConnectionId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect, sea_query::Expr,
};

/// What became of the findings of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// They are stored.
    Stored {
        /// The status before.
        before: ConnectionStatus,
    },
    /// Another token was stored meanwhile, or the connection is gone: they say nothing any more, and are dropped.
    Outdated,
}

impl Store {
    /// Takes a connection that is to be checked again, for `owner` until `until`: the one that waits longest, and none that
    /// another process checks. Of several that try at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_connection_check(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<Connection>> {
        let taken = leases::longest_waiting::<connection::Entity>(
            self,
            is_due(now),
            (connection::Column::NextCheckAt, connection::Column::Id),
            |row| &row.id,
        );
        let Some((tx, row)) = taken.await? else {
            return Ok(None);
        };
        let mut row = row.into_active_model();
        row.check_lease_owner = Set(Some(owner.to_owned()));
        row.check_lease_until = Set(Some(until.0));
        let row = row.update(&tx).await?;
        tx.commit().await?;
        from_row(row).map(Some)
    }

    /// Ends a lease without findings: the next check is at `next`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn postpone_check(&self, id: ConnectionId, owner: &str, next: Millis) -> Result<()> {
        connection::Entity::update_many()
            .col_expr(connection::Column::NextCheckAt, Expr::value(next.0))
            .col_expr(
                connection::Column::CheckLeaseUntil,
                Expr::value(None::<i64>),
            )
            .filter(connection::Column::Id.eq(id.to_string()))
            .filter(connection::Column::CheckLeaseOwner.eq(owner))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Stores what a check of the present token found, and ends the lease. When the status is another than before, the news
    /// that `news` makes of the former one is queued for the webhook in the same transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_check(
        &self,
        workspace: WorkspaceId,
        found: &Connection,
        news: impl FnOnce(ConnectionStatus) -> NewDelivery,
    ) -> Result<Checked> {
        let tx = self.begin().await?;
        let row = of(workspace)
            .filter(connection::Column::Id.eq(found.id.to_string()))
            .filter(connection::Column::TokenStoredAt.eq(found.token_stored_at.0))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(Checked::Outdated);
        };
        let before = Row::new("connections", &row.id).word("status", &row.status, from_word)?;
        let mut row = row.into_active_model();
        row.status = Set(to_word(found.status));
        row.expires_at = Set(found.expires_at.map(|at| at.0));
        row.accounts = Set(to_json(&found.accounts));
        row.permissions = Set(to_json(&found.permissions));
        row.checked_at = Set(found.checked_at.0);
        row.next_check_at = Set(found.next_check_at.0);
        row.check_lease_owner = Set(None);
        row.check_lease_until = Set(None);
        row.update(&tx).await?;
        if before != found.status {
            webhooks::queue(&tx, workspace, &news(before)).await?;
        }
        tx.commit().await?;
        Ok(Checked::Stored { before })
    }
}

fn is_due(now: Millis) -> Condition {
    Condition::all()
        .add(connection::Column::NextCheckAt.lte(now.0))
        .add(leases::is_free(connection::Column::CheckLeaseUntil, now))
}
