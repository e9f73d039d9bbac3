//! What a site's pages were before the first change. A table of its own: it is large, and read by the driver alone.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, text},
    sea_query::{ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("site_baselines")
                    .col(text("site_id"))
                    .col(text("workspace_id"))
                    .col(big_integer("taken_at"))
                    .col(text("pages"))
                    .primary_key(Index::create().col("site_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("site_baselines_site")
                            .from("site_baselines", "site_id")
                            .to("sites", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}
