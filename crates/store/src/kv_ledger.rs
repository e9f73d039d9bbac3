//! The ledger of the edge: for each path what should be in KV (`wanted`, written with every publication, in its
//! transaction) and what Cloudflare acknowledged (`acked`). A row where the two differ is `pending`; what is pending is
//! found by an index, so that a sync costs what changed and not what there is.

mod changes;
mod listing;

use crate::{
    Result, Store,
    convert::Row,
    database::bind_parameters_max,
    entities::{kv_ledger, site},
    site_syncs, sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, ExprTrait, OnConflict, SimpleExpr},
};

use changes::forget;
pub(crate) use changes::{want, want_nothing, want_nothing_for};
pub use listing::ListedKey;

/// A published revision that the edge has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvWrite {
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// The revision; its bytes come from [`Store::content`].
    pub revision: Revision,
}

/// What is to be written and deleted at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvDiff {
    /// To write. Those that failed before come last.
    pub writes: Vec<KvWrite>,
    /// The keys to delete.
    pub deletes: Vec<String>,
}

impl KvDiff {
    /// Whether the edge has everything, and nothing else.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.deletes.is_empty()
    }
}

/// How many writes and deletes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingCounts {
    /// Variants to write.
    pub writes: u64,
    /// Keys to delete.
    pub deletes: u64,
}

/// A write that Cloudflare acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The key in KV.
    pub key: String,
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// The revision that was written.
    pub revision: Revision,
    /// When it was acknowledged.
    pub written_at: Millis,
}

/// How far a site's content is at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KvStatus {
    /// Paths on their way: to be written or deleted.
    pub pending: u64,
    /// Paths whose published revision is at the edge.
    pub live: u64,
    /// Paths that Cloudflare refused; they are tried again.
    pub failed: u64,
    /// When the last sync ended well.
    pub last_synced_at: Option<Millis>,
    /// Calls to Cloudflare of all syncs so far.
    pub api_calls: u64,
}

impl Store {
    /// What the edge should get: at most `limit` writes and `limit` deletes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u32,
    ) -> Result<KvDiff> {
        Ok(KvDiff {
            writes: self.pending_writes(workspace, site, limit).await?,
            deletes: self.pending_deletes(workspace, site, limit).await?,
        })
    }

    /// At most `limit` writes that the edge should get. Those that failed before come last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_writes(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u32,
    ) -> Result<Vec<KvWrite>> {
        let wanted = Expr::col(kv_ledger::Column::WantedRevision).is_not_null();
        let rows: Vec<(String, String, Option<String>)> = pending(workspace, site, wanted)
            .select_only()
            .column(kv_ledger::Column::Format)
            .column(kv_ledger::Column::Path)
            .column(kv_ledger::Column::WantedRevision)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reader())
            .await?;
        let mut writes = Vec::with_capacity(rows.len());
        for (format, path, revision) in rows {
            let row = Row::new("kv_ledger", &path);
            let (format, revision) = (
                row.parse("format", &format)?,
                row.parse_option("wanted_revision", revision.as_ref())?,
            );
            if let Some(revision) = revision {
                writes.push(KvWrite {
                    format,
                    path,
                    revision,
                });
            }
        }
        Ok(writes)
    }

    /// At most `limit` keys that the edge should lose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_deletes(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u32,
    ) -> Result<Vec<String>> {
        let unwanted = Expr::col(kv_ledger::Column::WantedRevision).is_null();
        let keys: Vec<Option<String>> = pending(workspace, site, unwanted)
            .select_only()
            .column(kv_ledger::Column::Key)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(keys.into_iter().flatten().collect())
    }

    /// How many writes and deletes wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_counts(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<PendingCounts> {
        let count = |condition: SimpleExpr| {
            of(workspace, site)
                .filter(is_pending())
                .filter(condition)
                .count(self.reader())
        };
        let wanted = || Expr::col(kv_ledger::Column::WantedRevision);
        Ok(PendingCounts {
            writes: count(wanted().is_not_null()).await?,
            deletes: count(wanted().is_null()).await?,
        })
    }

    /// The counts of a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_status(&self, workspace: WorkspaceId, site: SiteId) -> Result<KvStatus> {
        let owner = sites::of(workspace)
            .filter(site::Column::Id.eq(site.to_string()))
            .one(self.reader())
            .await?;
        let Some(owner) = owner else {
            return Ok(KvStatus::default());
        };
        // By the site alone, which is the workspace's: so an index answers, and no row is read.
        let all = kv_ledger::Entity::find().filter(kv_ledger::Column::SiteId.eq(site.to_string()));
        let waiting = || all.clone().filter(is_pending());
        let failed = waiting()
            .filter(kv_ledger::Column::Failed.eq(true))
            .count(self.reader())
            .await?;
        let pending = waiting()
            .filter(kv_ledger::Column::Failed.eq(false))
            .count(self.reader())
            .await?;
        // Every row that is not pending is one whose wanted revision is acknowledged.
        let total = all.count(self.reader()).await?;
        Ok(KvStatus {
            pending,
            failed,
            live: total.saturating_sub(pending + failed),
            last_synced_at: owner.last_synced_at.map(Millis),
            api_calls: u64::try_from(owner.sync_api_calls).unwrap_or(0),
        })
    }

    /// Writes down what Cloudflare acknowledged. What was published anew in between stays pending.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acknowledge_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        entries: &[LedgerEntry],
    ) -> Result<()> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(());
        }
        for chunk in entries.chunks(bind_parameters_max(&tx) / 10) {
            let rows = chunk.iter().map(|entry| kv_ledger::ActiveModel {
                site_id: Set(site.to_string()),
                format: Set(entry.format.as_str().to_owned()),
                path: Set(entry.path.clone()),
                workspace_id: Set(workspace.to_string()),
                key: Set(Some(entry.key.clone())),
                wanted_revision: Set(None),
                acked_revision: Set(Some(entry.revision.to_string())),
                acked_at: Set(Some(entry.written_at.0)),
                pending: Set(true),
                failed: Set(false),
            });
            let mut known = OnConflict::columns(KEY);
            known
                .update_columns([
                    kv_ledger::Column::Key,
                    kv_ledger::Column::AckedRevision,
                    kv_ledger::Column::AckedAt,
                    kv_ledger::Column::Failed,
                ])
                .value(
                    kv_ledger::Column::Pending,
                    Expr::cust(
                        "kv_ledger.wanted_revision IS DISTINCT FROM excluded.acked_revision",
                    ),
                );
            kv_ledger::Entity::insert_many(rows)
                .on_conflict(known)
                .exec_without_returning(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Writes down that the keys are not at the edge any more. What is wanted by now stays, as pending.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_kv(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        keys: &[String],
    ) -> Result<()> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(());
        }
        for chunk in keys.chunks(1000) {
            let these = Condition::all()
                .add(kv_ledger::Column::Key.is_in(chunk.iter().map(String::as_str)));
            forget(&tx, site, these).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Forgets everything the edge acknowledged: the namespace is new, or what is in it is unknown. All that is published
    /// is pending again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_kv_ledger(&self, workspace: WorkspaceId, site: SiteId) -> Result<()> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(());
        }
        forget(&tx, site, Condition::all()).await?;
        site_syncs::forget(&tx, site).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Marks paths whose write was refused, by format and path, since what was never written has no key here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_kv_failed(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        failed: &[(Format, String)],
    ) -> Result<()> {
        let tx = self.begin().await?;
        for format in Format::ALL {
            let paths: Vec<&str> = failed
                .iter()
                .filter(|(of, _)| *of == format)
                .map(|(_, path)| path.as_str())
                .collect();
            for chunk in paths.chunks(1000) {
                kv_ledger::Entity::update_many()
                    .col_expr(kv_ledger::Column::Failed, Expr::value(true))
                    .filter(kv_ledger::Column::WorkspaceId.eq(workspace.to_string()))
                    .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
                    .filter(kv_ledger::Column::Format.eq(format.as_str()))
                    .filter(kv_ledger::Column::Path.is_in(chunk.iter().copied()))
                    .filter(is_pending())
                    .exec(&tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// The primary key.
const KEY: [kv_ledger::Column; 3] = [
    kv_ledger::Column::SiteId,
    kv_ledger::Column::Format,
    kv_ledger::Column::Path,
];

fn of(workspace: WorkspaceId, site: SiteId) -> Select<kv_ledger::Entity> {
    kv_ledger::Entity::find()
        .filter(kv_ledger::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
}

/// What is pending under a condition; what failed before comes last.
fn pending(
    workspace: WorkspaceId,
    site: SiteId,
    condition: SimpleExpr,
) -> Select<kv_ledger::Entity> {
    of(workspace, site)
        .filter(is_pending())
        .filter(condition)
        .order_by_asc(kv_ledger::Column::Failed)
        .order_by_asc(kv_ledger::Column::Path)
        .order_by_asc(kv_ledger::Column::Format)
}

/// Written out, not as a bound value: only so do both databases know that the partial index answers it.
fn is_pending() -> Expr {
    Expr::cust("pending")
}
