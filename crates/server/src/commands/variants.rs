//! `edge-delivery variants …`: a folder that mirrors the site, as [`variant_files`] reads and writes it.

mod preview;

use super::{print_json, print_line};
use crate::{
    app::App,
    audit::{self, Actor},
    config::ConfigArgs,
    problem::{Code, Outcome, Problem},
    services::{
        preflight, sites,
        variant_files::{self, Found, file_of, format_of, path_of},
        variants::{self, PutOptions, VariantName},
    },
};
use anyhow::Context;
use clap::{Args, Subcommand};
use domain::{
    path::PagePath,
    variant::{Format, Revision},
};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{IfMatch, Page, Site};

/// Push and pull variants of pages.
#[derive(Debug, Subcommand)]
pub(crate) enum VariantsCommand {
    /// Save and publish every .html and .md file of a folder that mirrors the site; what has not changed is left alone.
    Push(FolderArgs),
    /// Write every published variant into a folder that mirrors the site.
    Pull(FolderArgs),
    /// Show a revision on the live site to whoever has the link, for an hour; or list and revoke such links.
    Preview(preview::PreviewArgs),
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
    let args = match &command {
        VariantsCommand::Push(args) | VariantsCommand::Pull(args) => args,
        VariantsCommand::Preview(args) => return preview::run(args).await,
    };
    let app = super::open(args.config.clone()).await?;
    let site = match sites::find(&app, app.workspace, &args.site).await {
        Ok(site) => site,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    match &command {
        VariantsCommand::Push(args) => push(&app, &site, args).await,
        VariantsCommand::Pull(args) => pull(&app, &site, args).await,
        VariantsCommand::Preview(args) => preview::run(args).await,
    }
}

async fn push(app: &App, site: &Site, args: &FolderArgs) -> anyhow::Result<ExitCode> {
    let found = variant_files::find(&args.folder)
        .with_context(|| format!("the folder {} cannot be read", args.folder.display()))?;
    if found.files.is_empty() {
        return super::refuse(&nothing_in(&args.folder, &found), args.json);
    }
    let files = &found.files;
    let bar = progress(files.len());
    let (mut published, mut unchanged, mut refused) = (0_u64, 0_u64, Vec::new());
    let mut seen = HashMap::new();
    for file in files {
        match push_file(app, site, &args.folder, file, &mut seen).await {
            Ok(true) => published += 1,
            Ok(false) => unchanged += 1,
            Err(problem) => refused.push((file.clone(), problem)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    audit::record_many(app, &Actor::command_line(app.workspace), site.id, published).await;
    let forecast = preflight::forecast(app, site).await;
    if args.json {
        let refused: Value = refused
            .iter()
            .map(|(file, problem)| json!({"file": file, "problem": problem}))
            .collect();
        print_json(&json!({
            "published": published,
            "unchanged": unchanged,
            "refused": refused,
            "warning": forecast,
            "skipped": {"hidden": found.hidden, "links": found.links, "others": found.others},
        }))?;
    } else {
        for (file, problem) in &refused {
            print_line(&format!("refused {}: {}", file.display(), problem.detail))?;
        }
        print_line(&format!(
            "{published} published, {unchanged} unchanged, {} refused",
            refused.len()
        ))?;
        if let Some(skipped) = found.skipped() {
            print_line(&skipped)?;
        }
        if let Some(warning) = forecast {
            print_line(&format!("warning: {}", warning.detail))?;
        }
    }
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn nothing_in(folder: &Path, found: &Found) -> Problem {
    let skipped = found
        .skipped()
        .map_or_else(String::new, |skipped| format!(" ({skipped})"));
    Problem::new(
        Code::ValidationFailed,
        format!("There is no .html or .md file in {}{skipped}.", folder.display()),
    )
    .cause("The folder is another one, or its files have other endings. Hidden files and links are not looked at.")
    .remedy("Name the folder that mirrors the site: pricing.html in it is the variant of /pricing, index.html that of the home page.")
}

/// Saves and publishes one file, unless just this is published already. `seen` says which variants came before, since two
/// names can stand for one page.
async fn push_file(
    app: &App,
    site: &Site,
    folder: &Path,
    file: &Path,
    seen: &mut HashMap<(Format, PagePath), PathBuf>,
) -> Outcome<bool> {
    let unreadable = |detail: String| Problem::field("file", detail);
    let format = format_of(file)
        .ok_or_else(|| unreadable("has another ending than .html or .md".to_owned()))?;
    let path = path_of(file, &site.settings.paths)
        .ok_or_else(|| unreadable("has a name that is not UTF-8".to_owned()))?;
    let name = VariantName {
        site: site.id,
        format,
        path: variants::parse_path(&path, &site.settings.paths)?,
    };
    if let Some(other) = seen.insert((format, name.path.clone()), file.to_path_buf()) {
        return Err(unreadable(format!(
            "stands for the same page as {}",
            other.display()
        )));
    }
    let content = fs::read(folder.join(file))
        .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let published = app
        .store
        .variant(app.workspace, site.id, format, name.path.as_str())
        .await?
        .and_then(|variant| variant.published);
    if published == Some(Revision::of(&content)) {
        return Ok(false);
    }
    let options = PutOptions {
        publish: true,
        if_match: IfMatch::Any,
        author: "command line",
        note: Some("pushed"),
        force: false,
    };
    variants::put(app, app.workspace, &name, &content, options).await?;
    Ok(true)
}

async fn pull(app: &App, site: &Site, args: &FolderArgs) -> anyhow::Result<ExitCode> {
    let counts = app.store.count_variants(app.workspace, site.id).await?;
    let bar = progress(usize::try_from(counts.published).unwrap_or(usize::MAX));
    let mut written = 0_u64;
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = app
            .store
            .list_variants(app.workspace, site.id, &page, None)
            .await?;
        for variant in &listed.items {
            let Some(revision) = &variant.published else {
                continue;
            };
            let content = app
                .store
                .content(
                    app.workspace,
                    site.id,
                    variant.format,
                    &variant.path,
                    revision,
                )
                .await?
                .with_context(|| {
                    format!("the content of {} is missing in the database", variant.path)
                })?;
            let target = args.folder.join(file_of(variant.format, &variant.path));
            let parent = target.parent().unwrap_or(&args.folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&target, content))
                .with_context(|| format!("{} cannot be written", target.display()))?;
            written += 1;
            bar.inc(1);
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    if args.json {
        print_json(&json!({ "written": written }))?;
    } else {
        let what = if written == 1 { "variant" } else { "variants" };
        print_line(&format!(
            "{written} {what} written to {}",
            args.folder.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A bar on a terminal, nothing in a pipe.
fn progress(length: usize) -> ProgressBar {
    if std::io::stderr().is_terminal() {
        ProgressBar::new(length as u64)
    } else {
        ProgressBar::hidden()
    }
}
