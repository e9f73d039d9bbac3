//! The pages behind published variants: whether their text changed since a variant was made, and whether a variant is
//! withheld from the edge because the origin does not show the page.
//!
//! A withheld variant stays published; nothing is wanted at the edge under its path until the page is fine again. Rows
//! follow the publications (`page_watches/follow.rs`); what a look at a page found is recorded in one transaction
//! with what it means for the edge.

mod follow;
mod record;

pub use follow::{FollowLease, Followed};
pub use record::{Finding, Noticed};

use crate::{
    Listed, Page, Result, Store,
    convert::Row,
    entities::{
        page_watch::{self, Column, Entity},
        variant,
    },
    kv_ledger, sites, sync,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, UpdateMany,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::{HashMap, HashSet};

/// What is known of the page behind a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageWatch {
    /// The variant's format.
    pub format: Format,
    /// The page's path.
    pub path: String,
    /// The published revision; `None`: it is not published, and not looked after.
    pub revision: Option<Revision>,
    /// Since when the page's main text is another one than when the variant was made.
    pub changed_at: Option<Millis>,
    /// Why it is withheld from the edge, if it is.
    pub withheld: Option<Withheld>,
    /// When the page was last looked at.
    pub checked_at: Option<Millis>,
    /// What the last look could not tell.
    pub unknown: Option<String>,
    /// Whether the owner has it served whatever the page is.
    pub serve_anyway: bool,
}

/// Why a variant is withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Since when.
    pub at: Millis,
    /// `redirects`, `fails` or `sign_in`.
    pub reason: String,
    /// In words.
    pub detail: String,
}

/// Which of them are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFilter {
    /// Those whose page changed.
    Changed,
    /// Those that are withheld.
    Withheld,
    /// Both.
    Either,
}

impl Store {
    /// What is known of these pages' variants, by format and path.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_watches_of(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        paths: &[&str],
    ) -> Result<HashMap<(Format, String), PageWatch>> {
        let mut found = HashMap::new();
        for chunk in paths.chunks(1000) {
            let rows = of(workspace, site)
                .filter(Column::Path.is_in(chunk.iter().copied()))
                .all(self.reader())
                .await?;
            for model in rows {
                let watch = from_row(model)?;
                found.insert((watch.format, watch.path.clone()), watch);
            }
        }
        Ok(found)
    }

    /// The variants whose page changed or that are withheld, by path, then format.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_page_watches(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        filter: WatchFilter,
        page: &Page,
    ) -> Result<Listed<PageWatch>> {
        let told = match filter {
            WatchFilter::Changed => Condition::all().add(Column::ChangedAt.is_not_null()),
            WatchFilter::Withheld => Condition::all().add(Column::WithheldAt.is_not_null()),
            WatchFilter::Either => Condition::any()
                .add(Column::ChangedAt.is_not_null())
                .add(Column::WithheldAt.is_not_null()),
        };
        let mut query = of(workspace, site)
            .filter(told)
            .filter(has_variant())
            .order_by_asc(Column::Path)
            .order_by_asc(Column::Format)
            .limit(page.rows() + 1);
        if let Some((path, format)) = page.start::<(String, String)>()? {
            query = query.filter(
                Condition::any().add(Column::Path.gt(path.as_str())).add(
                    Column::Path
                        .eq(path.as_str())
                        .and(Column::Format.gt(format)),
                ),
            );
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| (row.path.clone(), row.format.clone())).try_map(from_row)
    }

    /// Keeps what the page's main text was when this revision was made of it: once it is published, the page is compared with
    /// that. `text` is the text's hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_made_text(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        revision: &Revision,
        text: &str,
    ) -> Result<()> {
        let row = page_watch::ActiveModel {
            made_text: Set(Some(text.to_owned())),
            made_revision: Set(Some(revision.to_string())),
            ..new_row(workspace, site, format, path)
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::columns(KEY)
                    .update_columns([Column::MadeText, Column::MadeRevision])
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// The owner has looked: the page as it is now is what the variant is compared with from now on. `false` when it is not
    /// marked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_page_change(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<bool> {
        let done = this(workspace, site, format, path)
            .col_expr(Column::BaseText, Expr::col(Column::PageText))
            .col_expr(Column::ChangedAt, Expr::value(None::<i64>))
            .filter(Column::ChangedAt.is_not_null())
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Has the page looked at as soon as possible. `false` when nothing of it is published.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hurry_page_check(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        path: &str,
    ) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::NextCheckAt, Expr::value(0i64))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Path.eq(path))
            .filter(Column::Revision.is_not_null())
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Whether a variant is served whatever its page is. One that was withheld is wanted at the edge again at once; one that
    /// may be withheld again is looked at again first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_serve_anyway(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        serve_anyway: bool,
        at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let done = this(workspace, site, format, path)
            .col_expr(Column::ServeAnyway, Expr::value(serve_anyway))
            .col_expr(Column::NextCheckAt, Expr::value(0i64))
            .exec(&tx)
            .await?;
        if done.rows_affected == 0 {
            return Ok(false);
        }
        if serve_anyway {
            let these = Condition::all()
                .add(Column::Format.eq(format.as_str()))
                .add(Column::Path.eq(path));
            release(&tx, workspace, site, these, at).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Brings every withheld variant of a site to the edge again: its owner wants none withheld. Answers with how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_withheld(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
    ) -> Result<u64> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(0);
        }
        let released = release(&tx, workspace, site, Condition::all(), at).await?;
        tx.commit().await?;
        Ok(released)
    }
}

/// Takes the mark off these, and wants their published revisions at the edge. The site is locked.
async fn release(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    these: Condition,
    at: Millis,
) -> Result<u64> {
    let rows = of(workspace, site)
        .filter(Column::WithheldAt.is_not_null())
        .filter(these.clone())
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    Entity::update_many()
        .col_expr(Column::WithheldAt, Expr::value(None::<i64>))
        .col_expr(Column::Reason, Expr::value(None::<String>))
        .col_expr(Column::Detail, Expr::value(None::<String>))
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::WithheldAt.is_not_null())
        .filter(these)
        .exec(tx)
        .await?;
    let count = rows.len() as u64;
    for format in Format::ALL {
        let of_format = rows.iter().filter(|row| row.format == format.as_str());
        let paths: Vec<&str> = of_format.map(|row| row.path.as_str()).collect();
        // What is published by now, which may be newer than what was followed.
        for chunk in paths.chunks(1000) {
            let published = published(tx, workspace, site, format, chunk).await?;
            let wanted: Vec<(Format, &str, &Revision)> = published
                .iter()
                .map(|(path, revision)| (format, path.as_str(), revision))
                .collect();
            kv_ledger::want(tx, workspace, site, &wanted).await?;
        }
    }
    sync::want(tx, site, at).await?;
    Ok(count)
}

async fn published(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    paths: &[&str],
) -> Result<Vec<(String, Revision)>> {
    let rows: Vec<(String, String)> = variant::Entity::find()
        .select_only()
        .column(variant::Column::Path)
        .column(variant::Column::PublishedRevision)
        .filter(variant::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(variant::Column::SiteId.eq(site.to_string()))
        .filter(variant::Column::Format.eq(format.as_str()))
        .filter(variant::Column::Path.is_in(paths.iter().copied()))
        .filter(variant::Column::PublishedRevision.is_not_null())
        .into_tuple()
        .all(tx)
        .await?;
    rows.into_iter()
        .map(|(path, revision)| {
            let revision = Row::new("variants", &path).parse("published_revision", &revision)?;
            Ok((path, revision))
        })
        .collect()
}

/// Of what is to be wanted at the edge, what is not withheld from it. Within a transaction; the site is locked.
pub(crate) async fn without_withheld<'a>(
    tx: &DatabaseTransaction,
    site: SiteId,
    wanted: &[(Format, &'a str, &'a Revision)],
) -> Result<Vec<(Format, &'a str, &'a Revision)>> {
    let withheld = || {
        Entity::find()
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::WithheldAt.is_not_null())
    };
    if withheld().one(tx).await?.is_none() {
        return Ok(wanted.to_vec());
    }
    let mut kept = Vec::with_capacity(wanted.len());
    for chunk in wanted.chunks(1000) {
        let rows: Vec<(String, String)> = withheld()
            .select_only()
            .column(Column::Format)
            .column(Column::Path)
            .filter(Column::Path.is_in(chunk.iter().map(|(_, path, _)| *path)))
            .into_tuple()
            .all(tx)
            .await?;
        let rows: HashSet<(&str, &str)> = rows
            .iter()
            .map(|(format, path)| (format.as_str(), path.as_str()))
            .collect();
        kept.extend(
            chunk
                .iter()
                .filter(|(format, path, _)| !rows.contains(&(format.as_str(), path)))
                .copied(),
        );
    }
    Ok(kept)
}

/// A variant that was deleted leaves what was known of its page, in case it comes back.
fn has_variant() -> Expr {
    Expr::cust(
        "EXISTS (SELECT 1 FROM variants WHERE variants.site_id = page_watches.site_id \
         AND variants.format = page_watches.format AND variants.path = page_watches.path)",
    )
}

/// For a query of variants.
pub(crate) fn not_withheld() -> Expr {
    Expr::cust(
        "NOT EXISTS (SELECT 1 FROM page_watches WHERE page_watches.site_id = variants.site_id \
         AND page_watches.format = variants.format AND page_watches.path = variants.path \
         AND page_watches.withheld_at IS NOT NULL)",
    )
}

/// The primary key.
const KEY: [Column; 3] = [Column::SiteId, Column::Format, Column::Path];

fn of(workspace: WorkspaceId, site: SiteId) -> Select<Entity> {
    Entity::find()
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::SiteId.eq(site.to_string()))
}

fn this(workspace: WorkspaceId, site: SiteId, format: Format, path: &str) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::Format.eq(format.as_str()))
        .filter(Column::Path.eq(path))
}

fn new_row(
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    path: &str,
) -> page_watch::ActiveModel {
    page_watch::ActiveModel {
        site_id: Set(site.to_string()),
        format: Set(format.as_str().to_owned()),
        path: Set(path.to_owned()),
        workspace_id: Set(workspace.to_string()),
        revision: Set(None),
        base_text: Set(None),
        made_text: Set(None),
        made_revision: Set(None),
        page_text: Set(None),
        changed_at: Set(None),
        withheld_at: Set(None),
        reason: Set(None),
        detail: Set(None),
        checked_at: Set(None),
        next_check_at: Set(0),
        failures: Set(0),
        serve_anyway: Set(false),
    }
}

fn from_row(model: page_watch::Model) -> Result<PageWatch> {
    let row = Row::new("page_watches", &model.path);
    Ok(PageWatch {
        format: row.parse("format", &model.format)?,
        revision: row.parse_option("revision", model.revision.as_ref())?,
        changed_at: model.changed_at.map(Millis),
        withheld: model.withheld_at.map(|at| Withheld {
            at: Millis(at),
            reason: model.reason.clone().unwrap_or_default(),
            detail: model.detail.clone().unwrap_or_default(),
        }),
        checked_at: model.checked_at.map(Millis),
        unknown: model.detail.filter(|_| model.withheld_at.is_none()),
        serve_anyway: model.serve_anyway,
        path: model.path,
    })
}
