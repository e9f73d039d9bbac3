//! Visits as they came, many in one row.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "visit_batches")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: String,
    pub site_id: String,
    pub batch: String,
    pub received_at: i64,
    pub first_at: i64,
    pub last_at: i64,
    pub visits: i32,
    pub dropped: i32,
    pub data: Vec<u8>,
    pub rolled_up: bool,
    pub unknown: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
