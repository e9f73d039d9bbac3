//! What a look at a page found, and what it means for the variants of that page.

use super::{Column, Entity, from_row, of, release};
use crate::{Result, Store, kv_ledger, sites, sync};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::Format,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The page, with the hash of its main text.
    Page {
        /// The hash.
        text: String,
    },
    /// The origin redirects, fails or asks for sign-in.
    Broken {
        /// `redirects`, `fails` or `sign_in`.
        reason: &'static str,
        /// In words.
        detail: String,
        /// Whether its variants are withheld for it.
        withhold: bool,
    },
    /// Nothing could be learned; everything stays as it is.
    Unknown {
        /// Why, in words.
        detail: String,
    },
}

/// What became another than before, by format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noticed {
    /// Variants whose page changed.
    pub changed: Vec<Format>,
    /// Variants that are withheld from now on.
    pub withheld: Vec<Format>,
    /// Variants that are wanted at the edge again.
    pub released: Vec<Format>,
}

impl Store {
    /// How often in a row the page was found broken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_failures(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        path: &str,
    ) -> Result<u32> {
        let row = of(workspace, site)
            .filter(Column::Path.eq(path))
            .filter(Column::Revision.is_not_null())
            .one(self.reader())
            .await?;
        Ok(row.map_or(0, |row| u32::try_from(row.failures).unwrap_or(u32::MAX)))
    }

    /// Records a look at a page for its published variants; the next is at `next`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_finding(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        path: &str,
        finding: &Finding,
        at: Millis,
        next: Millis,
    ) -> Result<Noticed> {
        let mut noticed = Noticed::default();
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(noticed);
        }
        let these = || {
            Entity::update_many()
                .filter(Column::SiteId.eq(site.to_string()))
                .filter(Column::Path.eq(path))
                .filter(Column::Revision.is_not_null())
        };
        let rows = of(workspace, site)
            .filter(Column::Path.eq(path))
            .filter(Column::Revision.is_not_null())
            .all(&tx)
            .await?;
        these()
            .col_expr(Column::CheckedAt, Expr::value(at.0))
            .col_expr(Column::NextCheckAt, Expr::value(next.0))
            .exec(&tx)
            .await?;
        match finding {
            Finding::Unknown { detail } => {
                these()
                    .col_expr(Column::Detail, Expr::value(detail.as_str()))
                    .filter(Column::WithheldAt.is_null())
                    .exec(&tx)
                    .await?;
            }
            Finding::Page { text } => {
                for row in rows {
                    let is_changed = row.base_text.as_ref().is_some_and(|base| base != text);
                    let changed_at = is_changed.then(|| row.changed_at.unwrap_or(at.0));
                    let base = row.base_text.clone().unwrap_or_else(|| text.clone());
                    let (was_changed, was_withheld) =
                        (row.changed_at.is_some(), row.withheld_at.is_some());
                    let watch = from_row(row)?;
                    these()
                        .col_expr(Column::BaseText, Expr::value(base))
                        .col_expr(Column::PageText, Expr::value(text.as_str()))
                        .col_expr(Column::ChangedAt, Expr::value(changed_at))
                        .col_expr(Column::Failures, Expr::value(0i64))
                        .filter(Column::Format.eq(watch.format.as_str()))
                        .exec(&tx)
                        .await?;
                    if is_changed && !was_changed {
                        noticed.changed.push(watch.format);
                    }
                    if was_withheld {
                        noticed.released.push(watch.format);
                    }
                }
                these()
                    .col_expr(Column::Detail, Expr::value(None::<String>))
                    .filter(Column::WithheldAt.is_null())
                    .exec(&tx)
                    .await?;
                release(
                    &tx,
                    workspace,
                    site,
                    Condition::all().add(Column::Path.eq(path)),
                    at,
                )
                .await?;
            }
            Finding::Broken {
                reason,
                detail,
                withhold,
            } => {
                these()
                    .col_expr(Column::Failures, Expr::cust("failures + 1"))
                    .col_expr(Column::Detail, Expr::value(detail.as_str()))
                    .exec(&tx)
                    .await?;
                for row in rows {
                    if !withhold || row.serve_anyway {
                        continue;
                    }
                    let is_new = row.withheld_at.is_none();
                    let since = row.withheld_at.unwrap_or(at.0);
                    let watch = from_row(row)?;
                    these()
                        .col_expr(Column::WithheldAt, Expr::value(since))
                        .col_expr(Column::Reason, Expr::value(*reason))
                        .filter(Column::Format.eq(watch.format.as_str()))
                        .exec(&tx)
                        .await?;
                    if is_new {
                        kv_ledger::want_nothing(&tx, site, watch.format, path).await?;
                        sync::want(&tx, site, at).await?;
                        noticed.withheld.push(watch.format);
                    }
                }
            }
        }
        tx.commit().await?;
        Ok(noticed)
    }
}
