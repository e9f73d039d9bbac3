//! Registries of agents that an administrator put in the place of the built-in one: staged, active, or former.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, text, text_null},
    sea_query::{ForeignKey, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("agent_registries")
                    .col(text("id").primary_key())
                    .col(text("workspace_id"))
                    .col(text("state"))
                    .col(text("version"))
                    .col(text("digest"))
                    .col(big_integer("agents"))
                    .col(text("document"))
                    .col(text("staged_by"))
                    .col(big_integer("staged_at"))
                    .col(text_null("activated_by"))
                    .col(big_integer_null("activated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("agent_registries_workspace")
                            .from("agent_registries", "workspace_id")
                            .to("workspaces", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("agent_registries_by_workspace_state")
                    .table("agent_registries")
                    .col("workspace_id")
                    .col("state")
                    .to_owned(),
            )
            .await
    }
}
