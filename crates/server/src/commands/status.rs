//! `edge-delivery status`.

use std::process::ExitCode;

/// Show connections and sites at a glance.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {}

/// Runs the command.
pub(crate) async fn run(_args: StatusArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`status` is not there yet")
}
