//! Alerts about sites' traffic: the rules that owners set, whose turn it is to be looked at, and what was found.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table, TableCreateStatement},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rules = vec![
            text("site_id").primary_key().to_owned(),
            text("workspace_id"),
            text("rules"),
        ];
        manager
            .create_table(of_a_site("alert_rules", rules))
            .await?;
        let watches = vec![
            text("site_id").primary_key().to_owned(),
            text("workspace_id"),
            // Since when looks follow each other without a long pause.
            big_integer_null("watched_since"),
            big_integer_null("looked_at"),
            big_integer("next_look_at"),
            text_null("lease_owner"),
            big_integer_null("lease_until"),
        ];
        manager
            .create_table(of_a_site("alert_watches", watches))
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("alert_watches_due")
                    .table("alert_watches")
                    .col("next_look_at")
                    .to_owned(),
            )
            .await?;
        alerts(manager).await
    }
}

async fn alerts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Ids grow with time and are compared.
    let mut id = text("id").primary_key().to_owned();
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        id.extra(r#"COLLATE "C""#);
    }
    let columns = vec![
        id,
        text("workspace_id"),
        text("site_id"),
        text("kind"),
        // Of whom it speaks, where a site can have several of its kind at once; else empty.
        text("subject"),
        text("finding"),
        big_integer("opened_at"),
        big_integer("updated_at"),
        big_integer_null("clear_since"),
        big_integer_null("resolved_at"),
        text_null("ending"),
        big_integer_null("acknowledged_at"),
        text_null("acknowledged_by"),
    ];
    manager.create_table(of_a_site("alerts", columns)).await?;
    manager
        .create_index(
            Index::create()
                .name("alerts_by_site")
                .table("alerts")
                .col("site_id")
                .col("id")
                .to_owned(),
        )
        .await?;
    // One of a kind and subject is open at a time, and few are; both databases know indexes of a part of a table.
    let connection = manager.get_connection();
    connection
        .execute_unprepared(
            "CREATE UNIQUE INDEX alerts_open ON alerts (site_id, kind, subject) WHERE resolved_at IS NULL",
        )
        .await?;
    connection
        .execute_unprepared(
            "CREATE INDEX alerts_open_of_all ON alerts (workspace_id, id) WHERE resolved_at IS NULL",
        )
        .await?;
    Ok(())
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
