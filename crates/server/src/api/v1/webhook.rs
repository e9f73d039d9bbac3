//! `/webhook`: where news go, and what was sent.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery},
    app::AppState,
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::Outcome,
    services::webhooks,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use store::{DeliveryStatus, Webhook, WebhookDelivery, WebhookEvent};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read, set, delete))
        .routes(routes!(test))
        .routes(routes!(deliveries))
}

/// The webhook. Its secret is shown once, by the call that made it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookView {
    url: String,
    /// What messages are signed with, `whsec_…`; only in the answer to the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: String,
    updated_at: String,
}

fn view(webhook: &Webhook) -> WebhookView {
    WebhookView {
        url: webhook.url.clone(),
        secret: None,
        created_at: rfc3339(webhook.created_at),
        updated_at: rfc3339(webhook.updated_at),
    }
}

/// A webhook to be set.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookBody {
    /// https, a public host name, no user name or password.
    url: String,
    /// Make a new secret; the old one is worth nothing from then on.
    #[serde(default)]
    new_secret: bool,
}

/// A message and how far it came.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryView {
    /// Also the message's `webhook-id`.
    id: String,
    /// `connection.expiring`, `connection.expired`, `connection.token_old`, `connection.status_changed`, `site.drifted`, `site.recovered`,
    /// `traffic.agent_stopped`, `traffic.errors`, `traffic.unknown_bot`, `traffic.contradicted` or `webhook.test`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    event: WebhookEvent,
    /// `queued`, `delivered` or `failed`.
    #[schema(value_type = String)]
    status: DeliveryStatus,
    attempts: u32,
    created_at: String,
    /// While it is queued.
    next_attempt_at: Option<String>,
    last_attempt_at: Option<String>,
    /// The status of the last answer.
    last_status: Option<u16>,
    /// Why the last attempt failed.
    last_error: Option<String>,
}

fn delivery_view(delivery: &WebhookDelivery) -> DeliveryView {
    DeliveryView {
        id: delivery.id.to_string(),
        event: delivery.event,
        status: delivery.status,
        attempts: delivery.attempts,
        created_at: rfc3339(delivery.created_at),
        next_attempt_at: (delivery.status == DeliveryStatus::Queued)
            .then(|| rfc3339(delivery.next_attempt_at)),
        last_attempt_at: delivery.last_attempt_at.map(rfc3339),
        last_status: delivery.last_status,
        last_error: delivery.last_error.clone(),
    }
}

/// Read the webhook.
#[utoipa::path(get, path = "/webhook", tag = "webhook", responses((status = 200, body = WebhookView), Problems))]
async fn read(State(app): State<AppState>, caller: ApiCaller) -> Outcome<Json<WebhookView>> {
    Ok(Json(view(&webhooks::get(&app, caller.workspace).await?)))
}

/// Set the webhook. The first time, and with `newSecret`, the answer holds the secret, this once.
#[utoipa::path(put, path = "/webhook", tag = "webhook", request_body = WebhookBody,
    responses((status = 200, body = WebhookView), Problems))]
async fn set(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(body): ApiJson<WebhookBody>,
) -> Outcome<Json<WebhookView>> {
    let set = webhooks::set(&app, caller.workspace, &body.url, body.new_secret).await?;
    let event = Event::new(Kind::WebhookSet).with("newSecret", set.secret.is_some());
    audit::record(&app, &caller.actor, event).await;
    Ok(Json(WebhookView {
        secret: set.secret.map(|secret| secret.expose().to_owned()),
        ..view(&set.webhook)
    }))
}

/// Delete the webhook, and what waits for it.
#[utoipa::path(delete, path = "/webhook", tag = "webhook", responses((status = 204), Problems))]
async fn delete(State(app): State<AppState>, caller: ApiCaller) -> Outcome<StatusCode> {
    webhooks::delete(&app, caller.workspace).await?;
    audit::record(&app, &caller.actor, Event::new(Kind::WebhookDeleted)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a message of the type `webhook.test` now, in one attempt; the answer says how it went.
#[utoipa::path(post, path = "/webhook/test", tag = "webhook", responses((status = 200, body = DeliveryView), Problems))]
async fn test(State(app): State<AppState>, caller: ApiCaller) -> Outcome<Json<DeliveryView>> {
    let sent = webhooks::send_test(&app, caller.workspace).await?;
    audit::record(&app, &caller.actor, Event::new(Kind::WebhookTested)).await;
    Ok(Json(delivery_view(&sent)))
}

/// List the messages of the last 30 days, newest first.
#[utoipa::path(get, path = "/webhook/deliveries", tag = "webhook", params(PageQuery),
    responses((status = 200, body = ListView<DeliveryView>), Problems))]
async fn deliveries(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<DeliveryView>>> {
    let listed = webhooks::deliveries(&app, caller.workspace, &page.page()?).await?;
    Ok(Json(ListView::of(listed, delivery_view)))
}
