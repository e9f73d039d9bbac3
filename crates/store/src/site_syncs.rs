//! Where the sync of a site is: which index its edge has, how far the present run got, and why it pauses. All of it can be
//! lost: then the keys are listed again ([`Store::clear_kv_ledger`]).

use crate::{
    Result, Store,
    convert::{Row, to_json},
    entities::{
        site,
        site_sync::{ActiveModel, Column, Entity},
    },
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use serde::{Deserialize, Serialize};

/// Where the sync of a site is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncState {
    /// The revision of the manifest that was written last: milliseconds since 1970, always growing.
    pub manifest: Option<Millis>,
    /// The hash of the set of paths that the edge's index has ([`domain::edge::index::PathSet::hash`]).
    pub index_hash: Option<String>,
    /// The key of the filter that the index builds on.
    pub filter_key: Option<String>,
    /// Filters that no index names any more, and since when.
    pub retired: Vec<RetiredFilter>,
    /// When the keys were compared last with what KV lists; `None`: never, or what is there is unknown.
    pub listed_at: Option<Millis>,
    /// Whether a write was begun whose outcome was not stored.
    pub is_unsure: bool,
    /// Whether something was written since the manifest was.
    pub is_changed: bool,
    /// The run that is going on, or that was going on when its process died.
    pub run: Option<SyncRun>,
    /// Why nothing is written at the moment.
    pub pause: Option<SyncPause>,
}

/// A filter that may be deleted some time after nobody reads it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetiredFilter {
    /// Its key.
    pub key: String,
    /// When the index stopped naming it.
    pub at: Millis,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncRun {
    /// When it began.
    pub started_at: Millis,
    /// Variants to write and keys to delete, as it began.
    pub total: u64,
    /// How many of them are done.
    pub done: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// Why nothing is written at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPause {
    /// Why.
    pub reason: SyncPauseReason,
    /// When it goes on by itself; `None`: when the owner has said how.
    pub until: Option<Millis>,
    /// Writes that wait.
    pub writes: u64,
    /// Days of the account's quota that they take, today not counted.
    pub days: u64,
}

/// Why a sync pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncPauseReason {
    /// More than the account has left today; the owner has not said that it may be spread over days.
    QuotaAsk,
    /// Spread over days: today's share is written.
    QuotaSpread,
    /// Cloudflare said that the account's writes of the day are spent.
    QuotaSpent,
}

/// An index that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenIndex {
    /// The revision of its manifest.
    pub manifest: Millis,
    /// The hash of its set of paths.
    pub hash: String,
    /// The key of its filter, if it has one.
    pub filter_key: Option<String>,
    /// The filter's bytes, if it is another one than before.
    pub filter: Option<Vec<u8>>,
    /// Filters that it does not name any more.
    pub retired: Vec<RetiredFilter>,
}

impl Store {
    /// Where the sync of a site is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sync_state(&self, workspace: WorkspaceId, site: SiteId) -> Result<SyncState> {
        // Without the filter, which may have megabytes.
        let row = of(workspace, site)
            .select_only()
            .columns([
                Column::SiteId,
                Column::WorkspaceId,
                Column::Manifest,
                Column::IndexHash,
                Column::FilterKey,
                Column::Retired,
                Column::ListedAt,
                Column::IsUnsure,
                Column::IsChanged,
                Column::RunStartedAt,
                Column::RunTotal,
                Column::RunWritten,
                Column::RunBytes,
                Column::Pause,
            ])
            .expr_as(Expr::value(None::<Vec<u8>>), "filter")
            .one(self.reader())
            .await?;
        let Some(model) = row else {
            return Ok(SyncState::default());
        };
        let row = Row::new("site_syncs", &model.site_id);
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(SyncState {
            manifest: model.manifest.map(Millis),
            retired: row
                .json_option("retired", model.retired.as_ref())?
                .unwrap_or_default(),
            listed_at: model.listed_at.map(Millis),
            is_unsure: model.is_unsure,
            is_changed: model.is_changed,
            run: model.run_started_at.map(|at| SyncRun {
                started_at: Millis(at),
                total: count(model.run_total),
                done: count(model.run_written),
                bytes: count(model.run_bytes),
            }),
            pause: row.json_option("pause", model.pause.as_ref())?,
            index_hash: model.index_hash,
            filter_key: model.filter_key,
        })
    }

    /// The bytes of the filter that the edge's index builds on, as they were written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn index_filter(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Option<Vec<u8>>> {
        let found: Option<Option<Vec<u8>>> = of(workspace, site)
            .select_only()
            .column(Column::Filter)
            .into_tuple()
            .one(self.reader())
            .await?;
        Ok(found.flatten())
    }

    /// Writes down that a run begins with so many things to do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_sync_run(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
        total: u64,
    ) -> Result<()> {
        let mut row = row(workspace, site);
        row.run_started_at = Set(Some(at.0));
        row.run_total = Set(whole(total));
        row.run_written = Set(0);
        row.run_bytes = Set(0);
        let columns = [
            Column::RunStartedAt,
            Column::RunTotal,
            Column::RunWritten,
            Column::RunBytes,
        ];
        put(self.writer(), row, &columns).await
    }

    /// Writes down how a run ended: with a pause, or without.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sync_run(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        pause: Option<&SyncPause>,
    ) -> Result<()> {
        let mut row = row(workspace, site);
        row.run_started_at = Set(None);
        row.pause = Set(pause.map(to_json));
        put(self.writer(), row, &[Column::RunStartedAt, Column::Pause]).await
    }

    /// Writes down that keys are about to be written: until the acknowledgement is stored, what KV has is unsure.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_kv_write(&self, workspace: WorkspaceId, site: SiteId) -> Result<()> {
        let mut row = row(workspace, site);
        row.is_unsure = Set(true);
        row.is_changed = Set(true);
        put(self.writer(), row, &[Column::IsUnsure, Column::IsChanged]).await
    }

    /// Writes down that the outcome of what was begun is stored, and how far the run is by that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_kv_write(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        done: u64,
        bytes: u64,
    ) -> Result<()> {
        let more = |column: Column, by: u64| Expr::col(column).add(whole(by));
        Entity::update_many()
            .col_expr(Column::IsUnsure, Expr::value(false))
            .col_expr(Column::RunWritten, more(Column::RunWritten, done))
            .col_expr(Column::RunBytes, more(Column::RunBytes, bytes))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Writes down which index the edge has now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_index(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        index: &WrittenIndex,
    ) -> Result<()> {
        let mut row = row(workspace, site);
        row.manifest = Set(Some(index.manifest.0));
        row.index_hash = Set(Some(index.hash.clone()));
        row.filter_key = Set(index.filter_key.clone());
        row.retired = Set(Some(to_json(&index.retired)));
        row.is_changed = Set(false);
        let mut columns = vec![
            Column::Manifest,
            Column::IndexHash,
            Column::FilterKey,
            Column::Retired,
            Column::IsChanged,
        ];
        if index.filter.is_some() || index.filter_key.is_none() {
            row.filter = Set(index.filter.clone());
            columns.push(Column::Filter);
        }
        put(self.writer(), row, &columns).await
    }

    /// Writes down that the keys were compared with what KV lists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_listed(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
        retired: &[RetiredFilter],
    ) -> Result<()> {
        let mut row = row(workspace, site);
        row.listed_at = Set(Some(at.0));
        row.is_unsure = Set(false);
        row.retired = Set(Some(to_json(retired)));
        let columns = [Column::ListedAt, Column::IsUnsure, Column::Retired];
        put(self.writer(), row, &columns).await
    }

    /// Writes down which filters are still to be deleted some time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_retired(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        retired: &[RetiredFilter],
    ) -> Result<()> {
        let mut row = row(workspace, site);
        row.retired = Set(Some(to_json(retired)));
        put(self.writer(), row, &[Column::Retired]).await
    }

    /// Asks for a sync of every site whose keys were listed last before `before`; says how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn want_listings_for_background(&self, now: Millis, before: Millis) -> Result<u64> {
        let due = Query::select()
            .column(Column::SiteId)
            .from(Entity)
            .and_where(Column::ListedAt.lt(before.0))
            .to_owned();
        let done = site::Entity::update_many()
            .col_expr(site::Column::SyncWantedAt, Expr::value(now.0))
            .filter(site::Column::SyncWantedAt.is_null())
            .filter(site::Column::Id.in_subquery(due))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }
}

/// Within the transaction that clears the ledger: nothing is known of what KV has.
pub(crate) async fn forget(db: &impl ConnectionTrait, site: SiteId) -> Result<()> {
    Entity::delete_many()
        .filter(Column::SiteId.eq(site.to_string()))
        .exec(db)
        .await?;
    Ok(())
}

fn of(workspace: WorkspaceId, site: SiteId) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
}

/// Everything else is as the table's defaults say.
fn row(workspace: WorkspaceId, site: SiteId) -> ActiveModel {
    ActiveModel {
        site_id: Set(site.to_string()),
        workspace_id: Set(workspace.to_string()),
        manifest: NotSet,
        index_hash: NotSet,
        filter_key: NotSet,
        filter: NotSet,
        retired: NotSet,
        listed_at: NotSet,
        is_unsure: NotSet,
        is_changed: NotSet,
        run_started_at: NotSet,
        run_total: NotSet,
        run_written: NotSet,
        run_bytes: NotSet,
        pause: NotSet,
    }
}

async fn put(db: &impl ConnectionTrait, row: ActiveModel, columns: &[Column]) -> Result<()> {
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::SiteId)
                .update_columns(columns.iter().copied())
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
