//! `edge-delivery migrate`.

use crate::config::{ConfigArgs, logging};
use anyhow::Context;
use std::process::ExitCode;
use store::Store;

/// Bring the database to this version.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArgs {
    /// Only say how many migrations wait; exit code 1 when there are some
    #[arg(long)]
    check: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command. `serve` does the same at its start; this is for those who want it done before.
pub(crate) async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.command_config()?;
    logging::start_quiet(&config);
    let store = Store::connect(&config.store_options()?)
        .await
        .context("the database cannot be opened (EDGE_DELIVERY_DATABASE_URL)")?;
    let pending = store.pending_migrations().await?;
    if !args.check {
        store
            .migrate()
            .await
            .context("the database could not be brought to this version; nothing was changed")?;
    }
    if args.json {
        super::print_json(&serde_json::json!({ "pending": pending, "applied": !args.check }))?;
    } else if pending == 0 {
        super::print_line("The database is up to date.")?;
    } else if args.check {
        super::print_line(&format!("{pending} migrations wait."))?;
    } else {
        super::print_line(&format!("{pending} migrations applied."))?;
    }
    Ok(if args.check && pending > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
