//! `edge-delivery restore`.

use crate::{
    config::{ConfigArgs, KeySource, logging},
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
/// sealed under the present key. What is at the edge is not looked at: afterwards all published content is brought there again.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace the present database; it is kept beside the new one, under another name
    #[arg(long)]
    force: bool,
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
    // Makes the folder, too.
    config.store_options()?;
    let draft = beside(&target, "restoring");
    let outcome = prepare(&args.file, &draft, &mut config).await;
    if let Err(error) = outcome {
        remove_database(&draft);
        return Err(error.context("the backup was not restored; nothing was changed"));
    }
    if target.exists() {
        let kept = beside(&target, "before-restore");
        move_database(&target, &kept)?;
        super::print_line(&format!(
            "The database so far is kept as {}.",
            kept.display()
        ))?;
    }
    move_database(&draft, &target)?;
    super::print_line(&format!(
        "Restored {} from {}. Published content is brought to the edge again once `serve` runs.",
        target.display(),
        args.file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Copies the backup, brings the copy to this version and checks that its secrets open.
async fn prepare(
    backup: &Path,
    draft: &Path,
    config: &mut crate::config::Config,
) -> anyhow::Result<()> {
    let name = draft.to_str().context("the database's name is not UTF-8")?;
    std::fs::copy(backup, draft).context("the backup could not be copied")?;
    restrict(draft)?;
    config.database_url = Secret::new(format!("sqlite://{name}"));
    let store = Store::connect(&StoreOptions {
        url: format!("sqlite://{name}"),
        max_connections: 2,
    })
    .await
    .context("the file is not a database")?;
    Vault::refuse_wrong_key(config, &store).await?;
    store
        .migrate()
        .await
        .context("the file is not a backup of this program, or it is of a newer version of it")?;
    Vault::unlock(config, &store).await?;
    let now = crate::clock::Clock.now();
    for site in store.all_sites_for_background().await? {
        // What the edge holds may be newer than what the backup remembers.
        store.clear_kv_ledger(site.workspace, site.id).await?;
        store.want_sync(site.workspace, site.id, now).await?;
    }
    store.close().await?;
    Ok(())
}

#[cfg(unix)]
fn restrict(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(0o600),
    )?)
}

#[cfg(not(unix))]
fn restrict(_file: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// A free name beside the database.
fn beside(target: &Path, word: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{word}-{}", uuid::Uuid::now_v7().simple()));
    PathBuf::from(name)
}

/// SQLite keeps two files beside a database.
fn files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

fn move_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    for (from, to) in files(from).iter().zip(files(to)) {
        if from.exists() {
            std::fs::rename(from, &to)
                .with_context(|| format!("{} could not be moved", from.display()))?;
        }
    }
    Ok(())
}

fn remove_database(database: &Path) {
    for file in files(database) {
        // What is not there need not go.
        let _ = std::fs::remove_file(file);
    }
}
