//! Whose traffic is looked at next, by whom, and what a look found: alerts and the messages about them in one transaction.

use super::{Alert, rules_from, to_row};
use crate::{
    Result, Store,
    convert::{Row, to_json, to_word},
    database::bind_parameters_max,
    entities::{
        alert, alert_rule,
        alert_watch::{ActiveModel, Column, Entity},
        site, traffic_day,
    },
    leases, sites,
    webhooks::{self, NewDelivery},
};
use domain::{
    alert::{Ending, Finding, Rules},
    ids::{AlertId, SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};

/// A site whose traffic this process looks at now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookLease {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// What it is watched for.
    pub rules: Rules,
    /// Since when looks followed each other without a long pause; none before the first.
    pub watched_since: Option<Millis>,
    /// When it was looked at last.
    pub looked_at: Option<Millis>,
}

/// A change of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertChange {
    /// A new one.
    Open(Alert),
    /// It is so still, or again.
    Last {
        /// Which.
        id: AlertId,
        /// What is found now.
        finding: Finding,
    },
    /// It is so no more as of this look.
    Clear {
        /// Which.
        id: AlertId,
    },
    /// It ends.
    End {
        /// Which.
        id: AlertId,
        /// Why.
        ending: Ending,
    },
}

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertLook<'a> {
    /// When it was.
    pub at: Millis,
    /// Since when looks follow each other without a long pause.
    pub watched_since: Millis,
    /// When the next one is due; none: there is nothing to look at any more.
    pub next: Option<Millis>,
    /// What changes.
    pub changes: &'a [AlertChange],
    /// What the webhook is to be told of that.
    pub messages: &'a [NewDelivery],
}

impl Store {
    /// Has every site looked at whose visits were counted on the UTC day `day` (since 1970) or later and that nobody looks
    /// at so far, of every workspace; says how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn watch_sites_for_background(&self, day: i64, now: Millis) -> Result<usize> {
        let watched = Entity::find()
            .select_only()
            .column(Column::SiteId)
            .filter(Expr::col((Entity, Column::SiteId)).equals((site::Entity, site::Column::Id)))
            .into_query();
        let counted = traffic_day::Entity::find()
            .select_only()
            .column(traffic_day::Column::SiteId)
            .filter(
                Expr::col((traffic_day::Entity, traffic_day::Column::SiteId))
                    .equals((site::Entity, site::Column::Id)),
            )
            .filter(traffic_day::Column::Day.gte(day))
            .into_query();
        let sites: Vec<(String, String)> = site::Entity::find()
            .select_only()
            .columns([site::Column::Id, site::Column::WorkspaceId])
            .filter(Expr::exists(watched).not())
            .filter(Expr::exists(counted))
            .into_tuple()
            .all(self.reader())
            .await?;
        let rows: Vec<_> = sites
            .into_iter()
            .map(|(site, workspace)| new_watch(site, workspace, now))
            .collect();
        for chunk in rows.chunks(Ord::min(bind_parameters_max(self.writer()) / 7, 500)) {
            Entity::insert_many(chunk.iter().cloned())
                .on_conflict(OnConflict::column(Column::SiteId).do_nothing().to_owned())
                .exec_without_returning(self.writer())
                .await?;
        }
        Ok(rows.len())
    }

    /// Takes the site that has waited longest for a look, for `owner` until `until`; none when nobody's turn has come. Of
    /// several processes that ask at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_look(
        &self,
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<LookLease>> {
        let due = Condition::all()
            .add(Column::NextLookAt.lte(now.0))
            .add(leases::is_free(Column::LeaseUntil, now));
        let taken = leases::longest_waiting::<Entity>(
            self,
            due,
            (Column::NextLookAt, Column::SiteId),
            |row| &row.site_id,
        );
        let Some((tx, row)) = taken.await? else {
            return Ok(None);
        };
        let rules = alert_rule::Entity::find_by_id(row.site_id.as_str())
            .one(&tx)
            .await?;
        let rules = rules.map_or_else(|| Ok(Rules::default()), |row| rules_from(&row));
        let mut active = row.clone().into_active_model();
        active.lease_owner = Set(Some(owner.to_owned()));
        active.lease_until = Set(Some(until.0));
        active.update(&tx).await?;
        tx.commit().await?;
        let place = Row::new("alert_watches", &row.site_id);
        Ok(Some(LookLease {
            workspace: place.parse("workspace_id", &row.workspace_id)?,
            site: place.parse("site_id", &row.site_id)?,
            rules: rules?,
            watched_since: row.watched_since.map(Millis),
            looked_at: row.looked_at.map(Millis),
        }))
    }

    /// Writes down what a look found, queues what is to be told of it, and ends the lease; all or nothing. `false` when the
    /// lease is another's by now, or the site is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_look(
        &self,
        lease: &LookLease,
        owner: &str,
        look: AlertLook<'_>,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, lease.workspace, lease.site).await? {
            return Ok(false);
        }
        let row = Entity::find_by_id(lease.site.to_string())
            .filter(Column::LeaseOwner.eq(owner))
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        for change in look.changes {
            apply(&tx, change, look.at).await?;
        }
        for message in look.messages {
            webhooks::queue(&tx, lease.workspace, message).await?;
        }
        match look.next {
            None => {
                Entity::delete_by_id(row.site_id).exec(&tx).await?;
            }
            Some(next) => {
                let is_wanted_again = row.next_look_at > look.at.0;
                let mut row = row.into_active_model();
                row.watched_since = Set(Some(look.watched_since.0));
                row.looked_at = Set(Some(look.at.0));
                // Who changed the rules meanwhile wants it looked at again.
                if !is_wanted_again {
                    row.next_look_at = Set(next.0);
                }
                row.lease_owner = Set(None);
                row.lease_until = Set(None);
                row.update(&tx).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Puts a look off that could not be done, and ends the lease.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn postpone_look(&self, site: SiteId, owner: &str, next: Millis) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::NextLookAt, Expr::value(next.0))
            .col_expr(Column::LeaseUntil, Expr::value(None::<i64>))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::LeaseOwner.eq(owner))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}

/// A site that nobody has looked at.
pub(super) fn new_watch(site: String, workspace: String, now: Millis) -> ActiveModel {
    ActiveModel {
        site_id: Set(site),
        workspace_id: Set(workspace),
        watched_since: Set(None),
        looked_at: Set(None),
        next_look_at: Set(now.0),
        lease_owner: Set(None),
        lease_until: Set(None),
    }
}

async fn apply(tx: &DatabaseTransaction, change: &AlertChange, at: Millis) -> Result<()> {
    let open = |id: &AlertId| {
        alert::Entity::update_many()
            .filter(alert::Column::Id.eq(id.to_string()))
            .filter(alert::Column::ResolvedAt.is_null())
    };
    match change {
        AlertChange::Open(new) => {
            alert::Entity::insert(to_row(new))
                .exec_without_returning(tx)
                .await?;
        }
        AlertChange::Last { id, finding } => {
            open(id)
                .col_expr(alert::Column::Finding, Expr::value(to_json(finding)))
                .col_expr(alert::Column::UpdatedAt, Expr::value(at.0))
                .col_expr(alert::Column::ClearSince, Expr::value(None::<i64>))
                .exec(tx)
                .await?;
        }
        AlertChange::Clear { id } => {
            open(id)
                .col_expr(alert::Column::ClearSince, Expr::value(at.0))
                .exec(tx)
                .await?;
        }
        AlertChange::End { id, ending } => {
            open(id)
                .col_expr(alert::Column::ResolvedAt, Expr::value(at.0))
                .col_expr(alert::Column::Ending, Expr::value(to_word(*ending)))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}
