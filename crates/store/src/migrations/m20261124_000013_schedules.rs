//! When a revision is to be published or a variant to be taken off again, and who did what to a variant when.

use sea_orm::{ConnectionTrait, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, big_pk_auto, text, text_null},
    sea_query::{ForeignKey, ForeignKeyAction, Index, Table},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in [
            ("variants", text_null("scheduled_revision")),
            ("variants", big_integer_null("scheduled_at")),
            ("variants", text_null("scheduled_by")),
            ("variants", big_integer_null("expires_at")),
            ("variants", text_null("expires_by")),
            ("publications", big_integer_null("at")),
            ("publications", text_null("author")),
            ("publications", text_null("kind")),
        ] {
            let table = Table::alter().table(name).add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        let db = manager.get_connection();
        // Nearly every variant has no schedule: it is in neither index.
        for column in ["scheduled_at", "expires_at"] {
            db.execute_unprepared(&format!(
                "CREATE INDEX variants_by_{column} ON variants ({column}) WHERE {column} IS NOT NULL"
            ))
            .await?;
        }
        // What is published now was published at a known time; who did it, and when what came before, was not kept.
        db.execute_unprepared(
            "UPDATE publications SET at = (SELECT variants.published_at FROM variants \
             WHERE variants.site_id = publications.site_id AND variants.format = publications.format \
             AND variants.path = publications.path \
             AND variants.published_revision = publications.revision) \
             WHERE id IN (SELECT MAX(newest.id) FROM publications AS newest \
             GROUP BY newest.site_id, newest.format, newest.path)",
        )
        .await?;
        manager.create_table(events()).await?;
        manager
            .create_index(
                Index::create()
                    .name("variant_events_by_variant")
                    .table("variant_events")
                    .col("site_id")
                    .col("format")
                    .col("path")
                    .col("id")
                    .to_owned(),
            )
            .await
    }
}

fn events() -> sea_orm_migration::sea_query::TableCreateStatement {
    Table::create()
        .table("variant_events")
        .col(big_pk_auto("id"))
        .col(text("workspace_id"))
        .col(text("site_id"))
        .col(text("format"))
        .col(text("path"))
        .col(big_integer("at"))
        .col(text("kind"))
        .col(text_null("revision"))
        .col(text_null("author"))
        .col(text_null("note"))
        .col(big_integer_null("due"))
        .foreign_key(
            ForeignKey::create()
                .name("variant_events_site")
                .from("variant_events", "site_id")
                .to("sites", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
