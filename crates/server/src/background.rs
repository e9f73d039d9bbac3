//! The background work of one process apart from deployments and content: connections are watched over, and the webhook
//! is told; visits are counted. Every replica does it; work is leased, so that nothing is done twice at once.

mod counting;
mod deliveries;
mod watching;

use crate::app::AppState;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub(crate) async fn run(app: AppState, stop: CancellationToken) {
    tokio::join!(
        watching::run(app.clone(), stop.clone()),
        deliveries::run(app.clone(), stop.clone()),
        counting::run(app.clone(), stop.clone()),
        crate::ingest::run_writer(&app, stop),
    );
}
