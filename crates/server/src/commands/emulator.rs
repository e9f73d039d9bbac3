//! `edge-delivery emulator`.

use std::process::ExitCode;

/// Run the local Cloudflare alone: its API and its edge.
#[derive(Debug, clap::Args)]
pub(crate) struct EmulatorArgs {}

/// Runs the command.
pub(crate) async fn run(_args: EmulatorArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`emulator` is not there yet")
}
