//! What happened to a variant besides the first save of a revision and publications.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "variant_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: String,
    pub site_id: String,
    pub format: String,
    pub path: String,
    pub at: i64,
    pub kind: String,
    pub revision: Option<String>,
    pub author: Option<String>,
    pub note: Option<String>,
    pub due: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
