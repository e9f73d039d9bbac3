//! `edge-delivery variants …`: a folder that mirrors the site.
//!
//! `pricing.html` and `pricing.md` are the variants of `/pricing`, `pricing/index.html` is that of `/pricing/`, and
//! `index.html` that of the home page. File names are percent-encoded path segments, as `pull` writes them; what need not
//! be encoded may be plain.

use super::{print_json, print_line};
use crate::{
    app::App,
    audit::{self, Actor},
    config::{ConfigArgs, logging},
    problem::{Outcome, Problem},
    services::{
        sites,
        variants::{self, PutOptions, VariantName},
    },
};
use anyhow::Context;
use clap::{Args, Subcommand};
use domain::variant::{Format, Revision};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{IfMatch, Page, Site, Variant};

/// Push and pull variants of pages.
#[derive(Debug, Subcommand)]
pub(crate) enum VariantsCommand {
    /// Save and publish every .html and .md file of a folder that mirrors the site; what has not changed is left alone.
    Push(FolderArgs),
    /// Write every published variant into a folder that mirrors the site.
    Pull(FolderArgs),
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
    let (VariantsCommand::Push(args) | VariantsCommand::Pull(args)) = &command;
    let config = args.config.clone().config()?;
    logging::start_quiet(&config);
    let app = App::open(config).await?;
    let site = match sites::find(&app, app.workspace, &args.site).await {
        Ok(site) => site,
        Err(problem) => return super::refuse(problem, args.json),
    };
    match &command {
        VariantsCommand::Push(args) => push(&app, &site, args).await,
        VariantsCommand::Pull(args) => pull(&app, &site, args).await,
    }
}

async fn push(app: &App, site: &Site, args: &FolderArgs) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    collect(&args.folder, &args.folder, &mut files)
        .with_context(|| format!("the folder {} cannot be read", args.folder.display()))?;
    files.sort();
    let bar = progress(files.len());
    let (mut published, mut unchanged, mut refused) = (0_u64, 0_u64, Vec::new());
    for file in &files {
        match push_file(app, site, &args.folder, file).await {
            Ok(true) => published += 1,
            Ok(false) => unchanged += 1,
            Err(problem) => refused.push((file.clone(), problem)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    audit::record_many(app, &Actor::command_line(app.workspace), site.id, published).await;
    if args.json {
        let refused: Value = refused
            .iter()
            .map(|(file, problem)| json!({"file": file, "problem": problem}))
            .collect();
        print_json(&json!({"published": published, "unchanged": unchanged, "refused": refused}))?;
    } else {
        for (file, problem) in &refused {
            print_line(&format!("refused {}: {}", file.display(), problem.detail))?;
        }
        print_line(&format!(
            "{published} published, {unchanged} unchanged, {} refused",
            refused.len()
        ))?;
    }
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every .html and .md file below a folder; links are not followed.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(root, &entry.path(), files)?;
        } else if kind.is_file() && format_of(&entry.path()).is_some() {
            files.push(
                entry
                    .path()
                    .strip_prefix(root)
                    .map(Path::to_path_buf)
                    .unwrap_or_default(),
            );
        }
    }
    Ok(())
}

fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "html" => Some(Format::Html),
        "md" => Some(Format::Markdown),
        _ => None,
    }
}

/// The page's path that a file stands for.
fn path_of(file: &Path) -> Option<String> {
    let mut segments: Vec<&str> = file
        .parent()?
        .iter()
        .map(|part| part.to_str())
        .collect::<Option<_>>()?;
    let stem = file.file_stem()?.to_str()?;
    segments.push(if stem == "index" { "" } else { stem });
    Some(format!("/{}", segments.join("/")))
}

/// Where a variant lies in the folder.
fn file_of(variant: &Variant) -> PathBuf {
    let extension = match variant.format {
        Format::Html => "html",
        Format::Markdown => "md",
    };
    let path = variant.path.trim_start_matches('/');
    let name = if path.is_empty() || path.ends_with('/') {
        format!("{path}index")
    } else {
        path.to_owned()
    };
    PathBuf::from(format!("{name}.{extension}"))
}

/// Saves and publishes one file, unless just this is published already.
async fn push_file(app: &App, site: &Site, folder: &Path, file: &Path) -> Outcome<bool> {
    let unreadable = |detail: String| Problem::field("file", detail);
    let format = format_of(file)
        .ok_or_else(|| unreadable("has another ending than .html or .md".to_owned()))?;
    let path =
        path_of(file).ok_or_else(|| unreadable("has a name that is not UTF-8".to_owned()))?;
    let name = VariantName {
        site: site.id,
        format,
        path: variants::parse_path(&path)?,
    };
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
            let target = args.folder.join(file_of(variant));
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
        print_line(&format!(
            "{written} variants written to {}",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_mirror_paths() {
        for (file, path) in [
            ("index.html", "/"),
            ("pricing.md", "/pricing"),
            ("pricing/index.html", "/pricing/"),
            ("a/b.html", "/a/b"),
        ] {
            assert_eq!(path_of(Path::new(file)).as_deref(), Some(path), "{file}");
        }
    }
}
