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
    if args.check {
        config.require_database()?;
    }
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
        super::print_line(&waiting(pending))?;
    } else {
        super::print_line(&format!("{} applied.", migrations(pending)))?;
    }
    Ok(if args.check && pending > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn waiting(count: usize) -> String {
    let verb = if count == 1 { "waits" } else { "wait" };
    format!("{} {verb}.", migrations(count))
}

fn migrations(count: usize) -> String {
    match count {
        1 => "1 migration".to_owned(),
        count => format!("{count} migrations"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_migration_is_no_plural() {
        assert_eq!(super::waiting(1), "1 migration waits.");
        assert_eq!(super::waiting(2), "2 migrations wait.");
    }
}
