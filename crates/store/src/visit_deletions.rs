//! Deleting all visits of a site, single ones and counts, when its owner says so. From the moment at which it is asked for,
//! nothing of them is shown; it is done in small steps, and may be killed between any two. What comes meanwhile is kept
//! and counted afterwards.

use crate::{
    Result, Store,
    convert::Row,
    entities::{
        traffic_cube, traffic_day, visit_batch,
        visit_deletion::{ActiveModel, Column, Entity, Model},
    },
    ingest_keys, sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, SelectStatement},
};

/// A deletion that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitDeletion {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// When it was asked for.
    pub asked_at: Millis,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletionStep {
    /// Batches that it deleted.
    pub batches: u64,
    /// Whether nothing is left to do.
    pub is_over: bool,
}

impl Store {
    /// Asks for the deletion of everything that came so far. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_visit_deletion(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        now: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        // Whatever is being written is on the disk once the keys are locked, and what comes later has a higher number.
        ingest_keys::lock(&tx, site).await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let last: Option<i64> = visit_batch::Entity::find()
            .select_only()
            .column(visit_batch::Column::Id)
            .order_by_desc(visit_batch::Column::Id)
            .into_tuple()
            .one(&tx)
            .await?;
        let row = ActiveModel {
            site_id: Set(site.to_string()),
            workspace_id: Set(workspace.to_string()),
            up_to: Set(last.unwrap_or(0)),
            asked_at: Set(now.0),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::SiteId)
                    .update_columns([Column::UpTo, Column::AskedAt])
                    .to_owned(),
            )
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The deletion of a site's visits that is not done yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visit_deletion(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Option<VisitDeletion>> {
        let row = Entity::find_by_id(site.to_string())
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?;
        row.as_ref().map(from_row).transpose()
    }

    /// The deletions of every workspace that are not done yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visit_deletions_for_background(&self) -> Result<Vec<VisitDeletion>> {
        let rows = Entity::find().all(self.reader()).await?;
        rows.iter().map(from_row).collect()
    }

    /// Deletes at most `limit` rows, counts first, in one transaction. Once nothing is left, what came meanwhile may be
    /// counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visit_deletion_step(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u64,
    ) -> Result<DeletionStep> {
        let over = DeletionStep {
            batches: 0,
            is_over: true,
        };
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(over);
        }
        // Somebody else may have done the last step meanwhile; counts of later visits are none of ours.
        let Some(row) = Entity::find_by_id(site.to_string()).one(&tx).await? else {
            return Ok(over);
        };
        let mut batches = 0;
        let counts = delete_cubes(&tx, site, None, limit).await?
            + delete_days(&tx, site, None, limit).await?;
        if counts == 0 {
            batches = delete_batches(&tx, site, row.up_to, limit).await?;
        }
        let is_over = counts == 0 && batches == 0;
        if is_over {
            Entity::delete_by_id(site.to_string()).exec(&tx).await?;
        }
        tx.commit().await?;
        if is_over {
            self.forget_deleted_bytes().await?;
        }
        Ok(DeletionStep { batches, is_over })
    }

    /// Deletes at most `limit` counts of a site of before `hour`, the beginning of a block of days. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_counts_before(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        hour: i64,
        limit: u64,
    ) -> Result<u64> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(0);
        }
        let deleted = delete_cubes(&tx, site, Some(hour), limit).await?
            + delete_days(&tx, site, Some(hour.div_euclid(24)), limit).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

/// The sites whose visits are being deleted.
pub(crate) fn sites() -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::SiteId)
        .into_query()
}

/// The deletion that takes the batch of the query around it along.
pub(crate) fn of_batch() -> SelectStatement {
    let batch = |column: visit_batch::Column| Expr::col((visit_batch::Entity, column));
    Entity::find()
        .select_only()
        .column(Column::SiteId)
        .filter(Expr::col((Entity, Column::SiteId)).eq(batch(visit_batch::Column::SiteId)))
        .filter(Expr::col((Entity, Column::UpTo)).gte(batch(visit_batch::Column::Id)))
        .into_query()
}

/// Whether a site's visits are being deleted; those up to which batch.
pub(crate) async fn pending(db: &impl ConnectionTrait, site: SiteId) -> Result<Option<i64>> {
    let row = Entity::find_by_id(site.to_string()).one(db).await?;
    Ok(row.map(|row| row.up_to))
}

async fn delete_cubes(
    tx: &DatabaseTransaction,
    site: SiteId,
    before: Option<i64>,
    limit: u64,
) -> Result<u64> {
    use traffic_cube::{Column, Entity};
    let mut some = Entity::find()
        .select_only()
        .columns([Column::Level, Column::Start])
        .filter(Column::SiteId.eq(site.to_string()))
        .limit(limit);
    if let Some(before) = before {
        some = some.filter(Column::Start.lt(before));
    }
    let rows: Vec<(i16, i64)> = some.into_tuple().all(tx).await?;
    let mut deleted = 0;
    for level in domain::traffic::Level::ALL.map(domain::traffic::Level::number) {
        let starts: Vec<i64> = rows
            .iter()
            .filter(|row| row.0 == level)
            .map(|row| row.1)
            .collect();
        if starts.is_empty() {
            continue;
        }
        let done = Entity::delete_many()
            .filter(
                Condition::all()
                    .add(Column::SiteId.eq(site.to_string()))
                    .add(Column::Level.eq(level))
                    .add(Column::Start.is_in(starts)),
            )
            .exec(tx)
            .await?;
        deleted += done.rows_affected;
    }
    Ok(deleted)
}

async fn delete_days(
    tx: &DatabaseTransaction,
    site: SiteId,
    before: Option<i64>,
    limit: u64,
) -> Result<u64> {
    use traffic_day::{Column, Entity};
    let mut some = Entity::find()
        .select_only()
        .column(Column::Day)
        .filter(Column::SiteId.eq(site.to_string()))
        .limit(limit);
    if let Some(before) = before {
        some = some.filter(Column::Day.lt(before));
    }
    let days: Vec<i64> = some.into_tuple().all(tx).await?;
    if days.is_empty() {
        return Ok(0);
    }
    let done = Entity::delete_many()
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::Day.is_in(days))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

async fn delete_batches(
    tx: &DatabaseTransaction,
    site: SiteId,
    up_to: i64,
    limit: u64,
) -> Result<u64> {
    use visit_batch::{Column, Entity};
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::Id.lte(up_to))
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let done = Entity::delete_many()
        .filter(Column::Id.is_in(ids))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

fn from_row(row: &Model) -> Result<VisitDeletion> {
    let read = Row::new("visit_deletions", &row.site_id);
    Ok(VisitDeletion {
        workspace: read.parse("workspace_id", &row.workspace_id)?,
        site: read.parse("site_id", &row.site_id)?,
        asked_at: Millis(row.asked_at),
    })
}
