//! `edge-delivery variants delete`.

use super::progress;
use crate::{
    app::App,
    audit::{self, Actor},
    commands::{print_json, print_line, refuse},
    config::ConfigArgs,
    services::imports,
};
use serde_json::json;
use std::{io::IsTerminal, process::ExitCode};
use store::Site;

/// Delete every variant whose path begins with a prefix, with all revisions, here and at the edge. It cannot be undone:
/// `variants pull` keeps a copy of what is published.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// The site's name or id
    pub(super) site: String,
    /// What the paths begin with, as in /old/; / for every variant
    #[arg(long)]
    prefix: String,
    /// Count them, delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Deletes, once the number was confirmed.
pub(super) async fn delete(app: &App, site: &Site, args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    let counted = match imports::prefix_of(&args.prefix) {
        Ok(prefix) => imports::count_below(app, app.workspace, site.id, &prefix)
            .await
            .map(|count| (prefix, count)),
        Err(problem) => Err(problem),
    };
    let (prefix, count) = match counted {
        Ok(counted) => counted,
        Err(problem) => return refuse(&problem, args.json),
    };
    let told = |deleted: u64, dry_run: bool| {
        if args.json {
            return print_json(&json!({"prefix": prefix, "variants": deleted, "dryRun": dry_run}));
        }
        let what = if deleted == 1 { "variant" } else { "variants" };
        let (would, end) = if dry_run {
            ("would be ", "")
        } else {
            ("", ", here and soon at the edge")
        };
        print_line(&format!(
            "{deleted} {what} below {prefix} {would}deleted{end}"
        ))
    };
    if args.dry_run || count == 0 {
        told(count, args.dry_run)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !is_confirmed(site, &prefix, count).await? {
        anyhow::bail!("nothing was deleted: that is not the number");
    }
    let bar = progress::of_items(count);
    let deleted = imports::delete_below(app, app.workspace, site.id, &prefix, count, |so_far| {
        bar.set_position(so_far);
    })
    .await;
    bar.finish_and_clear();
    match deleted {
        Ok(deleted) => {
            let actor = Actor::command_line(app.workspace);
            audit::record_many_deleted(app, &actor, site.id, &prefix, deleted.variants).await;
            told(deleted.variants, false)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => refuse(&problem, args.json),
    }
}

async fn is_confirmed(site: &Site, prefix: &str, count: u64) -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        "this deletes {count} variants of {:?} below {prefix} with all their revisions; without a terminal to ask, say --yes",
        site.name
    );
    let question = format!(
        "This deletes {count} variants of {:?} below {prefix} with all their revisions, here and at the edge. Type their number to go on:",
        site.name
    );
    let answer =
        tokio::task::spawn_blocking(move || inquire::Text::new(&question).prompt()).await?;
    match answer {
        Ok(answer) => Ok(answer.trim() == count.to_string()),
        Err(
            inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted,
        ) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
