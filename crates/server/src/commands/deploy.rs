//! `edge-delivery deploy`.

use std::process::ExitCode;

/// Deploy a site.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {}

/// Runs the command.
pub(crate) async fn run(_args: DeployArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`deploy` is not there yet")
}
