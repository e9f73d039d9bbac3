//! Figures of connections and of the webhook, read from the database when they are asked for: every replica tells the same,
//! and what is deleted is gone from them. A connection is labelled by its id; names are their owner's.

use crate::{app::App, problem::Outcome, services::warnings};
use domain::connection::ConnectionStatus;
use metrics_exporter_prometheus::PrometheusBuilder;
use store::{ConnectionGlance, DeliveryStatus};

/// Seconds until a token ends; negative afterwards; no line for a token without an end.
const EXPIRES: &str = "edge_delivery_connection_expires_in_seconds";
/// 1 for the state that a connection is in, 0 for the others.
const STATE: &str = "edge_delivery_connection_state";
/// Seconds since a connection was last checked.
const CHECKED: &str = "edge_delivery_connection_checked_ago_seconds";
/// Seconds since a token was stored.
const TOKEN_AGE: &str = "edge_delivery_connection_token_age_seconds";
/// Messages to the webhook by how far they came.
const DELIVERIES: &str = "edge_delivery_webhook_deliveries";

const STATES: [(ConnectionStatus, &str); 5] = [
    (ConnectionStatus::Ready, "ready"),
    (ConnectionStatus::Incomplete, "incomplete"),
    (ConnectionStatus::Expired, "expired"),
    (ConnectionStatus::Disabled, "disabled"),
    (ConnectionStatus::Unreadable, "unreadable"),
];

/// The figures as Prometheus reads them.
pub(super) async fn render(app: &App) -> Outcome<String> {
    let now = app.clock.now();
    let connections = app.store.glances_for_background().await?;
    let mut deliveries = Vec::new();
    for (status, word) in [
        (DeliveryStatus::Queued, "queued"),
        (DeliveryStatus::Delivered, "delivered"),
        (DeliveryStatus::Failed, "failed"),
    ] {
        deliveries.push((word, app.store.count_deliveries(status).await?));
    }
    // A collector of its own, so that no line outlives its connection.
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for connection in &connections {
            record(connection, now);
        }
        for (word, count) in deliveries {
            metrics::gauge!(DELIVERIES, "status" => word).set(as_figure(count));
        }
    });
    Ok(recorder.handle().render())
}

fn record(connection: &ConnectionGlance, now: domain::time::Millis) {
    let id = connection.id.to_string();
    let seconds = |from: domain::time::Millis, to: domain::time::Millis| {
        std::time::Duration::from_millis(to.0.abs_diff(from.0)).as_secs_f64()
            * if to < from { -1.0 } else { 1.0 }
    };
    if let Some(end) = connection.expires_at {
        metrics::gauge!(EXPIRES, "connection" => id.clone()).set(seconds(now, end));
    }
    let status = warnings::status_now(connection.status, connection.expires_at, now);
    for (state, word) in STATES {
        metrics::gauge!(STATE, "connection" => id.clone(), "state" => word)
            .set(if state == status { 1.0 } else { 0.0 });
    }
    metrics::gauge!(CHECKED, "connection" => id.clone()).set(seconds(connection.checked_at, now));
    metrics::gauge!(TOKEN_AGE, "connection" => id).set(seconds(connection.token_stored_at, now));
}

/// Counts are small enough to be exact as a figure.
fn as_figure(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
