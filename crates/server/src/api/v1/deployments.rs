//! Deployments and their events.

use super::{ListView, Problems};
use crate::{
    api::extract::{ApiJson, ApiQuery, PageQuery, id},
    app::AppState,
    audit::{self, Kind},
    auth::ApiCaller,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        deployments::{self, many},
        receipt, sites,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{
    deployment::DeploymentKind,
    plan::{Difference, Warning},
    time::Millis,
    variant::Format,
};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use store::{Deployment, DeploymentStep, Restored};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start_many))
        .routes(routes!(start, list))
        .routes(routes!(read))
        .routes(routes!(events))
        .routes(routes!(receipt))
        .routes(routes!(cancel))
        .routes(routes!(continue_))
        .routes(routes!(undo))
        .routes(routes!(rollback))
}

/// One application of one plan.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentView {
    id: String,
    site_id: String,
    site_name: String,
    /// `apply`, `remove` or `rollback`.
    #[schema(value_type = String)]
    kind: DeploymentKind,
    /// `queued`, `running`, `live`, `removed`, `failed`, `cancelled` or `undone`.
    #[schema(value_type = String)]
    status: domain::deployment::DeploymentStatus,
    steps: Vec<StepView>,
    requested_by: String,
    /// Calls made to Cloudflare's API.
    api_calls: u32,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// What there is to know of it: `{code, detail}`. `edit_put_back` names a change from outside that it puts back.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
    /// Of a rollback, or the undoing of one: what came of the published revisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<RestoredView>,
    /// Where it stands; in the answer to `GET /deployments/{id}` alone.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    standing: Option<StandingView>,
}

/// What a deployment waits for, where it failed, and what can be done about it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StandingView {
    /// Cloudflare asks to wait; the deployment goes on by itself then.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_until: Option<String>,
    /// The index of the step at which it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_step: Option<u32>,
    /// After a failure or a stop: what is in the account because of the site.
    in_place: Vec<InPlaceView>,
    /// Calls that can be made on it now: `continue`, `undo`, `rollback`.
    offers: Vec<&'static str>,
    /// Cloudflare asked to wait: `continue` is refused before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    continue_after: Option<String>,
    /// The deployment that takes it back, or took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<UndoneByView>,
    /// The configuration that it brought, which a rollback to it brings back with its Worker; routes stay those of today.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConfigView>,
}

/// A deployment that takes another one back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct UndoneByView {
    id: String,
    #[schema(value_type = String)]
    status: domain::deployment::DeploymentStatus,
}

/// What a site was configured to be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConfigView {
    /// The host names that the Worker served.
    hostnames: Vec<String>,
    /// How long the Worker waited for KV before the origin answered, in milliseconds.
    kv_deadline_ms: u16,
    /// The patterns of the routes that the site had.
    routes: Vec<String>,
}

/// What came of published revisions that were brought back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RestoredView {
    /// Paths that got the revision of then.
    published: u64,
    /// Paths that had none then, and have none now.
    unpublished: u64,
    /// Paths whose revision of then was deleted since: they stay as they are.
    missing_count: u64,
    /// The first of them, `{format, path}` each.
    #[schema(value_type = Vec<Object>)]
    missing: Vec<Value>,
    /// Paths for which somebody published or took back another revision since: they stay as they are.
    kept_count: u64,
    /// The first of them, `{format, path}` each.
    #[schema(value_type = Vec<Object>)]
    kept: Vec<Value>,
}

fn restored_view(restored: &Restored) -> RestoredView {
    let paths = |paths: &[(Format, String)]| {
        let path =
            |(format, path): &(Format, String)| json!({ "format": format.as_str(), "path": path });
        paths.iter().map(path).collect()
    };
    RestoredView {
        published: restored.published,
        unpublished: restored.unpublished,
        missing_count: restored.missing_count,
        missing: paths(&restored.missing),
        kept_count: restored.kept_count,
        kept: paths(&restored.kept),
    }
}

/// Something of the site that is in the account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct InPlaceView {
    #[schema(value_type = String)]
    resource: domain::plan::Resource,
    name: String,
}

fn standing_view(standing: deployments::Standing) -> StandingView {
    StandingView {
        waiting_until: standing.waiting_until.map(rfc3339),
        failed_step: standing.failed_step,
        offers: standing.offers(),
        continue_after: standing.continue_after.map(rfc3339),
        undone_by: standing.undone_by.map(|(id, status)| UndoneByView {
            id: id.to_string(),
            status,
        }),
        config: standing.config.map(|config| ConfigView {
            hostnames: config.hostnames,
            kv_deadline_ms: config.kv_deadline_ms,
            routes: config.routes,
        }),
        in_place: standing
            .in_place
            .into_iter()
            .map(|(resource, name)| InPlaceView { resource, name })
            .collect(),
    }
}

/// One step of a deployment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StepView {
    index: u32,
    #[schema(value_type = String)]
    action: domain::plan::Action,
    #[schema(value_type = String)]
    resource: domain::plan::Resource,
    name: String,
    before: Option<String>,
    after: Option<String>,
    reason: String,
    reversible: bool,
    /// `waiting`, `running`, `done`, `failed` or `undone`.
    #[schema(value_type = String)]
    status: domain::deployment::StepStatus,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
}

fn step_view(step: &DeploymentStep) -> StepView {
    StepView {
        index: step.index,
        action: step.step.action,
        resource: step.step.resource,
        name: step.step.name.clone(),
        before: step.step.before.clone(),
        after: step.step.after.clone(),
        reason: step.step.reason.clone(),
        reversible: step.step.reversible,
        status: step.status,
        started_at: step.started_at.map(rfc3339),
        finished_at: step.finished_at.map(rfc3339),
        note: step.note.clone(),
        problem: step.problem.clone(),
    }
}

/// The view of a deployment.
pub(super) fn deployment_view(deployment: &Deployment) -> DeploymentView {
    DeploymentView {
        id: deployment.id.to_string(),
        site_id: deployment.site.to_string(),
        site_name: deployment.site_name.clone(),
        kind: deployment.kind,
        status: deployment.status,
        steps: deployment.steps.iter().map(step_view).collect(),
        requested_by: deployment.requested_by.clone(),
        api_calls: deployment.api_calls,
        created_at: rfc3339(deployment.created_at),
        started_at: deployment.started_at.map(rfc3339),
        finished_at: deployment.finished_at.map(rfc3339),
        warnings: deployments::edits::told_of(deployment),
        proof: deployment.proof.clone(),
        problem: deployment.problem.clone(),
        restored: deployment.restored.as_ref().map(restored_view),
        standing: None,
    }
}

/// A deployment as the API answers with it, for the command line; with where it stands if that is given.
pub(crate) fn as_json(deployment: &Deployment, standing: Option<deployments::Standing>) -> Value {
    let view = DeploymentView {
        standing: standing.map(standing_view),
        ..deployment_view(deployment)
    };
    // A view has no keys but texts.
    serde_json::to_value(view).unwrap_or_default()
}

const fn yes() -> bool {
    true
}

/// How it is deployed; `{}` is enough.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewDeployment {
    /// Whether changes that somebody made in the account may be put back; the deployment's `warnings` name them. With
    /// `false` a site with such changes is not deployed: `edits_outside`.
    #[serde(default = "yes")]
    overwrite_edits: bool,
}

/// Deploy a site. While a deployment of it is queued or running, the answer is that one.
#[utoipa::path(post, path = "/sites/{id}/deployments", tag = "deployments", params(("id" = String, Path)),
    request_body = NewDeployment, responses((status = 202, body = DeploymentView), Problems))]
async fn start(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiJson(body): ApiJson<NewDeployment>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let site = id(&text, "site")?;
    if !body.overwrite_edits {
        deployments::edits::refuse_edits(&app, caller.workspace, site).await?;
    }
    let deployment = deployments::start(
        &app,
        caller.workspace,
        site,
        DeploymentKind::Apply,
        &caller.name,
    )
    .await?;
    let event = audit::Event::deployment(Kind::DeploymentRequested, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

/// The sites to be deployed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManySites {
    /// 1 to 100 ids.
    site_ids: Vec<String>,
    /// Whether changes that somebody made in the accounts may be put back; each answer's `edits` names them. With `false`
    /// a site with such changes is not deployed: its `problem` is `edits_outside`.
    #[serde(default = "yes")]
    overwrite_edits: bool,
}

/// What came of one of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct AskedView {
    site_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<DeploymentView>,
    /// Changes from outside that this deployment puts back, as in the plan's `differences`, read just now; without it, it
    /// could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    edits: Option<Vec<Difference>>,
    /// Why there is no deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// One answer per site, in the order of the request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ManyView {
    items: Vec<AskedView>,
}

/// Deploy several sites at once, a deployment each: one that fails stops no other. Each account is looked at first (five
/// calls to Cloudflare), so that the answer names the changes from outside that are put back.
#[utoipa::path(post, path = "/deployments", tag = "deployments", request_body = ManySites,
    responses((status = 202, body = ManyView), Problems))]
async fn start_many(
    State(app): State<AppState>,
    caller: ApiCaller,
    ApiJson(many): ApiJson<ManySites>,
) -> Outcome<(StatusCode, Json<ManyView>)> {
    let ids = many::site_ids(many.site_ids.iter().map(String::as_str))?;
    let looked = many::look_for_edits(&app, caller.workspace, &ids).await;
    let may = |_| many.overwrite_edits;
    let asked = many::start_many(&app, &caller.actor, looked, &caller.name, may).await;
    let items = asked
        .into_iter()
        .map(|asked| {
            let (deployment, problem) = match asked.outcome {
                Ok(deployment) => (Some(deployment_view(&deployment)), None),
                Err(problem) => (None, Some(problem)),
            };
            AskedView {
                site_id: asked.site.to_string(),
                deployment,
                edits: asked.edits,
                problem,
            }
        })
        .collect();
    Ok((StatusCode::ACCEPTED, Json(ManyView { items })))
}

/// The deployments of a site, newest first.
#[utoipa::path(get, path = "/sites/{id}/deployments", tag = "deployments", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = ListView<DeploymentView>), Problems))]
async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Outcome<Json<ListView<DeploymentView>>> {
    let site = sites::get(&app, caller.workspace, id(&text, "site")?).await?;
    let listed = deployments::list(&app, caller.workspace, Some(site.id), &page.page()?).await?;
    Ok(Json(ListView::of(listed, deployment_view)))
}

/// Read a deployment; it stays readable after its site is gone.
#[utoipa::path(get, path = "/deployments/{id}", tag = "deployments", params(("id" = String, Path)),
    responses((status = 200, body = DeploymentView), Problems))]
async fn read(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<DeploymentView>> {
    let deployment = deployments::get(&app, caller.workspace, id(&text, "deployment")?).await?;
    let standing = deployments::standing(&app, caller.workspace, &deployment).await?;
    Ok(Json(DeploymentView {
        standing: Some(standing_view(standing)),
        ..deployment_view(&deployment)
    }))
}

/// The deployment's events as they happen (server-sent events), from the first or after `Last-Event-ID`; the stream ends
/// with the deployment.
#[utoipa::path(get, path = "/deployments/{id}/events", tag = "deployments", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/event-stream", body = String), Problems))]
async fn events(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let deployment = deployments::get(&app, caller.workspace, id(&text, "deployment")?).await?;
    let after = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let stream = deployments::event_stream(app.clone(), caller.workspace, deployment.id, after)
        .map(|event| {
            let data =
                json!({"at": rfc3339(event.at), "kind": event.kind, "data": in_words(event.data)});
            Ok::<_, Infallible>(
                Event::default()
                    .id(event.seq.to_string())
                    .event(event.kind)
                    .data(data.to_string()),
            )
        });
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// An event's data with the times of its step, or of each of its steps, as the rest of the API writes them.
fn in_words(mut data: Value) -> Value {
    let write_times = |step: &mut Value| {
        for name in ["startedAt", "finishedAt"] {
            if let Some(at) = step.get(name).and_then(Value::as_i64) {
                step[name] = rfc3339(Millis(at)).into();
            }
        }
    };
    write_times(&mut data);
    if let Some(steps) = data.get_mut("steps").and_then(Value::as_array_mut) {
        steps.iter_mut().for_each(write_times);
    }
    data
}

/// What was in the account because of the site when a deployment ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReceiptView {
    deployment_id: String,
    site_id: String,
    site_name: String,
    /// In the order in which they are to be removed.
    items: Vec<receipt::Item>,
    /// The same in words, with a command for each: to be kept apart.
    text: String,
}

/// What was in the account because of the site when the deployment ended, with ids and the calls that remove it by hand; of
/// one that was taken back, what was left after that.
#[utoipa::path(get, path = "/deployments/{id}/receipt", tag = "deployments", params(("id" = String, Path)),
    responses((status = 200, body = ReceiptView), Problems))]
async fn receipt(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<Json<ReceiptView>> {
    let deployment = deployments::get(&app, caller.workspace, id(&text, "deployment")?).await?;
    let items = receipt::of_deployment(&app, &deployment).await?;
    Ok(Json(ReceiptView {
        deployment_id: deployment.id.to_string(),
        site_id: deployment.site.to_string(),
        site_name: deployment.site_name.clone(),
        text: receipt::as_text(&deployment, &items),
        items,
    }))
}

/// Stop at the next safe point.
#[utoipa::path(post, path = "/deployments/{id}/cancel", tag = "deployments", params(("id" = String, Path)),
    responses((status = 202, body = DeploymentView), Problems))]
async fn cancel(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let deployment = deployments::cancel(&app, caller.workspace, id(&text, "deployment")?).await?;
    let event = audit::Event::deployment(Kind::DeploymentCancelled, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

/// Go on after a failure: a new deployment of the same kind.
#[utoipa::path(post, path = "/deployments/{id}/continue", operation_id = "continue", tag = "deployments",
    params(("id" = String, Path)), responses((status = 202, body = DeploymentView), Problems))]
async fn continue_(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let deployment = deployments::continue_(
        &app,
        caller.workspace,
        id(&text, "deployment")?,
        &caller.name,
    )
    .await?;
    let event = audit::Event::deployment(Kind::DeploymentContinued, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

/// Take back what a deployment changed.
#[utoipa::path(post, path = "/deployments/{id}/undo", tag = "deployments", params(("id" = String, Path)),
    responses((status = 202, body = DeploymentView), Problems))]
async fn undo(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let deployment = deployments::undo(
        &app,
        caller.workspace,
        id(&text, "deployment")?,
        &caller.name,
    )
    .await?;
    let event = audit::Event::deployment(Kind::DeploymentUndone, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

/// Bring back the Worker and the published revisions of an earlier deployment.
#[utoipa::path(post, path = "/deployments/{id}/rollback", tag = "deployments", params(("id" = String, Path)),
    responses((status = 202, body = DeploymentView), Problems))]
async fn rollback(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Outcome<(StatusCode, Json<DeploymentView>)> {
    let deployment = deployments::rollback(
        &app,
        caller.workspace,
        id(&text, "deployment")?,
        &caller.name,
    )
    .await?;
    let event = audit::Event::deployment(Kind::DeploymentRolledBack, &deployment);
    audit::record(&app, &caller.actor, event).await;
    Ok((StatusCode::ACCEPTED, Json(deployment_view(&deployment))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_tell_times_as_the_rest_of_the_api_does() {
        let step = json!({"index": 0, "startedAt": 1_764_000_000_000_i64, "finishedAt": null});
        let told = in_words(json!({"steps": [step.clone()]}));
        assert_eq!(told["steps"][0]["startedAt"], "2025-11-24T16:00:00Z");
        assert_eq!(told["steps"][0]["finishedAt"], Value::Null);
        assert_eq!(in_words(step)["startedAt"], "2025-11-24T16:00:00Z");
    }
}
