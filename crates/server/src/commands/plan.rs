//! `edge-delivery plan`.

use std::process::ExitCode;

/// Show what deploying a site would change.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {}

/// Runs the command.
pub(crate) async fn run(_args: PlanArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`plan` is not there yet")
}
