//! The background work of one process apart from deployments and content: connections are watched over, the webhook
//! is told, and what agents are verified by is kept up to date. Every replica does it; work is leased, so that nothing is done twice at once.

mod deliveries;
mod lists;
mod watching;

use crate::app::AppState;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub(crate) async fn run(app: AppState, stop: CancellationToken) {
    tokio::join!(
        watching::run(app.clone(), stop.clone()),
        deliveries::run(app.clone(), stop.clone()),
        lists::run(app, stop),
    );
}
