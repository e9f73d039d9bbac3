//! Figures of visits that were taken and are not counted into hours yet, read from the database when they are asked for: with
//! several servers on one database each tells the same.

use crate::{app::App, problem::Outcome};
use metrics_exporter_prometheus::PrometheusBuilder;

/// Batches that are in no count yet.
const BATCHES: &str = "edge_delivery_visits_uncounted_batches";
/// Seconds since the oldest of them came; 0 when there is none.
const AGE: &str = "edge_delivery_visits_uncounted_age_seconds";

/// The figures as Prometheus reads them.
pub(super) async fn render(app: &App) -> Outcome<String> {
    let (batches, oldest) = app.store.roll_up_lag_for_background().await?;
    let now = app.clock.now();
    let age = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0).max(0));
    let age = std::time::Duration::from_millis(age.unsigned_abs());
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        metrics::gauge!(BATCHES).set(f64::from(u32::try_from(batches).unwrap_or(u32::MAX)));
        metrics::gauge!(AGE).set(age.as_secs_f64());
    });
    Ok(recorder.handle().render())
}
