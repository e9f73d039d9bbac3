//! Tells the webhook that tokens expire, have expired, or are old: each once per step and expiry, whatever restarts or
//! replicas there are.

use super::{warnings, webhooks};
use crate::{app::App, clock::rfc3339, problem::Outcome};
use domain::time::Millis;
use serde_json::{Value, json};
use store::{ConnectionGlance, NewDelivery, Notice, WebhookEvent};

/// Looks at every connection, and queues what was not told yet.
pub(crate) async fn tell(app: &App) -> Outcome<()> {
    // Without a webhook there is nobody to tell; what is due is told once one is set.
    if app.store.webhook(app.workspace).await?.is_none() {
        return Ok(());
    }
    let now = app.clock.now();
    for connection in app.store.glances_for_background().await? {
        for (names, occasion, message) in news(app, &connection, now) {
            let notices: Vec<Notice<'_>> =
                names.iter().map(|name| Notice { name, occasion }).collect();
            app.store
                .tell_once(connection.workspace, connection.id, &notices, &message)
                .await?;
        }
    }
    Ok(())
}

/// The news that a connection makes now: the names of the steps so far, what they are about, and the message of the last.
fn news(
    app: &App,
    connection: &ConnectionGlance,
    now: Millis,
) -> Vec<(Vec<String>, Millis, NewDelivery)> {
    let mut news = Vec::new();
    if let Some(end) = connection.expires_at
        && let Some(step) = warnings::expiry_step(end, now)
    {
        let mut names: Vec<String> = warnings::EXPIRY_DAYS
            .into_iter()
            .filter(|days| *days >= step)
            .map(|days| format!("expires_in_{days}_days"))
            .collect();
        let event = if end <= now {
            names.push("expired".to_owned());
            WebhookEvent::ConnectionExpired
        } else {
            WebhookEvent::ConnectionExpiring
        };
        let data = data(
            app,
            connection,
            now,
            &json!({ "thresholdDays": if end <= now { 0 } else { step } }),
        );
        news.push((names, end, webhooks::message(event, now, &data)));
    }
    if warnings::is_old(connection.token_stored_at, now) {
        let age = (now.0 - connection.token_stored_at.0) / 86_400_000;
        let data = data(app, connection, now, &json!({ "tokenAgeDays": age }));
        news.push((
            vec!["token_old".to_owned()],
            connection.token_stored_at,
            webhooks::message(WebhookEvent::ConnectionTokenOld, now, &data),
        ));
    }
    news
}

/// The news that a check found another status.
pub(crate) fn status_changed(
    app: &App,
    connection: &ConnectionGlance,
    before: domain::connection::ConnectionStatus,
    now: Millis,
) -> NewDelivery {
    let data = data(app, connection, now, &json!({ "statusBefore": before }));
    webhooks::message(WebhookEvent::ConnectionStatusChanged, now, &data)
}

/// What every message about a connection says, and `more`.
fn data(app: &App, connection: &ConnectionGlance, now: Millis, more: &Value) -> Value {
    let warnings = warnings::of(connection, now);
    let mut data = json!({
        "connection": {
            "id": connection.id,
            "name": connection.name,
            "tokenHint": connection.token_hint,
        },
        "status": warnings::status_now(connection.status, connection.expires_at, now),
        "expiresAt": connection.expires_at.map(rfc3339),
        "daysLeft": warnings::days_left(connection.expires_at, now),
        "warnings": warnings,
        "link": webhooks::link(app, &format!("/connections/{}", connection.id)),
    });
    if let (Some(data), Some(more)) = (data.as_object_mut(), more.as_object()) {
        data.extend(more.clone());
    }
    data
}
