//! `edge-delivery variants …`.

use std::process::ExitCode;

/// Push and pull variants of pages.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum VariantsCommand {}

/// Runs the command.
pub(crate) async fn run(command: VariantsCommand) -> anyhow::Result<ExitCode> {
    match command {}
}
