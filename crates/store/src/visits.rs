//! Visits as they came: batches of up to a thousand, one row each, so that tens of thousands of visits a second are few
//! writes. A batch has an id of the Worker's choice; the same one twice counts once.
//!
//! What is in a row: the visits in postcard's encoding behind one byte for its version, compressed by zstd.

use crate::{
    DatabaseKind, Result, Store,
    convert::Row,
    database::bind_parameters_max,
    entities::{
        ingest_key,
        visit_batch::{ActiveModel, Column, Entity, Model},
    },
    ingest_keys,
    packing::{Unpacker, compress},
    visit_deletions,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    visit::Visit,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::HashSet;

/// The first byte of what is compressed.
const VERSION: u8 = 1;

/// zstd's level 1: twice as fast as its default, a tenth larger.
const LEVEL: i32 = 1;

/// The most bytes of one row when decompressed: a thousand visits with the longest of everything.
const UNPACKED_MAX: usize = 8 * 1024 * 1024;

/// Visits that came together.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// The key it came with; a batch whose key is gone by the time of writing is not taken.
    pub key_hash: String,
    /// The Worker's id of it.
    pub batch: String,
    /// When it came.
    pub received_at: Millis,
    /// How many visits the Worker gave up before it.
    pub dropped: u32,
    /// The visits; at least one.
    pub visits: Vec<Visit>,
}

/// A batch ready to be written.
#[derive(Debug, Clone)]
pub struct PackedBatch {
    row: ActiveModel,
    key_hash: String,
    visits: u32,
}

impl PackedBatch {
    /// Encodes and compresses.
    pub fn of(batch: &NewBatch) -> Self {
        let times = || batch.visits.iter().map(|visit| visit.at.0);
        Self {
            key_hash: batch.key_hash.clone(),
            visits: u32::try_from(batch.visits.len()).unwrap_or(u32::MAX),
            row: ActiveModel {
                workspace_id: Set(batch.workspace.to_string()),
                site_id: Set(batch.site.to_string()),
                batch: Set(batch.batch.clone()),
                received_at: Set(batch.received_at.0),
                first_at: Set(times().min().unwrap_or(batch.received_at.0)),
                last_at: Set(times().max().unwrap_or(batch.received_at.0)),
                visits: Set(i32::try_from(batch.visits.len()).unwrap_or(i32::MAX)),
                dropped: Set(i32::try_from(batch.dropped).unwrap_or(i32::MAX)),
                data: Set(pack(&batch.visits)),
                rolled_up: Set(false),
                unknown: Set(Some(unknown_among(&batch.visits))),
                ..Default::default()
            },
        }
    }

    /// How many visits are in it.
    pub const fn visits(&self) -> u32 {
        self.visits
    }
}

/// Visits that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// The row.
    pub id: i64,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// When it came.
    pub received_at: Millis,
    /// How many visits the Worker gave up before it.
    pub dropped: u32,
    /// The visits.
    pub visits: Vec<Visit>,
}

/// Which batches of a site to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitQuery {
    /// Only batches with a visit at or after this time.
    pub from: Millis,
    /// Only batches with a visit before this time.
    pub to: Millis,
    /// Only batches after this row.
    pub after: i64,
    /// The most batches.
    pub limit: u64,
}

impl Store {
    /// Writes batches in one transaction that is on the disk when this returns. Answers how many of them are new; the
    /// others came before, or their key is gone.
    ///
    /// # Errors
    /// When the database fails; then none is written.
    pub async fn append_visits(&self, batches: &[PackedBatch], now: Millis) -> Result<u64> {
        let _turn = self.appending.lock().await;
        if self.kind() == DatabaseKind::Sqlite {
            // Everything else on this connection may be lost with the power; what was acknowledged to a Worker may not.
            self.writer()
                .execute_unprepared("PRAGMA synchronous = FULL")
                .await?;
        }
        let written = self.append_in_one(batches, now).await;
        if self.kind() == DatabaseKind::Sqlite {
            self.writer()
                .execute_unprepared("PRAGMA synchronous = NORMAL")
                .await?;
        }
        written
    }

    async fn append_in_one(&self, batches: &[PackedBatch], now: Millis) -> Result<u64> {
        let tx = self.begin().await?;
        let good = good_keys(&tx, batches, now).await?;
        let mut rows: Vec<_> = batches
            .iter()
            .filter(|batch| good.contains(&batch.key_hash))
            .map(|batch| batch.row.clone())
            .collect();
        // Each row locks its site's against deletion: in the one order in which sites are locked.
        rows.sort_by(|one, other| site_of(one).cmp(&site_of(other)));
        let mut written = 0;
        for chunk in rows.chunks(Ord::min(bind_parameters_max(&tx) / 11, 500)) {
            written += Entity::insert_many(chunk.iter().cloned())
                .on_conflict(
                    OnConflict::columns([Column::SiteId, Column::Batch])
                        .do_nothing()
                        .to_owned(),
                )
                .exec_without_returning(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(written)
    }

    /// Batches that are in no count yet, oldest first, of every workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches_to_roll_up_for_background(&self, limit: u64) -> Result<Vec<StoredBatch>> {
        Entity::find()
            .filter(Column::RolledUp.eq(false))
            // What comes while a site's visits are deleted is counted after that.
            .filter(Column::SiteId.not_in_subquery(visit_deletions::sites()))
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// How many batches are in no count yet, and when the oldest of them came.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roll_up_lag_for_background(&self) -> Result<(u64, Option<Millis>)> {
        let waiting = || Entity::find().filter(Column::RolledUp.eq(false));
        let count = waiting().count(self.reader()).await?;
        let oldest: Option<i64> = waiting()
            .select_only()
            .column(Column::ReceivedAt)
            .order_by_asc(Column::Id)
            .into_tuple()
            .one(self.reader())
            .await?;
        Ok((count, oldest.map(Millis)))
    }

    /// Batches of a site, in the order in which they came.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visit_batches(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        query: VisitQuery,
    ) -> Result<Vec<StoredBatch>> {
        of(workspace, site)
            .filter(Column::LastAt.gte(query.from.0))
            .filter(Column::FirstAt.lt(query.to.0))
            .filter(Column::Id.gt(query.after))
            .order_by_asc(Column::Id)
            .limit(query.limit)
            .all(self.reader())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// The row of the batch with the newest visit, if any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_visit_batch(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Option<i64>> {
        Ok(of(workspace, site)
            .select_only()
            .column(Column::Id)
            .order_by_desc(Column::LastAt)
            .order_by_desc(Column::Id)
            .into_tuple()
            .one(self.reader())
            .await?)
    }

    /// The newest batches of a site, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_visit_batches(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u64,
    ) -> Result<Vec<StoredBatch>> {
        of(workspace, site)
            .order_by_desc(Column::LastAt)
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// Deletes at most `limit` batches of a site whose last visit lies before `before` and that are counted. Answers how
    /// many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_visits_before(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        before: Millis,
        limit: u64,
    ) -> Result<u64> {
        let old: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::LastAt.lt(before.0))
            .filter(Column::RolledUp.eq(true))
            .order_by_asc(Column::LastAt)
            .limit(limit)
            .into_tuple()
            .all(self.reader())
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let deleted = Entity::delete_many()
            .filter(Column::Id.is_in(old))
            .exec(self.writer())
            .await?;
        Ok(deleted.rows_affected)
    }

    /// When the oldest visit of a site that is still kept was, as far as a batch tells: its first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn oldest_visit(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Option<Millis>> {
        let first: Option<i64> = of(workspace, site)
            .select_only()
            .column(Column::FirstAt)
            .order_by_asc(Column::LastAt)
            .into_tuple()
            .one(self.reader())
            .await?;
        Ok(first.map(Millis))
    }
}

fn site_of(row: &ActiveModel) -> (Option<&String>, Option<&String>) {
    (row.workspace_id.try_as_ref(), row.site_id.try_as_ref())
}

pub(crate) fn of(workspace: WorkspaceId, site: SiteId) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        // What is to be deleted is not shown any more.
        .filter(Expr::exists(visit_deletions::of_batch()).not())
}

/// How many of them are of visitors that no registry knew.
pub(crate) fn unknown_among(visits: &[Visit]) -> i32 {
    let unknown = visits.iter().filter(|visit| visit.is_unknown()).count();
    i32::try_from(unknown).unwrap_or(i32::MAX)
}

/// Those of the batches' keys that are good now; their sites cannot be deleted before the transaction ends.
async fn good_keys(
    tx: &DatabaseTransaction,
    batches: &[PackedBatch],
    now: Millis,
) -> Result<HashSet<String>> {
    let asked: HashSet<&str> = batches
        .iter()
        .map(|batch| batch.key_hash.as_str())
        .collect();
    let mut good = HashSet::new();
    let asked: Vec<&str> = asked.into_iter().collect();
    for chunk in asked.chunks(1_000) {
        let rows = ingest_key::Entity::find()
            .filter(ingest_key::Column::KeyHash.is_in(chunk.iter().copied()))
            .filter(ingest_keys::good(now))
            .lock_shared()
            .all(tx)
            .await?;
        good.extend(rows.into_iter().map(|row| row.key_hash));
    }
    Ok(good)
}

pub(crate) fn pack(visits: &[Visit]) -> Vec<u8> {
    let mut plain = vec![VERSION];
    plain.extend(postcard::to_allocvec(visits).expect("visits are numbers, words and lists"));
    compress(&plain, LEVEL)
}

pub(crate) fn from_row(row: &Model) -> Result<StoredBatch> {
    let id = row.id.to_string();
    let read = Row::new("visit_batches", &id);
    let plain = Unpacker::new()
        .unpack(&row.data, UNPACKED_MAX)
        .map_err(|error| read.corrupt("data", error))?;
    let visits = match plain.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| read.corrupt("data", error))?
        }
        _ => return Err(read.corrupt("data", "of an unknown version")),
    };
    Ok(StoredBatch {
        id: row.id,
        workspace: read.parse("workspace_id", &row.workspace_id)?,
        site: read.parse("site_id", &row.site_id)?,
        received_at: Millis(row.received_at),
        dropped: read.count("dropped", row.dropped.into())?,
        visits,
    })
}
