//! Registries of agents that an administrator put in the place of the built-in one. At most one is staged and at most
//! one active; without an active one the built-in registry is in force. Former ones are kept, so that one can go back.

use crate::{
    Result, Store,
    convert::{Row, from_word, to_word},
    entities::agent_registry::{ActiveModel, Column, Entity, Model},
    workspaces,
};
use domain::{ids::WorkspaceId, time::Millis};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DerivePartialModel, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// As many former registries are kept.
const FORMER_KEPT: u64 = 10;

/// Where a registry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryState {
    /// Taken in, and in force nowhere.
    Staged,
    /// In force.
    Active,
    /// Was in force.
    Former,
}

/// A registry, without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRegistry {
    /// Its id, which grows with time.
    pub id: Uuid,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Where it stands.
    pub state: RegistryState,
    /// What its author calls it.
    pub version: String,
    /// SHA-256 of its content, in hex.
    pub digest: String,
    /// How many agents it has.
    pub agents: u64,
    /// Who took it in.
    pub staged_by: String,
    /// When.
    pub staged_at: Millis,
    /// Who put it in force last.
    pub activated_by: Option<String>,
    /// When.
    pub activated_at: Option<Millis>,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
struct Head {
    id: String,
    workspace_id: String,
    state: String,
    version: String,
    digest: String,
    agents: i64,
    staged_by: String,
    staged_at: i64,
    activated_by: Option<String>,
    activated_at: Option<i64>,
}

impl Store {
    /// Stages a registry, in the place of the one that was staged before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stage_agent_registry(
        &self,
        registry: &AgentRegistry,
        document: &str,
    ) -> Result<()> {
        let tx = self.begin().await?;
        workspaces::lock(&tx, registry.workspace).await?;
        delete_staged(&tx, registry.workspace).await?;
        let row = ActiveModel {
            id: Set(registry.id.to_string()),
            workspace_id: Set(registry.workspace.to_string()),
            state: Set(to_word(RegistryState::Staged)),
            version: Set(registry.version.clone()),
            digest: Set(registry.digest.clone()),
            agents: Set(i64::try_from(registry.agents).unwrap_or(i64::MAX)),
            document: Set(document.to_owned()),
            staged_by: Set(registry.staged_by.clone()),
            staged_at: Set(registry.staged_at.0),
            activated_by: Set(None),
            activated_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets the staged registry; says whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_staged_agent_registry(&self, workspace: WorkspaceId) -> Result<bool> {
        let tx = self.begin().await?;
        workspaces::lock(&tx, workspace).await?;
        let deleted = delete_staged(&tx, workspace).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Puts a staged or former registry in force. `false` when there is no such one, or it is in force already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn activate_agent_registry(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        by: &str,
        at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        workspaces::lock(&tx, workspace).await?;
        let found = of(workspace)
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::State.ne(to_word(RegistryState::Active)))
            .one(&tx)
            .await?;
        if found.is_none() {
            return Ok(false);
        }
        retire(&tx, workspace).await?;
        Entity::update_many()
            .col_expr(Column::State, Expr::value(to_word(RegistryState::Active)))
            .col_expr(Column::ActivatedBy, Expr::value(by))
            .col_expr(Column::ActivatedAt, Expr::value(at.0))
            .filter(Column::Id.eq(id.to_string()))
            .exec(&tx)
            .await?;
        forget_old(&tx, workspace).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Puts the built-in registry in force again; says whether another one was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_active_agent_registry(&self, workspace: WorkspaceId) -> Result<bool> {
        let tx = self.begin().await?;
        workspaces::lock(&tx, workspace).await?;
        let retired = retire(&tx, workspace).await?;
        forget_old(&tx, workspace).await?;
        tx.commit().await?;
        Ok(retired)
    }

    /// The registries, those first that were taken in last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent_registries(&self, workspace: WorkspaceId) -> Result<Vec<AgentRegistry>> {
        let heads = of(workspace)
            .order_by_desc(Column::StagedAt)
            .order_by_desc(Column::Id)
            .into_partial_model::<Head>()
            .all(self.reader())
            .await?;
        heads.into_iter().map(from_head).collect()
    }

    /// The registry in force; `None`: the built-in one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_agent_registry(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<AgentRegistry>> {
        of(workspace)
            .filter(Column::State.eq(to_word(RegistryState::Active)))
            .into_partial_model::<Head>()
            .one(self.reader())
            .await?
            .map(from_head)
            .transpose()
    }

    /// The document of a registry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent_registry_document(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
    ) -> Result<Option<String>> {
        let row: Option<Model> = of(workspace)
            .filter(Column::Id.eq(id.to_string()))
            .one(self.reader())
            .await?;
        Ok(row.map(|row| row.document))
    }
}

fn of(workspace: WorkspaceId) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(workspace.to_string()))
}

async fn delete_staged(tx: &DatabaseTransaction, workspace: WorkspaceId) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::State.eq(to_word(RegistryState::Staged)))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected > 0)
}

/// What was in force is former from now on.
async fn retire(tx: &DatabaseTransaction, workspace: WorkspaceId) -> Result<bool> {
    let retired = Entity::update_many()
        .col_expr(Column::State, Expr::value(to_word(RegistryState::Former)))
        .filter(Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Column::State.eq(to_word(RegistryState::Active)))
        .exec(tx)
        .await?;
    Ok(retired.rows_affected > 0)
}

async fn forget_old(tx: &DatabaseTransaction, workspace: WorkspaceId) -> Result<()> {
    let old: Vec<String> = of(workspace)
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(to_word(RegistryState::Former)))
        .order_by_desc(Column::ActivatedAt)
        .order_by_desc(Column::Id)
        .into_tuple()
        .all(tx)
        .await?;
    let old: Vec<String> = old
        .into_iter()
        .skip(usize::try_from(FORMER_KEPT).unwrap_or(usize::MAX))
        .collect();
    if !old.is_empty() {
        Entity::delete_many()
            .filter(Column::Id.is_in(old))
            .exec(tx)
            .await?;
    }
    Ok(())
}

fn from_head(head: Head) -> Result<AgentRegistry> {
    let row = Row::new("agent_registries", &head.id);
    Ok(AgentRegistry {
        id: row.parse("id", &head.id)?,
        workspace: row.parse("workspace_id", &head.workspace_id)?,
        state: row.word("state", &head.state, from_word)?,
        agents: row.count("agents", head.agents)?,
        version: head.version,
        digest: head.digest,
        staged_by: head.staged_by,
        staged_at: Millis(head.staged_at),
        activated_by: head.activated_by,
        activated_at: head.activated_at.map(Millis),
    })
}
