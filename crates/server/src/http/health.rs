//! `/healthz` (the process lives), `/readyz` (it can work) and `/metrics`.
//!
//! The first two say nothing that a stranger may not know. `/metrics` is open to loopback without a proxy; from anywhere
//! else it takes an access key.

use super::{connection_figures, ingest_figures, list_figures, watch};
use crate::{
    app::AppState,
    auth::{self, peer::Peer},
    problem::{Code, Problem},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// The three routes.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

async fn readyz(State(app): State<AppState>) -> Result<&'static str, Problem> {
    let not_ready = |detail: &str, remedy: &str| {
        Problem::new(Code::Internal, detail)
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .cause("The log says more.")
            .remedy(remedy)
    };
    app.store.ping().await.map_err(|error| {
        tracing::error!(%error, "not ready: the database does not answer");
        not_ready(
            "The database does not answer.",
            "Look whether it runs and whether EDGE_DELIVERY_DATABASE_URL is right.",
        )
    })?;
    app.vault.check(&app.store).await.map_err(|error| {
        tracing::error!(%error, "not ready: the vault's key is not the database's");
        not_ready(
            "The vault's key is not the one that the database is sealed under.",
            "Start the server with the right key.",
        )
    })?;
    Ok("ready\n")
}

async fn metrics(
    State(app): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !peer.is_local {
        auth::caller(&app, peer, &headers).await?;
    }
    let Some(figures) = watch::figures() else {
        return Err(
            Problem::new(Code::Internal, "No figures are collected in this process.")
                .cause("Another collector was installed first.")
                .remedy("Look at the log."),
        );
    };
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        figures.render()
            + &connection_figures::render(&app).await?
            + &list_figures::render(&app).await?
            + &ingest_figures::render(&app).await?,
    )
        .into_response())
}
