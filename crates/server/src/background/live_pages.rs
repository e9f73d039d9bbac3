//! Makes variants from live pages, and looks after the pages behind those that are published. One run and one site at a time in
//! each process: other people's servers are on the other end.

use crate::{
    app::App,
    services::live_pages::{making, watch},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it looks by itself.
const TICK: Duration = Duration::from_secs(2);

/// Runs until `stop`.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    tokio::join!(make(&app, &stop), look(&app, &stop));
}

async fn make(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match making::work_on_next(app, stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(problem) => tracing::warn!(%problem, "runs of making could not be read"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.signals.making_woken() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn look(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let worked = tokio::select! {
            worked = watch::work_on_next(app) => worked,
            // The lease runs out; nothing is half-recorded.
            () = stop.cancelled() => return,
        };
        match worked {
            Ok(true) => continue,
            Ok(false) => {}
            Err(problem) => tracing::warn!(%problem, "published pages could not be looked at"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}
