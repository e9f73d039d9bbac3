//! Keeps what agents are verified by up to date: fetches the operators' lists, one at a time, and reads again what other processes
//! fetched. With `EDGE_DELIVERY_VERIFICATION_EVERY=off` lists are fetched when somebody asks, and not otherwise.

use crate::{app::App, problem::Outcome, services::verification};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it looks by itself.
const TICK: Duration = Duration::from_secs(15);

/// Runs until `stop`; a list that is being fetched then is left to its lease.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut is_asked = app.config.verification_every.is_some();
    while !stop.is_cancelled() {
        if is_asked && let Err(problem) = fetch_what_is_due(&app, &stop).await {
            tracing::warn!(%problem, "the verification lists could not be kept up to date");
        }
        if let Err(problem) = verification::reload_if_changed(&app).await {
            tracing::warn!(%problem, "the verification lists could not be read");
        }
        is_asked = tokio::select! {
            () = stop.cancelled() => false,
            () = app.signals.lists_woken() => true,
            () = tokio::time::sleep(TICK) => app.config.verification_every.is_some(),
        };
    }
}

async fn fetch_what_is_due(app: &App, stop: &CancellationToken) -> Outcome<()> {
    while let Some(lease) = verification::lease(app).await? {
        tokio::select! {
            fetched = verification::fetch(app, &lease) => fetched?,
            () = stop.cancelled() => return Ok(()),
        }
    }
    Ok(())
}
