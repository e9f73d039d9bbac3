//! What a deployment brought back of what was published, and what was published before: so that it can be taken back.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager, async_trait::async_trait, schema::text_null, sea_query::Table,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("deployments")
            .add_column(text_null("restored"))
            .to_owned();
        manager.alter_table(table).await
    }
}
