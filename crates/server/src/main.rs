//! Edge Delivery: serves a Cloudflare-hosted site well to AI agents, from its owner's own account.

mod api;
mod app;
mod audit;
mod auth;
mod background;
mod cli;
mod clock;
mod commands;
mod config;
mod console;
mod edge_client;
mod guarded;
mod http;
mod ingest;
mod list_client;
mod problem;
mod reconcile;
mod services;
mod vault;
mod webhook_client;
mod words;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other TLS provider is installed before main's first statement");
    cli::run()
}
