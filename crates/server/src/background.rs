//! The background work of one process apart from deployments and content: connections are watched over, live pages are made
//! into drafts and looked after, the webhook is told, what agents are verified by is kept up to date, and what was set for
//! a time is done, visits are written, counted and in time forgotten, and what is odd about them is told. Every replica does it, and nothing is
//! done twice: work is leased, or done in the transaction that
//! clears it.

mod alerts;
mod counting;
mod deliveries;
mod keeping;
mod lists;
mod live_pages;
mod schedules;
mod watching;

use crate::app::AppState;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub(crate) async fn run(app: AppState, stop: CancellationToken) {
    tokio::join!(
        watching::run(app.clone(), stop.clone()),
        live_pages::run(app.clone(), stop.clone()),
        deliveries::run(app.clone(), stop.clone()),
        lists::run(app.clone(), stop.clone()),
        schedules::run(app.clone(), stop.clone()),
        counting::run(app.clone(), stop.clone()),
        alerts::run(app.clone(), stop.clone()),
        keeping::run(app.clone(), stop.clone()),
        crate::ingest::run_writer(&app, stop),
    );
}
