//! What is known of the page behind a published variant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "page_watches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub site_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub format: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub workspace_id: String,
    pub revision: Option<String>,
    pub base_text: Option<String>,
    pub made_text: Option<String>,
    pub made_revision: Option<String>,
    pub page_text: Option<String>,
    pub changed_at: Option<i64>,
    pub withheld_at: Option<i64>,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub checked_at: Option<i64>,
    pub next_check_at: i64,
    pub failures: i64,
    pub serve_anyway: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
