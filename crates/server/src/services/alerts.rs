//! Alerts: what sites are watched for, what is open, and the look at a site's counts that opens and ends them.
//!
//! A look reads counts only: some ten rows of a site, whatever its traffic. Of several replicas one looks at a site at a
//! time, under a lease; an alert, its end, and the message to the webhook about either are written in the transaction that
//! ends the lease, so that a restart tells nothing twice and forgets nothing.

mod words;

use super::{sites, traffic, webhooks};
use crate::{
    app::App,
    audit::{self, Actor},
    clock::rfc3339,
    config::ALERTS_EVERY,
    problem::{Outcome, Problem},
};
use domain::{
    alert::{self, AlertKind, Finding, OpenAlert, Recent, Rules, Step, Watch},
    ids::{AlertId, SiteId, WorkspaceId},
    time::Millis,
    traffic::Day,
    visit::VisitStore,
};
use serde_json::{Value, json};
use std::time::Duration;
use store::{
    Alert, AlertChange, AlertFilter, AlertLook, Listed, LookLease, NewDelivery, Page, Site,
    WebhookEvent,
};
use uuid::Uuid;

pub(crate) use words::{Figures, Words, figures, opened, resolved};

/// How long a look is its process's own: far longer than one takes.
const LEASE_SECONDS: i64 = 60;

/// A pause between two looks above which nobody was there to take visits, or three looks where that is more.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// What a site is watched for.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn rules(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<Rules> {
    sites::get(app, ws, site).await?;
    Ok(app.store.alert_rules(ws, site).await?)
}

/// Sets what a site is watched for. What is open and no longer watched for ends with the next look, which is soon.
///
/// # Errors
///
/// `not_found` for an unknown site, `validation_failed` for a threshold out of its range.
pub(crate) async fn set_rules(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    rules: &Rules,
) -> Outcome<()> {
    rules.check().map_err(|error| {
        let range = format!("must be between {} and {}", error.min, error.max);
        Problem::field(error.field, range)
    })?;
    let now = app.clock.now();
    if !app.store.set_alert_rules(ws, site, rules, now).await? {
        return Err(Problem::not_found("site", &site.to_string()));
    }
    tracing::info!(site.id = %site, "what a site is watched for was set");
    Ok(())
}

/// One page of a site's alerts, newest first.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn of_site(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    filter: AlertFilter,
    page: &Page,
) -> Outcome<Listed<Alert>> {
    sites::get(app, ws, site).await?;
    Ok(app.store.list_alerts(ws, Some(site), filter, page).await?)
}

/// One page of the open alerts of all sites, newest first.
pub(crate) async fn open_ones(app: &App, ws: WorkspaceId, page: &Page) -> Outcome<Listed<Alert>> {
    let open = AlertFilter::Open;
    Ok(app.store.list_alerts(ws, None, open, page).await?)
}

/// Notes that somebody has seen an alert: it is not shown on every page any more. It stays open until it is over. It is
/// written down that `actor` did this, unless somebody had before.
///
/// # Errors
///
/// `not_found` when there is no such alert.
pub(crate) async fn acknowledge(app: &App, actor: &Actor, id: AlertId, by: &str) -> Outcome<Alert> {
    let (ws, now) = (actor.workspace, app.clock.now());
    let seen = app.store.acknowledge_alert(ws, id, by, now).await?;
    let (alert, is_first) = seen.ok_or_else(|| Problem::not_found("alert", &id.to_string()))?;
    if is_first {
        let site = sites::get(app, ws, alert.site).await?;
        audit::record_alert(app, actor, &site, &opened(&alert.finding).title).await;
    }
    Ok(alert)
}

/// Has every site looked at that has traffic and is not looked at so far.
pub(crate) async fn watch_sites(app: &App) -> Outcome<()> {
    let now = app.clock.now();
    let watch = Watch { now, since: now };
    let first = (watch.hour() - Rules::default().hours_needed()).div_euclid(24);
    app.store.watch_sites_for_background(first, now).await?;
    Ok(())
}

/// Looks at the site that has waited longest. `false` when nobody's turn has come.
pub(crate) async fn look_at_next(app: &App) -> Outcome<bool> {
    let now = app.clock.now();
    let until = now.plus_seconds(LEASE_SECONDS);
    let Some(lease) = app.store.lease_look(&app.process, now, until).await? else {
        return Ok(false);
    };
    if let Err(problem) = look(app, &lease, now).await {
        tracing::warn!(site.id = %lease.site, %problem, "a site's traffic could not be looked at for alerts");
        let next = next_look(app, now)?;
        app.store
            .postpone_look(lease.site, &app.process, next)
            .await?;
    }
    Ok(true)
}

async fn look(app: &App, lease: &LookLease, now: Millis) -> Outcome<()> {
    let (ws, id) = (lease.workspace, lease.site);
    let site = sites::get(app, ws, id).await?;
    let watch = Watch {
        now,
        // What Analytics Engine keeps is not counted here: then silence says nothing.
        since: match traffic::store_of(&site) {
            VisitStore::Console => watched_since(lease, now, pause_max(app)),
            VisitStore::AnalyticsEngine => now,
        },
    };
    let days = counts(app, lease, watch).await?;
    let open = app.store.open_alerts(ws, id).await?;
    let known: Vec<OpenAlert> = open
        .iter()
        .map(|alert| OpenAlert {
            finding: alert.finding.clone(),
            clear_since: alert.clear_since,
        })
        .collect();
    let steps = alert::judge(&lease.rules, Recent(&days), watch, &known);
    let is_quiet = open.is_empty() && days.iter().all(|(_, day)| day.rows().is_empty());
    let next = if is_quiet {
        None
    } else {
        Some(next_look(app, now)?)
    };
    let (mut changes, mut messages) = (Vec::new(), Vec::new());
    for step in steps {
        let (change, message) = kept(app, &site, &open, step, now);
        changes.push(change);
        messages.extend(message);
    }
    let look = AlertLook {
        at: now,
        watched_since: watch.since,
        next,
        changes: &changes,
        messages: &messages,
    };
    if app.store.finish_look(lease, &app.process, look).await? {
        told(&changes, id);
    }
    Ok(())
}

/// The counted days that the rules need; those of the default rules at least, by which it is told which sites have traffic.
async fn counts(app: &App, lease: &LookLease, watch: Watch) -> Outcome<Vec<(i64, Day)>> {
    let back = lease.rules.hours_needed();
    let first = watch.hour() - back.max(Rules::default().hours_needed());
    let after = watch.hour() + 1;
    Ok(app
        .store
        .traffic_days(
            lease.workspace,
            lease.site,
            first.div_euclid(24),
            (after + 23).div_euclid(24),
        )
        .await?)
}

fn pause_max(app: &App) -> i64 {
    let every = app.config.alerts_every.unwrap_or(ALERTS_EVERY);
    i64::try_from(PAUSE_MAX.max(every * 3).as_millis()).unwrap_or(i64::MAX)
}

/// Since when looks follow each other: since now, when the last one is too long ago.
fn watched_since(lease: &LookLease, now: Millis, pause_max: i64) -> Millis {
    match (lease.watched_since, lease.looked_at) {
        (Some(since), Some(last)) if now.0 - last.0 <= pause_max => since,
        _ => now,
    }
}

/// The time of the next look, a tenth sooner or later, so that sites are not all looked at together.
fn next_look(app: &App, now: Millis) -> Outcome<Millis> {
    let every = app.config.alerts_every.unwrap_or(ALERTS_EVERY);
    let random = getrandom::u32().map_err(|error| Problem::internal(&error))?;
    let factor = 0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX);
    let span = i64::try_from(every.mul_f64(factor).as_millis()).unwrap_or(i64::MAX);
    Ok(Millis(now.0.saturating_add(span)))
}

/// What is written of a step, and what is told of it.
fn kept(
    app: &App,
    site: &Site,
    open: &[Alert],
    step: Step,
    now: Millis,
) -> (AlertChange, Option<NewDelivery>) {
    match step {
        Step::Open(finding) => {
            let alert = Alert {
                id: AlertId::from_uuid(Uuid::now_v7()),
                workspace: site.workspace,
                site: site.id,
                finding,
                opened_at: now,
                updated_at: now,
                clear_since: None,
                resolved: None,
                acknowledged: None,
            };
            let message = message(app, site, &alert, now);
            (AlertChange::Open(alert), Some(message))
        }
        Step::Last { alert, finding } => {
            let id = open[alert].id;
            (AlertChange::Last { id, finding }, None)
        }
        Step::Clear { alert } => (AlertChange::Clear { id: open[alert].id }, None),
        Step::End { alert, ending } => {
            let ended = Alert {
                resolved: Some((now, ending)),
                ..open[alert].clone()
            };
            let message = message(app, site, &ended, now);
            let id = ended.id;
            (AlertChange::End { id, ending }, Some(message))
        }
    }
}

/// What the program's own log says.
fn told(changes: &[AlertChange], site: SiteId) {
    for change in changes {
        match change {
            AlertChange::Open(alert) => {
                tracing::info!(site.id = %site, alert.id = %alert.id, kind = alert.finding.kind().as_str(), "an alert opened");
            }
            AlertChange::End { id, ending } => {
                tracing::info!(site.id = %site, alert.id = %id, ending = ending.as_str(), "an alert ended");
            }
            AlertChange::Last { .. } | AlertChange::Clear { .. } => {}
        }
    }
}

fn event(finding: &Finding) -> WebhookEvent {
    match finding.kind() {
        AlertKind::AgentStopped => WebhookEvent::TrafficAgentStopped,
        AlertKind::Errors => WebhookEvent::TrafficErrors,
        AlertKind::UnknownBot => WebhookEvent::TrafficUnknownBot,
        AlertKind::Contradicted => WebhookEvent::TrafficContradicted,
    }
}

fn message(app: &App, site: &Site, alert: &Alert, now: Millis) -> NewDelivery {
    webhooks::message(event(&alert.finding), now, &data(app, site, alert))
}

/// What a message says of an alert that opened or ended.
fn data(app: &App, site: &Site, alert: &Alert) -> Value {
    let words = match alert.resolved {
        None => opened(&alert.finding),
        Some((_, ending)) => resolved(&alert.finding, ending),
    };
    let path = format!("/sites/{}/traffic{}", site.id, words.query);
    json!({
        "site": { "id": site.id, "name": site.name, "hostnames": site.hostnames },
        "alertId": alert.id,
        "status": if alert.is_open() { "opened" } else { "resolved" },
        "openedAt": rfc3339(alert.opened_at),
        "resolvedAt": alert.resolved.map(|(at, _)| rfc3339(at)),
        "ending": alert.resolved.map(|(_, ending)| ending),
        "title": words.title,
        "detail": words.detail,
        "causes": words.causes,
        "remedies": words.remedies,
        "figures": figures(&alert.finding),
        "link": webhooks::link(app, &path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_pause_begins_the_watch_anew() {
        let lease = |since: Option<i64>, last: Option<i64>| LookLease {
            workspace: WorkspaceId::from_uuid(Uuid::nil()),
            site: SiteId::from_uuid(Uuid::nil()),
            rules: Rules::default(),
            watched_since: since.map(Millis),
            looked_at: last.map(Millis),
        };
        for (since, last, wanted) in [
            (None, None, 1_000),
            (Some(5), Some(900), 5),
            (Some(5), Some(899), 1_000),
            (Some(5), Some(2_000), 5),
            (None, Some(900), 1_000),
        ] {
            let found = watched_since(&lease(since, last), Millis(1_000), 100);
            assert_eq!(found, Millis(wanted), "{since:?} {last:?}");
        }
    }
}
