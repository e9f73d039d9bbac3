//! The indexes of the first schema.

use sea_orm_migration::sea_query::{ConditionalStatement, Expr, Index, IndexCreateStatement};

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

fn unique(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = index(name, table, columns);
    index.unique();
    index
}

fn partial(mut index: IndexCreateStatement, condition: &'static str) -> IndexCreateStatement {
    index.and_where(Expr::cust(condition));
    index
}

pub(super) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("users_email", "users", &["email"]),
        index("sessions_user", "sessions", &["user_id"]),
        index("sessions_expiry", "sessions", &["expires_at"]),
        index("sign_in_attempts_key", "sign_in_attempts", &["key", "at"]),
        index("sign_in_attempts_at", "sign_in_attempts", &["at"]),
        unique("access_keys_hash", "access_keys", &["key_hash"]),
        index(
            "connections_token",
            "connections",
            &["workspace_id", "token_id"],
        ),
        unique("sites_name", "sites", &["workspace_id", "name"]),
        index("sites_connection", "sites", &["connection_id"]),
        index(
            "site_hostnames_site",
            "site_hostnames",
            &["site_id", "position"],
        ),
        index(
            "deployments_site",
            "deployments",
            &["site_id", "created_at"],
        ),
        index(
            "deployments_workspace",
            "deployments",
            &["workspace_id", "created_at"],
        ),
        // One at a time per site, whatever else goes wrong.
        partial(
            unique("deployments_active", "deployments", &["site_id"]),
            "status IN ('queued', 'running')",
        ),
        // By path, then format: the order of lists.
        unique("variants_path", "variants", &["site_id", "path", "format"]),
        index(
            "variant_revisions_content",
            "variant_revisions",
            &["workspace_id", "revision"],
        ),
        index("kv_ledger_key", "kv_ledger", &["site_id", "key"]),
        partial(
            index(
                "kv_ledger_pending",
                "kv_ledger",
                &["site_id", "failed", "path", "format"],
            ),
            "pending",
        ),
    ]
}
