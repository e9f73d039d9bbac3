//! The command line: one subcommand per file in `commands`.

use crate::commands;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Serve your Cloudflare-hosted site well to AI agents, from your own account.
#[derive(Debug, Parser)]
#[command(name = "edge-delivery", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the console, the API and the background work.
    Serve(commands::serve::ServeArgs),
    /// Run everything on this machine: console, local Cloudflare and a sample site.
    Demo(commands::demo::DemoArgs),
    /// Run the local Cloudflare alone: its API and its edge.
    Emulator(commands::emulator::EmulatorArgs),
    /// Check a Cloudflare API token, or print the address of the form for one.
    #[command(subcommand)]
    Token(commands::token::TokenCommand),
    /// Show what deploying a site would change.
    Plan(commands::plan::PlanArgs),
    /// Deploy a site.
    Deploy(commands::deploy::DeployArgs),
    /// List and show deployments; undo, roll back, cancel and continue them.
    #[command(subcommand)]
    Deployment(commands::deployment::DeploymentCommand),
    /// Decide about routes of others that are in a site's way.
    #[command(subcommand)]
    Route(commands::route::RouteCommand),
    /// Take everything of a site out of the account.
    Remove(commands::remove::RemoveArgs),
    /// Show connections and sites at a glance.
    Status(commands::status::StatusArgs),
    Traffic(commands::traffic::TrafficArgs),
    /// Variants of pages: push and pull a folder, import many, make drafts from live pages, delete many.
    #[command(subcommand)]
    Variants(commands::variants::VariantsCommand),
    /// AI agents: who is known, who a user agent is, and the registry they stand in.
    #[command(subcommand)]
    Agents(commands::agents::AgentsCommand),
    /// Administrators and access keys.
    #[command(subcommand)]
    Admin(commands::admin::AdminCommand),
    /// The key that seals the stored tokens.
    #[command(subcommand)]
    Key(commands::key::KeyCommand),
    /// Write a backup of the database.
    Backup(commands::backup::BackupArgs),
    /// Restore a backup.
    Restore(commands::restore::RestoreArgs),
    /// Show who did what, when, from where.
    Audit(commands::audit::AuditArgs),
    /// Bring the database to this version.
    Migrate(commands::migrate::MigrateArgs),
}

/// Parses the arguments, runs the command and turns its outcome into an exit code: 0 done, 1 failed, 2 wrong usage (and
/// `plan`: something would change).
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return commands::fail(
                &anyhow::Error::new(error).context("the async runtime could not start"),
            );
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => commands::serve::run(args).await,
            Command::Demo(args) => commands::demo::run(args).await,
            Command::Emulator(args) => commands::emulator::run(args).await,
            Command::Token(command) => commands::token::run(command).await,
            Command::Plan(args) => commands::plan::run(args).await,
            Command::Deploy(args) => commands::deploy::run(args).await,
            Command::Deployment(command) => commands::deployment::run(command).await,
            Command::Route(command) => commands::route::run(command).await,
            Command::Remove(args) => commands::remove::run(args).await,
            Command::Status(args) => commands::status::run(args).await,
            Command::Traffic(args) => commands::traffic::run(args).await,
            Command::Variants(command) => commands::variants::run(command).await,
            Command::Agents(command) => commands::agents::run(command).await,
            Command::Admin(command) => commands::admin::run(command).await,
            Command::Key(command) => commands::key::run(command).await,
            Command::Backup(args) => commands::backup::run(args).await,
            Command::Restore(args) => commands::restore::run(args).await,
            Command::Audit(args) => commands::audit::run(args).await,
            Command::Migrate(args) => commands::migrate::run(args).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    outcome.unwrap_or_else(|error| commands::fail(&error))
}
