//! Looks at the counts of every site with traffic for what its owner wants to be told of, one site at a time. With
//! `EDGE_DELIVERY_ALERTS_EVERY=off` nobody looks.

use crate::{app::App, problem::Outcome, services::alerts};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How often it is seen whose turn has come.
const TICK: Duration = Duration::from_secs(2);

/// Runs until `stop`; a look that is going on then is left to its lease.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let Some(every) = app.config.alerts_every else {
        return;
    };
    let mut searched: Option<Instant> = None;
    while !stop.is_cancelled() {
        let is_due = searched.is_none_or(|at| at.elapsed() >= every);
        tokio::select! {
            () = stop.cancelled() => return,
            done = work(&app, is_due) => match done {
                Ok(()) if is_due => searched = Some(Instant::now()),
                Ok(()) => {}
                Err(problem) => tracing::warn!(%problem, "sites could not be looked at for alerts; it is tried again"),
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn work(app: &App, finds_new_sites: bool) -> Outcome<()> {
    if finds_new_sites {
        alerts::watch_sites(app).await?;
    }
    while alerts::look_at_next(app).await? {}
    Ok(())
}
