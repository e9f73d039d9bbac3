//! What is rarely asked of counts stands apart from what every question reads: a row is then read up to what is needed.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::blob_null,
    sea_query::{ColumnDef, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null in rows from before: it stands in `data`. SQLite adds one column at a time.
        for column in ["cells", "parts"] {
            add(manager, blob_null(column)).await?;
        }
        Ok(())
    }
}

async fn add(manager: &SchemaManager<'_>, column: ColumnDef) -> Result<(), DbErr> {
    let cubes = Table::alter()
        .table("traffic_cubes")
        .add_column(column)
        .to_owned();
    manager.alter_table(cubes).await
}
