//! The style sheet, scripts and fonts: embedded, and served under names that change with their content.

use axum::Router;
use memory_serve::{CacheControl, Manifest, MemoryServe};
use std::sync::LazyLock;

/// Where they are served.
const PREFIX: &str = "/assets";

fn files() -> MemoryServe {
    memory_serve::load!()
        .index_file(None)
        .cache_control(CacheControl::Medium)
        .enable_hashed_routes(true)
}

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| files().manifest());

fn route(name: &str) -> String {
    format!("{PREFIX}{}", MANIFEST.get(name).unwrap_or(name))
}

/// The address of the style sheet.
pub(crate) fn css() -> String {
    route("/console.css")
}

/// The address of the script.
pub(crate) fn js() -> String {
    route("/console.js")
}

/// The address of the mark.
pub(crate) fn icon() -> String {
    route("/mark.svg")
}

/// Serves the files; nobody needs to be signed in for them.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().nest(PREFIX, files().into_router())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_there() {
        for address in [super::css(), super::js(), super::icon()] {
            assert_eq!(address.matches('.').count(), 2, "{address} has no hash");
        }
    }
}
