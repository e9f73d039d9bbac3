//! Which revision of which variant was published when, in order. A moment is the number of the last publication then
//! ([`Store::last_publication`]); the published state of a moment can be looked at and brought back.

use crate::{
    Result, Store,
    convert::Row,
    database::bind_parameters_max,
    deployments,
    entities::{
        publication::{ActiveModel, Column, Entity},
        variant_revision,
    },
    kv_ledger, sites, sync,
    variants::{Deed, HistoryKind, set_published},
};
use domain::{
    ids::{DeploymentId, SiteId, WorkspaceId},
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A path whose published revision was another one at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// What is published now.
    pub now: Option<Revision>,
    /// What was published then.
    pub then: Option<Revision>,
}

/// A moment to be brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The number of the last publication then.
    pub mark: i64,
    /// Paths that were published or taken back after this one stay as they are.
    pub unless_changed_since: Option<i64>,
}

/// What came of bringing a moment back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Restored {
    /// The number of the last publication before.
    pub before: i64,
    /// The number of the last publication of this.
    pub after: i64,
    /// Paths that got the revision of then.
    pub published: u64,
    /// Paths that had no published revision then.
    pub unpublished: u64,
    /// How many paths stay as they are, since their revision of then was deleted meanwhile.
    pub missing_count: u64,
    /// The first of them.
    pub missing: Vec<(Format, String)>,
    /// How many paths stay as they are, since somebody published or took back another revision meanwhile.
    pub kept_count: u64,
    /// The first of them.
    pub kept: Vec<(Format, String)>,
}

/// So many paths are named one by one.
const NAMED_MAX: usize = 50;

impl Restored {
    fn add_missing(&mut self, difference: &Difference) {
        self.missing_count += 1;
        name(&mut self.missing, difference);
    }

    fn add_kept(&mut self, difference: &Difference) {
        self.kept_count += 1;
        name(&mut self.kept, difference);
    }
}

fn name(names: &mut Vec<(Format, String)>, difference: &Difference) {
    if names.len() < NAMED_MAX {
        names.push((difference.format, difference.path.clone()));
    }
}

/// Within a publication: writes down what is published from now on. Paths that stay as they are leave no row. To be
/// called before the ledger is told. The site is locked.
pub(crate) async fn record(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    published: &[(Format, &str, &Revision, Deed<'_>)],
) -> Result<()> {
    let mut rows = Vec::new();
    for format in Format::ALL {
        let of_format: Vec<_> = published.iter().filter(|(of, ..)| *of == format).collect();
        for chunk in of_format.chunks(bind_parameters_max(tx) / 2) {
            let paths: Vec<&str> = chunk.iter().map(|(_, path, ..)| *path).collect();
            let known = published_now(tx, site, format, &paths).await?;
            for (_, path, revision, deed) in chunk {
                if known.get(*path).map(String::as_str) != Some(revision.as_str()) {
                    rows.push(row(workspace, site, (format, path), Some(revision), *deed));
                }
            }
        }
    }
    insert(tx, rows).await
}

/// Within an unpublication. The site is locked.
pub(crate) async fn record_nothing(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    path: &str,
    deed: Deed<'_>,
) -> Result<()> {
    insert(tx, vec![row(workspace, site, (format, path), None, deed)]).await
}

/// What was published at `from` was published at `path`, as the site's paths are read now.
pub(crate) async fn move_rows(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: &str,
    path: &str,
    from: &[String],
) -> Result<()> {
    for chunk in from.chunks(500) {
        Entity::update_many()
            .col_expr(Column::Path, Expr::value(path))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Format.eq(format))
            .filter(Column::Path.is_in(chunk.iter().map(String::as_str)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The same for many of one format.
pub(crate) async fn record_nothing_for(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    format: Format,
    paths: &[&str],
    deed: Deed<'_>,
) -> Result<()> {
    let rows = paths
        .iter()
        .map(|path| row(workspace, site, (format, path), None, deed));
    insert(tx, rows.collect()).await
}

fn row(
    workspace: WorkspaceId,
    site: SiteId,
    (format, path): (Format, &str),
    revision: Option<&Revision>,
    deed: Deed<'_>,
) -> ActiveModel {
    ActiveModel {
        workspace_id: Set(workspace.to_string()),
        site_id: Set(site.to_string()),
        format: Set(format.as_str().to_owned()),
        path: Set(path.to_owned()),
        revision: Set(revision.map(ToString::to_string)),
        at: Set(Some(deed.at.0)),
        author: Set(deed.author.map(str::to_owned)),
        kind: Set(Some(deed.kind.as_str())),
        ..Default::default()
    }
}

async fn insert(tx: &DatabaseTransaction, rows: Vec<ActiveModel>) -> Result<()> {
    for chunk in rows.chunks(bind_parameters_max(tx) / 9) {
        Entity::insert_many(chunk.iter().cloned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// What the newest row of each path says.
async fn published_now(
    db: &impl ConnectionTrait,
    site: SiteId,
    format: Format,
    paths: &[&str],
) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, Option<String>)> = newest(site, format, paths, i64::MAX).all(db).await?;
    Ok(rows
        .into_iter()
        .filter_map(|(path, revision)| Some((path, revision?)))
        .collect())
}

/// The newest row of each path up to the moment `mark`: path and revision.
fn newest(
    site: SiteId,
    format: Format,
    paths: &[&str],
    mark: i64,
) -> sea_orm::Selector<sea_orm::SelectGetableTuple<(String, Option<String>)>> {
    let newest_ids = Entity::find()
        .select_only()
        .expr(Column::Id.max())
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::Format.eq(format.as_str()))
        .filter(Column::Path.is_in(paths.iter().copied()))
        .filter(Column::Id.lte(mark))
        .group_by(Column::Path);
    Entity::find()
        .select_only()
        .column(Column::Path)
        .column(Column::Revision)
        .filter(Column::Id.in_subquery(sea_orm::QueryTrait::into_query(newest_ids)))
        .into_tuple()
}

impl Store {
    /// The number of the site's last publication so far; 0 when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_publication(&self, workspace: WorkspaceId, site: SiteId) -> Result<i64> {
        last(self.reader(), workspace, site).await
    }

    /// The paths whose published revision is not the one of the moment `mark`, by path, then format.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publications_since(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        mark: i64,
    ) -> Result<Vec<Difference>> {
        differences(self.reader(), workspace, site, mark).await
    }

    /// Publishes again what was published at that moment, and takes back what was not, all or nothing. Revisions that were
    /// deleted meanwhile are named. A deployment does it once: what came of it is kept with it in the same transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn restore_publications(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        moment: Moment,
        by: Option<DeploymentId>,
        deed: impl Into<Deed<'_>>,
    ) -> Result<Restored> {
        let deed = deed.into().of_kind(HistoryKind::Restored);
        let at = deed.at;
        let tx = self.begin().await?;
        let mut restored = Restored::default();
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(restored);
        }
        if let Some(known) = deployments::restored(&tx, by).await? {
            return Ok(known);
        }
        restored.before = last(&tx, workspace, site).await?;
        let differences = differences(&tx, workspace, site, moment.mark).await?;
        let differences =
            without_later_ones(&tx, site, differences, &moment, &mut restored).await?;
        let mut published = Vec::new();
        for difference in &differences {
            let Difference {
                format, path, then, ..
            } = difference;
            match then {
                Some(revision) if has_revision(&tx, site, *format, path, revision).await? => {
                    set_published(&tx, site, (*format, path), Some((revision, at))).await?;
                    published.push((*format, path.as_str(), revision, deed));
                    restored.published += 1;
                }
                Some(_) => restored.add_missing(difference),
                None => {
                    set_published(&tx, site, (*format, path), None).await?;
                    record_nothing(&tx, workspace, site, *format, path, deed).await?;
                    kv_ledger::want_nothing(&tx, site, *format, path).await?;
                    restored.unpublished += 1;
                }
            }
        }
        record(&tx, workspace, site, &published).await?;
        let wanted: Vec<_> = published
            .iter()
            .map(|(format, path, revision, _)| (*format, *path, *revision))
            .collect();
        kv_ledger::want(&tx, workspace, site, &wanted).await?;
        if !differences.is_empty() {
            sync::want(&tx, site, at).await?;
        }
        restored.after = last(&tx, workspace, site).await?;
        deployments::set_restored(&tx, by, &restored).await?;
        tx.commit().await?;
        Ok(restored)
    }
}

/// Of the paths that differ from the moment, those that are still as they were at the later one that somebody brought
/// about. Others that differed there, too, were changed by somebody since, and are named.
async fn without_later_ones(
    tx: &DatabaseTransaction,
    site: SiteId,
    differences: Vec<Difference>,
    moment: &Moment,
    restored: &mut Restored,
) -> Result<Vec<Difference>> {
    let Some(later) = moment.unless_changed_since else {
        return Ok(differences);
    };
    let mut left = Vec::with_capacity(differences.len());
    for format in Format::ALL {
        let of_format: Vec<&Difference> = differences
            .iter()
            .filter(|difference| difference.format == format)
            .collect();
        for chunk in of_format.chunks(bind_parameters_max(tx) / 2) {
            let paths: Vec<&str> = chunk.iter().map(|one| one.path.as_str()).collect();
            let were: HashMap<String, Option<String>> = newest(site, format, &paths, later)
                .all(tx)
                .await?
                .into_iter()
                .collect();
            for difference in chunk {
                let was = were.get(&difference.path).and_then(Option::as_deref);
                let is =
                    |revision: &Option<Revision>| was == revision.as_ref().map(Revision::as_str);
                if is(&difference.now) {
                    left.push((*difference).clone());
                } else if !is(&difference.then) {
                    restored.add_kept(difference);
                }
            }
        }
    }
    Ok(left)
}

/// The number of the site's last publication so far; 0 when there was none.
async fn last(db: &impl ConnectionTrait, workspace: WorkspaceId, site: SiteId) -> Result<i64> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .expr(Column::Id.max())
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::SiteId.eq(site.to_string()))
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

async fn differences(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
    site: SiteId,
    mark: i64,
) -> Result<Vec<Difference>> {
    let changed: Vec<(String, String)> = Entity::find()
        .select_only()
        .column(Column::Format)
        .column(Column::Path)
        .distinct()
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::Id.gt(mark))
        .into_tuple()
        .all(db)
        .await?;
    let mut found = Vec::new();
    for format in Format::ALL {
        let paths: HashSet<&str> = changed
            .iter()
            .filter(|(of, _)| of == format.as_str())
            .map(|(_, path)| path.as_str())
            .collect();
        let paths: Vec<&str> = paths.into_iter().collect();
        for chunk in paths.chunks(bind_parameters_max(db) / 2) {
            let now = published_now(db, site, format, chunk).await?;
            let then: HashMap<String, Option<String>> = newest(site, format, chunk, mark)
                .all(db)
                .await?
                .into_iter()
                .collect();
            for path in chunk {
                let row = Row::new("publications", path);
                let now = row.parse_option("revision", now.get(*path))?;
                let then =
                    row.parse_option("revision", then.get(*path).and_then(Option::as_ref))?;
                if now != then {
                    found.push(Difference {
                        format,
                        path: (*path).to_owned(),
                        now,
                        then,
                    });
                }
            }
        }
    }
    found.sort_by(|a, b| (&a.path, a.format).cmp(&(&b.path, b.format)));
    Ok(found)
}

async fn has_revision(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: Format,
    path: &str,
    revision: &Revision,
) -> Result<bool> {
    let key = (
        site.to_string(),
        format.as_str().to_owned(),
        path.to_owned(),
        revision.to_string(),
    );
    Ok(variant_revision::Entity::find_by_id(key)
        .one(tx)
        .await?
        .is_some())
}
