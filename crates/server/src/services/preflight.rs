//! Looks ahead of a deployment: what the plan cannot see from the account's objects alone, and what would keep agents from
//! getting variants, or the owner from deploying at all. Each finding is a [`Warning`] with what to do; none keeps the
//! owner from deploying, and what cannot be told is not told.

mod account;
mod agents;
mod console;
mod names;

use super::{
    connections,
    warnings::{expires_in_words, expiry_step},
};
use crate::app::App;
use domain::{
    connection::{Granted, Permission},
    names::Hostname,
    plan::{Action, Plan, Resource, Warning},
    visit::VisitStore,
};
use std::time::Duration;
use store::{Connection, Site};

/// How long the looks may take together; what is not found by then is not told.
const TIME: Duration = Duration::from_secs(6);

/// Adds to a plan what else the owner should know before it is applied.
pub(crate) async fn look_ahead(app: &App, site: &Site, plan: &mut Plan) {
    let Ok(connection) = connections::get(app, site.workspace, site.connection).await else {
        return;
    };
    let is_first = plan
        .steps
        .iter()
        .any(|step| step.resource == Resource::Script && step.action == Action::Create);
    let (names, agents, account, console) = futures::future::join4(
        in_time(names::look(app, site)),
        in_time(agents::look(app, site)),
        in_time(account::look(app, site, &connection, is_first)),
        in_time(async { console::look(app, site).await.into_iter().collect() }),
    )
    .await;
    plan.warnings.extend(token_expires(app, &connection));
    plan.warnings.extend(visits_out_of_sight(site, &connection));
    for found in [account, names, agents, console] {
        plan.warnings.extend(found);
    }
}

/// Why requests for this host name may not get to a Worker, as far as that can be seen from here.
pub(crate) async fn why_no_worker_runs(app: &App, host: &Hostname) -> Option<Warning> {
    tokio::time::timeout(TIME, names::look_at(app, host))
        .await
        .ok()
        .flatten()
}

/// What a free account's day of KV writes means for the content that waits, if it means anything.
pub(crate) async fn forecast(app: &App, site: &Site) -> Option<Warning> {
    account::writes(app, site).await.into_iter().next()
}

async fn in_time(look: impl Future<Output = Vec<Warning>>) -> Vec<Warning> {
    tokio::time::timeout(TIME, look).await.unwrap_or_default()
}

fn warning(code: &str, detail: impl Into<String>) -> Warning {
    Warning {
        code: code.to_owned(),
        detail: detail.into(),
    }
}

/// Whether the connection's token was found to be allowed to read the visits that the site keeps in Analytics Engine.
pub(crate) fn may_read_visits(site: &Site, connection: &Connection) -> bool {
    connection.permissions.iter().any(|check| {
        check.permission == Permission::AccountAnalytics
            && check.account_id.as_ref() == Some(&site.account)
            && check.granted == Granted::Yes
    })
}

fn visits_out_of_sight(site: &Site, connection: &Connection) -> Option<Warning> {
    let is_there = site.settings.visit_store == VisitStore::AnalyticsEngine;
    (is_there && !may_read_visits(site, connection)).then(|| {
        warning(
            "visits_not_readable",
            format!(
                "Visits will be kept in Workers Analytics Engine, and the token of the connection {} was not found to be allowed to read them. Add Account → Account Analytics → Read to it at Cloudflare, then check the connection again. Deploying works without.",
                connection.name
            ),
        )
    })
}

fn token_expires(app: &App, connection: &Connection) -> Option<Warning> {
    let (end, now) = (connection.expires_at?, app.clock.now());
    expiry_step(end, now)?;
    let when = expires_in_words(end, now);
    Some(warning(
        "token_expires_soon",
        format!(
            "The token of the connection {} {when}. What is deployed goes on without it, but nothing can be changed then: make a new token and replace this one.",
            connection.name
        ),
    ))
}
