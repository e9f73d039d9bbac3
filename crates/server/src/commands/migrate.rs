//! `edge-delivery migrate`.

use std::process::ExitCode;

/// Bring the database to this version.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArgs {}

/// Runs the command.
pub(crate) async fn run(_args: MigrateArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`migrate` is not there yet")
}
