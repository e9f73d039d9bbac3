//! `edge-delivery key rotate`.

use super::follow;
use crate::{
    audit::{self, Actor, Event, Kind},
    clock::Clock,
    config::{ConfigArgs, logging},
    services::{deployments::edits, site_keys, sites},
    vault::{self, Rotation, Vault},
};
use anyhow::Context;
use std::{path::PathBuf, process::ExitCode};
use store::Store;

/// The key that seals the stored tokens.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Seal everything under another key. Stop every `serve` first, and start it with the new key.
    ///
    /// With --site another key is meant: the one by which that site's Worker proves itself. It is made anew and deployed,
    /// beside a running `serve`; the former one is taken until ten minutes after the Worker has the new one.
    ///
    /// Interrupted anywhere, everything is under the old key or everything under the new one, and a start with the other
    /// says so. Run again it finishes.
    Rotate(RotateArgs),
    /// Print the id of the key: not secret, names the key in messages.
    Id(IdArgs),
}

/// Seal everything under another key.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// The file of the new key; made when it is missing
    #[arg(long, value_name = "FILE", required_unless_present = "site")]
    new_key_file: Option<PathBuf>,
    /// Make a new key for this site's Worker instead, by its name or id
    #[arg(long, conflicts_with = "new_key_file")]
    site: Option<String>,
    /// With --site: put back what was changed at Cloudflare outside Edge Delivery
    #[arg(long, requires = "site")]
    overwrite_edits: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Print the id of the key.
#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// Print the id as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeyCommand::Rotate(RotateArgs {
            new_key_file: Some(file),
            json,
            config,
            ..
        }) => rotate(file, json, config).await,
        KeyCommand::Rotate(args) => rotate_of_site(args).await,
        KeyCommand::Id(args) => {
            let app = super::open(args.config).await?;
            let id = app.vault.key_id().to_string();
            if args.json {
                super::print_json(&serde_json::json!({ "key": id }))?;
            } else {
                super::print_line(&id)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Another key for a site's Worker.
async fn rotate_of_site(args: RotateArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let rotated = async {
        let name = args.site.as_deref().unwrap_or_default();
        let site = sites::find(&app, app.workspace, name).await?;
        if !args.overwrite_edits {
            edits::refuse_edits(&app, app.workspace, site.id).await?;
        }
        let rotation = site_keys::rotate(&app, app.workspace, site.id, "command line").await?;
        let actor = Actor::command_line(app.workspace);
        audit::record_site_key(&app, &actor, &site, &rotation).await;
        Ok((site, rotation))
    };
    let (site, rotation) = match rotated.await {
        Ok(rotated) => rotated,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if let Some(deployment) = rotation.deployment() {
        return follow::to_the_end(&app, deployment, args.json).await;
    }
    if args.json {
        super::print_json(&serde_json::json!({ "state": rotation.word() }))?;
    } else if matches!(rotation, site_keys::Rotation::Done) {
        super::print_line(&format!(
            "{} has a new key. It was never deployed, so nobody had the former one.",
            site.name
        ))?;
    } else {
        super::print_line(&format!(
            "The new key of {} waits: the site stands on an earlier Worker, and its next deployment brings it. Until then the former key is taken.",
            site.name
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(
    new_key_file: PathBuf,
    as_json: bool,
    config: ConfigArgs,
) -> anyhow::Result<ExitCode> {
    let config = config.command_config()?;
    logging::start_quiet(&config);
    config.require_database()?;
    let store = Store::connect(&config.store_options()?)
        .await
        .context("the database cannot be opened (EDGE_DELIVERY_DATABASE_URL)")?;
    if !new_key_file.exists() {
        // Otherwise a key would be made for nothing.
        Vault::refuse_wrong_key(&config, &store).await?;
    }
    let old = Vault::given(&config)?;
    let new = Vault::from_key_file(&new_key_file)?;
    let file = new_key_file.display().to_string();
    let old_id = old.as_ref().map(Vault::key_id);
    anyhow::ensure!(
        old_id != Some(new.key_id()),
        "{file} holds the present key ({}); name another file, which is made when it is missing",
        new.key_id(),
    );
    let is_sealed = vault::refuse_third_key(old.as_ref(), &new, &store).await?;
    store
        .migrate()
        .await
        .context("the database could not be brought to this version")?;
    let old = if is_sealed {
        old
    } else {
        Some(Vault::unlock(&config, &store).await?)
    };
    super::hint(&format!(
        "Sealing everything under the key {} in {file}, in one step: until it says that it is done, everything is under the old key or everything under this one. If it is interrupted, keep both and run it again.",
        new.key_id()
    ));
    let clock = Clock;
    let now = clock.now();
    let actor = Actor::command_line(store.ensure_workspace(now).await?);
    let old_key = old.as_ref().map(|old| old.key_id().to_string());
    let rotation = vault::rotate(old.as_ref(), &new, &store, |resealed, unreadable| {
        let event = Event::new(Kind::KeyRotated)
            .with("newKey", new.key_id().to_string())
            .with("oldKey", old_key.as_deref())
            .with("resealed", resealed)
            .with("unreadable", unreadable);
        audit::line(now, &actor, event)
    })
    .await?;
    let old = old_key;
    say(
        as_json,
        old.as_deref(),
        &new.key_id().to_string(),
        &file,
        &rotation,
    )?;
    Ok(ExitCode::SUCCESS)
}

fn say(
    as_json: bool,
    old: Option<&str>,
    new: &str,
    file: &str,
    rotation: &Rotation,
) -> anyhow::Result<()> {
    if as_json {
        let unreadable: Vec<_> = rotation
            .unreadable
            .iter()
            .map(|left| {
                serde_json::json!({
                    "table": left.table, "id": left.id, "name": left.name, "reason": left.why.to_string(),
                })
            })
            .collect();
        return super::print_json(&serde_json::json!({
            "oldKey": old, "newKey": new, "keyFile": file,
            "resealed": rotation.resealed, "unreadable": unreadable,
        }));
    }
    super::print_line(&if rotation.resealed == 0 {
        format!("Everything is sealed under the key {new} already: an earlier run had finished.")
    } else {
        let before = old
            .map(|old| format!(" (before: {old})"))
            .unwrap_or_default();
        format!(
            "Sealed {} records under the key {new}{before}.",
            rotation.resealed
        )
    })?;
    for left in &rotation.unreadable {
        let (thing, remedy) = match left.table {
            "connections" => (
                format!("token of the connection {:?}", left.name),
                format!(
                    "replace its token: the page of the connection, or PATCH /api/v1/connections/{}",
                    left.id
                ),
            ),
            "webhooks" => (
                "secret of the webhook".to_owned(),
                "set it with a new secret: under Settings, or PUT /api/v1/webhook".to_owned(),
            ),
            "preview_keys" => (
                format!("preview key of the site {}", left.id),
                format!(
                    "make a new one, then deploy: POST /api/v1/sites/{}/previews/rotate-key",
                    left.id
                ),
            ),
            "site_keys" => (
                format!("next key of the site {}", left.id),
                format!(
                    "the deployment that brings it makes another: POST /api/v1/sites/{}/deployments",
                    left.id
                ),
            ),
            _ => (
                format!("key of the site {:?}", left.name),
                format!(
                    "the next deployment that uploads its Worker makes a new one: /api/v1/sites/{}",
                    left.id
                ),
            ),
        };
        super::print_line(&format!(
            "Left as it was: the {thing} could not be opened before either ({}). Its way out: {remedy}",
            left.why
        ))?;
    }
    super::print_line(&format!(
        "Start with EDGE_DELIVERY_KEY_FILE={file} from now on, and back that file up."
    ))?;
    super::print_line("Keep the old key as long as you keep backups that were made under it.")
}
