//! `edge-delivery key …`.

use std::process::ExitCode;

/// The key that seals the stored tokens.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {}

/// Runs the command.
pub(crate) async fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    match command {}
}
