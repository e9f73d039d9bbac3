//! What is kept of visits and for how long: how many of a batch are of unknown visitors, deletions that were asked for, how
//! far user agents were read again after a change of the registry, and sites' keys that take the place of former ones.

use sea_orm::{ConnectionTrait, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, blob_null, boolean, integer_null, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unknown = Table::alter()
            .table("visit_batches")
            // Null in rows from before: not counted.
            .add_column(integer_null("unknown"))
            .to_owned();
        manager.alter_table(unknown).await?;
        // Few batches hold visits of somebody unknown; both databases know indexes of a part of a table.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE INDEX visit_batches_unknown ON visit_batches (site_id, last_at) WHERE unknown IS NULL OR unknown > 0",
            )
            .await?;
        let deletions = vec![
            text("site_id").primary_key().to_owned(),
            text("workspace_id"),
            // The last batch that is to go.
            big_integer("up_to"),
            big_integer("asked_at"),
        ];
        of_a(manager, "visit_deletions", deletions, "site_id", "sites").await?;
        let readings = vec![
            text("workspace_id").primary_key().to_owned(),
            // Of the registry that user agents are read by.
            text("digest"),
            // The last batch that was read by it.
            big_integer("up_to"),
            big_integer("begun_at"),
            boolean("is_done"),
        ];
        let table = "visit_readings";
        of_a(manager, table, readings, "workspace_id", "workspaces").await?;
        let keys = vec![
            text("site_id").primary_key().to_owned(),
            text("workspace_id"),
            text("key_id"),
            text("key_hash"),
            // Null once it stands in `sites`.
            blob_null("sealed_key"),
            text("asked_by"),
            // What brings it to the Worker.
            text_null("deployment_id"),
            big_integer("made_at"),
        ];
        of_a(manager, "site_keys", keys, "site_id", "sites").await
    }
}

async fn of_a(
    manager: &SchemaManager<'_>,
    name: &'static str,
    columns: Vec<ColumnDef>,
    owner: &'static str,
    owners: &'static str,
) -> Result<(), DbErr> {
    let mut table = Table::create();
    table.table(name);
    for mut column in columns {
        table.col(&mut column);
    }
    table.foreign_key(
        ForeignKey::create()
            .name(format!("{name}_owner"))
            .from(name, owner)
            .to(owners, "id")
            .on_delete(ForeignKeyAction::Cascade),
    );
    manager.create_table(table).await
}
