//! The newest of a site's keys, once it had another.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "site_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub site_id: String,
    pub workspace_id: String,
    pub key_id: String,
    pub key_hash: String,
    pub sealed_key: Option<Vec<u8>>,
    pub asked_by: String,
    pub deployment_id: Option<String>,
    pub made_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
