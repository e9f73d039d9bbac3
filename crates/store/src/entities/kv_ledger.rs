//! What the edge should hold under a path, and what it acknowledged.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kv_ledger")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub site_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub format: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub workspace_id: String,
    pub key: Option<String>,
    pub wanted_revision: Option<String>,
    pub acked_revision: Option<String>,
    pub acked_at: Option<i64>,
    pub pending: bool,
    pub failed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
