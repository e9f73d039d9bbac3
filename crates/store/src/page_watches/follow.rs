//! Following a site's publications: which variants are published, and so looked after. One process follows a site at a time.

use super::{Column, Entity, KEY, new_row, of};
use crate::{
    Result, Site, Store,
    convert::Row,
    database::bind_parameters_max,
    entities::{page_watch, page_watch_mark, publication, site},
    sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashMap;

/// A site whose publications and pages this process follows now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowLease {
    /// The site.
    pub site: Site,
    /// The last publication that was followed.
    pub publication: i64,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its number.
    pub publication: i64,
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// What is published from then on; `None`: nothing.
    pub revision: Option<Revision>,
}

impl Store {
    /// Takes a site that has publications nobody followed or pages that are due, for `owner` until `until`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_follow(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<FollowLease>> {
        self.mark_new_sites().await?;
        let candidate = page_watch_mark::Entity::find()
            .filter(is_free(now))
            .filter(has_work(now))
            .order_by_asc(page_watch_mark::Column::LeaseUntil)
            .order_by_asc(page_watch_mark::Column::SiteId)
            .one(self.reader())
            .await?;
        let Some(candidate) = candidate else {
            return Ok(None);
        };
        let tx = self.begin().await?;
        let row = page_watch_mark::Entity::find_by_id(candidate.site_id)
            .filter(is_free(now))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut row = row.into_active_model();
        row.lease_owner = Set(Some(owner.to_owned()));
        row.lease_until = Set(Some(until.0));
        let row = row.update(&tx).await?;
        let found = site::Entity::find_by_id(row.site_id).one(&tx).await?;
        let site = sites::from_row(&tx, found).await?;
        tx.commit().await?;
        Ok(site.map(|site| FollowLease {
            site,
            publication: row.publication,
        }))
    }

    /// Keeps the lease until `until`, which may be now. `false` when it is another's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_follow(&self, site: SiteId, owner: &str, until: Millis) -> Result<bool> {
        let done = page_watch_mark::Entity::update_many()
            .col_expr(page_watch_mark::Column::LeaseUntil, Expr::value(until.0))
            .filter(page_watch_mark::Column::SiteId.eq(site.to_string()))
            .filter(page_watch_mark::Column::LeaseOwner.eq(owner))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// The next publications of a site after one, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publications_after(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        after: i64,
        limit: u64,
    ) -> Result<Vec<Followed>> {
        publication::Entity::find()
            .filter(publication::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(publication::Column::SiteId.eq(site.to_string()))
            .filter(publication::Column::Id.gt(after))
            .order_by_asc(publication::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| {
                let row = Row::new("publications", &model.path);
                Ok(Followed {
                    publication: model.id,
                    format: row.parse("format", &model.format)?,
                    revision: row.parse_option("revision", model.revision.as_ref())?,
                    path: model.path,
                })
            })
            .collect()
    }

    /// Looks after what was published, no longer after what was taken back, and writes down that these were followed. Pages
    /// are due at `first_check`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        followed: &[Followed],
        first_check: Millis,
    ) -> Result<()> {
        let mut last: HashMap<(Format, &str), &Followed> = HashMap::new();
        for one in followed {
            last.insert((one.format, one.path.as_str()), one);
        }
        let (published, taken_back): (Vec<_>, Vec<_>) =
            last.into_values().partition(|one| one.revision.is_some());
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(());
        }
        look_after(&tx, workspace, site, &published, first_check).await?;
        for format in Format::ALL {
            let paths: Vec<&str> = taken_back
                .iter()
                .filter(|one| one.format == format)
                .map(|one| one.path.as_str())
                .collect();
            for chunk in paths.chunks(1000) {
                // That the page changed stays said: it may be why the variant was taken back.
                Entity::update_many()
                    .col_expr(Column::Revision, Expr::value(None::<String>))
                    .col_expr(Column::WithheldAt, Expr::value(None::<i64>))
                    .col_expr(Column::Reason, Expr::value(None::<String>))
                    .col_expr(Column::Detail, Expr::value(None::<String>))
                    .filter(Column::SiteId.eq(site.to_string()))
                    .filter(Column::Format.eq(format.as_str()))
                    .filter(Column::Path.is_in(chunk.iter().copied()))
                    .exec(&tx)
                    .await?;
            }
        }
        if let Some(last) = followed.iter().map(|one| one.publication).max() {
            page_watch_mark::Entity::update_many()
                .col_expr(page_watch_mark::Column::Publication, Expr::value(last))
                .filter(page_watch_mark::Column::SiteId.eq(site.to_string()))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The paths that are due, those that wait longest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_pages(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        now: Millis,
        limit: u64,
    ) -> Result<Vec<String>> {
        let mut paths: Vec<String> = of(workspace, site)
            .select_only()
            .column(Column::Path)
            .filter(Column::Revision.is_not_null())
            .filter(Column::NextCheckAt.lte(now.0))
            .order_by_asc(Column::NextCheckAt)
            .order_by_asc(Column::Path)
            .limit(limit)
            .into_tuple()
            .all(self.reader())
            .await?;
        // Both formats of a page are looked at at once.
        paths.dedup();
        Ok(paths)
    }

    async fn mark_new_sites(&self) -> Result<()> {
        let unmarked = site::Entity::find()
            .select_only()
            .column(site::Column::Id)
            .column(site::Column::WorkspaceId)
            .filter(Expr::cust(
                "NOT EXISTS (SELECT 1 FROM page_watch_marks WHERE page_watch_marks.site_id = sites.id)",
            ))
            .limit(1000)
            .into_tuple::<(String, String)>()
            .all(self.reader())
            .await?;
        for (id, workspace) in unmarked {
            let row = page_watch_mark::ActiveModel {
                site_id: Set(id),
                workspace_id: Set(workspace),
                publication: Set(0),
                lease_owner: Set(None),
                lease_until: Set(None),
            };
            let marked = page_watch_mark::Entity::insert(row)
                .on_conflict(
                    OnConflict::column(page_watch_mark::Column::SiteId)
                        .do_nothing()
                        .to_owned(),
                )
                .exec_without_returning(self.writer())
                .await;
            if let Err(error) = marked {
                // The site is gone by now.
                tracing::debug!(%error, "a site could not be marked");
            }
        }
        Ok(())
    }
}

async fn look_after(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    published: &[&Followed],
    first_check: Millis,
) -> Result<()> {
    for chunk in published.chunks(bind_parameters_max(tx) / 17) {
        let rows = chunk.iter().map(|one| page_watch::ActiveModel {
            revision: Set(one.revision.as_ref().map(ToString::to_string)),
            next_check_at: Set(first_check.0),
            ..new_row(workspace, site, one.format, &one.path)
        });
        let mut known = OnConflict::columns(KEY);
        known
            .update_columns([Column::Revision, Column::NextCheckAt])
            .value(Column::ChangedAt, Expr::value(None::<i64>))
            .value(
                Column::BaseText,
                Expr::cust(
                    "CASE WHEN page_watches.made_revision = excluded.revision THEN page_watches.made_text END",
                ),
            );
        Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn is_free(now: Millis) -> Condition {
    Condition::any()
        .add(page_watch_mark::Column::LeaseUntil.is_null())
        .add(page_watch_mark::Column::LeaseUntil.lte(now.0))
}

/// Numbers are written out: only so do both databases see that an index answers it.
fn has_work(now: Millis) -> Condition {
    Condition::any()
        .add(Expr::cust(
            "COALESCE((SELECT MAX(publications.id) FROM publications \
             WHERE publications.site_id = page_watch_marks.site_id), 0) > page_watch_marks.publication",
        ))
        .add(Expr::cust(format!(
            "EXISTS (SELECT 1 FROM page_watches WHERE page_watches.site_id = page_watch_marks.site_id \
             AND page_watches.revision IS NOT NULL AND page_watches.next_check_at <= {})",
            now.0
        )))
}
