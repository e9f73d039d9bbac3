//! What Workers prove themselves with when they send visits. Only a hash of each is here; the key itself is sealed with
//! its site.

use crate::{
    Result, Store,
    convert::Row,
    entities::ingest_key::{ActiveModel, Column, Entity, Model},
    sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter,
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
        row.as_ref().map(from_row).transpose()
    }

    /// The sites of every workspace that have no present key: those made before keys were kept here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites_without_ingest_key_for_background(&self) -> Result<Vec<crate::Site>> {
        let known: Vec<String> = sea_orm::QuerySelect::column(
            sea_orm::QuerySelect::select_only(Entity::find().filter(Column::GoodUntil.is_null())),
            Column::SiteId,
        )
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

fn from_row(row: &Model) -> Result<IngestKey> {
    let read = Row::new("ingest_keys", &row.site_id);
    Ok(IngestKey {
        workspace: read.parse("workspace_id", &row.workspace_id)?,
        site: read.parse("site_id", &row.site_id)?,
        good_until: row.good_until.map(Millis),
    })
}
