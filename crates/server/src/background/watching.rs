//! Watches over connections: checks them again from time to time and soon after they expired, tells the webhook what is
//! due, and lets those go whose last site was removed.
//!
//! Nothing storms: a process checks one connection at a time and pauses in between, and the times of the next checks are
//! spread. When Cloudflare does not answer, nothing changes but the time of the next check.

use crate::{
    app::App,
    problem::Outcome,
    services::{connections, expiry_news},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often it looks by itself.
const TICK: Duration = Duration::from_secs(2);

/// How long a check is its process's own: longer than one of thousands of zones takes.
const CHECK_LEASE_SECONDS: i64 = 600;

/// Runs until `stop`.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    tokio::join!(look_after(&app, &stop), check(&app, &stop));
}

/// Tells what is due, and lets connections go.
async fn look_after(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(problem) = expiry_news::tell(app).await {
            tracing::warn!(%problem, "news of connections could not be told");
        }
        if let Err(problem) = connections::let_go(app).await {
            tracing::warn!(%problem, "a connection could not be disconnected after its last site");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.signals.watching_woken() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Checks what is due, one after the other.
async fn check(app: &App, stop: &CancellationToken) {
    if app.config.check_every.is_none() {
        return;
    }
    while !stop.is_cancelled() {
        if let Err(problem) = check_next(app, stop).await {
            tracing::warn!(%problem, "connections to be checked could not be read");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn check_next(app: &App, stop: &CancellationToken) -> Outcome<()> {
    let now = app.clock.now();
    let until = now.plus_seconds(CHECK_LEASE_SECONDS);
    let leased = app
        .store
        .lease_connection_check(&app.process, now, until)
        .await?;
    let Some(connection) = leased else {
        return Ok(());
    };
    let (ws, id) = (connection.workspace, connection.id);
    tokio::select! {
        checked = connections::check_now(app, ws, id) => {
            if let Err(problem) = checked {
                tracing::warn!(connection.id = %id, code = problem.code.as_str(), detail = problem.detail,
                    "a connection could not be checked; its state stays as it was");
                let next = connections::after_failed_check(app)?;
                app.store.postpone_check(id, &app.process, next).await?;
            }
        }
        () = stop.cancelled() => app.store.postpone_check(id, &app.process, app.clock.now()).await?,
    }
    Ok(())
}
