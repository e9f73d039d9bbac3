//! Something about a site's traffic that somebody is told of.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alerts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub site_id: String,
    pub kind: String,
    pub subject: String,
    pub finding: String,
    pub opened_at: i64,
    pub updated_at: i64,
    pub clear_since: Option<i64>,
    pub resolved_at: Option<i64>,
    pub ending: Option<String>,
    pub acknowledged_at: Option<i64>,
    pub acknowledged_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
