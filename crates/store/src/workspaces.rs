//! Workspaces own everything else. There is one today; the column is there from the first day, since adding it to every
//! query later is how rows of one owner get shown to another.

use crate::{Result, Store, entities::workspace};
use domain::{ids::WorkspaceId, time::Millis};
use sea_orm::{
    ActiveValue::Set,
    DatabaseTransaction, EntityTrait, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use uuid::Uuid;

/// The one workspace.
const DEFAULT: WorkspaceId =
    WorkspaceId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

impl Store {
    /// The default workspace, made if it is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ensure_workspace(&self, now: Millis) -> Result<WorkspaceId> {
        let id = DEFAULT.to_string();
        let known = workspace::Entity::find_by_id(id.as_str())
            .one(self.reader())
            .await?;
        if known.is_none() {
            let row = workspace::ActiveModel {
                id: Set(id),
                name: Set("Default".to_owned()),
                created_at: Set(now.0),
            };
            workspace::Entity::insert(row)
                .on_conflict(
                    OnConflict::column(workspace::Column::Id)
                        .do_nothing()
                        .to_owned(),
                )
                .exec_without_returning(self.writer())
                .await?;
        }
        Ok(DEFAULT)
    }
}

/// Holds the workspace until the transaction ends, for what must not happen twice at once in it.
pub(crate) async fn lock(tx: &DatabaseTransaction, id: WorkspaceId) -> Result<()> {
    workspace::Entity::find_by_id(id.to_string())
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?;
    Ok(())
}
