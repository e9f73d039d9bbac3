//! `edge-delivery admin …`: works on the database, beside a running `serve` too.

mod access_key;
mod create;

use std::process::ExitCode;

/// Administrators and access keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdminCommand {
    /// Make an administrator who can sign in to the console.
    Create(create::CreateArgs),
    /// Access keys to the REST API.
    #[command(subcommand)]
    AccessKey(access_key::AccessKeyCommand),
}

/// Runs the command.
pub(crate) async fn run(command: AdminCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdminCommand::Create(args) => create::run(args).await,
        AdminCommand::AccessKey(command) => access_key::run(command).await,
    }
}
