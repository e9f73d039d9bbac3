//! Sends what is queued for the webhook, one message at a time.

use crate::{app::App, problem::Outcome, services::webhooks};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it looks: what other processes queue does not ring our bell.
const TICK: Duration = Duration::from_secs(2);

/// Runs until `stop`; a message that is being sent then is left to its lease, or to the next process.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match send_next(&app, &stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(%problem, "the messages to the webhook could not be read");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Whether there was one.
async fn send_next(app: &App, stop: &CancellationToken) -> Outcome<bool> {
    let now = app.clock.now();
    let until = now.plus_seconds(webhooks::LEASE_SECONDS);
    let Some(lease) = app.store.lease_delivery(&app.process, now, until).await? else {
        return Ok(false);
    };
    tokio::select! {
        sent = webhooks::deliver(app, &lease) => sent.map(|_| true),
        () = stop.cancelled() => {
            app.store.release_delivery(lease.delivery.id, &app.process).await?;
            Ok(false)
        }
    }
}
