//! Signed previews: a key for each site, and the links that are open.

use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, blob, text},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table, TableCreateStatement},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = vec![
            text("site_id").primary_key().to_owned(),
            text("workspace_id"),
            text("key_id"),
            blob("sealed_key"),
        ];
        manager
            .create_table(of_a_site("preview_keys", keys))
            .await?;
        let links = vec![
            text("id").primary_key().to_owned(),
            text("workspace_id"),
            text("site_id"),
            text("format"),
            text("path"),
            text("revision"),
            text("host"),
            text("draft"),
            text("author"),
            big_integer("created_at"),
            big_integer("expires_at"),
        ];
        manager
            .create_table(of_a_site("preview_links", links))
            .await?;
        let mut index = Index::create();
        index
            .name("preview_links_by_site")
            .table("preview_links")
            .col("site_id")
            .col("expires_at");
        manager.create_index(index.to_owned()).await
    }
}

fn of_a_site(name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name);
    for mut column in columns {
        table.col(&mut column);
    }
    table.foreign_key(
        ForeignKey::create()
            .name(format!("{name}_site"))
            .from(name, "site_id")
            .to("sites", "id")
            .on_delete(ForeignKeyAction::Cascade),
    );
    table
}
