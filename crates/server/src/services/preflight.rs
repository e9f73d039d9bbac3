//! Looks ahead of a deployment: what the plan cannot see from the account's objects alone, and what would keep agents from
//! getting variants, or the owner from deploying at all. Each finding is a [`Warning`] with what to do; none keeps the
//! owner from deploying, and what cannot be told is not told.

mod account;
mod agents;
mod names;

use super::connections;
use crate::app::App;
use domain::plan::{Action, Plan, Resource, Warning};
use std::time::Duration;
use store::{Connection, Site};

/// How long the looks may take together; what is not found by then is not told.
const TIME: Duration = Duration::from_secs(6);

/// A token with fewer days left is worth a word.
const EXPIRES_SOON_DAYS: i64 = 14;

/// Adds to a plan what else the owner should know before it is applied.
pub(crate) async fn look_ahead(app: &App, site: &Site, plan: &mut Plan) {
    let Ok(connection) = connections::get(app, site.workspace, site.connection).await else {
        return;
    };
    let is_first = plan
        .steps
        .iter()
        .any(|step| step.resource == Resource::Script && step.action == Action::Create);
    let (names, agents, account) = futures::future::join3(
        in_time(names::look(app, site)),
        in_time(agents::look(app, site)),
        in_time(account::look(app, site, &connection, is_first)),
    )
    .await;
    plan.warnings.extend(token_expires(app, &connection));
    for found in [account, names, agents] {
        plan.warnings.extend(found);
    }
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

fn token_expires(app: &App, connection: &Connection) -> Option<Warning> {
    let left = connection.expires_at?.0 - app.clock.now().0;
    let days = left.div_euclid(24 * 60 * 60 * 1000);
    (days < EXPIRES_SOON_DAYS).then(|| {
        let when = match days {
            ..0 => "has expired".to_owned(),
            0 => "expires within a day".to_owned(),
            1 => "expires in 1 day".to_owned(),
            days => format!("expires in {days} days"),
        };
        warning(
            "token_expires_soon",
            format!("The token of the connection {} {when}. What is deployed goes on without it, but nothing can be changed then: make a new token and replace this one.", connection.name),
        )
    })
}
