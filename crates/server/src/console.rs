//! The console: pages rendered here, which work without scripts.
//!
//! One file per page with its view struct, its handlers in it or beside it; templates stand in `templates/`, style sheet
//! and scripts in `console-assets/`. Each handler begins with a [`desk::Desk`], which is somebody signed in; each form is a
//! plain POST that ends in a redirect, or in its own page again with what was typed and a problem.

mod activity;
mod address;
mod agents;
pub(crate) mod assets;
pub(crate) mod bulk;
mod connections;
mod deployments;
mod desk;
pub(crate) mod door;
pub(crate) mod failure;
pub(crate) mod form;
mod overview;
pub(crate) mod parts;
mod settings;
mod shell;
mod sites;
mod traffic;
mod variants;
mod verification;
mod visit;

#[cfg(test)]
mod samples;

use crate::app::AppState;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use domain::variant::CONTENT_MAX;

/// A form with a whole variant in it: each byte may take three in a form.
const EDITOR_BYTES_MAX: usize = 3 * CONTENT_MAX + 64 * 1024;

/// The pages for people who are signed in. They need the session layer around them.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(overview::index))
        .route(
            "/connections",
            get(connections::index).post(connections::create),
        )
        .route("/connections/new", get(connections::new))
        .route("/connect/guide", get(connections::guide))
        .route("/connections/{id}", get(connections::show))
        .route("/connections/{id}/check", post(connections::check))
        .route("/connections/{id}/name", post(connections::rename))
        .route(
            "/connections/{id}/zones/read",
            post(connections::read_zones),
        )
        .route(
            "/connections/{id}/accounts",
            post(connections::choose_accounts),
        )
        .route(
            "/connections/{id}/token",
            get(connections::replace_page).post(connections::replace),
        )
        .route(
            "/connections/{id}/disconnect",
            post(connections::disconnect),
        )
        .route(
            "/connections/{id}/remove-sites",
            post(connections::remove_sites),
        )
        .route("/connections/{id}/stay", post(connections::call_back))
        .route(
            "/connections/{id}/former-token/forget",
            post(connections::forget_former),
        )
        .route("/sites", get(sites::index).post(sites::create))
        .route("/sites/new", get(sites::new))
        .route("/sites/plans", get(deployments::plans))
        .route("/sites/deploy", post(deployments::deploy_many))
        .route("/sites/deploying", get(deployments::deployings))
        .route("/sites/deploying/live", get(deployments::deployings_live))
        .route("/sites/{id}", get(sites::show))
        .route("/sites/{id}/plan", get(deployments::plan))
        .route("/sites/{id}/choose", post(deployments::choose))
        .route("/sites/{id}/deploy", post(deployments::deploy))
        .route(
            "/sites/{id}/settings",
            get(sites::settings).post(sites::save_settings),
        )
        .route("/sites/{id}/agents", post(sites::save_agents))
        .route("/sites/{id}/connection", post(sites::attach))
        .route("/sites/{id}/edge", get(sites::edge))
        .route("/sites/{id}/traffic", get(traffic::show))
        .route("/sites/{id}/traffic/live", get(traffic::live))
        .route("/sites/{id}/traffic/export", get(traffic::export))
        .route("/sites/{id}/traffic/test-visit", post(traffic::send))
        .route("/sites/{id}/sync/live", get(sites::live))
        .route("/sites/{id}/sync/spread", post(sites::spread))
        .route("/sites/{id}/sync/paid", post(sites::paid))
        .route(
            "/sites/{id}/remove",
            get(sites::remove_page).post(sites::remove),
        )
        .route("/sites/{id}/visit", get(visit::show))
        .route("/sites/{id}/variants/new", get(variants::new))
        .route("/sites/{id}/variants/edit", get(variants::edit))
        .route("/sites/{id}/variants/download", get(variants::download))
        .route("/sites/{id}/variants/publish", post(variants::publish))
        .route("/sites/{id}/variants/unpublish", post(variants::unpublish))
        .route("/sites/{id}/variants/history", get(variants::history_page))
        .route("/sites/{id}/variants/rollback", post(variants::roll_back))
        .route("/sites/{id}/variants/compare", get(variants::compare))
        .route(
            "/sites/{id}/variants/schedule",
            post(variants::set_schedule),
        )
        .route(
            "/sites/{id}/variants/schedule/cancel",
            post(variants::cancel_schedule),
        )
        .route("/sites/{id}/variants/delete", post(variants::delete))
        .route(
            "/sites/{id}/variants/preview-link",
            post(variants::make_preview),
        )
        .route(
            "/sites/{id}/variants/preview-revoke",
            post(variants::revoke_preview),
        )
        .route("/sites/{id}/preview-key", post(sites::rotate_preview_key))
        .merge(
            Router::new()
                .route("/sites/{id}/variants/save", post(variants::save))
                .route("/sites/{id}/variants/preview", post(variants::preview))
                .route("/sites/{id}/variants/check", post(variants::check))
                .layer(DefaultBodyLimit::max(EDITOR_BYTES_MAX)),
        )
        .merge(bulk::router())
        .route("/deployments/{id}", get(deployments::show))
        .route("/deployments/{id}/live", get(deployments::live))
        .route(
            "/deployments/{id}/receipt.txt",
            get(deployments::receipt_file),
        )
        .route("/deployments/{id}/cancel", post(deployments::cancel))
        .route("/deployments/{id}/continue", post(deployments::continue_))
        .route("/deployments/{id}/undo", post(deployments::undo))
        .route("/deployments/{id}/rollback", post(deployments::rollback))
        .route("/agents", get(agents::index))
        .route("/agents/{token}", get(agents::show))
        .route(
            "/agents/registry",
            get(agents::registry).post(agents::stage),
        )
        .route("/agents/registry/agents.json", get(agents::download))
        .route("/agents/registry/activate", post(agents::activate))
        .route("/agents/registry/discard", post(agents::discard))
        .route("/agents/registry/revert", post(agents::revert))
        .route("/agents/verification", get(verification::index))
        .route("/agents/verification/refresh", post(verification::refresh))
        .route("/activity", get(activity::index))
        .route("/activity/log", get(activity::log))
        .route("/settings", get(settings::index))
        .route("/settings/password", post(settings::change_password))
        .route("/settings/access-keys", post(settings::create_key))
        .route("/settings/webhook", post(settings::set_webhook))
        .route("/settings/webhook/test", post(settings::test_webhook))
        .route("/settings/webhook/delete", post(settings::delete_webhook))
        .route(
            "/settings/access-keys/{id}/revoke",
            post(settings::revoke_key),
        )
}
