//! `edge-delivery backup`.

use super::{draft::Draft, encrypted::Recipients};
use crate::{
    audit::{self, Actor, Event, Kind},
    clock::Clock,
    config::{ConfigArgs, logging},
};
use anyhow::{Context, bail};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{DatabaseKind, Store};

/// Write a backup of the database.
///
/// The copy is of one moment; a running `serve` goes on. Tokens in it are sealed: they cannot be opened without the key
/// file, which is not part of it. Back that up apart. Everything else, variants and names, is in clear unless --encrypt covers it.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Encrypt the whole backup (age format) with a passphrase, or to each --recipient
    #[arg(long)]
    encrypt: bool,
    /// Encrypt to this age recipient (age1…); may be repeated
    #[arg(long, value_name = "AGE1…", conflicts_with = "passphrase_file")]
    recipient: Vec<String>,
    /// File whose first line is the passphrase [default: EDGE_DELIVERY_BACKUP_PASSPHRASE, else asked for]
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    passphrase_file: Option<PathBuf>,
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
    let Some(database) = config
        .sqlite_file()
        .filter(|_| store.kind() == DatabaseKind::Sqlite)
    else {
        bail!(
            "this command backs up SQLite alone. For PostgreSQL use its own tool: pg_dump --format=custom --file=FILE, and pg_restore"
        );
    };
    let name = args.file.display().to_string();
    if args.file.exists() {
        bail!("{name} exists already; a backup never overwrites a file");
    }
    let recipients = match (args.encrypt, args.recipient.as_slice()) {
        (false, []) => None,
        (true, []) => Some(Recipients::passphrase(args.passphrase_file.as_deref())?),
        (_, keys) => Some(Recipients::keys(keys)?),
    };
    let is_encrypted = recipients.is_some();
    write(&store, &database, &args.file, recipients)
        .await
        .with_context(|| format!("the backup {name} could not be written"))?;
    let bytes = std::fs::metadata(&args.file)?.len();
    write_down(&store, &name, is_encrypted).await?;
    if args.json {
        super::print_json(
            &serde_json::json!({ "file": name, "bytes": bytes, "encrypted": is_encrypted }),
        )?;
    } else {
        let how = if is_encrypted { ", encrypted" } else { "" };
        super::print_line(&format!(
            "Wrote {name} ({bytes} bytes{how}). The key file is not in it: back that up apart."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file gets its name when it is whole.
async fn write(
    store: &Store,
    database: &Path,
    target: &Path,
    recipients: Option<Recipients>,
) -> anyhow::Result<()> {
    let copy = match &recipients {
        None => Draft::beside(target, "writing"),
        // Where it lies in clear anyhow, and not where the backup goes.
        Some(_) => Draft::beside(database, "backup"),
    };
    store.back_up_to(copy.name()?).await?;
    let whole = match recipients {
        None => copy,
        Some(recipients) => {
            let draft = Draft::beside(target, "writing");
            let into = draft.create()?;
            let mut plain = std::fs::File::open(copy.path())?;
            // Where open files can be deleted, nobody else gets to see it, and a kill leaves nothing.
            let _kept = (!cfg!(unix)).then_some(copy);
            let encrypting = move || recipients.encrypt(&mut plain, into);
            tokio::task::spawn_blocking(encrypting).await??;
            draft
        }
    };
    whole.becomes(target)
}

/// A database of an older version has no audit log yet; a backup before its migration is the most useful one.
async fn write_down(store: &Store, file: &str, is_encrypted: bool) -> anyhow::Result<()> {
    if store.pending_migrations().await? > 0 {
        return Ok(());
    }
    let now = Clock.now();
    let actor = Actor::command_line(store.ensure_workspace(now).await?);
    let event = Event::new(Kind::BackupMade)
        .with("file", file)
        .with("encrypted", is_encrypted);
    audit::record_in(store, now, &actor, event).await;
    Ok(())
}
