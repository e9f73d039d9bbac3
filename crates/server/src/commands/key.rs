//! `edge-delivery key rotate`.

use crate::{config::ConfigArgs, vault::Vault};
use std::{path::PathBuf, process::ExitCode};

/// The key that seals the stored tokens.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Seal everything under another key. Stop every `serve` first, and start it with the new key.
    Rotate(RotateArgs),
    /// Print the id of the key: not secret, names the key in messages.
    Id(IdArgs),
}

/// Seal everything under another key.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// The file of the new key; made when it is missing
    #[arg(long, value_name = "FILE")]
    new_key_file: PathBuf,
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
        KeyCommand::Rotate(args) => rotate(args).await,
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

async fn rotate(args: RotateArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let new = Vault::from_key_file(&args.new_key_file)?;
    let (old_id, new_id) = (app.vault.key_id(), new.key_id());
    anyhow::ensure!(
        old_id != new_id,
        "{} holds the present key ({old_id}); name another file, which is made when it is missing",
        args.new_key_file.display()
    );
    let count = app.vault.rotate(&new, &app.store).await?;
    let file = args.new_key_file.display().to_string();
    if args.json {
        super::print_json(&serde_json::json!({
            "oldKey": old_id.to_string(), "newKey": new_id.to_string(), "keyFile": file, "resealed": count,
        }))?;
    } else {
        super::print_line(&format!(
            "Sealed {count} records under the key {new_id} (before: {old_id})."
        ))?;
        super::print_line(&format!(
            "Start with EDGE_DELIVERY_KEY_FILE={file} from now on, and back that file up."
        ))?;
        super::print_line("Keep the old key as long as you keep backups that were made under it.")?;
    }
    Ok(ExitCode::SUCCESS)
}
