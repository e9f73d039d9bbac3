//! `/alerts`, `/sites/{id}/alerts`, `/sites/{id}/alert-rules`: what about a site's traffic somebody is told of.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::AppState,
    audit::{self, Event, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        alerts::{self, Figures},
        sites,
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    alert::{ContradictedRule, ErrorsRule, Rules, StoppedRule, UnknownBotRule},
    ids::{AlertId, SiteId},
};
use serde::{Deserialize, Serialize};
use store::{Alert, AlertFilter, Page};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(of_site))
        .routes(routes!(acknowledge))
        .routes(routes!(read_rules, set_rules))
}

/// Something about a site's traffic that somebody is told of.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AlertView {
    id: String,
    site_id: String,
    /// `agent_stopped`, `errors`, `unknown_bot` or `contradicted`.
    kind: String,
    /// `open` or `resolved`.
    status: String,
    /// What happened.
    title: String,
    detail: String,
    /// Why it may be so.
    causes: Vec<String>,
    /// What to do.
    remedies: Vec<String>,
    /// As of the last look at which it was so.
    figures: Figures,
    opened_at: String,
    /// When the figures were last changed.
    updated_at: String,
    /// Since when it is so no more, while it is open: it ends after an hour of that.
    clear_since: Option<String>,
    resolved_at: Option<String>,
    /// Why it ended: `over` or `rule_off`.
    ending: Option<String>,
    /// When somebody said to have seen it.
    acknowledged_at: Option<String>,
    acknowledged_by: Option<String>,
}

fn view(alert: &Alert) -> AlertView {
    let words = alerts::opened(&alert.finding);
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let status = if alert.is_open() { "open" } else { "resolved" };
    AlertView {
        id: alert.id.to_string(),
        site_id: alert.site.to_string(),
        kind: alert.finding.kind().as_str().to_owned(),
        status: status.to_owned(),
        causes: owned(&words.causes),
        remedies: owned(&words.remedies),
        title: words.title,
        detail: words.detail,
        figures: alerts::figures(&alert.finding),
        opened_at: rfc3339(alert.opened_at),
        updated_at: rfc3339(alert.updated_at),
        clear_since: alert.clear_since.filter(|_| alert.is_open()).map(rfc3339),
        resolved_at: alert.resolved.map(|(at, _)| rfc3339(at)),
        ending: alert.resolved.map(|(_, why)| why.as_str().to_owned()),
        acknowledged_at: alert.acknowledged.as_ref().map(|(at, _)| rfc3339(*at)),
        acknowledged_by: alert.acknowledged.as_ref().map(|(_, by)| by.clone()),
    }
}

macro_rules! rule_view {
    ($(#[$doc:meta])* $view:ident of $rule:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
        struct $view { $($(#[$field_doc])* $field: $type),* }

        impl From<$rule> for $view {
            fn from(rule: $rule) -> Self {
                let $rule { $($field),* } = rule;
                Self { $($field: $field.into()),* }
            }
        }

        impl From<$view> for $rule {
            fn from(view: $view) -> Self {
                let $view { $($field),* } = view;
                Self { $($field: $field.into()),* }
            }
        }

        impl Default for $view {
            fn default() -> Self {
                $rule::default().into()
            }
        }
    };
}

rule_view! {
    /// An agent that came regularly comes no more.
    StoppedRuleView of StoppedRule {
        /// Whether it is watched for; true unless told.
        enabled: bool,
        /// No visit for so many hours: 12 to 168; 48 unless told.
        silent_hours: u32,
        /// After visits on at least so many of the seven days before: 1 to 7; 5 unless told.
        days: u32,
        /// With at least so many visits in these days; 20 unless told.
        visits: u64,
    }
}

rule_view! {
    /// Agents got the page that people get, since KV was slow or failed.
    ErrorsRuleView of ErrorsRule {
        /// Whether it is watched for; true unless told.
        enabled: bool,
        /// At least this share of the visits in percent: 1 to 100; 5 unless told.
        percent: u64,
        /// Of at least so many visits; 50 unless told.
        visits: u64,
        /// In so many hours and the one that is going on: 1 to 24; 1 unless told.
        hours: u32,
    }
}

rule_view! {
    /// Visitors that are no agent we know, and ask for Markdown by name.
    UnknownBotRuleView of UnknownBotRule {
        /// Whether it is watched for; true unless told.
        enabled: bool,
        /// At least so many visits in 24 hours; 500 unless told.
        visits: u64,
    }
}

rule_view! {
    /// More visits than usual are not by whom they say.
    ContradictedRuleView of ContradictedRule {
        /// Whether it is watched for; true unless told.
        enabled: bool,
        /// At least this share in percent of the visits of 24 hours that could be checked: 1 to 100; 10 unless told.
        percent: u64,
        /// And at least so many times the share of the seven days before: 1 to 100; 2 unless told.
        times: u64,
        /// With at least so many contradicted visits, and so many before that could be checked; 20 unless told.
        visits: u64,
    }
}

rule_view! {
    /// What a site's traffic is watched for.
    RulesView of Rules {
        agent_stopped: StoppedRuleView,
        errors: ErrorsRuleView,
        unknown_bot: UnknownBotRuleView,
        contradicted: ContradictedRuleView,
    }
}

/// Which alerts of a site are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// `open` or `resolved`; both unless told.
    status: Option<String>,
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

impl AlertQuery {
    fn parts(self) -> Outcome<(AlertFilter, Page)> {
        let filter = match self.status.as_deref() {
            None | Some("") => AlertFilter::All,
            Some("open") => AlertFilter::Open,
            Some("resolved") => AlertFilter::Resolved,
            Some(_) => return Err(Problem::field("status", "must be open or resolved")),
        };
        let (limit, cursor) = (self.limit, self.cursor);
        Ok((filter, PageQuery { limit, cursor }.page()?))
    }
}

/// List the open alerts of all sites, newest first.
#[utoipa::path(get, path = "/alerts", operation_id = "list_open_alerts", tag = "alerts", params(PageQuery),
    responses((status = 200, body = ListView<AlertView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<AlertView>>> {
    let listed = alerts::open_ones(&app, caller.workspace, &page.page()?).await?;
    Ok(Json(ListView::of(listed, view)))
}

/// List a site's alerts, open ones and those that ended in the last 400 days, newest first.
#[utoipa::path(get, path = "/sites/{id}/alerts", operation_id = "list_alerts", tag = "alerts",
    params(("id" = String, Path), AlertQuery), responses((status = 200, body = ListView<AlertView>), Problems))]
async fn of_site(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<AlertQuery>,
) -> Outcome<Json<ListView<AlertView>>> {
    let site = id::<SiteId>(&text, "site")?;
    let (filter, page) = query.parts()?;
    let listed = alerts::of_site(&app, caller.workspace, site, filter, &page).await?;
    Ok(Json(ListView::of(listed, view)))
}

/// Say that somebody has seen an alert: the console shows it on its list alone. It stays open until it is over.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", operation_id = "acknowledge_alert", tag = "alerts",
    params(("id" = String, Path)), responses((status = 200, body = AlertView), Problems))]
async fn acknowledge(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<AlertView>> {
    let alert = id::<AlertId>(&text, "alert")?;
    let seen = alerts::acknowledge(&app, &caller.actor, alert, &caller.name).await?;
    Ok(Json(view(&seen)))
}

/// Read what a site's traffic is watched for.
#[utoipa::path(get, path = "/sites/{id}/alert-rules", operation_id = "alert_rules", tag = "alerts",
    params(("id" = String, Path)), responses((status = 200, body = RulesView), Problems))]
async fn read_rules(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<RulesView>> {
    let site = id::<SiteId>(&text, "site")?;
    let rules = alerts::rules(&app, caller.workspace, site).await?;
    Ok(Json(rules.into()))
}

/// Set what a site's traffic is watched for. What is left out gets its default. It is looked at within seconds.
#[utoipa::path(put, path = "/sites/{id}/alert-rules", operation_id = "set_alert_rules", tag = "alerts",
    params(("id" = String, Path)), request_body = RulesView, responses((status = 200, body = RulesView), Problems))]
async fn set_rules(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<RulesView>,
) -> Outcome<Json<RulesView>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let rules = Rules::from(body);
    alerts::set_rules(&app, caller.workspace, site.id, &rules).await?;
    let event = Event::site(Kind::SiteAlertRulesChanged, &site);
    audit::record(&app, &caller.actor, event).await;
    Ok(Json(rules.into()))
}
