//! The watch over accounts: each deployed site's account is looked at once in an interval. The looks are spread over it, and
//! take of a token's calls only what deployments leave: while less than half of its burst is left, they are put off.

use crate::{
    app::App,
    problem::Outcome,
    services::{connections, deployments},
};
use domain::{deployment::SiteStatus, ids::ConnectionId};
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::Site;
use tokio_util::sync::CancellationToken;

/// How often it is asked whose turn it is.
const TICK: Duration = Duration::from_secs(10);

/// Between two looks: at least and at most.
const BREATH: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A look that is put off is tried again after this, or after the interval where that is shorter.
const PUT_OFF: Duration = Duration::from_secs(30);

/// Calls of a look: zone, namespaces, scripts, routes, the script's settings.
const CALLS: u64 = 5;

/// Of the two calls a second that a token may make in the long run, the watch should need one at most.
const SECONDS_A_LOOK: u64 = CALLS;

/// What came of asking whose turn it is.
enum Turn {
    Nobody,
    Looked,
    PutOff,
}

/// Runs until `stop`. Does nothing when the interval is set to nought.
pub(in crate::reconcile) async fn run(app: Arc<App>, stop: CancellationToken) {
    let Some(every) = app.config.observe_every else {
        return;
    };
    let mut told = HashMap::new();
    while !stop.is_cancelled() {
        let pause = match turn(&app, every, &mut told).await {
            Ok(pause) => pause,
            Err(problem) => {
                tracing::warn!(%problem, "the accounts could not be watched");
                TICK
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One turn; answers with the pause after it.
async fn turn(
    app: &App,
    every: Duration,
    told: &mut HashMap<ConnectionId, u64>,
) -> Outcome<Duration> {
    let watched = app.store.watched_sites_for_background().await?;
    warn_where_too_short(every, &watched, told);
    let sites = watched.iter().map(|(_, count)| count).sum::<u64>();
    Ok(match look_at_next(app, every).await? {
        Turn::Nobody => TICK.min(every),
        Turn::Looked => pause(every, sites),
        Turn::PutOff => BREATH,
    })
}

/// So that all have had their turn when the interval is over, and not all at its beginning.
fn pause(every: Duration, sites: u64) -> Duration {
    let sites = u32::try_from(sites.max(1)).unwrap_or(u32::MAX);
    (every / sites).clamp(BREATH, PAUSE_MAX)
}

/// The shortest interval in which so many sites of one token can be looked at beside its deployments.
const fn shortest(sites: u64) -> Duration {
    Duration::from_secs(sites * SECONDS_A_LOOK)
}

/// Told once, and again when there are more of them.
fn warn_where_too_short(
    every: Duration,
    watched: &[(ConnectionId, u64)],
    told: &mut HashMap<ConnectionId, u64>,
) {
    for (connection, sites) in watched {
        let shortest = shortest(*sites);
        if every >= shortest || told.get(connection).is_some_and(|known| known >= sites) {
            continue;
        }
        told.insert(*connection, *sites);
        tracing::warn!(
            connection.id = %connection,
            sites,
            interval_s = every.as_secs(),
            shortest_s = shortest.as_secs(),
            "the interval of the watch over accounts is too short for so many sites of one token: \
             deployments come first, and looks come later than asked for; set EDGE_DELIVERY_OBSERVE_EVERY to {}s or more",
            shortest.as_secs()
        );
    }
}

/// Looks at the site whose turn it is, if its token has calls to spare.
async fn look_at_next(app: &App, every: Duration) -> Outcome<Turn> {
    let now = app.clock.now();
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let claimed = app
        .store
        .claim_observation(now, now.plus_seconds(seconds(every)))
        .await?;
    let Some(site) = claimed else {
        return Ok(Turn::Nobody);
    };
    if !has_calls_to_spare(app, &site).await {
        let until = now.plus_seconds(seconds(PUT_OFF.min(every)).max(1));
        app.store
            .put_off_observation(site.workspace, site.id, until)
            .await?;
        metrics::counter!("edge_delivery_observations_total", "outcome" => "put_off").increment(1);
        return Ok(Turn::PutOff);
    }
    look(app, &site).await;
    Ok(Turn::Looked)
}

/// Of a site without a usable connection the look tells what is wrong, and calls nobody.
async fn has_calls_to_spare(app: &App, site: &Site) -> bool {
    let Ok(connection) = connections::of_site(app, site).await else {
        return true;
    };
    connections::api_for(app, &connection).map_or(true, |api| api.has_calls_to_spare())
}

/// The site's state follows what is seen, also when nothing can be seen.
async fn look(app: &App, site: &Site) {
    let outcome = match deployments::plan(app, site.workspace, site).await {
        Ok((plan, _)) if plan.is_drifted() => SiteStatus::Drifted,
        Ok(_) => SiteStatus::InSync,
        Err(problem) => {
            tracing::warn!(site.id = %site.id, %problem, "the account of a site could not be looked at");
            SiteStatus::Unknown
        }
    };
    metrics::counter!("edge_delivery_observations_total", "outcome" => outcome.as_str())
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_spread_over_the_interval() {
        let quarter = Duration::from_secs(900);
        assert_eq!(pause(quarter, 0), PAUSE_MAX);
        assert_eq!(pause(quarter, 1), PAUSE_MAX);
        assert_eq!(pause(quarter, 90), Duration::from_secs(10));
        assert_eq!(pause(quarter, 100_000), BREATH);
        assert_eq!(pause(Duration::from_secs(1), 1), Duration::from_secs(1));
    }

    #[test]
    fn a_short_interval_is_told_once_and_again_with_more_sites() {
        let connection = ConnectionId::from_uuid(uuid::Uuid::from_u128(1));
        let mut told = HashMap::new();
        let every = Duration::from_secs(15);
        warn_where_too_short(every, &[(connection, 3)], &mut told);
        assert!(told.is_empty(), "three sites in 15 s are one call a second");
        for sites in [17, 16, 18] {
            warn_where_too_short(every, &[(connection, sites)], &mut told);
        }
        assert_eq!(told[&connection], 18);
    }
}
