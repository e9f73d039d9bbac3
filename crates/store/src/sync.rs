//! The work of bringing content to the edge, as columns of the site: wanted, leased, finished.

use crate::{
    Result, Site, Store,
    entities::{deployment, site},
    sites,
};
use domain::{
    deployment::DeploymentStatus,
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

/// A site whose content this process brings to the edge now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncLease {
    /// The site.
    pub site: Site,
    /// The mark to give back in [`SyncOutcome`]: it tells what was wanted in time from what came later.
    pub wanted_at: Millis,
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOutcome {
    /// From the lease.
    pub wanted_at: Millis,
    /// When it ended.
    pub at: Millis,
    /// The calls to Cloudflare it took.
    pub api_calls: u32,
    /// It is not done, and to be tried again at this time; `None`: it is done.
    pub retry_at: Option<Millis>,
}

impl Store {
    /// Asks for a sync, at once even if one failed a moment ago; `false` when there is no such site. Whatever is published
    /// asks by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn want_sync(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        want(&tx, site, at).await?;
        site::Entity::update_many()
            .col_expr(site::Column::SyncNotBefore, Expr::value(0i64))
            .filter(site::Column::Id.eq(site.to_string()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a site that wants a sync, for `owner` until `until`: the one that waits longest, but none that another
    /// process syncs, and none with a deployment queued or running, which brings the content itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_sync(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<SyncLease>> {
        // Without locks first, and from the readers: most of the time there is nothing.
        let candidates = site::Entity::find()
            .filter(can_be_taken(now))
            .order_by_asc(site::Column::SyncWantedAt)
            .limit(32)
            .all(self.reader())
            .await?;
        for candidate in candidates {
            let tx = self.begin().await?;
            let row = site::Entity::find_by_id(candidate.id)
                .filter(can_be_taken(now))
                .lock_exclusive()
                .one(&tx)
                .await?;
            let Some(row) = row else { continue };
            let Some(wanted_at) = row.sync_wanted_at else {
                continue;
            };
            if has_active_deployment(&tx, &row.id).await? {
                continue;
            }
            let mut row = row.into_active_model();
            row.sync_lease_owner = Set(Some(owner.to_owned()));
            row.sync_lease_until = Set(Some(until.0));
            let row = row.update(&tx).await?;
            let site = sites::from_row(&tx, Some(row)).await?;
            tx.commit().await?;
            return Ok(site.map(|site| SyncLease {
                site,
                wanted_at: Millis(wanted_at),
            }));
        }
        Ok(None)
    }

    /// Whether some process brings the site's content to the edge now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sync_is_leased(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        now: Millis,
    ) -> Result<bool> {
        let found = sites::of(workspace)
            .filter(site::Column::Id.eq(site.to_string()))
            .filter(site::Column::SyncLeaseUntil.gt(now.0))
            .count(self.reader())
            .await?;
        Ok(found > 0)
    }

    /// Keeps the lease until `until`. `false` when it is another's now, or when a deployment of the site waits: then the
    /// sync ends here ([`Store::finish_sync`] with `retry_at`) and lets it pass.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_sync_lease(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        owner: &str,
        until: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let done = site::Entity::update_many()
            .col_expr(site::Column::SyncLeaseUntil, Expr::value(until.0))
            .filter(site::Column::Id.eq(site.to_string()))
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(site::Column::SyncLeaseOwner.eq(owner))
            .exec(&tx)
            .await?;
        let may_go_on =
            done.rows_affected > 0 && !has_active_deployment(&tx, &site.to_string()).await?;
        tx.commit().await?;
        Ok(may_go_on)
    }

    /// Ends the sync and the lease. What was asked for since the lease was taken stays asked for. `false` when the lease
    /// is another's: then nothing is written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_sync(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        owner: &str,
        outcome: &SyncOutcome,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let row = sites::of(workspace)
            .filter(site::Column::Id.eq(site.to_string()))
            .filter(site::Column::SyncLeaseOwner.eq(owner))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let (wanted_at, calls) = (row.sync_wanted_at, row.sync_api_calls);
        let mut row = row.into_active_model();
        row.sync_lease_owner = Set(None);
        row.sync_lease_until = Set(None);
        row.sync_api_calls = Set(calls + i64::from(outcome.api_calls));
        if let Some(retry_at) = outcome.retry_at {
            row.sync_not_before = Set(retry_at.0);
        } else {
            row.sync_not_before = Set(0);
            row.last_synced_at = Set(Some(outcome.at.0));
            if wanted_at.is_some_and(|at| at <= outcome.wanted_at.0) {
                row.sync_wanted_at = Set(None);
            }
        }
        row.update(&tx).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Within the transaction that changes what is published. The mark always grows, so that two changes of one millisecond
/// are two.
pub(crate) async fn want(tx: &DatabaseTransaction, site: SiteId, at: Millis) -> Result<()> {
    let known = Expr::col(site::Column::SyncWantedAt);
    let mark = Expr::case(known.clone().gte(at.0), known.add(1i64)).finally(at.0);
    site::Entity::update_many()
        .col_expr(site::Column::SyncWantedAt, mark.into())
        .filter(site::Column::Id.eq(site.to_string()))
        .exec(tx)
        .await?;
    Ok(())
}

fn can_be_taken(now: Millis) -> Condition {
    Condition::all()
        .add(site::Column::SyncWantedAt.is_not_null())
        .add(site::Column::SyncNotBefore.lte(now.0))
        .add(
            Condition::any()
                .add(site::Column::SyncLeaseUntil.is_null())
                .add(site::Column::SyncLeaseUntil.lte(now.0)),
        )
}

async fn has_active_deployment(tx: &DatabaseTransaction, site: &str) -> Result<bool> {
    let count = deployment::Entity::find()
        .filter(deployment::Column::SiteId.eq(site))
        .filter(deployment::Column::Status.is_in([
            DeploymentStatus::Queued.as_str(),
            DeploymentStatus::Running.as_str(),
        ]))
        .count(tx)
        .await?;
    Ok(count > 0)
}
