//! Where the sync of each site is, what index its edge has, and how many KV writes an account had on a day.

use sea_orm::{ConnectionTrait, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, blob_null, boolean, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn zero(name: &'static str) -> ColumnDef {
    let mut column = big_integer(name);
    column.default(0);
    column
}

fn no(name: &'static str) -> ColumnDef {
    let mut column = boolean(name);
    column.default(false);
    column
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut syncs = Table::create();
        syncs.table("site_syncs");
        for mut column in [
            text("site_id"),
            text("workspace_id"),
            big_integer_null("manifest"),
            text_null("index_hash"),
            text_null("filter_key"),
            blob_null("filter"),
            text_null("retired"),
            big_integer_null("listed_at"),
            no("is_unsure"),
            no("is_changed"),
            big_integer_null("run_started_at"),
            zero("run_total"),
            zero("run_written"),
            zero("run_bytes"),
            text_null("pause"),
        ] {
            syncs.col(&mut column);
        }
        syncs
            .primary_key(Index::create().col("site_id"))
            .foreign_key(
                ForeignKey::create()
                    .name("site_syncs_site")
                    .from("site_syncs", "site_id")
                    .to("sites", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            );
        manager.create_table(syncs).await?;
        let mut usage = Table::create();
        usage.table("kv_usage");
        for mut column in [
            text("workspace_id"),
            text("account_id"),
            big_integer("day"),
            zero("writes"),
            zero("deletes"),
            no("is_spent"),
        ] {
            usage.col(&mut column);
        }
        usage
            .primary_key(
                Index::create()
                    .col("workspace_id")
                    .col("account_id")
                    .col("day"),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("kv_usage_workspace")
                    .from("kv_usage", "workspace_id")
                    .to("workspaces", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            );
        manager.create_table(usage).await?;
        manager
            .alter_table(
                Table::alter()
                    .table("sites")
                    .drop_column("index_hash")
                    .to_owned(),
            )
            .await?;
        // The index has another form now: each site's is written again.
        manager
            .get_connection()
            .execute_unprepared(
                "UPDATE sites SET sync_wanted_at = COALESCE(sync_wanted_at, 1), sync_not_before = 0",
            )
            .await?;
        Ok(())
    }
}
