//! What the daily check knows of the page behind each published variant, and how far each site's publications were
//! followed.

use sea_orm::{DatabaseBackend, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, boolean, text, text_null},
    sea_query::{ConditionalStatement, Expr, ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut path = text("path");
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            path.extra(r#"COLLATE "C""#);
        }
        manager
            .create_table(
                Table::create()
                    .table("page_watches")
                    .col(text("site_id"))
                    .col(text("format"))
                    .col(path)
                    .col(text("workspace_id"))
                    .col(text_null("revision"))
                    .col(text_null("base_text"))
                    .col(text_null("made_text"))
                    .col(text_null("made_revision"))
                    .col(text_null("page_text"))
                    .col(big_integer_null("changed_at"))
                    .col(big_integer_null("withheld_at"))
                    .col(text_null("reason"))
                    .col(text_null("detail"))
                    .col(big_integer_null("checked_at"))
                    .col(big_integer("next_check_at"))
                    .col(big_integer("failures"))
                    .col(boolean("serve_anyway"))
                    .primary_key(Index::create().col("site_id").col("format").col("path"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("page_watches_site")
                            .from("page_watches", "site_id")
                            .to("sites", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("page_watches_due")
                    .table("page_watches")
                    .col("site_id")
                    .col("next_check_at")
                    .and_where(Expr::cust("revision IS NOT NULL"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("page_watches_told")
                    .table("page_watches")
                    .col("site_id")
                    .col("path")
                    .and_where(Expr::cust(
                        "withheld_at IS NOT NULL OR changed_at IS NOT NULL",
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("page_watch_marks")
                    .col(text("site_id"))
                    .col(text("workspace_id"))
                    .col(big_integer("publication"))
                    .col(text_null("lease_owner"))
                    .col(big_integer_null("lease_until"))
                    .primary_key(Index::create().col("site_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("page_watch_marks_site")
                            .from("page_watch_marks", "site_id")
                            .to("sites", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}
