//! What a site's pages were before the first change: kept until a deployment of the site went well, so that whoever takes
//! over from a dead process, continues a failed deployment or takes it back can tell whether anything broke.

use crate::{
    Result, Store,
    convert::{Row, to_json},
    entities::site_baseline::{ActiveModel, Column, Entity},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde_json::Value;

/// What the pages were, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// When they were fetched.
    pub taken_at: Millis,
    /// What they were, in the caller's form.
    pub pages: Value,
}

impl Store {
    /// Keeps what the pages are now, in the place of what was kept before.
    ///
    /// # Errors
    /// When the site is gone or the database fails.
    pub async fn keep_baseline(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        baseline: &Baseline,
    ) -> Result<()> {
        let row = ActiveModel {
            site_id: Set(site.to_string()),
            workspace_id: Set(workspace.to_string()),
            taken_at: Set(baseline.taken_at.0),
            pages: Set(to_json(&baseline.pages)),
        };
        Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::SiteId)
                    .update_columns([Column::TakenAt, Column::Pages])
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// What the pages were, if that is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn baseline(&self, workspace: WorkspaceId, site: SiteId) -> Result<Option<Baseline>> {
        Entity::find_by_id(site.to_string())
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?
            .map(|row| {
                Ok(Baseline {
                    taken_at: Millis(row.taken_at),
                    pages: Row::new("site_baselines", &row.site_id).json("pages", &row.pages)?,
                })
            })
            .transpose()
    }

    /// Forgets what the pages were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_baseline(&self, workspace: WorkspaceId, site: SiteId) -> Result<()> {
        Entity::delete_many()
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}
