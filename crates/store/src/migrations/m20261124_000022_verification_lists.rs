//! What operators publish about their agents, as it was over time.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, text, text_null},
    sea_query::{Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("verification_lists")
                    .col(text("url"))
                    .col(text("kind"))
                    .col(big_integer("next_fetch_at"))
                    .col(text_null("lease_owner"))
                    .col(big_integer_null("lease_until"))
                    .col(big_integer("failures"))
                    .col(big_integer_null("last_attempt_at"))
                    .col(text_null("last_error"))
                    .col(text_null("etag"))
                    .col(text_null("doubted_hash"))
                    .col(big_integer_null("doubted_since"))
                    .primary_key(Index::create().col("url"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("verification_list_versions")
                    .col(text("url"))
                    .col(big_integer("valid_from"))
                    .col(big_integer_null("valid_until"))
                    .col(big_integer("confirmed_at"))
                    .col(text("origin"))
                    .col(text("kind"))
                    .col(big_integer("entries"))
                    .col(text("hash"))
                    .col(text("content"))
                    .primary_key(Index::create().col("url").col("valid_from"))
                    .to_owned(),
            )
            .await
    }
}
