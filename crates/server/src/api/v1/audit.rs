//! `/audit`: the audit log.

use super::{ListView, Problems};
use crate::{
    api::extract::ApiQuery,
    app::AppState,
    audit,
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditEntry, AuditFilter, Page};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that somebody did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    id: String,
    at: String,
    /// Who, as people know them: an e-mail address, an access key's name, `command line`, `background`, `not signed in`.
    who: String,
    /// `person`, `access_key`, `command_line`, `background` or `stranger`.
    who_kind: String,
    /// What was done, for example `connection.replaced`.
    kind: String,
    /// What it was done to; null where that is nothing in particular.
    subject: Option<SubjectView>,
    /// From where; null for what came over no network.
    address: Option<String>,
    /// What else there is to know, by kind. Never a secret.
    #[schema(value_type = Object)]
    detail: Value,
}

/// What something was done to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SubjectView {
    /// `connection`, `site`, `access_key` or `person`.
    kind: String,
    id: String,
    /// Its name at that time.
    name: String,
}

/// A line of the log, also for the command line.
pub(crate) fn view(entry: &AuditEntry) -> AuditView {
    let event = &entry.event;
    AuditView {
        id: entry.id.to_string(),
        at: rfc3339(event.at),
        who: event.who.clone(),
        who_kind: event.who_kind.clone(),
        kind: event.kind.clone(),
        subject: (!event.subject_kind.is_empty()).then(|| SubjectView {
            kind: event.subject_kind.clone(),
            id: event.subject_id.clone(),
            name: event.subject_name.clone(),
        }),
        address: event.address.clone(),
        detail: event.detail.clone(),
    }
}

/// `?limit=&cursor=&kind=&subject=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many items, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Only what was done so: `connection.replaced`, or `connection` for every kind of it.
    kind: Option<String>,
    /// Only what was done to the thing with this id.
    subject: Option<String>,
}

/// Who did what, when, from where; newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit_events", tag = "audit", params(AuditQuery),
    responses((status = 200, body = ListView<AuditView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Outcome<Json<ListView<AuditView>>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let page = Page {
        after: query.cursor,
        limit,
    };
    let filter = AuditFilter {
        kind: query.kind,
        subject: query.subject,
    };
    let listed = audit::list(&app, caller.workspace, &filter, &page).await?;
    Ok(Json(ListView::of(listed, view)))
}
