//! Takes deployments that wait, and works on them: woken by signal and by timer, without input, the same code path
//! for a new deployment and for one whose process died.

use super::execute::{self, Ending};
use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use std::{sync::Arc, time::Duration};
use store::Deployment;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a lease holds without being renewed: a dead process's deployment is taken over after that.
const LEASE_SECONDS: i64 = 12;

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(4);

/// How often the driver looks by itself: what other processes enqueue does not ring our bell.
const TICK: Duration = Duration::from_secs(2);

/// How many deployments one process works on at once; of one site there is never more than one.
const AT_ONCE: usize = 8;

/// How long a step may go on after the program was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Runs until `stop`; then no step is begun any more, and leases are given back.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        if running.len() < AT_ONCE {
            match lease(&app).await {
                Ok(Some(deployment)) => {
                    let (app, stop) = (Arc::clone(&app), stop.clone());
                    running.spawn(async move { work(&app, &deployment, &stop).await });
                    continue;
                }
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(%problem, "the queue of deployments could not be read");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.signals.driver_woken() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(_) = running.join_next() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn lease(app: &App) -> Outcome<Option<Deployment>> {
    let now = app.clock.now();
    let until = now.plus_seconds(LEASE_SECONDS);
    Ok(app.store.lease_deployment(&app.process, now, until).await?)
}

/// Works on a leased deployment to its end, unless the lease is lost or the program stops.
async fn work(app: &App, deployment: &Deployment, stop: &CancellationToken) {
    let id = deployment.id;
    tracing::info!(deployment.id = %id, site.id = %deployment.site, kind = %deployment.kind, "deployment taken");
    app.signals.deployment_changed(id);
    let ending = tokio::select! {
        ending = execute::execute(app, deployment, stop) => ending,
        () = lose_lease(app, deployment) => Ending::LeaseLost,
        () = grace_is_over(stop) => Ending::Stopped,
    };
    let stored = match &ending {
        Ending::Finished(end) => execute::finish(app, deployment, end).await,
        Ending::LeaseLost => {
            tracing::warn!(deployment.id = %id, "the lease of a deployment was lost; somebody else goes on");
            Ok(())
        }
        Ending::Stopped => release(app, deployment).await,
    };
    if let Err(problem) = stored {
        // The lease runs out, and the deployment is taken again.
        tracing::error!(deployment.id = %id, %problem, "the end of a deployment was not stored");
    }
    app.signals.deployment_changed(id);
    app.signals.wake_sync();
}

/// Renews the lease as long as it can be; returns when it is another's.
async fn lose_lease(app: &App, deployment: &Deployment) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(RENEWAL).await;
        let until = app.clock.now().plus_seconds(LEASE_SECONDS);
        match app
            .store
            .renew_lease(deployment.id, &app.process, until)
            .await
        {
            Ok(true) => failures = 0,
            Ok(false) => return,
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, "a lease could not be renewed");
                // Twice missed, and the third would come after its end.
                if failures == 2 {
                    return;
                }
            }
        }
    }
}

async fn grace_is_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Lets the lease end now, so that the next process need not wait.
async fn release(app: &App, deployment: &Deployment) -> Outcome<()> {
    app.store
        .renew_lease(deployment.id, &app.process, app.clock.now())
        .await
        .map_err(Problem::from)?;
    Ok(())
}
