//! `edge-delivery backup`.

use crate::config::{ConfigArgs, logging};
use anyhow::{Context, bail};
use std::{path::PathBuf, process::ExitCode};
use store::{DatabaseKind, Store};

/// Write a backup of the database.
///
/// The copy is of one moment; a running `serve` goes on. Tokens in it are sealed: it is worth nothing without the key file,
/// which is not part of it. Back that up apart.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.command_config()?;
    logging::start_quiet(&config);
    config.require_database()?;
    let store = Store::connect(&config.store_options()?)
        .await
        .context("the database cannot be opened (EDGE_DELIVERY_DATABASE_URL)")?;
    if store.kind() == DatabaseKind::Postgres {
        bail!(
            "this command backs up SQLite alone. For PostgreSQL use its own tool: pg_dump --format=custom --file=FILE, and pg_restore"
        );
    }
    let file = args.file.to_str().context("the file's name is not UTF-8")?;
    if args.file.exists() {
        bail!("{file} exists already; a backup never overwrites a file");
    }
    store
        .back_up_to(file)
        .await
        .with_context(|| format!("the backup {file} could not be written"))?;
    let bytes = std::fs::metadata(&args.file)?.len();
    if args.json {
        super::print_json(&serde_json::json!({ "file": file, "bytes": bytes }))?;
    } else {
        super::print_line(&format!(
            "Wrote {file} ({bytes} bytes). The key file is not in it: back that up apart."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
