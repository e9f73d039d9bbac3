//! `edge-delivery variants …`: many variants at once.

mod delete;
mod import;
mod make;
mod preview;
mod progress;
mod pull;
mod push;
mod refusals;

use crate::{app::AppState, config::ConfigArgs, problem::Problem, services::sites};
use clap::{Args, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use store::Site;

/// Variants of pages: push and pull a folder, import many, make drafts from live pages, delete many.
#[derive(Debug, Subcommand)]
pub(crate) enum VariantsCommand {
    /// Save and publish every .html and .md file of a folder that mirrors the site; what has not changed is left alone.
    Push(push::PushArgs),
    /// Write every published variant into a folder that mirrors the site.
    Pull(FolderArgs),
    /// Show a revision on the live site to whoever has the link, for an hour; or list and revoke such links.
    Preview(preview::PreviewArgs),
    /// Save and publish the lines of an NDJSON file, or the files of a ZIP.
    Import(import::ImportArgs),
    /// Make drafts from live pages.
    Make(make::MakeArgs),
    /// Delete every variant whose path begins with a prefix, with all revisions, here and at the edge.
    Delete(delete::DeleteArgs),
}

/// A site and a folder.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// The site's name or id
    site: String,
    /// The folder
    folder: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(command: VariantsCommand) -> anyhow::Result<ExitCode> {
    let (site, json, config) = match &command {
        VariantsCommand::Push(args) => (&args.folder.site, args.folder.json, &args.folder.config),
        VariantsCommand::Pull(args) => (&args.site, args.json, &args.config),
        VariantsCommand::Import(args) => (&args.site, args.json, &args.config),
        VariantsCommand::Make(args) => (&args.site, args.json, &args.config),
        VariantsCommand::Delete(args) => (&args.site, args.json, &args.config),
        VariantsCommand::Preview(args) => return preview::run(args).await,
    };
    let app = super::open(config.clone()).await?;
    let site = match find(&app, site).await {
        Ok(site) => site,
        Err(problem) => return super::refuse(&problem, json),
    };
    match &command {
        VariantsCommand::Push(args) => push::push(&app, &site, args).await,
        VariantsCommand::Pull(args) => pull::pull(&app, &site, args).await,
        VariantsCommand::Import(args) => import::import(&app, &site, args).await,
        VariantsCommand::Make(args) => make::make(&app, &site, args).await,
        VariantsCommand::Delete(args) => delete::delete(&app, &site, args).await,
        VariantsCommand::Preview(args) => preview::run(args).await,
    }
}

async fn find(app: &AppState, site: &str) -> Result<Site, Problem> {
    sites::find(app, app.workspace, site).await
}
