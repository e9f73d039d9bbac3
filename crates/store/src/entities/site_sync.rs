//! Where the sync of a site is.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "site_syncs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub site_id: String,
    pub workspace_id: String,
    pub manifest: Option<i64>,
    pub index_hash: Option<String>,
    pub filter_key: Option<String>,
    pub filter: Option<Vec<u8>>,
    pub retired: Option<String>,
    pub listed_at: Option<i64>,
    pub is_unsure: bool,
    pub is_changed: bool,
    pub run_started_at: Option<i64>,
    pub run_total: i64,
    pub run_written: i64,
    pub run_bytes: i64,
    pub pause: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
