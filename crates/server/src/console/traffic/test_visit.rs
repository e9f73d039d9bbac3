//! A visit to see the counting work: one request as `GPTBot` that is counted like any other.

use crate::{
    app::App,
    console::desk::{Desk, done, id},
    problem::{Outcome, Problem},
    services::{sites, visit_as},
};
use axum::{extract::Path, response::Response};
use domain::ids::SiteId;
use std::time::{Duration, Instant};
use store::Site;

/// How long it is waited until the visit is counted: the Worker gathers for a second, and counting takes less.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Makes the visit.
pub(in crate::console) async fn send(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let before = newest(desk.app(), &site).await?;
    visit_as::visit_counted(desk.app(), &site, "/").await?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE && !is_counted(desk.app(), &site, before).await? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(done(
        &format!("/sites/{}/traffic?from=24h", site.id),
        "test_visit",
    ))
}

async fn newest(app: &App, site: &Site) -> Outcome<Option<i64>> {
    Ok(app
        .store
        .newest_visit_batch(site.workspace, site.id)
        .await?)
}

async fn is_counted(app: &App, site: &Site, before: Option<i64>) -> Outcome<bool> {
    let has_come = newest(app, site).await? != before;
    Ok(has_come && app.store.roll_up_lag_for_background().await?.0 == 0)
}
