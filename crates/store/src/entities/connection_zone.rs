//! A zone that a connection's token reaches, as it was last read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection_zones")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub zone_id: String,
    pub workspace_id: String,
    pub account_id: String,
    pub name: String,
    pub folded_name: String,
    pub status: String,
    pub paused: bool,
    pub plan: Option<String>,
    pub routes: Option<String>,
    pub routes_detail: Option<String>,
    pub routes_asked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
