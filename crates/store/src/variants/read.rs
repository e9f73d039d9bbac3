//! Reading variants, revisions and contents.

use super::{
    Expiry, RevisionInfo, ScheduledPublication, Variant, VariantCounts, VariantState, of, the,
};
use crate::{
    Listed, Page, Result, Store, contents,
    convert::Row,
    entities::{content, variant, variant_revision},
    page_watches,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use std::collections::HashMap;

impl Store {
    /// One variant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn variant(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Option<Variant>> {
        the(workspace, site, format, path)
            .one(self.reader())
            .await?
            .map(variant)
            .transpose()
    }

    /// The content of a revision of this variant.
    ///
    /// # Errors
    /// [`crate::StoreError::Corrupt`] when the bytes are not those that were stored.
    pub async fn content(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        revision: &Revision,
    ) -> Result<Option<Vec<u8>>> {
        let known = variant_revision::Entity::find_by_id((
            site.to_string(),
            format.as_str().to_owned(),
            path.to_owned(),
            revision.to_string(),
        ))
        .filter(variant_revision::Column::WorkspaceId.eq(workspace.to_string()))
        .one(self.reader())
        .await?;
        if known.is_none() {
            return Ok(None);
        }
        contents::get(self.reader(), workspace, revision).await
    }

    /// How many bytes contents have; one that is gone by now is not in the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn content_sizes(
        &self,
        workspace: WorkspaceId,
        revisions: &[Revision],
    ) -> Result<HashMap<Revision, u64>> {
        let mut found = HashMap::with_capacity(revisions.len());
        for chunk in revisions.chunks(1000) {
            let rows: Vec<(String, i64)> = content::Entity::find()
                .select_only()
                .column(content::Column::Revision)
                .column(content::Column::Bytes)
                .filter(content::Column::WorkspaceId.eq(workspace.to_string()))
                .filter(content::Column::Revision.is_in(chunk.iter().map(Revision::as_str)))
                .into_tuple()
                .all(self.reader())
                .await?;
            for (revision, bytes) in rows {
                let row = Row::new("contents", &revision);
                found.insert(
                    row.parse("revision", &revision)?,
                    row.count("bytes", bytes)?,
                );
            }
        }
        Ok(found)
    }

    /// Many contents at once, for a bulk write to the edge; one that is gone by now is not in the answer.
    ///
    /// # Errors
    /// [`crate::StoreError::Corrupt`] when bytes are not those that were stored.
    pub async fn contents(
        &self,
        workspace: WorkspaceId,
        revisions: &[Revision],
    ) -> Result<HashMap<Revision, Vec<u8>>> {
        let mut found = HashMap::with_capacity(revisions.len());
        for chunk in revisions.chunks(500) {
            let rows = content::Entity::find()
                .filter(content::Column::WorkspaceId.eq(workspace.to_string()))
                .filter(content::Column::Revision.is_in(chunk.iter().map(Revision::as_str)))
                .all(self.reader())
                .await?;
            for model in rows {
                let revision =
                    Row::new("contents", &model.revision).parse("revision", &model.revision)?;
                found.insert(revision, contents::unpack(&model)?);
            }
        }
        Ok(found)
    }

    /// The variants of a site by path, then format; those whose path starts with `prefix`, if there is one.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_variants(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        page: &Page,
        prefix: Option<&str>,
    ) -> Result<Listed<Variant>> {
        self.list_variants_in(workspace, site, page, prefix, None)
            .await
    }

    /// The same, of those in a state.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_variants_in(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        page: &Page,
        prefix: Option<&str>,
        state: Option<VariantState>,
    ) -> Result<Listed<Variant>> {
        use variant::Column;
        let mut query = of(workspace, site)
            .filter(in_state(state))
            .order_by_asc(Column::Path)
            .order_by_asc(Column::Format)
            .limit(page.rows() + 1);
        if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
            // A range, which the index answers; LIKE would need escapes and mean something else on each database.
            query = query
                .filter(Column::Path.gte(prefix))
                .filter(Column::Path.lt(format!("{prefix}{}", char::MAX)));
        }
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
        Listed::cut(rows, page, |row| (row.path.clone(), row.format.clone())).try_map(variant)
    }

    /// The revisions of a variant, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revisions(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Vec<RevisionInfo>> {
        let Some(variant) = self.variant(workspace, site, format, path).await? else {
            return Ok(Vec::new());
        };
        variant_revision::Entity::find()
            .filter(variant_revision::Column::SiteId.eq(site.to_string()))
            .filter(variant_revision::Column::Format.eq(format.as_str()))
            .filter(variant_revision::Column::Path.eq(path))
            .order_by_desc(variant_revision::Column::CreatedAt)
            .order_by_asc(variant_revision::Column::Revision)
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| {
                let row = Row::new("variant_revisions", &model.path);
                let revision: Revision = row.parse("revision", &model.revision)?;
                Ok(RevisionInfo {
                    bytes: row.count("bytes", model.bytes)?,
                    is_published: variant.published.as_ref() == Some(&revision),
                    revision,
                    author: model.author,
                    note: model.note,
                    created_at: Millis(model.created_at),
                })
            })
            .collect()
    }

    /// How many variants there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_variants(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<VariantCounts> {
        let all = of(workspace, site);
        Ok(VariantCounts {
            total: all.clone().count(self.reader()).await?,
            published: all
                .filter(variant::Column::PublishedRevision.is_not_null())
                .count(self.reader())
                .await?,
        })
    }

    /// The first published variants by path, then format, at most `limit`; none that is withheld.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_published(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u64,
    ) -> Result<Vec<Variant>> {
        use variant::Column;
        of(workspace, site)
            .filter(Column::PublishedRevision.is_not_null())
            .filter(page_watches::not_withheld())
            .order_by_asc(Column::Path)
            .order_by_asc(Column::Format)
            .limit(limit)
            .all(self.reader())
            .await?
            .into_iter()
            .map(variant)
            .collect()
    }

    /// Those of these paths that have something published, in any format.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published_among(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        paths: &[String],
    ) -> Result<std::collections::HashSet<String>> {
        use variant::Column;
        let mut found = std::collections::HashSet::new();
        for chunk in paths.chunks(1_000) {
            let some: Vec<String> = of(workspace, site)
                .select_only()
                .column(Column::Path)
                .filter(Column::PublishedRevision.is_not_null())
                .filter(Column::Path.is_in(chunk))
                .into_tuple()
                .all(self.reader())
                .await?;
            found.extend(some);
        }
        Ok(found)
    }

    /// Everything that is published and not withheld, by path, then format: what the index of the edge is made of.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published_paths(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Vec<(Format, String, Revision)>> {
        use variant::Column;
        let rows: Vec<(String, String, String)> = of(workspace, site)
            .select_only()
            .column(Column::Format)
            .column(Column::Path)
            .column(Column::PublishedRevision)
            .filter(Column::PublishedRevision.is_not_null())
            .filter(page_watches::not_withheld())
            .order_by_asc(Column::Path)
            .order_by_asc(Column::Format)
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(format, path, revision)| {
                let row = Row::new("variants", &path);
                let format = row.parse("format", &format)?;
                let revision = row.parse("published_revision", &revision)?;
                Ok((format, path, revision))
            })
            .collect()
    }
}

/// What is to be published; the three columns are written together.
fn scheduled(row: &Row<'_>, model: &variant::Model) -> Result<Option<ScheduledPublication>> {
    let revision = row.parse_option("scheduled_revision", model.scheduled_revision.as_ref())?;
    Ok(revision
        .zip(model.scheduled_at)
        .map(|(revision, at)| ScheduledPublication {
            revision,
            at: Millis(at),
            author: model.scheduled_by.clone().unwrap_or_default(),
        }))
}

pub(super) fn variant(model: variant::Model) -> Result<Variant> {
    let row = Row::new("variants", &model.path);
    Ok(Variant {
        site: row.parse("site_id", &model.site_id)?,
        format: row.parse("format", &model.format)?,
        published: row.parse_option("published_revision", model.published_revision.as_ref())?,
        latest: row.parse("latest_revision", &model.latest_revision)?,
        created_at: Millis(model.created_at),
        updated_at: Millis(model.updated_at),
        published_at: model.published_at.map(Millis),
        scheduled: scheduled(&row, &model)?,
        expires: model.expires_at.map(|at| Expiry {
            at: Millis(at),
            author: model.expires_by.clone().unwrap_or_default(),
        }),
        path: model.path,
    })
}

fn in_state(state: Option<VariantState>) -> Condition {
    use variant::Column;
    let all = Condition::all();
    match state {
        None => all,
        Some(VariantState::Published) => all.add(Column::PublishedRevision.is_not_null()),
        Some(VariantState::Changed) => {
            all.add(Expr::col(Column::PublishedRevision).ne(Expr::col(Column::LatestRevision)))
        }
        Some(VariantState::Draft) => all.add(Column::PublishedRevision.is_null()),
        Some(VariantState::Scheduled) => Condition::any()
            .add(Column::ScheduledAt.is_not_null())
            .add(Column::ExpiresAt.is_not_null()),
    }
}
