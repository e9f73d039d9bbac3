//! Runs of making variants from live pages, and the pages of each: work that outlives a process.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, boolean, text, text_null},
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
                    .table("makings")
                    .col(text("id"))
                    .col(text("workspace_id"))
                    .col(text("site_id"))
                    .col(text("format"))
                    .col(text("status"))
                    .col(text_null("sitemap"))
                    .col(boolean("ignore_robots"))
                    .col(big_integer("delay_ms"))
                    .col(text("requested_by"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("started_at"))
                    .col(big_integer_null("finished_at"))
                    .col(boolean("cancel_requested"))
                    .col(text_null("problem"))
                    .col(text_null("lease_owner"))
                    .col(big_integer_null("lease_until"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("makings_site")
                            .from("makings", "site_id")
                            .to("sites", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("makings_by_site")
                    .table("makings")
                    .col("site_id")
                    .col("created_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("makings_by_status")
                    .table("makings")
                    .col("status")
                    .col("created_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("making_pages")
                    .col(text("making_id"))
                    .col(big_integer("position"))
                    .col(text("workspace_id"))
                    .col(text("path"))
                    .col(text("status"))
                    .col(text_null("detail"))
                    .primary_key(Index::create().col("making_id").col("position"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("making_pages_making")
                            .from("making_pages", "making_id")
                            .to("makings", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("making_pages_by_status")
                    .table("making_pages")
                    .col("making_id")
                    .col("status")
                    .col("position")
                    .to_owned(),
            )
            .await
    }
}
