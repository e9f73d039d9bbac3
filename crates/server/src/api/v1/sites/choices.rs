//! `/sites/{id}/adopt`, `/accept` and `/withdraw`: what an owner decides about foreign routes.

use super::{Problems, SiteView, view};
use crate::{
    api::extract::{ApiJson, id},
    app::{App, AppState},
    audit::{self, Event, Kind},
    auth::ApiCaller,
    problem::Outcome,
    services::sites,
};
use axum::{
    Json,
    extract::{Path, State},
};
use domain::desired::RouteChoiceKind;
use serde::Deserialize;
use store::Site;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(adopt))
        .routes(routes!(accept))
        .routes(routes!(withdraw))
}

/// What the choice is about, as the plan's conflict names it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChoiceBody {
    /// `route`: nothing else can be given back as it was.
    resource: String,
    /// The route's pattern.
    name: String,
}

/// Adopt a foreign route: it runs the site's Worker from the next deployment on, and is given back as it was when the
/// site is removed or no longer covers it. Only while the plan shows that conflict.
#[utoipa::path(post, path = "/sites/{id}/adopt", tag = "sites", params(("id" = String, Path)), request_body = ChoiceBody,
    responses((status = 200, body = SiteView), Problems))]
async fn adopt(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<ChoiceBody>,
) -> Outcome<Json<SiteView>> {
    choose(&app, &caller, &text, &body, RouteChoiceKind::Adopt).await
}

/// Accept that a route of the site takes requests from a foreign Worker, which no longer runs there. Only while the plan
/// shows that conflict.
#[utoipa::path(post, path = "/sites/{id}/accept", tag = "sites", params(("id" = String, Path)), request_body = ChoiceBody,
    responses((status = 200, body = SiteView), Problems))]
async fn accept(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<ChoiceBody>,
) -> Outcome<Json<SiteView>> {
    choose(&app, &caller, &text, &body, RouteChoiceKind::Accept).await
}

async fn choose(
    app: &AppState,
    caller: &ApiCaller,
    text: &str,
    body: &ChoiceBody,
    kind: RouteChoiceKind,
) -> Outcome<Json<SiteView>> {
    let about = (body.resource.as_str(), body.name.as_str());
    let site = id(text, "site")?;
    let site = sites::choose(app, caller.workspace, site, kind, about, &caller.name).await?;
    let word = match kind {
        RouteChoiceKind::Adopt => "adopt",
        RouteChoiceKind::Accept => "accept",
    };
    record(app, caller, &site, word, &body.name).await;
    Ok(Json(view(&site)))
}

/// Take a choice back that no deployment has carried out yet.
#[utoipa::path(post, path = "/sites/{id}/withdraw", tag = "sites", params(("id" = String, Path)), request_body = ChoiceBody,
    responses((status = 200, body = SiteView), Problems))]
async fn withdraw(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<ChoiceBody>,
) -> Outcome<Json<SiteView>> {
    let site = id(&text, "site")?;
    let site = sites::withdraw(&app, caller.workspace, site, &body.name, &caller.name).await?;
    record(&app, &caller, &site, "withdraw", &body.name).await;
    Ok(Json(view(&site)))
}

async fn record(app: &App, caller: &ApiCaller, site: &Site, choice: &str, about: &str) {
    let event = Event::site(Kind::SiteChanged, site)
        .with("choice", choice)
        .with("about", about);
    audit::record(app, &caller.actor, event).await;
}
