//! Alerts about sites' traffic: what sites are watched for, and what was found. Whose turn it is to be looked at, and how a
//! look is written down, is in [`looks`].

mod looks;

use crate::{
    Listed, Page, Result, Store,
    convert::{Row, from_word, to_json, to_word},
    entities::{
        alert::{ActiveModel, Column, Entity, Model},
        alert_rule, alert_watch,
    },
    sites,
};
use domain::{
    alert::{Ending, Finding, Rules},
    ids::{AlertId, SiteId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashMap;

pub use looks::{AlertChange, AlertLook, LookLease};

/// Something about a site's traffic that somebody is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id, which grows with time.
    pub id: AlertId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// What was found, as of the last look at which it was so.
    pub finding: Finding,
    /// When it opened.
    pub opened_at: Millis,
    /// When its figures were last changed.
    pub updated_at: Millis,
    /// Since when it is so no more, while it is open still.
    pub clear_since: Option<Millis>,
    /// When it ended, and why.
    pub resolved: Option<(Millis, Ending)>,
    /// When somebody said to have seen it, and who.
    pub acknowledged: Option<(Millis, String)>,
}

impl Alert {
    /// Whether it has not ended.
    pub const fn is_open(&self) -> bool {
        self.resolved.is_none()
    }
}

/// Which alerts of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertFilter {
    /// All.
    #[default]
    All,
    /// Those that have not ended.
    Open,
    /// Those that have.
    Resolved,
}

impl Store {
    /// What a site is watched for; the defaults where nothing was set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn alert_rules(&self, workspace: WorkspaceId, site: SiteId) -> Result<Rules> {
        let row = alert_rule::Entity::find_by_id(site.to_string())
            .filter(alert_rule::Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?;
        row.map_or_else(|| Ok(Rules::default()), |row| rules_from(&row))
    }

    /// Sets what a site is watched for, and has it looked at soon. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_alert_rules(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        rules: &Rules,
        now: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(false);
        }
        let row = alert_rule::ActiveModel {
            site_id: Set(site.to_string()),
            workspace_id: Set(workspace.to_string()),
            rules: Set(to_json(rules)),
        };
        alert_rule::Entity::insert(row)
            .on_conflict(
                OnConflict::column(alert_rule::Column::SiteId)
                    .update_column(alert_rule::Column::Rules)
                    .to_owned(),
            )
            .exec_without_returning(&tx)
            .await?;
        alert_watch::Entity::insert(looks::new_watch(
            site.to_string(),
            workspace.to_string(),
            now,
        ))
        .on_conflict(
            OnConflict::column(alert_watch::Column::SiteId)
                .update_column(alert_watch::Column::NextLookAt)
                .to_owned(),
        )
        .exec_without_returning(&tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The open alerts of a site, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_alerts(&self, workspace: WorkspaceId, site: SiteId) -> Result<Vec<Alert>> {
        let rows = of(workspace)
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::ResolvedAt.is_null())
            .order_by_asc(Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(from_row).collect()
    }

    /// The alerts of a site, or of all, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_alerts(
        &self,
        workspace: WorkspaceId,
        site: Option<SiteId>,
        filter: AlertFilter,
        page: &Page,
    ) -> Result<Listed<Alert>> {
        let mut query = of(workspace)
            .order_by_desc(Column::Id)
            .limit(page.rows() + 1);
        if let Some(site) = site {
            query = query.filter(Column::SiteId.eq(site.to_string()));
        }
        query = match filter {
            AlertFilter::All => query,
            AlertFilter::Open => query.filter(Column::ResolvedAt.is_null()),
            AlertFilter::Resolved => query.filter(Column::ResolvedAt.is_not_null()),
        };
        if let Some(before) = page.start::<String>()? {
            query = query.filter(Column::Id.lt(before));
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| row.id.clone()).try_map(from_row)
    }

    /// How many open alerts each site has; sites without one are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_open_alerts(&self, workspace: WorkspaceId) -> Result<HashMap<SiteId, u64>> {
        let counted: Vec<(String, i64)> = of(workspace)
            .select_only()
            .column(Column::SiteId)
            .expr(Column::Id.count())
            .filter(Column::ResolvedAt.is_null())
            .group_by(Column::SiteId)
            .into_tuple()
            .all(self.reader())
            .await?;
        let row = Row::new("alerts", "a count of them");
        counted
            .into_iter()
            .map(|(site, count)| {
                let site = row.parse("site_id", &site)?;
                Ok((site, u64::try_from(count).unwrap_or_default()))
            })
            .collect()
    }

    /// Writes down that somebody has seen an alert, unless somebody had before, and says whether nobody had. None when
    /// there is no such alert.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acknowledge_alert(
        &self,
        workspace: WorkspaceId,
        id: AlertId,
        by: &str,
        at: Millis,
    ) -> Result<Option<(Alert, bool)>> {
        let done = Entity::update_many()
            .col_expr(Column::AcknowledgedAt, Expr::value(at.0))
            .col_expr(Column::AcknowledgedBy, Expr::value(by))
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::AcknowledgedAt.is_null())
            .exec(self.writer())
            .await?;
        let row = of(workspace)
            .filter(Column::Id.eq(id.to_string()))
            .one(self.writer())
            .await?;
        let alert = row.map(from_row).transpose()?;
        Ok(alert.map(|alert| (alert, done.rows_affected > 0)))
    }

    /// Forgets the alerts of every workspace that ended before `at`; says how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_alerts_before(&self, at: Millis) -> Result<u64> {
        let done = Entity::delete_many()
            .filter(Column::ResolvedAt.lt(at.0))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }
}

fn of(workspace: WorkspaceId) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(workspace.to_string()))
}

fn rules_from(row: &alert_rule::Model) -> Result<Rules> {
    Row::new("alert_rules", &row.site_id).json("rules", &row.rules)
}

fn to_row(alert: &Alert) -> ActiveModel {
    let (acknowledged_at, acknowledged_by) = alert.acknowledged.clone().unzip();
    let (resolved_at, ending) = alert.resolved.unzip();
    ActiveModel {
        id: Set(alert.id.to_string()),
        workspace_id: Set(alert.workspace.to_string()),
        site_id: Set(alert.site.to_string()),
        kind: Set(alert.finding.kind().as_str().to_owned()),
        subject: Set(alert.finding.subject().to_owned()),
        finding: Set(to_json(&alert.finding)),
        opened_at: Set(alert.opened_at.0),
        updated_at: Set(alert.updated_at.0),
        clear_since: Set(alert.clear_since.map(|at| at.0)),
        resolved_at: Set(resolved_at.map(|at| at.0)),
        ending: Set(ending.map(to_word)),
        acknowledged_at: Set(acknowledged_at.map(|at| at.0)),
        acknowledged_by: Set(acknowledged_by),
    }
}

fn from_row(model: Model) -> Result<Alert> {
    let row = Row::new("alerts", &model.id);
    let ending = model
        .ending
        .as_deref()
        .map(|word| row.word("ending", word, from_word))
        .transpose()?;
    Ok(Alert {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        site: row.parse("site_id", &model.site_id)?,
        finding: row.json("finding", &model.finding)?,
        opened_at: Millis(model.opened_at),
        updated_at: Millis(model.updated_at),
        clear_since: model.clear_since.map(Millis),
        resolved: model.resolved_at.map(Millis).zip(ending),
        acknowledged: model.acknowledged_at.map(Millis).zip(model.acknowledged_by),
    })
}
