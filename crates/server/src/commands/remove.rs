//! `edge-delivery remove`.

use std::process::ExitCode;

/// Take everything of a site out of the account.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {}

/// Runs the command.
pub(crate) async fn run(_args: RemoveArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`remove` is not there yet")
}
