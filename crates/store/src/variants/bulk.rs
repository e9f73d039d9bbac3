//! Many variants at once: what of a list is published already, and what begins with a path.

use super::{Deed, HistoryKind, of};
use crate::{
    Result, Store, contents,
    convert::Row,
    database::bind_parameters_max,
    entities::{variant, variant_revision},
    kv_ledger, publications, sites, sync,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    variant::{Format, Revision},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use std::collections::HashMap;

/// What one step of a deletion took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletedVariants {
    /// Variants that are gone, with their revisions.
    pub variants: u64,
    /// Those of them that were published.
    pub published: u64,
}

impl Store {
    /// The published revisions of those of these paths that have one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published_revisions(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        paths: &[&str],
    ) -> Result<HashMap<String, Revision>> {
        let mut found = HashMap::with_capacity(paths.len());
        for chunk in paths.chunks(bind_parameters_max(self.reader()) / 2) {
            let rows: Vec<(String, String)> = of(workspace, site)
                .select_only()
                .column(variant::Column::Path)
                .column(variant::Column::PublishedRevision)
                .filter(variant::Column::Format.eq(format.as_str()))
                .filter(variant::Column::Path.is_in(chunk.iter().copied()))
                .filter(variant::Column::PublishedRevision.is_not_null())
                .into_tuple()
                .all(self.reader())
                .await?;
            for (path, revision) in rows {
                let revision =
                    Row::new("variants", &path).parse("published_revision", &revision)?;
                found.insert(path, revision);
            }
        }
        Ok(found)
    }

    /// How many variants have a path that begins with `prefix`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_variants_below(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        prefix: &str,
    ) -> Result<u64> {
        Ok(below(workspace, site, prefix).count(self.reader()).await?)
    }

    /// Deletes at most `limit` of the variants whose path begins with `prefix`, with their revisions and the contents that
    /// nobody else uses. To be called until nothing is deleted: so no transaction grows long, and others get their turn.
    ///
    /// # Errors
    /// When the database fails; then nothing of this step is done.
    pub async fn delete_variants_below(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        prefix: &str,
        limit: u32,
        deed: impl Into<Deed<'_>>,
    ) -> Result<DeletedVariants> {
        let deed = deed.into().or_kind(HistoryKind::Deleted);
        let at = deed.at;
        let tx = self.begin().await?;
        contents::lock_for_removal(&tx, workspace).await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(DeletedVariants::default());
        }
        let known: Vec<(String, String, Option<String>)> = below(workspace, site, prefix)
            .select_only()
            .column(variant::Column::Format)
            .column(variant::Column::Path)
            .column(variant::Column::PublishedRevision)
            .order_by_asc(variant::Column::Path)
            .order_by_asc(variant::Column::Format)
            .limit(u64::from(limit))
            .into_tuple()
            .all(&tx)
            .await?;
        let mut deleted = DeletedVariants::default();
        for format in Format::ALL {
            let these = known.iter().filter(|(of, ..)| of == format.as_str());
            let paths: Vec<&str> = these.clone().map(|(_, path, _)| path.as_str()).collect();
            let published: Vec<&str> = these
                .filter(|(.., revision)| revision.is_some())
                .map(|(_, path, _)| path.as_str())
                .collect();
            delete(&tx, workspace, site, format, &paths).await?;
            publications::record_nothing_for(&tx, workspace, site, format, &published, deed)
                .await?;
            kv_ledger::want_nothing_for(&tx, site, format, &published).await?;
            deleted.variants += paths.len() as u64;
            deleted.published += published.len() as u64;
        }
        if deleted.published > 0 {
            sync::want(&tx, site, at).await?;
        }
        tx.commit().await?;
        Ok(deleted)
    }
}

/// A range, which the index answers; LIKE would need escapes and mean something else on each database.
fn below(workspace: WorkspaceId, site: SiteId, prefix: &str) -> Select<variant::Entity> {
    of(workspace, site)
        .filter(variant::Column::Path.gte(prefix))
        .filter(variant::Column::Path.lt(format!("{prefix}{}", char::MAX)))
}

async fn delete(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    paths: &[&str],
) -> Result<()> {
    for chunk in paths.chunks(bind_parameters_max(tx) / 2) {
        let of_these = variant_revision::Column::Path.is_in(chunk.iter().copied());
        let revisions: Vec<String> = variant_revision::Entity::find()
            .select_only()
            .column(variant_revision::Column::Revision)
            .filter(variant_revision::Column::SiteId.eq(site.to_string()))
            .filter(variant_revision::Column::Format.eq(format.as_str()))
            .filter(of_these.clone())
            .into_tuple()
            .all(tx)
            .await?;
        variant_revision::Entity::delete_many()
            .filter(variant_revision::Column::SiteId.eq(site.to_string()))
            .filter(variant_revision::Column::Format.eq(format.as_str()))
            .filter(of_these)
            .exec(tx)
            .await?;
        variant::Entity::delete_many()
            .filter(variant::Column::SiteId.eq(site.to_string()))
            .filter(variant::Column::Format.eq(format.as_str()))
            .filter(variant::Column::Path.is_in(chunk.iter().copied()))
            .exec(tx)
            .await?;
        contents::remove_unused(tx, workspace, Some(revisions)).await?;
    }
    Ok(())
}
