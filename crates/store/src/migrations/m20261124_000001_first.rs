//! The first schema.
//!
//! Ids are text, times are milliseconds since 1970, documents are JSON in text columns. Every owned row carries its
//! workspace.

mod indexes;

use sea_orm::{DatabaseBackend, DbErr, DeriveMigrationName};
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    async_trait::async_trait,
    schema::{big_integer, big_integer_null, big_pk_auto, blob, boolean, text, text_null},
    sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table, TableCreateStatement},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in tables(backend) {
            manager.create_table(table).await?;
        }
        for index in indexes::indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Text that sorts by its bytes on both databases: PostgreSQL would sort by the language of the server.
fn ordered(backend: DatabaseBackend, mut column: ColumnDef) -> ColumnDef {
    if backend == DatabaseBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}

fn table(
    name: &'static str,
    columns: Vec<ColumnDef>,
    key: &[&'static str],
) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name);
    for mut column in columns {
        table.col(&mut column);
    }
    if !key.is_empty() {
        let mut primary = Index::create();
        for column in key {
            primary.col(*column);
        }
        table.primary_key(&mut primary);
    }
    table
}

fn owned_by_site(mut table: TableCreateStatement, name: &'static str) -> TableCreateStatement {
    table.foreign_key(
        ForeignKey::create()
            .name(format!("{name}_site"))
            .from(name, "site_id")
            .to("sites", "id")
            .on_delete(ForeignKeyAction::Cascade),
    );
    table
}

fn owned_by_workspace(mut table: TableCreateStatement, name: &'static str) -> TableCreateStatement {
    table.foreign_key(
        ForeignKey::create()
            .name(format!("{name}_workspace"))
            .from(name, "workspace_id")
            .to("workspaces", "id"),
    );
    table
}

fn tables(backend: DatabaseBackend) -> Vec<TableCreateStatement> {
    vec![
        table("meta", vec![text("key"), blob("value")], &["key"]),
        table(
            "workspaces",
            vec![text("id"), text("name"), big_integer("created_at")],
            &["id"],
        ),
        owned_by_workspace(
            table(
                "users",
                vec![
                    text("id"),
                    text("workspace_id"),
                    text("email"),
                    text("password_hash"),
                    big_integer("created_at"),
                    big_integer("sessions_valid_from"),
                ],
                &["id"],
            ),
            "users",
        ),
        table(
            "sessions",
            vec![
                text("id"),
                text_null("user_id"),
                blob("data"),
                big_integer("expires_at"),
            ],
            &["id"],
        ),
        table(
            "sign_in_attempts",
            vec![big_pk_auto("id"), text("key"), big_integer("at")],
            &[],
        ),
        owned_by_workspace(
            table(
                "access_keys",
                vec![
                    text("id"),
                    text("workspace_id"),
                    text("name"),
                    text("hint"),
                    text("key_hash"),
                    big_integer("created_at"),
                    big_integer_null("last_used_at"),
                    big_integer_null("revoked_at"),
                ],
                &["id"],
            ),
            "access_keys",
        ),
        owned_by_workspace(
            table(
                "connections",
                vec![
                    ordered(backend, text("id")),
                    text("workspace_id"),
                    text("name"),
                    text("token_id"),
                    text("token_kind"),
                    text("token_hint"),
                    blob("sealed_token"),
                    text("status"),
                    big_integer_null("expires_at"),
                    text("accounts"),
                    text("zones"),
                    text("permissions"),
                    big_integer("created_at"),
                    big_integer("checked_at"),
                ],
                &["id"],
            ),
            "connections",
        ),
        owned_by_workspace(
            table(
                "sites",
                vec![
                    ordered(backend, text("id")),
                    text("workspace_id"),
                    text("connection_id"),
                    text("account_id"),
                    text("zone_id"),
                    text("zone_name"),
                    text("name"),
                    text("settings"),
                    blob("sealed_key"),
                    text("status"),
                    text("recorded"),
                    big_integer_null("observed_at"),
                    big_integer("created_at"),
                    big_integer("updated_at"),
                    text_null("index_hash"),
                    big_integer_null("sync_wanted_at"),
                    big_integer("sync_not_before"),
                    text_null("sync_lease_owner"),
                    big_integer_null("sync_lease_until"),
                    big_integer_null("last_synced_at"),
                    big_integer("sync_api_calls"),
                ],
                &["id"],
            ),
            "sites",
        ),
        owned_by_site(
            table(
                "site_hostnames",
                vec![
                    text("hostname"),
                    text("workspace_id"),
                    text("site_id"),
                    big_integer("position"),
                ],
                &["hostname"],
            ),
            "site_hostnames",
        ),
        owned_by_workspace(
            table(
                "deployments",
                vec![
                    ordered(backend, text("id")),
                    text("workspace_id"),
                    text("site_id"),
                    text("site_name"),
                    text("kind"),
                    text("status"),
                    text_null("plan"),
                    text_null("problem"),
                    text_null("proof"),
                    text("requested_by"),
                    big_integer("created_at"),
                    big_integer_null("started_at"),
                    big_integer_null("finished_at"),
                    big_integer("api_calls"),
                    boolean("cancel_requested"),
                    text_null("of_id"),
                    text_null("lease_owner"),
                    big_integer_null("lease_until"),
                ],
                &["id"],
            ),
            "deployments",
        ),
        table(
            "deployment_steps",
            vec![
                text("deployment_id"),
                big_integer("position"),
                text("workspace_id"),
                text("step"),
                text("status"),
                big_integer_null("started_at"),
                big_integer_null("finished_at"),
                text_null("problem"),
                text_null("note"),
            ],
            &["deployment_id", "position"],
        ),
        table(
            "deployment_events",
            vec![
                text("deployment_id"),
                big_integer("seq"),
                text("workspace_id"),
                big_integer("at"),
                text("kind"),
                text("data"),
            ],
            &["deployment_id", "seq"],
        ),
        owned_by_site(
            table(
                "variants",
                vec![
                    text("site_id"),
                    text("format"),
                    ordered(backend, text("path")),
                    text("workspace_id"),
                    text_null("published_revision"),
                    text("latest_revision"),
                    big_integer("created_at"),
                    big_integer("updated_at"),
                    big_integer_null("published_at"),
                ],
                &["site_id", "format", "path"],
            ),
            "variants",
        ),
        owned_by_site(
            table(
                "variant_revisions",
                vec![
                    text("site_id"),
                    text("format"),
                    ordered(backend, text("path")),
                    text("revision"),
                    text("workspace_id"),
                    big_integer("bytes"),
                    text("author"),
                    text_null("note"),
                    big_integer("created_at"),
                ],
                &["site_id", "format", "path", "revision"],
            ),
            "variant_revisions",
        ),
        owned_by_workspace(
            table(
                "contents",
                vec![
                    text("workspace_id"),
                    text("revision"),
                    big_integer("bytes"),
                    blob("compressed"),
                ],
                &["workspace_id", "revision"],
            ),
            "contents",
        ),
        owned_by_site(
            table(
                "kv_ledger",
                vec![
                    text("site_id"),
                    text("format"),
                    ordered(backend, text("path")),
                    text("workspace_id"),
                    text_null("key"),
                    text_null("wanted_revision"),
                    text_null("acked_revision"),
                    big_integer_null("acked_at"),
                    boolean("pending"),
                    boolean("failed"),
                ],
                &["site_id", "format", "path"],
            ),
            "kv_ledger",
        ),
    ]
}
