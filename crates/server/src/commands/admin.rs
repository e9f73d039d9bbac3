//! `edge-delivery admin …`.

use std::process::ExitCode;

/// Administrators and access keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdminCommand {}

/// Runs the command.
pub(crate) async fn run(command: AdminCommand) -> anyhow::Result<ExitCode> {
    match command {}
}
