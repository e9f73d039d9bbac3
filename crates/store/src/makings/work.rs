//! Working on a run: who does, what became of its pages, how it ends.

use super::{Making, MakingStatus, PageOutcome, from_row, of};
use crate::{
    Result, Store,
    convert::to_word,
    entities::{making, making_page},
};
use domain::{
    ids::{MakingId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

impl Store {
    /// Takes the run that waits longest, for `owner` until `until`; also one whose process died.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_making(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<Making>> {
        let can_be_taken = || {
            Condition::all()
                .add(making::Column::Status.is_in([
                    to_word(MakingStatus::Queued),
                    to_word(MakingStatus::Running),
                ]))
                .add(
                    Condition::any()
                        .add(making::Column::LeaseUntil.is_null())
                        .add(making::Column::LeaseUntil.lte(now.0)),
                )
        };
        let candidate = making::Entity::find()
            .filter(can_be_taken())
            .order_by_asc(making::Column::CreatedAt)
            .one(self.reader())
            .await?;
        let Some(candidate) = candidate else {
            return Ok(None);
        };
        let tx = self.begin().await?;
        let row = making::Entity::find_by_id(candidate.id)
            .filter(can_be_taken())
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let started_at = row.started_at.unwrap_or(now.0);
        let mut row = row.into_active_model();
        row.status = Set(to_word(MakingStatus::Running));
        row.started_at = Set(Some(started_at));
        row.lease_owner = Set(Some(owner.to_owned()));
        row.lease_until = Set(Some(until.0));
        let row = row.update(&tx).await?;
        tx.commit().await?;
        from_row(&row).map(Some)
    }

    /// Writes down what became of a page, and keeps the lease until `until`. `false` when the run is another's, or is to
    /// stop.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_making_page(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
        owner: &str,
        until: Millis,
        outcome: Option<&PageOutcome>,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let row = of(workspace)
            .filter(making::Column::Id.eq(id.to_string()))
            .filter(making::Column::LeaseOwner.eq(owner))
            .filter(making::Column::Status.eq(to_word(MakingStatus::Running)))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        if let Some(outcome) = outcome {
            making_page::Entity::update_many()
                .col_expr(
                    making_page::Column::Status,
                    Expr::value(to_word(outcome.status)),
                )
                .col_expr(
                    making_page::Column::Detail,
                    Expr::value(outcome.detail.clone()),
                )
                .filter(making_page::Column::MakingId.eq(id.to_string()))
                .filter(making_page::Column::Position.eq(outcome.position))
                .exec(&tx)
                .await?;
        }
        let may_go_on = !row.cancel_requested;
        let mut row = row.into_active_model();
        row.lease_until = Set(Some(until.0));
        row.update(&tx).await?;
        tx.commit().await?;
        Ok(may_go_on)
    }

    /// Ends a run. `false` when it is another's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_making(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
        owner: &str,
        status: MakingStatus,
        problem: Option<&str>,
        at: Millis,
    ) -> Result<bool> {
        let done = making::Entity::update_many()
            .col_expr(making::Column::Status, Expr::value(to_word(status)))
            .col_expr(
                making::Column::Problem,
                Expr::value(problem.map(str::to_owned)),
            )
            .col_expr(making::Column::FinishedAt, Expr::value(at.0))
            .col_expr(making::Column::LeaseOwner, Expr::value(None::<String>))
            .col_expr(making::Column::LeaseUntil, Expr::value(None::<i64>))
            .filter(making::Column::Id.eq(id.to_string()))
            .filter(making::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(making::Column::LeaseOwner.eq(owner))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Asks a run to stop after the page it is at; one that waits ends at once. `false` when it has ended, or is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_making(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
        at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let this = || {
            making::Entity::update_many()
                .filter(making::Column::Id.eq(id.to_string()))
                .filter(making::Column::WorkspaceId.eq(workspace.to_string()))
        };
        let queued = this()
            .col_expr(
                making::Column::Status,
                Expr::value(to_word(MakingStatus::Cancelled)),
            )
            .col_expr(making::Column::FinishedAt, Expr::value(at.0))
            .filter(making::Column::Status.eq(to_word(MakingStatus::Queued)))
            .exec(&tx)
            .await?;
        let running = this()
            .col_expr(making::Column::CancelRequested, Expr::value(true))
            .filter(making::Column::Status.eq(to_word(MakingStatus::Running)))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(queued.rows_affected + running.rows_affected > 0)
    }
}
