//! What is kept is kept as long as it should be, and no longer: visits after their days, deletions that were asked for,
//! sites' former keys; and visits of unknown visitors are read again when the registry changed. Every replica does it: each
//! step is a transaction of its own that finds its work by looking.

use crate::{
    app::App,
    problem::Outcome,
    services::{site_keys, traffic, visits},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it looks without being woken.
const TICK: Duration = Duration::from_secs(2);

/// How often old visits are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);

/// Runs until `stop`; what is going on then goes on in the next process.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut forget_at = Instant::now();
    loop {
        let is_due = Instant::now() >= forget_at;
        tokio::select! {
            () = stop.cancelled() => return,
            () = work(&app, is_due) => {}
        }
        if is_due {
            forget_at = Instant::now() + FORGET_EVERY;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.signals.keeping_woken() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn work(app: &App, forgets: bool) {
    tell("sites' new keys", site_keys::look_after(app).await);
    tell("deletions of visits", deletions(app).await);
    let read = traffic::read_again(app, app.workspace).await;
    tell("visits of unknown visitors", read);
    if forgets {
        tell("old visits", visits::forget_old(app).await);
    }
}

fn tell(what: &str, done: Outcome<()>) {
    if let Err(problem) = done {
        tracing::warn!(%problem, "{what} could not be looked after; it is tried again");
    }
}

async fn deletions(app: &App) -> Outcome<()> {
    for deletion in app.store.visit_deletions_for_background().await? {
        visits::finish_deletion(app, deletion.workspace, deletion.site).await?;
    }
    Ok(())
}
