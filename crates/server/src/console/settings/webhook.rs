//! The webhook among the settings.

use super::{SettingsPage, view};
use crate::{
    audit::{Event, Kind},
    console::{
        desk::{Desk, done, page, refused},
        form::Form,
        parts::{Mark, ProblemPanel, State, When},
    },
    problem::{Outcome, Problem},
    services::webhooks,
};
use axum::response::Response;
use domain::time::Millis;
use serde::Deserialize;
use store::{DeliveryStatus, Page, WebhookDelivery};

/// As many of the latest messages are shown.
const ROWS: u32 = 10;

/// A message in the list.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    /// What it tells.
    pub(crate) event: String,
    /// How far it came.
    pub(crate) state: State,
    /// What the last attempt came to, in words.
    pub(crate) words: String,
    /// How many attempts were made.
    pub(crate) attempts: u32,
    /// When it was made.
    pub(crate) made: When,
}

impl DeliveryRow {
    /// A message as a row.
    pub(crate) fn of(delivery: &WebhookDelivery, now: Millis) -> Self {
        let state = match delivery.status {
            DeliveryStatus::Queued if delivery.attempts == 0 => {
                State::new("run", Mark::Ring, "Queued")
            }
            DeliveryStatus::Queued => State::new("warn", Mark::Clock, "To be sent again"),
            DeliveryStatus::Delivered => State::new("ok", Mark::Tick, "Delivered"),
            DeliveryStatus::Failed if delivery.is_test => State::new("bad", Mark::Cross, "Failed"),
            DeliveryStatus::Failed => State::new("bad", Mark::Cross, "Given up"),
        };
        let words = match (&delivery.last_error, delivery.last_status) {
            (Some(error), _) => format!("The receiver: {error}."),
            (None, Some(status)) => format!("The receiver answered {status}."),
            (None, None) => String::new(),
        };
        Self {
            event: delivery.event.word(),
            state,
            words,
            attempts: delivery.attempts,
            made: When {
                at: delivery.created_at,
                now,
            },
        }
    }
}

/// The latest messages.
pub(super) async fn rows(desk: &Desk) -> Outcome<Vec<DeliveryRow>> {
    let listed = webhooks::deliveries(desk.app(), desk.ws(), &Page::first(ROWS)).await?;
    let now = desk.now();
    Ok(listed
        .items
        .iter()
        .map(|delivery| DeliveryRow::of(delivery, now))
        .collect())
}

/// What the webhook's form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WebhookForm {
    url: String,
    new_secret: String,
}

async fn with_problem(desk: &Desk, url: Option<String>, problem: Problem) -> Outcome<Response> {
    let mut view = view(desk, None, None).await?;
    if let Some(url) = url {
        view.webhook_url = url;
    }
    let mut panel = ProblemPanel::new(problem);
    "webhook-problem".clone_into(&mut panel.key);
    view.webhook_problem = Some(panel);
    Ok(refused(&view, view.webhook_problem.as_ref()))
}

/// Sets the webhook. The answer to one that makes a secret shows it, this once, so it is not a redirect.
pub(crate) async fn set_webhook(
    desk: Desk,
    Form(form): Form<WebhookForm>,
) -> Result<Response, Problem> {
    let new_secret = form.new_secret == "yes";
    match webhooks::set(desk.app(), desk.ws(), &form.url, new_secret).await {
        Ok(set) => {
            let event = Event::new(Kind::WebhookSet).with("newSecret", set.secret.is_some());
            desk.record(event).await;
            match set.secret {
                Some(secret) => {
                    let view = SettingsPage {
                        webhook_secret: Some(secret.expose().to_owned()),
                        ..view(&desk, None, None).await?
                    };
                    Ok(page(&view))
                }
                None => Ok(done("/settings", "webhook_set")),
            }
        }
        Err(problem) => with_problem(&desk, Some(form.url), problem).await,
    }
}

/// Sends a test and shows how it went.
pub(crate) async fn test_webhook(desk: Desk) -> Result<Response, Problem> {
    match webhooks::send_test(desk.app(), desk.ws()).await {
        Ok(sent) => {
            desk.record(Event::new(Kind::WebhookTested)).await;
            let view = SettingsPage {
                webhook_test: Some(DeliveryRow::of(&sent, desk.now())),
                ..view(&desk, None, None).await?
            };
            Ok(page(&view))
        }
        Err(problem) => with_problem(&desk, None, problem).await,
    }
}

/// Deletes the webhook.
pub(crate) async fn delete_webhook(desk: Desk) -> Result<Response, Problem> {
    match webhooks::delete(desk.app(), desk.ws()).await {
        Ok(()) => {
            desk.record(Event::new(Kind::WebhookDeleted)).await;
            Ok(done("/settings", "webhook_gone"))
        }
        Err(problem) => with_problem(&desk, None, problem).await,
    }
}
