//! Which revision of which variant was published when, in order: so that the published state of an earlier moment can be
//! brought back. The number is the order; what is published already begins the list.

use sea_orm::{ConnectionTrait, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_pk_auto, text, text_null},
    sea_query::{ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("publications")
                    .col(big_pk_auto("id"))
                    .col(text("workspace_id"))
                    .col(text("site_id"))
                    .col(text("format"))
                    .col(text("path"))
                    .col(text_null("revision"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("publications_site")
                            .from("publications", "site_id")
                            .to("sites", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for columns in [&["site_id", "id"][..], &["site_id", "format", "path", "id"]] {
            let mut index = Index::create();
            index
                .name(format!("publications_by_{}", columns.join("_")))
                .table("publications");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index.to_owned()).await?;
        }
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO publications (workspace_id, site_id, format, path, revision) \
                 SELECT workspace_id, site_id, format, path, published_revision FROM variants \
                 WHERE published_revision IS NOT NULL",
            )
            .await?;
        Ok(())
    }
}
