//! `edge-delivery restore`.

use std::process::ExitCode;

/// Restore a backup.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {}

/// Runs the command.
pub(crate) async fn run(_args: RestoreArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`restore` is not there yet")
}
