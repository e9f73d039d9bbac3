//! `edge-delivery backup`.

use std::process::ExitCode;

/// Write a backup of the database.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {}

/// Runs the command.
pub(crate) async fn run(_args: BackupArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`backup` is not there yet")
}
