//! When a site's account is looked at next, and what was found to differ.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, text_null},
    sea_query::Table,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut observe_after = big_integer("observe_after");
        observe_after.default(0);
        // SQLite adds one column in a statement.
        for column in [observe_after, text_null("drift")] {
            let table = Table::alter().table("sites").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
