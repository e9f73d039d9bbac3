//! Reading the user agents of unknown visitors again when the registry of agents changed. A batch is rewritten and its
//! counts are moved from *unknown* to the agent in one transaction, so that no moment shows a visit twice or not at all;
//! how far that went is written down with it.

use crate::{
    Result, Store,
    entities::{
        visit_batch,
        visit_reading::{ActiveModel, Column, Entity, Model},
    },
    sites,
    traffic::{SLACK, cube, day_of, put_cube, put_day, unfold},
    visit_deletions, visits,
    visits::{StoredBatch, pack, unknown_among},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    traffic::{HOUR_MS, Level, Stretch},
    visit::Visit,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::BTreeMap;

/// How far the user agents of a workspace's visits were read by a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitReading {
    /// The registry, by its digest.
    pub digest: String,
    /// The last batch that was read by it.
    pub up_to: i64,
    /// When this registry was first met.
    pub begun_at: Millis,
    /// Whether everything was read.
    pub is_done: bool,
}

/// A batch with visits of somebody unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// The batch.
    pub batch: StoredBatch,
    /// Whether it is counted; before that nobody may change it.
    pub is_counted: bool,
    /// As it stands in the database.
    data: Vec<u8>,
}

/// A visit that is somebody's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAgain {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// The agent's token.
    pub agent: String,
}

impl Store {
    /// How far the workspace's visits were read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visit_reading(&self, workspace: WorkspaceId) -> Result<Option<VisitReading>> {
        let row = Entity::find_by_id(workspace.to_string())
            .one(self.reader())
            .await?;
        Ok(row.map(|row: Model| VisitReading {
            digest: row.digest,
            up_to: row.up_to,
            begun_at: Millis(row.begun_at),
            is_done: row.is_done,
        }))
    }

    /// Begins to read by another registry, from the first batch on. Nothing changes when it is the one of the last time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_visit_reading(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        now: Millis,
    ) -> Result<()> {
        let row = ActiveModel {
            workspace_id: Set(workspace.to_string()),
            digest: Set(digest.to_owned()),
            up_to: Set(0),
            begun_at: Set(now.0),
            is_done: Set(false),
        };
        let mut other = OnConflict::column(Column::WorkspaceId);
        other
            .update_columns([
                Column::Digest,
                Column::UpTo,
                Column::BegunAt,
                Column::IsDone,
            ])
            .action_and_where(ExprTrait::ne(Expr::col((Entity, Column::Digest)), digest));
        Entity::insert(row)
            .on_conflict(other)
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// Writes down how far it went; `is_done` when nothing is left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn advance_visit_reading(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        up_to: i64,
        is_done: bool,
    ) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::UpTo, Expr::value(up_to))
            .col_expr(Column::IsDone, Expr::value(is_done))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::Digest.eq(digest))
            .filter(Column::UpTo.lte(up_to))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Some batches of a workspace that hold visits of somebody unknown, after the batch `after` and received before
    /// `before`, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches_to_read_again(
        &self,
        workspace: WorkspaceId,
        after: i64,
        before: Millis,
        limit: u64,
    ) -> Result<Vec<Reread>> {
        use visit_batch::{Column, Entity};
        let rows = Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::Id.gt(after))
            .filter(Column::ReceivedAt.lt(before.0))
            .filter(holds_unknown())
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Reread {
                    batch: visits::from_row(&row)?,
                    is_counted: row.rolled_up,
                    data: row.data,
                })
            })
            .collect()
    }

    /// The batches of a site with visits of somebody unknown at or after `from`, the newest first, before the batch
    /// `before` where one is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unknown_visit_batches(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        from: Millis,
        before: Option<(Millis, i64)>,
        limit: u64,
    ) -> Result<Vec<(Millis, StoredBatch)>> {
        use visit_batch::Column;
        let mut query = visits::of(workspace, site)
            .filter(Column::LastAt.gte(from.0))
            .filter(holds_unknown())
            .order_by_desc(Column::LastAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        if let Some((last_at, id)) = before {
            query = query.filter(
                Condition::any().add(Column::LastAt.lt(last_at.0)).add(
                    Condition::all()
                        .add(Column::LastAt.eq(last_at.0))
                        .add(Column::Id.lt(id)),
                ),
            );
        }
        let rows = query.all(self.reader()).await?;
        rows.iter()
            .map(|row| Ok((Millis(row.last_at), visits::from_row(row)?)))
            .collect()
    }

    /// Gives visits of a batch to the agents that they are of, and moves what was counted of them. `false` when the batch
    /// is another one by now, or gone: then nothing is changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_again(&self, read: &Reread, found: &[ReadAgain]) -> Result<bool> {
        let StoredBatch {
            id,
            workspace,
            site,
            ..
        } = read.batch;
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        if visit_deletions::pending(&tx, site).await?.is_some() {
            return Ok(false);
        }
        let row = visit_batch::Entity::find_by_id(id)
            .lock_exclusive()
            .one(&tx)
            .await?;
        if !row.is_some_and(|row| row.rolled_up && row.data == read.data) {
            return Ok(false);
        }
        let mut visits = read.batch.visits.clone();
        let mut hours: BTreeMap<i64, Vec<(Visit, &str)>> = BTreeMap::new();
        for ReadAgain { index, agent } in found {
            let Some(visit) = visits.get_mut(*index) else {
                continue;
            };
            let hour = visit.at.0.div_euclid(HOUR_MS);
            hours.entry(hour).or_default().push((visit.clone(), agent));
            visit.agent.clone_from(agent);
            visit.user_agent = None;
        }
        for (hour, moved) in hours {
            move_counts(&tx, workspace, site, hour, &moved).await?;
        }
        visit_batch::Entity::update_many()
            .col_expr(visit_batch::Column::Data, Expr::value(pack(&visits)))
            .col_expr(
                visit_batch::Column::Unknown,
                Expr::value(unknown_among(&visits)),
            )
            .filter(visit_batch::Column::Id.eq(id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn holds_unknown() -> Condition {
    use visit_batch::Column;
    Condition::any()
        .add(Column::Unknown.is_null())
        .add(Column::Unknown.gt(0))
}

/// Counts these visits of an hour under other agents. The site is locked.
async fn move_counts(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    hour: i64,
    moved: &[(Visit, &str)],
) -> Result<()> {
    let stretch = Stretch::holding(Level::Hour, hour);
    // Counts that are older than we keep them are gone; then there is nothing to move.
    if let Some(mut counts) = cube(tx, site, stretch).await? {
        for (visit, agent) in moved {
            counts.give(visit, agent);
        }
        let counts = counts.bounded(stretch.level.paths_max(), SLACK);
        put_cube(tx, workspace, site, stretch, &counts.sections()).await?;
        unfold(tx, site, hour).await?;
    }
    let day = hour.div_euclid(24);
    if let Some(mut counts) = day_of(tx, site, day).await? {
        let at = usize::try_from(hour.rem_euclid(24)).unwrap_or(0);
        for (visit, agent) in moved {
            counts.give(at, visit, agent);
        }
        put_day(tx, workspace, site, day, &counts).await?;
    }
    Ok(())
}
