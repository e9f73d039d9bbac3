//! Brings what is published to the edge, by itself: woken by signal (published here) and by timer (published by
//! another process). A site that is not deployed has nowhere to bring it to; its deployment does.

use super::content::{LISTED_FOR_MS, Push, Pushed};
use crate::{app::App, problem::Outcome, services::connections};
use domain::{ids::SiteId, observed::Recorded, time::Millis};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use store::{SyncLease, SyncOutcome};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a lease holds without being renewed.
const LEASE_SECONDS: i64 = 12;

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(4);

/// How often to look without being woken.
const TICK: Duration = Duration::from_secs(1);

/// How many sites one process brings content to at once.
const AT_ONCE: usize = 4;

/// Between two runs for one site: KV takes one write a second of the same key (Cloudflare API notes §6.6, official),
/// and every run may write the index.
const PAUSE_MS: i64 = 1_100;

/// How often it is looked which sites' keys are due to be listed again.
const LISTINGS: Duration = Duration::from_secs(60);

/// The longest that a pause for the account's quota lasts without another look, in milliseconds: the owner may have made
/// room. A look costs no call.
const LOOK_AGAIN_MS: i64 = 300_000;

/// The first and the longest pause after a failure.
const RETRY_MS: (i64, i64) = (2_000, 300_000);

/// What this process remembers of the sites it served. Losing it costs a call at most.
#[derive(Debug, Default)]
struct Memory {
    /// Failures in a row.
    failures: HashMap<SiteId, u32>,
}

/// Runs until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let mut running = JoinSet::new();
    let mut listings_due = Instant::now();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        if Instant::now() >= listings_due {
            listings_due = Instant::now() + LISTINGS;
            want_listings(&app).await;
        }
        if running.len() < AT_ONCE {
            let now = app.clock.now();
            let until = now.plus_seconds(LEASE_SECONDS);
            match app.store.lease_sync(&app.process, now, until).await {
                Ok(Some(lease)) => {
                    let (app, memory) = (Arc::clone(&app), Arc::clone(&memory));
                    running.spawn(async move { work(&app, &lease, &memory).await });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the sites to be synced could not be read"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.signals.sync_woken() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(_) = running.join_next() => {}
        }
    }
    // Whatever is dropped here is found pending again.
    running.shutdown().await;
}

/// Asks for a run for each site whose keys were listed long ago.
async fn want_listings(app: &App) {
    let now = app.clock.now();
    let before = Millis(now.0 - LISTED_FOR_MS);
    if let Err(error) = app.store.want_listings_for_background(now, before).await {
        tracing::warn!(%error, "the sites whose keys are to be listed could not be asked for");
    }
}

/// One run for one leased site.
async fn work(app: &App, lease: &SyncLease, memory: &Mutex<Memory>) {
    let site = &lease.site;
    let mut done = Pushed::default();
    let failures = {
        let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.failures.get(&site.id).copied().unwrap_or(0)
    };
    let outcome = tokio::select! {
        outcome = push(app, lease, failures, &mut done) => Some(outcome),
        () = lose_lease(app, lease) => None,
    };
    let now = app.clock.now();
    let retry_at = {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Some(Ok(())) => {
                memory.failures.remove(&site.id);
                done.pause.as_ref().map(|pause| {
                    let look_again = now.0 + LOOK_AGAIN_MS;
                    Millis(
                        pause
                            .until
                            .map_or(look_again, |until| until.0.min(look_again)),
                    )
                })
            }
            // A deployment of the site goes first.
            None => Some(Millis(now.0 + RETRY_MS.0)),
            Some(Err(problem)) => {
                let failures = memory.failures.entry(site.id).or_default();
                *failures = failures.saturating_add(1);
                let pause = RETRY_MS.0 << (*failures - 1).min(10);
                let told = problem.retry_after.unwrap_or(0).saturating_mul(1_000);
                let told = i64::try_from(told).unwrap_or(RETRY_MS.1);
                Some(Millis(now.0 + Ord::max(pause, told).min(RETRY_MS.1)))
            }
        }
    };
    if let Some(Err(problem)) = &outcome {
        tracing::warn!(site.id = %site.id, %problem, "content did not reach the edge; it is tried again");
    } else if done.written + done.deleted > 0 {
        tracing::info!(site.id = %site.id, written = done.written, deleted = done.deleted, "content brought to the edge");
    }
    if done.calls > 0 && retry_at.is_none() {
        // The lease is kept meanwhile: nobody writes the index again within the second.
        tokio::time::sleep(Duration::from_millis(PAUSE_MS.unsigned_abs())).await;
    }
    let outcome = SyncOutcome {
        wanted_at: lease.wanted_at,
        at: now,
        api_calls: done.calls,
        retry_at,
    };
    match app
        .store
        .finish_sync(site.workspace, site.id, &app.process, &outcome)
        .await
    {
        Ok(true) => {}
        Ok(false) => {
            tracing::debug!(site.id = %site.id, "the lease of a sync was another's by then");
        }
        Err(error) => tracing::warn!(%error, "the end of a sync was not stored"),
    }
    app.signals.sync_changed(site.id);
}

async fn push(app: &App, lease: &SyncLease, failures: u32, done: &mut Pushed) -> Outcome<()> {
    let site = &lease.site;
    let Recorded {
        namespace: Some(namespace),
        content_loaded: true,
        ..
    } = &site.recorded
    else {
        return Ok(());
    };
    let connection = connections::of_site(app, site).await?;
    let api = connections::api_for(app, &connection)?;
    let mut push = Push::new(app, &api, site, namespace, failures);
    let ended = push.run().await;
    *done = push.done;
    ended
}

/// Renews the lease; returns when the sync must end.
async fn lose_lease(app: &App, lease: &SyncLease) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let until = app.clock.now().plus_seconds(LEASE_SECONDS);
        let renewed = app
            .store
            .renew_sync_lease(lease.site.workspace, lease.site.id, &app.process, until)
            .await;
        match renewed {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "the lease of a sync could not be renewed");
                return;
            }
        }
    }
}
