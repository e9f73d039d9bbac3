//! Visits of agents: the batches as they came, the keys that Workers prove themselves with, and counts by the hour, the
//! day and the block of 32 days.

use sea_orm::{ConnectionTrait, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{
        big_integer, big_integer_null, big_pk_auto, binary, boolean, integer, small_integer, text,
    },
    sea_query::{ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn of_site(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_site"))
        .from(table, "site_id")
        .to("sites", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        keys(manager).await?;
        batches(manager).await?;
        counts(manager).await
    }
}

async fn keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut hash = text("key_hash");
    hash.primary_key();
    manager
        .create_table(
            Table::create()
                .table("ingest_keys")
                .col(hash)
                .col(text("workspace_id"))
                .col(text("site_id"))
                .col(big_integer("created_at"))
                // When it stops being taken; null for the site's present key.
                .col(big_integer_null("good_until"))
                .foreign_key(&mut of_site("ingest_keys"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .name("ingest_keys_by_site")
                .table("ingest_keys")
                .col("site_id")
                .to_owned(),
        )
        .await
}

async fn batches(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("visit_batches")
                .col(big_pk_auto("id"))
                .col(text("workspace_id"))
                .col(text("site_id"))
                // Chosen by the Worker: a batch that comes twice counts once.
                .col(text("batch"))
                .col(big_integer("received_at"))
                .col(big_integer("first_at"))
                .col(big_integer("last_at"))
                .col(integer("visits"))
                .col(integer("dropped"))
                .col(binary("data"))
                .col(boolean("rolled_up"))
                .foreign_key(&mut of_site("visit_batches"))
                .to_owned(),
        )
        .await?;
    let index = |name: &str| Index::create().name(name).table("visit_batches").to_owned();
    manager
        .create_index(
            index("visit_batches_unique")
                .col("site_id")
                .col("batch")
                .unique()
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            index("visit_batches_by_time")
                .col("site_id")
                .col("last_at")
                .to_owned(),
        )
        .await?;
    // Few rows at any time; both databases know indexes of a part of a table.
    manager
        .get_connection()
        .execute_unprepared(
            "CREATE INDEX visit_batches_waiting ON visit_batches (id) WHERE NOT rolled_up",
        )
        .await?;
    Ok(())
}

async fn counts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("traffic_cubes")
                .col(text("site_id"))
                .col(small_integer("level"))
                .col(big_integer("start"))
                .col(text("workspace_id"))
                .col(binary("data"))
                // Whether a cube of the next level counts it too.
                .col(boolean("folded"))
                .primary_key(Index::create().col("site_id").col("level").col("start"))
                .foreign_key(&mut of_site("traffic_cubes"))
                .to_owned(),
        )
        .await?;
    manager
        .get_connection()
        .execute_unprepared(
            "CREATE INDEX traffic_cubes_unfolded ON traffic_cubes (level, start) WHERE NOT folded",
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("traffic_days")
                .col(text("site_id"))
                .col(big_integer("day"))
                .col(text("workspace_id"))
                .col(binary("data"))
                .primary_key(Index::create().col("site_id").col("day"))
                .foreign_key(&mut of_site("traffic_days"))
                .to_owned(),
        )
        .await
}
