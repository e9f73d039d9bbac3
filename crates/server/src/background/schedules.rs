//! Carries out what was set for a time. Each is done in one transaction by whoever comes first; a process that was asleep
//! or dead meanwhile makes up for it when it is back.

use crate::{app::App, services::schedules};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it looks: what is due is done within so long.
const TICK: Duration = Duration::from_secs(2);

/// Runs until `stop`.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match schedules::carry_out_next(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(problem) => tracing::warn!(%problem, "schedules could not be carried out"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}
