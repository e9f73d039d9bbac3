//! A sealed token and what it reaches.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub token_id: String,
    pub token_kind: String,
    pub token_hint: String,
    pub sealed_token: Vec<u8>,
    pub status: String,
    pub expires_at: Option<i64>,
    pub accounts: String,
    pub permissions: String,
    pub created_at: i64,
    pub checked_at: i64,
    pub zones_read_at: Option<i64>,
    pub chosen_accounts: Option<String>,
    pub token_stored_at: i64,
    pub next_check_at: i64,
    pub check_lease_owner: Option<String>,
    pub check_lease_until: Option<i64>,
    pub leaving_since: Option<i64>,
    pub former_token: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
