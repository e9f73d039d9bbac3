//! Counts visits: hours from the batches that came, then days and blocks of days once they are closed. Every replica
//! does it; what one has counted no other counts again.

use crate::{app::App, problem::Outcome};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Cube, HOUR_MS},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::{Addition, StoredBatch};
use tokio_util::sync::CancellationToken;

/// How often it looks without being woken.
const TICK: Duration = Duration::from_secs(2);

/// After being woken, so that what comes together is counted together.
const GATHER: Duration = Duration::from_millis(500);

/// Batches that are counted in one go: a few ten thousand visits.
const TOGETHER: u64 = 200;

/// Hours after its end at which a day is folded: a Worker's last reports are in by then.
const CLOSED_AFTER_HOURS: i64 = 2;

/// Days and blocks that are folded in one go.
const FOLDS: u64 = 64;

/// Runs until `stop`; what is being counted then is counted by the next process.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            done = work(&app) => if let Err(problem) = done {
                tracing::warn!(%problem, "visits could not be counted; it is tried again");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.signals.counting_woken() => {}
            () = tokio::time::sleep(TICK) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(GATHER) => {}
        }
    }
}

async fn work(app: &App) -> Outcome<()> {
    while count(app).await? {}
    fold(app).await
}

/// Counts some batches; whether there may be more.
async fn count(app: &App) -> Outcome<bool> {
    let batches = app
        .store
        .batches_to_roll_up_for_background(TOGETHER)
        .await?;
    if batches.is_empty() {
        return Ok(false);
    }
    let ids: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
    let additions = tokio::task::spawn_blocking(move || additions(&batches))
        .await
        .map_err(|error| crate::problem::Problem::internal(&error))?;
    app.store.roll_up(&ids, &additions).await?;
    Ok(true)
}

/// What these batches add to which hours.
fn additions(batches: &[StoredBatch]) -> Vec<Addition> {
    let mut hours: HashMap<(WorkspaceId, SiteId, i64), (Cube, u32)> = HashMap::new();
    for batch in batches {
        let told = batch.received_at.0.div_euclid(HOUR_MS);
        hours
            .entry((batch.workspace, batch.site, told))
            .or_default()
            .1 += batch.dropped;
        for visit in &batch.visits {
            let hour = visit.at.0.div_euclid(HOUR_MS);
            hours
                .entry((batch.workspace, batch.site, hour))
                .or_default()
                .0
                .add(visit);
        }
    }
    hours
        .into_iter()
        .filter(|(_, (cube, dropped))| !cube.is_empty() || *dropped > 0)
        .map(|((workspace, site, hour), (cube, dropped))| Addition {
            workspace,
            site,
            hour,
            cube,
            dropped,
        })
        .collect()
}

async fn fold(app: &App) -> Outcome<()> {
    let before = app.clock.now().0.div_euclid(HOUR_MS) - CLOSED_AFTER_HOURS;
    loop {
        let unfolded = app
            .store
            .traffic_to_fold_for_background(before, FOLDS)
            .await?;
        if unfolded.is_empty() {
            return Ok(());
        }
        for one in unfolded {
            app.store.fold_traffic(one).await?;
        }
    }
}
