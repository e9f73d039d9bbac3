//! A list as it was for some time.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verification_list_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub url: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub valid_from: i64,
    pub valid_until: Option<i64>,
    pub confirmed_at: i64,
    pub origin: String,
    pub kind: String,
    pub entries: i64,
    pub hash: String,
    pub content: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
