//! The webhook: where news go that nobody asked for. One per workspace; any part of the program may queue a [`message`].
//!
//! Messages follow the Standard Webhooks scheme: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
//! HMAC-SHA256 over `id.timestamp.body` with a secret that both sides know. The secret is shown once and stored sealed.
//! docs/webhooks.md tells receivers how to verify.

use crate::{
    app::App,
    clock::rfc3339,
    problem::{Code, Outcome, Problem},
    vault::SealedRow,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{ids::WorkspaceId, secret::Secret, time::Millis};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use store::{
    Attempt, DeliveryLease, Listed, NewDelivery, Page, Webhook, WebhookDelivery, WebhookEvent,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// What secrets begin with in the Standard Webhooks scheme.
const SECRET_PREFIX: &str = "whsec_";

/// How long a lease on a message holds: longer than an attempt takes.
pub(crate) const LEASE_SECONDS: i64 = 30;

/// Attempts after the first. With the growing pauses the last is about nine hours after the first.
const RETRIES: usize = 9;

/// The longest that a receiver may ask to wait.
const RETRY_AFTER_MAX: u64 = 6 * 3_600;

fn sealed_row(ws: WorkspaceId) -> SealedRow {
    SealedRow {
        table: "webhooks",
        column: "sealed_secret",
        id: ws.to_string(),
    }
}

/// A webhook, and its secret when it was made just now.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSet {
    /// The webhook.
    pub(crate) webhook: Webhook,
    /// Shown this once.
    pub(crate) secret: Option<Secret>,
}

/// The workspace's webhook, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId) -> Outcome<Webhook> {
    app.store.webhook(ws).await?.ok_or_else(|| {
        Problem::new(Code::NotFound, "No webhook is set.")
            .cause("None was set so far, or it was deleted.")
            .remedy("Set one in the console's Settings, or with PUT /api/v1/webhook.")
    })
}

/// Sets the webhook's address. The first time, and whenever `new_secret` asks for it, a new secret is made.
pub(crate) async fn set(
    app: &App,
    ws: WorkspaceId,
    url: &str,
    new_secret: bool,
) -> Outcome<WebhookSet> {
    let url = app.webhooks.parse(url)?;
    let known = app.store.webhook(ws).await?;
    let now = app.clock.now();
    let (sealed_secret, secret) = match &known {
        Some(known) if !new_secret => (known.sealed_secret.clone(), None),
        _ => {
            let secret = make_secret()?;
            (app.seal(&sealed_row(ws), &secret).await?, Some(secret))
        }
    };
    let webhook = Webhook {
        workspace: ws,
        url: url.to_string(),
        sealed_secret,
        created_at: known.map_or(now, |known| known.created_at),
        updated_at: now,
    };
    app.store.set_webhook(&webhook).await?;
    app.signals.wake_watching();
    tracing::info!(webhook.host = url.host_str(), "webhook set");
    Ok(WebhookSet { webhook, secret })
}

/// Deletes the webhook and what waits for it.
pub(crate) async fn delete(app: &App, ws: WorkspaceId) -> Outcome<()> {
    get(app, ws).await?;
    app.store.delete_webhook(ws).await?;
    tracing::info!("webhook deleted");
    Ok(())
}

/// One page of the messages, newest first.
pub(crate) async fn deliveries(
    app: &App,
    ws: WorkspaceId,
    page: &Page,
) -> Outcome<Listed<WebhookDelivery>> {
    Ok(app.store.list_deliveries(ws, page).await?)
}

/// Sends a message at once, one attempt, and says how it went.
pub(crate) async fn send_test(app: &App, ws: WorkspaceId) -> Outcome<WebhookDelivery> {
    get(app, ws).await?;
    let now = app.clock.now();
    let test = message(
        WebhookEvent::Test,
        now,
        &json!({ "detail": "Somebody asked for this message, to see whether it arrives." }),
    );
    let until = now.plus_seconds(LEASE_SECONDS);
    let lease = app
        .store
        .begin_test_delivery(ws, &test, &app.process, until)
        .await?;
    let Some(lease) = lease else {
        get(app, ws).await?;
        return Err(
            Problem::new(Code::EditConflict, "The webhook was changed meanwhile.")
                .cause("Somebody else set or deleted it.")
                .remedy("Try again."),
        );
    };
    match deliver(app, &lease).await? {
        Some(ended) => Ok(ended),
        None => Ok(lease.delivery),
    }
}

/// A message for the webhook.
pub(crate) fn message(event: WebhookEvent, at: Millis, data: &Value) -> NewDelivery {
    NewDelivery {
        id: Uuid::now_v7(),
        event,
        body: json!({
            "type": event.word(),
            "timestamp": rfc3339(at),
            "data": data,
        })
        .to_string(),
        at,
    }
}

/// Where a page of the console is found by those who read a message; none when the console's address is not known.
pub(crate) fn link(app: &App, path: &str) -> Option<String> {
    let listen = app.config.listen;
    let base = match &app.config.public_url {
        Some(url) => url.origin().ascii_serialization(),
        None if listen.port() != 0 && !listen.ip().is_unspecified() => format!("http://{listen}"),
        None => return None,
    };
    Some(format!("{base}{path}"))
}

/// Sends a leased message and writes down how that went; none when another process took it over.
pub(crate) async fn deliver(app: &App, lease: &DeliveryLease) -> Outcome<Option<WebhookDelivery>> {
    let delivery = &lease.delivery;
    let attempt = attempt(app, lease).await;
    let ended = app
        .store
        .finish_delivery(delivery.id, &app.process, &attempt)
        .await?;
    match &attempt.error {
        None => {
            tracing::info!(webhook.delivery = %delivery.id, event = delivery.event.word(), "webhook told");
        }
        Some(error) => tracing::warn!(
            webhook.delivery = %delivery.id, event = delivery.event.word(), attempt = delivery.attempts + 1,
            error, is_given_up = attempt.retry_at.is_none(), "the webhook was not told"
        ),
    }
    Ok(ended)
}

async fn attempt(app: &App, lease: &DeliveryLease) -> Attempt {
    let (delivery, webhook) = (&lease.delivery, &lease.webhook);
    let failed = |status, error: String, retry_at| Attempt {
        at: app.clock.now(),
        status,
        error: Some(error),
        retry_at,
    };
    // The rules may be stricter than when the address was set.
    let url = match app.webhooks.parse(&webhook.url) {
        Ok(url) => url,
        Err(problem) => return failed(None, format!("it is not sent: {}", problem.detail), None),
    };
    let secret = match app
        .vault
        .open(&sealed_row(webhook.workspace), &webhook.sealed_secret)
    {
        Ok(secret) => secret,
        Err(error) => {
            let why = format!("the secret cannot be opened ({error}); make a new one in Settings");
            return failed(None, why, retry_at(app, delivery, None));
        }
    };
    let sent_at = app.clock.now().0 / 1000;
    let Some(headers) = signed(&secret, &delivery.id.to_string(), sent_at, &delivery.body) else {
        let why = "the secret is not in its form; make a new one in Settings".to_owned();
        return failed(None, why, None);
    };
    match app.webhooks.post(url, headers, delivery.body.clone()).await {
        Ok(received) if received.status.is_success() => Attempt {
            at: app.clock.now(),
            status: Some(received.status.as_u16()),
            error: None,
            retry_at: None,
        },
        Ok(received) => {
            let status = received.status.as_u16();
            let (why, retries) = match status {
                300..400 => (
                    format!(
                        "it answered {status}, a redirect, which is not followed: set the final address"
                    ),
                    true,
                ),
                410 => (
                    "it answered 410: the receiver wants no more messages".to_owned(),
                    false,
                ),
                _ => (format!("it answered {status}"), true),
            };
            let again = retry_at(app, delivery, received.retry_after).filter(|_| retries);
            failed(Some(status), why, again)
        }
        Err(why) => failed(None, why, retry_at(app, delivery, None)),
    }
}

/// When a message whose attempt has failed just now is sent again; none: it is given up.
fn retry_at(app: &App, delivery: &WebhookDelivery, asked: Option<u64>) -> Option<Millis> {
    if delivery.is_test {
        return None;
    }
    let pause = pause_after(delivery.attempts)?;
    let asked = Duration::from_secs(asked.unwrap_or_default().min(RETRY_AFTER_MAX));
    let pause = i64::try_from(pause.max(asked).as_millis()).unwrap_or(i64::MAX);
    Some(Millis(app.clock.now().0.saturating_add(pause)))
}

/// The pause after the attempt of this number, counted from 0.
fn pause_after(attempt: u32) -> Option<Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(2))
        .with_factor(4.0)
        .with_max_delay(Duration::from_secs(3 * 3_600))
        .with_max_times(RETRIES)
        .with_jitter()
        .build()
        .nth(usize::try_from(attempt).ok()?)
}

fn make_secret() -> Outcome<Secret> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| Problem::internal(&error))?;
    Ok(Secret::new(format!(
        "{SECRET_PREFIX}{}",
        STANDARD.encode(bytes.as_slice())
    )))
}

/// The three headers of the scheme; none when the secret is not in its form.
fn signed(secret: &Secret, id: &str, sent_at: i64, body: &str) -> Option<HeaderMap> {
    let encoded = secret.expose().strip_prefix(SECRET_PREFIX)?;
    let key = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{sent_at}.{body}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", sent_at.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ] {
        headers.insert(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's own documentation.
    #[test]
    fn signatures_are_those_of_the_scheme() {
        let secret = Secret::new(format!(
            "{SECRET_PREFIX}{}",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        ));
        let headers = signed(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        )
        .expect("signed");
        assert_eq!(
            headers["webhook-signature"],
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert!(signed(&Secret::new("no such form"), "a", 1, "").is_none());
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (0..).map_while(pause_after).collect();
        assert_eq!(pauses.len(), RETRIES);
        assert!(pauses.windows(2).take(5).all(|two| two[0] < two[1]));
        let total: Duration = pauses.iter().sum();
        // Nine hours, and chance adds up to as much again.
        assert!((9..19).contains(&(total.as_secs() / 3600)), "{total:?}");
    }
}
