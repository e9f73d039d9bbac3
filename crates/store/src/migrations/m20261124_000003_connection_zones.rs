//! Zones move out of the connection's row into a table of their own: a token may reach thousands of them, and nobody who
//! loads a connection wants them all.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer_null, boolean, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(zones(manager)).await?;
        for (name, columns) in [
            (
                "connection_zones_name",
                ["connection_id", "folded_name", "zone_id"].as_slice(),
            ),
            (
                "connection_zones_account",
                &["connection_id", "account_id", "routes"],
            ),
        ] {
            let mut index = Index::create();
            index.name(name).table("connection_zones");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        for column in [
            big_integer_null("zones_read_at"),
            text_null("chosen_accounts"),
        ] {
            let mut change = Table::alter();
            change.table("connections").add_column(column);
            manager.alter_table(change).await?;
        }
        let db = manager.get_connection();
        db.execute_unprepared(what_there_is(manager.get_database_backend()))
            .await?;
        db.execute_unprepared("UPDATE connections SET zones_read_at = checked_at")
            .await?;
        let mut change = Table::alter();
        change.table("connections").drop_column("zones");
        manager.alter_table(change).await
    }
}

fn zones(manager: &SchemaManager) -> sea_orm_migration::sea_query::TableCreateStatement {
    // Sorted by its bytes on both databases.
    let folded_name = {
        let mut column: ColumnDef = text("folded_name");
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            column.extra(r#"COLLATE "C""#);
        }
        column
    };
    let mut table = Table::create();
    table
        .table("connection_zones")
        .col(text("connection_id"))
        .col(text("zone_id"))
        .col(text("workspace_id"))
        .col(text("account_id"))
        .col(text("name"))
        .col(folded_name)
        .col(text("status"))
        .col(boolean("paused"))
        .col(text_null("plan"))
        .col(text_null("routes"))
        .col(text_null("routes_detail"))
        .col(big_integer_null("routes_asked_at"))
        .primary_key(Index::create().col("connection_id").col("zone_id"))
        .foreign_key(
            ForeignKey::create()
                .name("connection_zones_connection")
                .from("connection_zones", "connection_id")
                .to("connections", "id")
                .on_delete(ForeignKeyAction::Cascade),
        );
    table
}

/// The zones of the documents as rows. What was asked about their routes is asked again when it matters.
fn what_there_is(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => {
            "INSERT INTO connection_zones (connection_id, zone_id, workspace_id, account_id, name, folded_name, status, paused, plan) \
             SELECT c.id, z->>'id', c.workspace_id, z->>'accountId', z->>'name', lower(z->>'name'), z->>'status', (z->>'paused')::boolean, z->>'plan' \
             FROM connections c CROSS JOIN LATERAL jsonb_array_elements(c.zones::jsonb) AS z \
             ON CONFLICT DO NOTHING"
        }
        _ => {
            "INSERT OR IGNORE INTO connection_zones (connection_id, zone_id, workspace_id, account_id, name, folded_name, status, paused, plan) \
             SELECT c.id, z.value->>'id', c.workspace_id, z.value->>'accountId', z.value->>'name', lower(z.value->>'name'), z.value->>'status', z.value->>'paused', z.value->>'plan' \
             FROM connections c, json_each(c.zones) AS z"
        }
    }
}
