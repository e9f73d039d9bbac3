//! One page of a run of making.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "making_pages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub making_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub workspace_id: String,
    pub path: String,
    pub status: String,
    pub detail: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
