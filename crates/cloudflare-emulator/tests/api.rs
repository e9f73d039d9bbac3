//! The API over HTTP, as a client sees it. `examples/state.toml` is the world of all these tests.

// Fails loudly is what a test should do.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "api/analytics_engine.rs"]
mod analytics_engine;
#[path = "api/auth.rs"]
mod auth;
#[path = "api/control.rs"]
mod control;
#[path = "api/kv.rs"]
mod kv;
#[path = "api/kv_quota.rs"]
mod kv_quota;
#[path = "api/routes.rs"]
mod routes;
#[path = "api/scripts.rs"]
mod scripts;
#[path = "api/state.rs"]
mod state;
#[path = "api/support.rs"]
mod support;
#[path = "api/zones.rs"]
mod zones;
