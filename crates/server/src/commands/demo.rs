//! `edge-delivery demo`.

use std::process::ExitCode;

/// Run everything on this machine: console, local Cloudflare and a sample site.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

/// Runs the command.
pub(crate) async fn run(_args: DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`demo` is not there yet")
}
