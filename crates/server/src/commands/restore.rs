//! `edge-delivery restore`.

use super::{
    draft::{Draft, beside, move_database},
    encrypted::{self, Opening},
};
use crate::{
    audit::{self, Actor, Event, Kind},
    clock::Clock,
    config::{Config, ConfigArgs, KeySource, logging},
    vault::Vault,
};
use anyhow::{Context, bail, ensure};
use domain::secret::Secret;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{Store, StoreOptions};

/// Restore a backup. Stop every `serve` first.
///
/// The backup is checked before anything is touched: it must be a database of this program, not of a newer version, and
/// sealed under the present key. An encrypted one (backup --encrypt) is recognised and decrypted on the way. What is at the edge is not looked at: afterwards all published content is brought there again.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace the present database; it is kept beside the new one, under another name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    opening: Opening,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.config.command_config()?;
    logging::start_quiet(&config);
    let Some(target) = config.sqlite_file() else {
        bail!("this command restores SQLite alone. For PostgreSQL use its own tool: pg_restore");
    };
    ensure!(
        args.file.is_file(),
        "there is no backup {}",
        args.file.display()
    );
    ensure!(
        args.force || !target.exists(),
        "there is a database at {} already. Stop `serve`, and add --force to replace it; the present one is kept under another name",
        target.display()
    );
    if let KeySource::File(path) = &config.key {
        ensure!(
            path.exists(),
            "the key file {} is missing: restore it first, or name it with EDGE_DELIVERY_KEY_FILE",
            path.display()
        );
    }
    refuse_while_served(&target)?;
    // Makes the folder, too.
    config.store_options()?;
    let draft = Draft::beside(&target, "restoring");
    copy(args.file.clone(), &draft, args.opening)
        .await
        .context("the backup was not restored; nothing was changed")?;
    prepare(&args.file, &draft, &mut config)
        .await
        .context("the backup was not restored; nothing was changed")?;
    if target.exists() {
        let kept = beside(&target, "before-restore");
        move_database(&target, &kept)?;
        super::print_line(&format!(
            "The database so far is kept as {}.",
            kept.display()
        ))?;
    }
    draft.becomes(&target)?;
    super::print_line(&format!(
        "Restored {} from {}. Published content is brought to the edge again once `serve` runs.",
        target.display(),
        args.file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Copies the backup into the draft, decrypted.
async fn copy(backup: PathBuf, draft: &Draft, opening: Opening) -> anyhow::Result<()> {
    let into = draft.create()?;
    let copying = move || {
        if encrypted::is_encrypted(&backup)? {
            return opening.decrypt(&backup, into);
        }
        let mut into = into;
        std::io::copy(&mut std::fs::File::open(&backup)?, &mut into)?;
        Ok(())
    };
    tokio::task::spawn_blocking(copying).await??;
    let begins = encrypted::beginning(draft.path())?;
    ensure!(
        !begins.starts_with(b"PGDMP"),
        "the file is a dump of PostgreSQL: restore it with pg_restore"
    );
    ensure!(
        begins.starts_with(b"SQLite format 3\0"),
        "the file is no backup of this program: neither a SQLite database nor encrypted by age"
    );
    Ok(())
}

/// Brings the copy to this version and checks that its secrets open.
async fn prepare(backup: &Path, draft: &Draft, config: &mut Config) -> anyhow::Result<()> {
    let name = draft.name()?;
    config.database_url = Secret::new(format!("sqlite://{name}"));
    let store = Store::connect(&StoreOptions {
        url: format!("sqlite://{name}"),
        max_connections: 2,
    })
    .await
    .context("the file is not a database")?;
    ensure!(
        Vault::was_here(&store)
            .await
            .context("the file is not a whole database")?,
        "the file is a database, but not a backup of this program"
    );
    Vault::refuse_wrong_key(config, &store).await?;
    store
        .migrate()
        .await
        .context("the file is not a backup of this program, or it is of a newer version of it")?;
    Vault::unlock(config, &store).await?;
    let now = Clock.now();
    for site in store.all_sites_for_background().await? {
        // What the edge holds may be newer than what the backup remembers.
        store.clear_kv_ledger(site.workspace, site.id).await?;
        store.want_sync(site.workspace, site.id, now).await?;
    }
    let actor = Actor::command_line(store.ensure_workspace(now).await?);
    let event = Event::new(Kind::BackupRestored).with("file", backup.display().to_string());
    audit::record_in(&store, now, &actor, event).await;
    store.close().await?;
    Ok(())
}

/// A running `serve` would go on with the database that is put aside, and lose what it stores there.
fn refuse_while_served(target: &Path) -> anyhow::Result<()> {
    let Ok(file) = std::fs::File::open(target) else {
        return Ok(());
    };
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "a running `serve` uses {}: stop it first. Nothing was changed",
            target.display()
        ),
        // Where files cannot be locked there is nothing to go by.
        _ => Ok(()),
    }
}
