//! `edge-delivery admin access-key …`.

use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    auth::access_keys,
    clock::rfc3339,
    commands::{open, open_or_make, print_json, print_line},
    config::ConfigArgs,
};
use anyhow::bail;
use domain::ids::AccessKeyId;
use serde_json::{Value, json};
use std::{io::Write, process::ExitCode};
use store::AccessKey;

/// Access keys to the REST API.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AccessKeyCommand {
    /// Make a key and print it, this once.
    Create(CreateArgs),
    /// List the keys: never the keys themselves.
    List(ListArgs),
    /// Revoke a key: it is refused from the next call on.
    Revoke(RevokeArgs),
}

/// Make a key and print it, this once.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What the key is for, to tell it from others
    #[arg(long, default_value = "command line")]
    name: String,
    /// Print the key with its id and name as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// List the keys.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Revoke a key.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, or its name when no other has it
    key: String,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(command: AccessKeyCommand) -> anyhow::Result<ExitCode> {
    match command {
        AccessKeyCommand::Create(args) => create(args).await?,
        AccessKeyCommand::List(args) => list(args).await?,
        AccessKeyCommand::Revoke(args) => revoke(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn view(key: &AccessKey) -> Value {
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "hint": key.hint,
        "createdAt": rfc3339(key.created_at),
        "lastUsedAt": key.last_used_at.map(rfc3339),
        "revokedAt": key.revoked_at.map(rfc3339),
    })
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let app = open_or_make(args.config).await?;
    let (key, text) = access_keys::create(&app, app.workspace, &args.name).await?;
    let event = Event::access_key(Kind::AccessKeyMade, &key);
    audit::record(&app, &Actor::command_line(app.workspace), event).await;
    if args.json {
        let mut view = view(&key);
        view["key"] = text.expose().into();
        return print_json(&view);
    }
    print_line(text.expose())?;
    // Beside the key, which stands alone on standard output.
    let _ = writeln!(
        std::io::stderr(),
        "Access key {:?} ({}). It is shown this once; send it as: Authorization: Bearer ed_…",
        key.name,
        key.id
    );
    Ok(())
}

async fn list(args: ListArgs) -> anyhow::Result<()> {
    let app = open(args.config).await?;
    let keys = access_keys::list(&app, app.workspace).await?;
    if args.json {
        let items: Vec<Value> = keys.iter().map(view).collect();
        return print_json(&json!({ "items": items, "nextCursor": null }));
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header([
        "ID",
        "NAME",
        "ENDS IN",
        "MADE",
        "LAST USED",
        "STATE",
    ]);
    for key in &keys {
        table.add_row([
            key.id.to_string(),
            key.name.clone(),
            key.hint.clone(),
            rfc3339(key.created_at),
            key.last_used_at.map_or_else(|| "never".into(), rfc3339),
            if key.revoked_at.is_some() {
                "revoked"
            } else {
                "valid"
            }
            .into(),
        ]);
    }
    print_line(&table.trim_fmt())
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<()> {
    let app = open(args.config).await?;
    let id = find(&app, &args.key).await?;
    let revoked = access_keys::revoke(&app, app.workspace, id).await?;
    let event = Event::access_key(Kind::AccessKeyRevoked, &revoked);
    audit::record(&app, &Actor::command_line(app.workspace), event).await;
    if args.json {
        return print_json(&json!({ "id": id.to_string(), "revoked": true }));
    }
    print_line(&format!("Revoked {id}."))
}

async fn find(app: &App, text: &str) -> anyhow::Result<AccessKeyId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let keys = access_keys::list(app, app.workspace).await?;
    let mut named = keys
        .iter()
        .filter(|key| key.name == text && key.revoked_at.is_none());
    match (named.next(), named.next()) {
        (Some(key), None) => Ok(key.id),
        (Some(_), Some(_)) => bail!(
            "several valid access keys are named {text:?}: give the id (see `admin access-key list`)"
        ),
        _ => bail!("there is no valid access key {text:?} (see `admin access-key list`)"),
    }
}
