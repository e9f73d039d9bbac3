//! Watching over connections: when a token was stored and is to be checked again, which news of it were told, and the
//! webhook that they are told to.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, blob, boolean, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for mut column in connection_columns() {
            manager
                .alter_table(
                    Table::alter()
                        .table("connections")
                        .add_column(&mut column)
                        .to_owned(),
                )
                .await?;
        }
        // What is there was stored when it was made; it is checked six hours after its last check.
        manager
            .get_connection()
            .execute_unprepared(
                "UPDATE connections SET token_stored_at = created_at, next_check_at = checked_at + 21600000",
            )
            .await?;
        self.make_tables(manager).await
    }
}

fn connection_columns() -> Vec<ColumnDef> {
    let number = |name| {
        let mut column = big_integer(name);
        column.default(0);
        column
    };
    vec![
        number("token_stored_at"),
        number("next_check_at"),
        text_null("check_lease_owner"),
        big_integer_null("check_lease_until"),
        big_integer_null("leaving_since"),
        text_null("former_token"),
    ]
}

impl Migration {
    async fn make_tables(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let ordered = |name| {
            let mut column = text(name);
            if manager.get_database_backend() == DatabaseBackend::Postgres {
                column.extra(r#"COLLATE "C""#);
            }
            column
        };
        manager
            .create_table(
                Table::create()
                    .table("connection_notices")
                    .col(text("connection_id"))
                    .col(text("notice"))
                    .col(big_integer("occasion"))
                    .col(big_integer("told_at"))
                    .primary_key(
                        Index::create()
                            .col("connection_id")
                            .col("notice")
                            .col("occasion"),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("connection_notices_connection")
                            .from("connection_notices", "connection_id")
                            .to("connections", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhooks")
                    .col(text("workspace_id"))
                    .col(text("url"))
                    .col(blob("sealed_secret"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .primary_key(Index::create().col("workspace_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("webhooks_workspace")
                            .from("webhooks", "workspace_id")
                            .to("workspaces", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_deliveries")
                    .col(ordered("id"))
                    .col(text("workspace_id"))
                    .col(text("event"))
                    .col(text("body"))
                    .col(text("status"))
                    .col(boolean("is_test"))
                    .col(big_integer("attempts"))
                    .col(big_integer("created_at"))
                    .col(big_integer("next_attempt_at"))
                    .col(text_null("lease_owner"))
                    .col(big_integer_null("lease_until"))
                    .col(big_integer_null("last_attempt_at"))
                    .col(big_integer_null("last_status"))
                    .col(text_null("last_error"))
                    .primary_key(Index::create().col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("webhook_deliveries_workspace")
                            .from("webhook_deliveries", "workspace_id")
                            .to("workspaces", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("webhook_deliveries_due")
                    .table("webhook_deliveries")
                    .col("status")
                    .col("next_attempt_at")
                    .to_owned(),
            )
            .await
    }
}
