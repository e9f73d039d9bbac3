//! The audit log: who did what, when, from where.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_pk_auto, text, text_null},
    sea_query::{ForeignKey, Index, Table},
};

const TABLE: &str = "audit_events";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table.table(TABLE);
        for mut column in [
            big_pk_auto("id"),
            text("workspace_id"),
            big_integer("at"),
            text("who_kind"),
            text("who"),
            text_null("address"),
            text("kind"),
            text("subject_kind"),
            text("subject_id"),
            text("subject_name"),
            text("detail"),
        ] {
            table.col(&mut column);
        }
        table.foreign_key(
            ForeignKey::create()
                .name("audit_events_workspace")
                .from(TABLE, "workspace_id")
                .to("workspaces", "id"),
        );
        manager.create_table(table).await?;
        for (name, columns) in [
            ("audit_events_order", &["workspace_id", "id"][..]),
            (
                "audit_events_subject",
                &["workspace_id", "subject_id", "id"],
            ),
            ("audit_events_at", &["at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table(TABLE);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
