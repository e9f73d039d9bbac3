//! A list that an operator publishes, and how fetching it goes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verification_lists")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub url: String,
    pub kind: String,
    pub next_fetch_at: i64,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub failures: i64,
    pub last_attempt_at: Option<i64>,
    pub last_error: Option<String>,
    pub etag: Option<String>,
    pub doubted_hash: Option<String>,
    pub doubted_since: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
