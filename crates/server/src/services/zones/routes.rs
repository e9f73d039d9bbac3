//! Whether the token may edit the routes of a zone: asked for few zones at a time, and kept.

use super::super::token_check::check_routes;
use crate::app::App;
use cloudflare::Api;
use domain::connection::ReachableZone;
use futures::{StreamExt, stream};
use store::{Connection, RoutesFinding};

/// Calls at the same time.
const PARALLEL: usize = 6;

/// The most zones that are asked at once, one call each: as many as a page of the console shows.
const ZONES_MAX: usize = 25;

/// Asks for the first of these zones, keeps what is found, and tells it. A finding that cannot be kept is told all the
/// same: it is asked again next time.
pub(super) async fn ask(
    app: &App,
    connection: &Connection,
    api: &Api,
    zones: Vec<ReachableZone>,
) -> Vec<(ReachableZone, RoutesFinding)> {
    let found: Vec<_> = stream::iter(zones.into_iter().take(ZONES_MAX))
        .map(|zone| async move {
            let check = check_routes(api, &zone).await;
            let finding = RoutesFinding {
                granted: check.granted,
                detail: check.detail,
                asked_at: app.clock.now(),
            };
            (zone, finding)
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let kept: Vec<_> = found
        .iter()
        .map(|(zone, finding)| (zone.id.clone(), finding.clone()))
        .collect();
    if !kept.is_empty()
        && let Err(error) = app
            .store
            .keep_routes_findings(connection.workspace, connection.id, &kept)
            .await
    {
        tracing::warn!(connection.id = %connection.id, %error, "what was asked about routes could not be kept");
    }
    found
}
