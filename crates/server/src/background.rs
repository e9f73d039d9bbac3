//! The background work of one process apart from deployments and content: connections are watched over, live pages are made
//! into drafts and looked after, and the webhook is told. Every replica does it; work is leased, so that nothing is done twice at once.

mod deliveries;
mod live_pages;
mod watching;

use crate::app::AppState;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub(crate) async fn run(app: AppState, stop: CancellationToken) {
    tokio::join!(
        watching::run(app.clone(), stop.clone()),
        live_pages::run(app.clone(), stop.clone()),
        deliveries::run(app, stop),
    );
}
