//! Many variants in one call: import, and deletion of all below a path.

use super::{Problems, variants::require_plain};
use crate::{
    api::extract::{ApiQuery, id},
    app::AppState,
    audit,
    auth::ApiCaller,
    problem::{Outcome, Problem},
    services::imports::{self, ImportLine, ImportOptions, ImportReport, Spool},
};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use tokio_util::io::StreamReader;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .routes(routes!(delete))
}

/// `?dryRun=&force=&taken=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// Check everything, save nothing.
    #[serde(default)]
    dry_run: bool,
    /// Publish also what the checks of contents want confirmed.
    #[serde(default)]
    force: bool,
    /// `false` leaves the list of what was taken out of the answer.
    #[serde(default = "yes")]
    taken: bool,
}

const fn yes() -> bool {
    true
}

/// Import and publish many. NDJSON (`application/x-ndjson`), one `{path, format, content}` a line, or a ZIP
/// (`application/zip`) of .html and .md files whose places are the pages' paths. It is read as a stream; good lines are
/// taken, bad ones are named. Of several lines for one variant the last one wins; what is published just so already
/// is left alone, so an import that was broken off is sent again whole.
#[utoipa::path(post, path = "/sites/{id}/variants:import", operation_id = "import_variants", tag = "variants",
    params(("id" = String, Path), ImportQuery),
    request_body(content((ImportLine = "application/x-ndjson"), (Vec<u8> = "application/zip"))),
    responses((status = 200, body = ImportReport), Problems))]
async fn import(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let site = id(&text, "site")?;
    require_plain(&headers)?;
    let options = ImportOptions {
        dry_run: query.dry_run,
        force: query.force,
        author: caller.name.clone(),
        note: "imported",
    };
    // A task of its own: when the sender goes away, what was saved by then still gets its line in the audit log.
    let work = tokio::spawn(async move {
        let mut spool = Spool::new(query.taken);
        let from = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        let imported = imports::run(&app, caller.workspace, site, from, options, &mut spool).await;
        if !query.dry_run {
            audit::record_many(&app, &caller.actor, site, imported.counts.changed()).await;
        }
        imported.outcome?;
        spool.into_json(&imported.counts, query.dry_run)
    });
    let json = work.await.map_err(|error| Problem::internal(&error))??;
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        Body::from_stream(json),
    )
        .into_response())
}

/// `?prefix=&dryRun=&confirm=`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// What the paths begin with: `/old/`; `/` for every variant.
    prefix: String,
    /// Count them, delete nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many there are, as a dry run counted them: nothing is deleted when there are more or fewer by now.
    confirm: Option<u64>,
}

/// What was deleted, or would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeletedView {
    /// The path that they begin with, in its normal form.
    prefix: String,
    /// Variants that begin with it.
    variants: u64,
    /// Whether nothing was deleted.
    dry_run: bool,
}

/// Delete every variant whose path begins with `prefix`, with all revisions, here and at the edge. `dryRun=true` counts
/// them; `confirm` repeats that number.
#[utoipa::path(delete, path = "/sites/{id}/variants", operation_id = "delete_variants", tag = "variants",
    params(("id" = String, Path), DeleteQuery), responses((status = 200, body = DeletedView), Problems))]
async fn delete(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    ApiQuery(query): ApiQuery<DeleteQuery>,
) -> Outcome<Json<DeletedView>> {
    let site = id(&text, "site")?;
    let prefix = imports::prefix_of(&query.prefix)?;
    if query.dry_run {
        let variants = imports::count_below(&app, caller.workspace, site, &prefix).await?;
        return Ok(Json(DeletedView {
            prefix,
            variants,
            dry_run: true,
        }));
    }
    let Some(expected) = query.confirm else {
        return Err(Problem::field(
            "confirm",
            "is missing: it says how many variants are to be deleted",
        )
        .remedy("Ask with dryRun=true how many there are, and repeat the number as confirm."));
    };
    let workspace = caller.workspace;
    let deleted = imports::delete_below(&app, workspace, site, &prefix, expected, |_| ()).await?;
    audit::record_many_deleted(&app, &caller.actor, site, &prefix, deleted.variants).await;
    Ok(Json(DeletedView {
        prefix,
        variants: deleted.variants,
        dry_run: false,
    }))
}
