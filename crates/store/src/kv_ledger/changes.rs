//! How rows of the ledger change, within the transactions of others.

use super::KEY;
use crate::{Result, database::bind_parameters_max, entities::kv_ledger, page_watches};
use domain::{
    ids::{SiteId, WorkspaceId},
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

/// Within a publication: these revisions are wanted at the edge, but for those that are withheld from it. The site is
/// locked.
pub(crate) async fn want(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    wanted: &[(Format, &str, &Revision)],
) -> Result<()> {
    let wanted = page_watches::without_withheld(tx, site, wanted).await?;
    for chunk in wanted.chunks(bind_parameters_max(tx) / 10) {
        let rows = chunk
            .iter()
            .map(|(format, path, revision)| kv_ledger::ActiveModel {
                site_id: Set(site.to_string()),
                format: Set(format.as_str().to_owned()),
                path: Set((*path).to_owned()),
                workspace_id: Set(workspace.to_string()),
                key: Set(None),
                wanted_revision: Set(Some(revision.to_string())),
                acked_revision: Set(None),
                acked_at: Set(None),
                pending: Set(true),
                failed: Set(false),
            });
        let mut known = OnConflict::columns(KEY);
        known
            .update_columns([kv_ledger::Column::WantedRevision, kv_ledger::Column::Failed])
            .value(
                kv_ledger::Column::Pending,
                Expr::cust("kv_ledger.acked_revision IS DISTINCT FROM excluded.wanted_revision"),
            );
        kv_ledger::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Within an unpublication: nothing is wanted under this path. The site is locked.
pub(crate) async fn want_nothing(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: Format,
    path: &str,
) -> Result<()> {
    want_nothing_for(tx, site, format, &[path]).await
}

/// The same for many paths of one format.
pub(crate) async fn want_nothing_for(
    tx: &DatabaseTransaction,
    site: SiteId,
    format: Format,
    paths: &[&str],
) -> Result<()> {
    for chunk in paths.chunks(bind_parameters_max(tx) / 2) {
        let these = Condition::all()
            .add(kv_ledger::Column::Format.eq(format.as_str()))
            .add(kv_ledger::Column::Path.is_in(chunk.iter().copied()));
        // The edge has nothing there: nothing is left to say about these paths.
        kv_ledger::Entity::delete_many()
            .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
            .filter(these.clone())
            .filter(kv_ledger::Column::AckedRevision.is_null())
            .exec(tx)
            .await?;
        kv_ledger::Entity::update_many()
            .col_expr(
                kv_ledger::Column::WantedRevision,
                Expr::value(None::<String>),
            )
            .col_expr(kv_ledger::Column::Pending, Expr::value(true))
            .col_expr(kv_ledger::Column::Failed, Expr::value(false))
            .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
            .filter(these)
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Of these rows, what the edge acknowledged is not there any more. The site is locked.
pub(super) async fn forget(tx: &DatabaseTransaction, site: SiteId, these: Condition) -> Result<()> {
    // Nothing is wanted there: nothing is left to say about this path.
    kv_ledger::Entity::delete_many()
        .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
        .filter(these.clone())
        .filter(kv_ledger::Column::WantedRevision.is_null())
        .exec(tx)
        .await?;
    kv_ledger::Entity::update_many()
        .col_expr(kv_ledger::Column::Key, Expr::value(None::<String>))
        .col_expr(
            kv_ledger::Column::AckedRevision,
            Expr::value(None::<String>),
        )
        .col_expr(kv_ledger::Column::AckedAt, Expr::value(None::<i64>))
        .col_expr(kv_ledger::Column::Pending, Expr::value(true))
        .col_expr(kv_ledger::Column::Failed, Expr::value(false))
        .filter(kv_ledger::Column::SiteId.eq(site.to_string()))
        .filter(these)
        .exec(tx)
        .await?;
    Ok(())
}
