//! What Workers prove themselves with when they send visits. Only a hash of each is here; the key itself is sealed with
//! its site.

use crate::{
    Result, SiteSettings, Store,
    convert::Row,
    entities::{
        ingest_key::{ActiveModel, Column, Entity, Model},
        site,
    },
    sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// When it stops being taken; `None` for the site's present key.
    pub good_until: Option<Millis>,
    /// Whether the site keeps shortened addresses.
    pub keeps_network: bool,
}

impl Store {
    /// Takes this hash as the site's present key; the former one is taken until `former_until`. Telling it the present one
    /// again changes nothing. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_ingest_key(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        key_hash: &str,
        now: Millis,
        former_until: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        lock(&tx, site).await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        Entity::update_many()
            .col_expr(Column::GoodUntil, Expr::value(former_until.0))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::KeyHash.ne(key_hash))
            .filter(Column::GoodUntil.is_null())
            .exec(&tx)
            .await?;
        Entity::delete_many()
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::GoodUntil.lte(now.0))
            .exec(&tx)
            .await?;
        let row = ActiveModel {
            key_hash: Set(key_hash.to_owned()),
            workspace_id: Set(workspace.to_string()),
            site_id: Set(site.to_string()),
            created_at: Set(now.0),
            good_until: Set(None),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::KeyHash)
                    .update_column(Column::GoodUntil)
                    .to_owned(),
            )
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whose key this is, as long as it is good. Like an access key it finds its workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ingest_key(&self, key_hash: &str, now: Millis) -> Result<Option<IngestKey>> {
        let row = Entity::find_by_id(key_hash)
            .filter(good(now))
            .one(self.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let settings: Option<String> = site::Entity::find_by_id(row.site_id.as_str())
            .select_only()
            .column(site::Column::Settings)
            .into_tuple()
            .one(self.reader())
            .await?;
        settings
            .map(|settings| from_row(&row, &settings))
            .transpose()
    }

    /// Has every key of the site but the one of this hash taken until `until` at most. Says how many are concerned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_former_ingest_keys(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        present_hash: &str,
        until: Millis,
    ) -> Result<u64> {
        let tx = self.begin().await?;
        lock(&tx, site).await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(0);
        }
        let ended = end_others(&tx, site, present_hash, until).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// The sites of every workspace that have no present key: those made before keys were kept here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites_without_ingest_key_for_background(&self) -> Result<Vec<crate::Site>> {
        let known: Vec<String> = Entity::find()
            .filter(Column::GoodUntil.is_null())
            .select_only()
            .column(Column::SiteId)
            .into_tuple()
            .all(self.reader())
            .await?;
        let known: std::collections::HashSet<String> = known.into_iter().collect();
        let mut sites = self.all_sites_for_background().await?;
        sites.retain(|site| !known.contains(&site.id.to_string()));
        Ok(sites)
    }
}

/// Keys that are taken at this time.
pub(crate) fn good(now: Millis) -> Condition {
    Condition::any()
        .add(Column::GoodUntil.is_null())
        .add(Column::GoodUntil.gt(now.0))
}

/// Locks the site's keys until the transaction ends: what Workers send now is on the disk or waits. Before the site itself
/// is locked, since a batch that is being written holds its key first and then its site.
pub(crate) async fn lock(tx: &DatabaseTransaction, site: SiteId) -> Result<()> {
    Entity::find()
        .filter(Column::SiteId.eq(site.to_string()))
        .order_by_asc(Column::KeyHash)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(())
}

/// Has every key of the site but this one end no later than `until`.
pub(crate) async fn end_others(
    tx: &DatabaseTransaction,
    site: SiteId,
    present_hash: &str,
    until: Millis,
) -> Result<u64> {
    let done = Entity::update_many()
        .col_expr(Column::GoodUntil, Expr::value(until.0))
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(Column::KeyHash.ne(present_hash))
        .filter(good(until))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

fn from_row(row: &Model, settings: &str) -> Result<IngestKey> {
    let read = Row::new("ingest_keys", &row.site_id);
    let settings: SiteSettings = Row::new("sites", &row.site_id).json("settings", settings)?;
    Ok(IngestKey {
        keeps_network: settings.keeps_network,
        workspace: read.parse("workspace_id", &row.workspace_id)?,
        site: read.parse("site_id", &row.site_id)?,
        good_until: row.good_until.map(Millis),
    })
}
