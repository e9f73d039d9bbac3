//! `token check` and `token url`.

use clap::Subcommand;
use std::process::ExitCode;

/// Commands about Cloudflare API tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Print the address of Cloudflare's form, filled in with the five permissions.
    Url,
}

/// Runs the command.
pub(crate) async fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Url => super::print_line("https://dash.cloudflare.com/profile/api-tokens")?,
    }
    Ok(ExitCode::SUCCESS)
}
