//! A registry of agents that was taken in.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_registries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub state: String,
    pub version: String,
    pub digest: String,
    pub agents: i64,
    pub document: String,
    pub staged_by: String,
    pub staged_at: i64,
    pub activated_by: Option<String>,
    pub activated_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
