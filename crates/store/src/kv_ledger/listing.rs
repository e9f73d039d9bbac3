//! The ledger read in pieces, and held against what KV lists.

use super::{KEY, LedgerEntry, changes::forget, of};
use crate::{
    Result, Store, convert::Row, database::bind_parameters_max, entities::kv_ledger, sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Func},
};
use std::collections::HashMap;

/// A variant as KV lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// The key.
    pub key: String,
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// The revision in the metadata.
    pub revision: Revision,
}

impl Store {
    /// The paths that have a variant at the edge and shall keep it, by format and path; at most `limit` after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_paths(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        after: Option<&(Format, String)>,
        limit: u64,
    ) -> Result<Vec<(Format, String)>> {
        let rows: Vec<(String, String)> = in_order(workspace, site, after)
            .select_only()
            .column(kv_ledger::Column::Format)
            .column(kv_ledger::Column::Path)
            .filter(kv_ledger::Column::AckedRevision.is_not_null())
            .filter(kv_ledger::Column::WantedRevision.is_not_null())
            .limit(limit)
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(format, path)| {
                Ok((Row::new("kv_ledger", &path).parse("format", &format)?, path))
            })
            .collect()
    }

    /// What was acknowledged and not forgotten, by format and path; at most `limit` after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_entries(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        after: Option<&(Format, String)>,
        limit: u64,
    ) -> Result<Vec<LedgerEntry>> {
        let rows = in_order(workspace, site, after)
            .filter(kv_ledger::Column::AckedRevision.is_not_null())
            .limit(limit)
            .all(self.reader())
            .await?;
        let mut entries = Vec::with_capacity(rows.len());
        for model in rows {
            let row = Row::new("kv_ledger", &model.site_id);
            let revision = row.parse_option("acked_revision", model.acked_revision.as_ref())?;
            if let (Some(revision), Some(key), Some(at)) = (revision, model.key, model.acked_at) {
                entries.push(LedgerEntry {
                    key,
                    format: row.parse("format", &model.format)?,
                    path: model.path,
                    revision,
                    written_at: Millis(at),
                });
            }
        }
        Ok(entries)
    }

    /// Paths of at least so many bytes that are wanted or there: their keys do not tell them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn long_paths(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        bytes: u64,
    ) -> Result<Vec<(Format, String)>> {
        let length = Func::char_length(Expr::col(kv_ledger::Column::Path));
        let rows: Vec<(String, String)> = of(workspace, site)
            .select_only()
            .column(kv_ledger::Column::Format)
            .column(kv_ledger::Column::Path)
            .filter(Expr::expr(length).gte(i64::try_from(bytes).unwrap_or(i64::MAX)))
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(format, path)| {
                Ok((Row::new("kv_ledger", &path).parse("format", &format)?, path))
            })
            .collect()
    }

    /// Holds keys that KV lists against the ledger, and takes over what it says otherwise; says how many that were. What
    /// nobody published becomes a key to delete.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_over_listed(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        listed: &[ListedKey],
        at: Millis,
    ) -> Result<u64> {
        let mut known = HashMap::with_capacity(listed.len());
        for format in Format::ALL {
            let paths: Vec<&str> = listed
                .iter()
                .filter(|key| key.format == format)
                .map(|key| key.path.as_str())
                .collect();
            for chunk in paths.chunks(1000) {
                let rows: Vec<(String, Option<String>, Option<String>)> = of(workspace, site)
                    .select_only()
                    .column(kv_ledger::Column::Path)
                    .column(kv_ledger::Column::AckedRevision)
                    .column(kv_ledger::Column::Key)
                    .filter(kv_ledger::Column::Format.eq(format.as_str()))
                    .filter(kv_ledger::Column::Path.is_in(chunk.iter().copied()))
                    .into_tuple()
                    .all(self.reader())
                    .await?;
                for (path, revision, key) in rows {
                    known.insert((format, path), (revision, key));
                }
            }
        }
        let other: Vec<LedgerEntry> = listed
            .iter()
            .filter(|key| {
                known
                    .get(&(key.format, key.path.clone()))
                    .is_none_or(|(revision, name)| {
                        revision.as_deref() != Some(key.revision.as_str())
                            || name.as_deref() != Some(key.key.as_str())
                    })
            })
            .map(|key| LedgerEntry {
                key: key.key.clone(),
                format: key.format,
                path: key.path.clone(),
                revision: key.revision.clone(),
                written_at: at,
            })
            .collect();
        self.acknowledge_kv(workspace, site, &other).await?;
        Ok(other.len() as u64)
    }

    /// Writes down that these paths have nothing at the edge, whatever was acknowledged. What is wanted there is pending.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_kv_paths(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        paths: &[(Format, String)],
    ) -> Result<()> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(());
        }
        for format in Format::ALL {
            let of_format: Vec<&str> = paths
                .iter()
                .filter(|(of, _)| *of == format)
                .map(|(_, path)| path.as_str())
                .collect();
            for chunk in of_format.chunks(Ord::min(1000, bind_parameters_max(&tx) / 2)) {
                let these = Condition::all()
                    .add(kv_ledger::Column::Format.eq(format.as_str()))
                    .add(kv_ledger::Column::Path.is_in(chunk.iter().copied()));
                forget(&tx, site, these).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Along the primary key.
fn in_order(
    workspace: WorkspaceId,
    site: SiteId,
    after: Option<&(Format, String)>,
) -> Select<kv_ledger::Entity> {
    let [_, format, path] = KEY;
    let rows = of(workspace, site).order_by_asc(format).order_by_asc(path);
    match after {
        None => rows,
        Some((at, text)) => rows.filter(
            Condition::any().add(format.gt(at.as_str())).add(
                Condition::all()
                    .add(format.eq(at.as_str()))
                    .add(path.gt(text.as_str())),
            ),
        ),
    }
}
