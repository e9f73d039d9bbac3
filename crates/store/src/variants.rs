//! Variants and their revisions. Each change of what is published writes the ledger and asks for a sync in its own
//! transaction, so that nothing can be published and never reach the edge.

mod bulk;
mod history;
mod read;
mod schedule;
mod write;

pub use bulk::DeletedVariants;
pub use history::{Deed, HistoryEntry, HistoryKind};
pub use schedule::{CarriedOut, Expiry, NewSchedule, ScheduledPublication};

use crate::{
    Result, Store, StoreError,
    contents::{self, Packed},
    entities::{variant, variant_revision},
    kv_ledger, publications, sites, sync,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::Expr,
};
use std::collections::HashMap;
use write::write;

/// Another representation of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The site.
    pub site: SiteId,
    /// The format.
    pub format: Format,
    /// The page's path, as the caller normalised it.
    pub path: String,
    /// The published revision.
    pub published: Option<Revision>,
    /// The revision that was saved last.
    pub latest: Revision,
    /// When the first revision was saved.
    pub created_at: Millis,
    /// When the last one was saved.
    pub updated_at: Millis,
    /// When the published one was published.
    pub published_at: Option<Millis>,
    /// What is to be published later.
    pub scheduled: Option<ScheduledPublication>,
    /// When it is to be taken off the edge.
    pub expires: Option<Expiry>,
}

/// What a list of variants can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantState {
    /// Something is published.
    Published,
    /// Published, and changed since.
    Changed,
    /// Nothing is published.
    Draft,
    /// Something is to happen at a set time.
    Scheduled,
}

/// A revision without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionInfo {
    /// Its name.
    pub revision: Revision,
    /// The content's length.
    pub bytes: u64,
    /// Who saved it first.
    pub author: String,
    /// What its author said.
    pub note: Option<String>,
    /// When it was first saved.
    pub created_at: Millis,
    /// Whether it is the published one.
    pub is_published: bool,
}

/// What a variant's latest revision must be for a save to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Anything, or nothing.
    Any,
    /// There must be no variant yet.
    None,
    /// There must be one.
    Exists,
    /// Exactly this one.
    Revision(Revision),
}

impl IfMatch {
    fn holds(&self, latest: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::None => latest.is_none(),
            Self::Exists => latest.is_some(),
            Self::Revision(revision) => latest == Some(revision.as_str()),
        }
    }
}

/// A revision to be saved.
#[derive(Debug, Clone)]
pub struct NewRevision<'a> {
    /// The site.
    pub site: SiteId,
    /// The format.
    pub format: Format,
    /// The page's path, normalised.
    pub path: &'a str,
    /// The content.
    pub content: &'a [u8],
    /// Who saves it.
    pub author: &'a str,
    /// What the author says.
    pub note: Option<&'a str>,
    /// When.
    pub at: Millis,
    /// Whether it is published at once.
    pub publish: bool,
    /// What must be there before.
    pub if_match: IfMatch,
}

/// How many variants a site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VariantCounts {
    /// All.
    pub total: u64,
    /// Those with a published revision.
    pub published: u64,
}

impl Store {
    /// Saves a revision, and publishes it if wanted. Saving a content that the variant had before makes that revision the
    /// latest again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when `if_match` does not hold, [`StoreError::Missing`] when the site is gone.
    pub async fn save_revision(
        &self,
        workspace: WorkspaceId,
        new: &NewRevision<'_>,
    ) -> Result<Variant> {
        let packed = [contents::pack(new.content).await];
        let tx = self.begin().await?;
        contents::put(&tx, workspace, &packed).await?;
        if !sites::lock(&tx, workspace, new.site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        let latest = the(workspace, new.site, new.format, new.path)
            .one(&tx)
            .await?
            .map(|row| row.latest_revision);
        if !new.if_match.holds(latest.as_deref()) {
            return Err(StoreError::Stale);
        }
        history::record_saved_again(&tx, workspace, new, &packed[0], latest.as_deref()).await?;
        write(&tx, workspace, new.site, &[(new, &packed[0])]).await?;
        let row = the(workspace, new.site, new.format, new.path)
            .one(&tx)
            .await?
            .ok_or(StoreError::Missing { what: "variant" })?;
        tx.commit().await?;
        read::variant(row)
    }

    /// Saves many revisions, all or none, in few statements, and answers with how many. `if_match` is not looked at. Of
    /// several for one path the last one wins.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when a site is gone.
    pub async fn save_revisions(
        &self,
        workspace: WorkspaceId,
        new: &[NewRevision<'_>],
    ) -> Result<u64> {
        let mut packed = Vec::with_capacity(new.len());
        for one in new {
            packed.push(contents::pack(one.content).await);
        }
        let mut by_site: HashMap<SiteId, Vec<(&NewRevision<'_>, &Packed)>> = HashMap::new();
        for pair in new.iter().zip(&packed) {
            by_site.entry(pair.0.site).or_default().push(pair);
        }
        let tx = self.begin().await?;
        contents::put(&tx, workspace, &packed).await?;
        for (site, pairs) in by_site {
            if !sites::lock(&tx, workspace, site).await? {
                return Err(StoreError::Missing { what: "site" });
            }
            write(&tx, workspace, site, &pairs).await?;
        }
        tx.commit().await?;
        Ok(new.len() as u64)
    }

    /// Publishes a revision of a variant; `false` when there is no such revision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publish(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        revision: &Revision,
        deed: impl Into<Deed<'_>>,
    ) -> Result<bool> {
        let deed = deed.into().or_kind(HistoryKind::Published);
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let is_there = publish_in(&tx, workspace, site, (format, path), revision, deed).await?;
        if is_there {
            tx.commit().await?;
        }
        Ok(is_there)
    }

    /// Takes a variant back from the public; its revisions stay. `false` when there is no variant, or it is not published.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpublish(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        deed: impl Into<Deed<'_>>,
    ) -> Result<bool> {
        let deed = deed.into().or_kind(HistoryKind::Unpublished);
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let was_published = unpublish_in(&tx, workspace, site, (format, path), deed).await?;
        if was_published {
            tx.commit().await?;
        }
        Ok(was_published)
    }

    /// Deletes a variant with its revisions, and the contents that nobody else uses; `false` when there is none. That it
    /// was published and is no longer stays in the history of its path.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_variant(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        deed: impl Into<Deed<'_>>,
    ) -> Result<bool> {
        self.delete_variant_if(workspace, site, (format, path), &IfMatch::Any, deed)
            .await
    }

    /// The same, if its latest revision is as it must be.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when `if_match` does not hold.
    pub async fn delete_variant_if(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        (format, path): (Format, &str),
        if_match: &IfMatch,
        deed: impl Into<Deed<'_>>,
    ) -> Result<bool> {
        let deed = deed.into().of_kind(HistoryKind::Deleted);
        let tx = self.begin().await?;
        contents::lock_for_removal(&tx, workspace).await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let Some(known) = the(workspace, site, format, path).one(&tx).await? else {
            return Ok(false);
        };
        if !if_match.holds(Some(&known.latest_revision)) {
            return Err(StoreError::Stale);
        }
        let revisions: Vec<String> = variant_revision::Entity::find()
            .select_only()
            .column(variant_revision::Column::Revision)
            .filter(variant_revision::Column::SiteId.eq(site.to_string()))
            .filter(variant_revision::Column::Format.eq(format.as_str()))
            .filter(variant_revision::Column::Path.eq(path))
            .into_tuple()
            .all(&tx)
            .await?;
        variant_revision::Entity::delete_many()
            .filter(variant_revision::Column::SiteId.eq(site.to_string()))
            .filter(variant_revision::Column::Format.eq(format.as_str()))
            .filter(variant_revision::Column::Path.eq(path))
            .exec(&tx)
            .await?;
        variant::Entity::delete_by_id((known.site_id, known.format, known.path))
            .exec(&tx)
            .await?;
        contents::remove_unused(&tx, workspace, Some(revisions)).await?;
        if known.published_revision.is_some() {
            publications::record_nothing(&tx, workspace, site, format, path, deed).await?;
            kv_ledger::want_nothing(&tx, site, format, path).await?;
            sync::want(&tx, site, deed.at).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Publishes within a transaction that has locked the site; `false` when there is no such revision.
async fn publish_in(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    (format, path): (Format, &str),
    revision: &Revision,
    deed: Deed<'_>,
) -> Result<bool> {
    let known = variant_revision::Entity::find_by_id((
        site.to_string(),
        format.as_str().to_owned(),
        path.to_owned(),
        revision.to_string(),
    ))
    .one(tx)
    .await?;
    if known.is_none() {
        return Ok(false);
    }
    set_published(tx, site, (format, path), Some((revision, deed.at))).await?;
    let recorded = [(format, path, revision, deed)];
    publications::record(tx, workspace, site, &recorded).await?;
    kv_ledger::want(tx, workspace, site, &[(format, path, revision)]).await?;
    sync::want(tx, site, deed.at).await?;
    Ok(true)
}

/// Takes back within a transaction that has locked the site; `false` when nothing was published.
async fn unpublish_in(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    (format, path): (Format, &str),
    deed: Deed<'_>,
) -> Result<bool> {
    if !set_published(tx, site, (format, path), None).await? {
        return Ok(false);
    }
    publications::record_nothing(tx, workspace, site, format, path, deed).await?;
    kv_ledger::want_nothing(tx, site, format, path).await?;
    sync::want(tx, site, deed.at).await?;
    Ok(true)
}

/// Writes what is published; to `None` only where something is. Whether a row was written.
pub(crate) async fn set_published(
    tx: &DatabaseTransaction,
    site: SiteId,
    (format, path): (Format, &str),
    published: Option<(&Revision, Millis)>,
) -> Result<bool> {
    let mut update = variant::Entity::update_many()
        .col_expr(
            variant::Column::PublishedRevision,
            Expr::value(published.map(|(revision, _)| revision.to_string())),
        )
        .col_expr(
            variant::Column::PublishedAt,
            Expr::value(published.map(|(_, at)| at.0)),
        )
        .filter(variant::Column::SiteId.eq(site.to_string()))
        .filter(variant::Column::Format.eq(format.as_str()))
        .filter(variant::Column::Path.eq(path));
    if published.is_none() {
        update = update.filter(variant::Column::PublishedRevision.is_not_null());
    }
    Ok(update.exec(tx).await?.rows_affected > 0)
}

fn the(
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    path: &str,
) -> Select<variant::Entity> {
    of(workspace, site)
        .filter(variant::Column::Format.eq(format.as_str()))
        .filter(variant::Column::Path.eq(path))
}

fn of(workspace: WorkspaceId, site: SiteId) -> Select<variant::Entity> {
    variant::Entity::find()
        .filter(variant::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(variant::Column::SiteId.eq(site.to_string()))
}
