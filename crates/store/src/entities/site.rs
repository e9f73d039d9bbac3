//! What we deploy, and the work that waits for it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sites")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub connection_id: String,
    pub account_id: String,
    pub zone_id: String,
    pub zone_name: String,
    pub name: String,
    pub settings: String,
    pub sealed_key: Vec<u8>,
    pub status: String,
    pub recorded: String,
    pub observed_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub sync_wanted_at: Option<i64>,
    pub sync_not_before: i64,
    pub sync_lease_owner: Option<String>,
    pub sync_lease_until: Option<i64>,
    pub last_synced_at: Option<i64>,
    pub sync_api_calls: i64,
    pub observe_after: i64,
    pub drift: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
