//! Another policy for a site's paths: variants whose page has another normal form under it go there with all their
//! revisions, and those that become one page are merged.
//!
//! Nothing is lost: a merged variant has the revisions of all, and what was published last stays published. What is public
//! changes with its publications and the ledger, as if it had been taken back there and published here.

use crate::{
    Result, Store, StoreError,
    convert::{Row, to_json},
    database::bind_parameters_max,
    entities::{site, variant, variant_event, variant_revision},
    kv_ledger, publications,
    sites::{self, SiteSettings},
    sync,
    variants::{Deed, HistoryKind},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    path::PathPolicy,
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use std::collections::{BTreeMap, HashMap};

/// Variants read at once.
const READ: u64 = 5_000;

/// Variants that become one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMerge {
    /// The format.
    pub format: Format,
    /// The page that they become.
    pub path: String,
    /// The paths that they have, sorted; `path` may be among them.
    pub from: Vec<String>,
}

/// What another policy does to a site's variants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathChange {
    /// How many variants get another path, the merged ones included.
    pub moved: u64,
    /// Those that become one page.
    pub merges: Vec<PathMerge>,
}

/// The variants that become one page, by that page.
type Groups = BTreeMap<(String, String), Vec<String>>;

impl Store {
    /// What a policy would do to the site's variants. Changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_path_policy(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        policy: &PathPolicy,
    ) -> Result<PathChange> {
        let groups = groups(self.reader(), workspace, site, policy).await?;
        change(&groups)
    }

    /// Gives the site another policy and its variants the paths that they have under it, all or nothing. When variants
    /// would be merged and `merge` is not set, nothing is changed and `false` comes with what would be.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn set_path_policy(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        policy: &PathPolicy,
        merge: bool,
        at: Millis,
    ) -> Result<(bool, PathChange)> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        let groups = groups(&tx, workspace, site, policy).await?;
        let change = change(&groups)?;
        if !merge && !change.merges.is_empty() {
            return Ok((false, change));
        }
        for ((format, path), from) in &groups {
            bring_together(&tx, workspace, site, (format, path), from, at).await?;
        }
        if !groups.is_empty() {
            sync::want(&tx, site, at).await?;
        }
        store_policy(&tx, site, policy).await?;
        tx.commit().await?;
        Ok((true, change))
    }
}

fn change(groups: &Groups) -> Result<PathChange> {
    let mut change = PathChange::default();
    for ((format, path), from) in groups {
        change.moved += from.iter().filter(|other| *other != path).count() as u64;
        if from.len() > 1 {
            change.merges.push(PathMerge {
                format: Row::new("variants", path).parse("format", format)?,
                path: path.clone(),
                from: from.clone(),
            });
        }
    }
    Ok(change)
}

/// Every page that some variant has to go to, with all variants that will be there.
async fn groups(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
    site: SiteId,
    policy: &PathPolicy,
) -> Result<Groups> {
    use variant::Column;
    let of_site = || {
        variant::Entity::find()
            .select_only()
            .column(Column::Format)
            .column(Column::Path)
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::SiteId.eq(site.to_string()))
    };
    let mut groups = Groups::new();
    let mut last: Option<(String, String)> = None;
    loop {
        let mut query = of_site()
            .order_by_asc(Column::Path)
            .order_by_asc(Column::Format)
            .limit(READ);
        if let Some((format, path)) = &last {
            query = query.filter(
                Condition::any().add(Column::Path.gt(path.as_str())).add(
                    Column::Path
                        .eq(path.as_str())
                        .and(Column::Format.gt(format.as_str())),
                ),
            );
        }
        let rows: Vec<(String, String)> = query.into_tuple().all(db).await?;
        let Some(end) = rows.last() else { break };
        last = Some(end.clone());
        for (format, path) in rows {
            // One that the policy cannot read stays where it is.
            let target = policy
                .page(&path)
                .map_or_else(|_| path.clone(), String::from);
            if target != path {
                groups.entry((format, target)).or_default().push(path);
            }
        }
    }
    let targets: Vec<(String, String)> = groups.keys().cloned().collect();
    for chunk in targets.chunks(500) {
        let there: Vec<(String, String)> = of_site()
            .filter(Column::Path.is_in(chunk.iter().map(|(_, path)| path.as_str())))
            .into_tuple()
            .all(db)
            .await?;
        for (format, path) in there {
            if let Some(from) = groups.get_mut(&(format, path.clone())) {
                from.push(path);
            }
        }
    }
    for from in groups.values_mut() {
        from.sort();
    }
    Ok(groups)
}

/// Makes one variant at `path` of those at `from`.
async fn bring_together(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    (format, path): (&str, &str),
    from: &[String],
    at: Millis,
) -> Result<()> {
    let moved = Deed::from(at).of_kind(HistoryKind::Moved);
    let of_format: Format = Row::new("variants", path).parse("format", format)?;
    let mut variants = Vec::new();
    for chunk in from.chunks(500) {
        let rows = variant::Entity::find()
            .filter(variant::Column::SiteId.eq(site.to_string()))
            .filter(variant::Column::Format.eq(format))
            .filter(variant::Column::Path.is_in(chunk.iter().map(String::as_str)))
            .all(tx)
            .await?;
        variants.extend(rows);
    }
    let Some(mut whole) = united(&variants) else {
        return Ok(());
    };
    whole.path = path.to_owned();
    move_revisions(tx, site, format, path, from).await?;
    move_events(tx, site, format, path, from).await?;
    publications::move_rows(tx, site, format, path, from).await?;
    for old in &variants {
        variant::Entity::delete_by_id((old.site_id.clone(), old.format.clone(), old.path.clone()))
            .exec(tx)
            .await?;
        if old.path != path && old.published_revision.is_some() {
            publications::record_nothing(tx, workspace, site, of_format, &old.path, moved).await?;
            kv_ledger::want_nothing(tx, site, of_format, &old.path).await?;
        }
    }
    let published = Row::new("variants", path)
        .parse_option::<Revision>("published_revision", whole.published_revision.as_ref())?;
    variant::Entity::insert(whole.into_active_model())
        .exec_without_returning(tx)
        .await?;
    if let Some(revision) = &published {
        publications::record(tx, workspace, site, &[(of_format, path, revision, moved)]).await?;
        let wanted = [(of_format, path, revision)];
        kv_ledger::want(tx, workspace, site, &wanted).await?;
    }
    Ok(())
}

/// Published is what was published last, the latest is what was saved last.
fn united(variants: &[variant::Model]) -> Option<variant::Model> {
    let mut whole = variants.iter().max_by_key(|one| one.updated_at)?.clone();
    let published = variants
        .iter()
        .filter(|one| one.published_revision.is_some())
        .max_by_key(|one| one.published_at);
    let published_at = variants.iter().filter_map(|one| one.published_at).max();
    whole.published_revision = published.and_then(|one| one.published_revision.clone());
    whole.published_at = published.map_or(published_at, |one| one.published_at);
    whole.created_at = variants.iter().map(|one| one.created_at).min()?;
    Some(whole)
}

/// What happened to all of them.
async fn move_events(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: &str,
    path: &str,
    from: &[String],
) -> Result<()> {
    use variant_event::{Column, Entity};
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

/// The history of all; of a revision that several had, the oldest entry stays.
async fn move_revisions(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: &str,
    path: &str,
    from: &[String],
) -> Result<()> {
    use variant_revision::{Column, Entity};
    let mut whole: HashMap<String, variant_revision::Model> = HashMap::new();
    for chunk in from.chunks(500) {
        let these = Condition::all()
            .add(Column::SiteId.eq(site.to_string()))
            .add(Column::Format.eq(format))
            .add(Column::Path.is_in(chunk.iter().map(String::as_str)));
        for mut row in Entity::find().filter(these.clone()).all(tx).await? {
            path.clone_into(&mut row.path);
            let is_older = |known: &variant_revision::Model| known.created_at <= row.created_at;
            if !whole.get(&row.revision).is_some_and(is_older) {
                whole.insert(row.revision.clone(), row);
            }
        }
        Entity::delete_many().filter(these).exec(tx).await?;
    }
    let rows: Vec<_> = whole.into_values().collect();
    for chunk in rows.chunks(bind_parameters_max(tx) / 12) {
        Entity::insert_many(
            chunk
                .iter()
                .cloned()
                .map(IntoActiveModel::into_active_model),
        )
        .exec_without_returning(tx)
        .await?;
    }
    Ok(())
}

async fn store_policy(tx: &DatabaseTransaction, site: SiteId, policy: &PathPolicy) -> Result<()> {
    let Some(row) = site::Entity::find_by_id(site.to_string()).one(tx).await? else {
        return Err(StoreError::Missing { what: "site" });
    };
    let mut settings: SiteSettings = Row::new("sites", &row.id).json("settings", &row.settings)?;
    settings.paths = policy.clone();
    site::Entity::update_many()
        .col_expr(site::Column::Settings, Expr::value(to_json(&settings)))
        .filter(site::Column::Id.eq(site.to_string()))
        .exec(tx)
        .await?;
    Ok(())
}
