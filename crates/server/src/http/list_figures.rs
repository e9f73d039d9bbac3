//! Figures of the verification lists, read from the database when they are asked for. A list is labelled by its address, which is
//! public.

use crate::{app::App, problem::Outcome, services::verification};
use metrics_exporter_prometheus::PrometheusBuilder;

/// Seconds since a list was last seen as it is held; no line for one that was never read.
const AGE: &str = "edge_delivery_verification_list_age_seconds";
/// Fetches of a list that failed in a row.
const FAILURES: &str = "edge_delivery_verification_list_failures";

/// The figures as Prometheus reads them.
pub(super) async fn render(app: &App) -> Outcome<String> {
    let now = app.clock.now();
    let standings = verification::standings(app).await?;
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for list in standings
            .iter()
            .filter_map(|standing| standing.list.as_ref())
        {
            if let Some(current) = &list.current {
                let age = std::time::Duration::from_millis(now.0.abs_diff(current.confirmed_at.0));
                metrics::gauge!(AGE, "list" => list.url.clone()).set(age.as_secs_f64());
            }
            metrics::gauge!(FAILURES, "list" => list.url.clone()).set(f64::from(list.failures));
        }
    });
    Ok(recorder.handle().render())
}
