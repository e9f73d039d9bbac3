//! `edge-delivery serve`.

use std::process::ExitCode;

/// Run the console, the API and the background work.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {}

/// Runs the command.
pub(crate) async fn run(_args: ServeArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`serve` is not there yet")
}
