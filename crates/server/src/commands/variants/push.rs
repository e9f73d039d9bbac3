//! `edge-delivery variants push`.

use super::{FolderArgs, progress};
use crate::{
    app::App,
    audit::{self, Actor},
    commands::{print_json, print_line, refuse},
    problem::{Code, Outcome, Problem},
    services::{
        imports::{Batch, ImportOptions, RefusedLine, Report, TakenLine},
        preflight,
        variant_files::{self, Found, format_of, path_of},
        variants::{self, VariantName},
    },
};
use anyhow::Context;
use domain::{
    path::PagePath,
    variant::{CONTENT_MAX, Format},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::Site;

/// Save and publish every .html and .md file of a folder that mirrors the site; what has not changed is left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    pub(super) folder: FolderArgs,
    /// Check everything, save nothing
    #[arg(long)]
    dry_run: bool,
    /// Publish also what the checks want confirmed (hidden text, instructions to models, …)
    #[arg(long)]
    force: bool,
    /// Write the refused files into this file: one JSON object a line, with the reason
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

/// A file that was not taken.
struct Refused {
    file: PathBuf,
    problem: Problem,
}

/// What the batch refuses of its own accord, by the file's number.
#[derive(Default)]
struct OfTheBatch(Vec<RefusedLine>);

impl Report for OfTheBatch {
    fn taken(&mut self, _line: TakenLine) -> std::io::Result<()> {
        Ok(())
    }

    fn refused(&mut self, line: RefusedLine, _raw: &[u8]) -> std::io::Result<()> {
        self.0.push(line);
        Ok(())
    }
}

/// Pushes; exit code 1 when a file was refused.
pub(super) async fn push(app: &App, site: &Site, args: &PushArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.folder.folder;
    let found = variant_files::find(folder)
        .with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    if found.files.is_empty() {
        return refuse(&nothing_in(folder, &found), args.folder.json);
    }
    let bar = progress::of_items(found.files.len() as u64);
    let mut report = OfTheBatch::default();
    let options = ImportOptions {
        dry_run: args.dry_run,
        force: args.force,
        author: "command line".to_owned(),
        note: "pushed",
    };
    let mut batch = Batch::new(app, site.clone(), options, &mut report);
    let (mut refused, mut seen) = (Vec::new(), HashMap::new());
    let mut outcome = Ok(());
    for (number, file) in (1..).zip(&found.files) {
        match read_file(site, folder, file, &mut seen) {
            Ok((name, content)) => {
                if let Err(problem) = batch.add(number, name, content, b"").await {
                    outcome = Err(problem);
                    break;
                }
            }
            Err(problem) => refused.push(Refused {
                file: file.clone(),
                problem,
            }),
        }
        bar.inc(1);
    }
    outcome = outcome.and(batch.finish().await);
    let counts = batch.counts();
    bar.finish_and_clear();
    refused.extend(report.0.into_iter().filter_map(|line| {
        let at = usize::try_from(line.line).ok()?.checked_sub(1)?;
        let problem = Problem::new(Code::ValidationFailed, line.detail).remedy(line.remedy);
        Some(Refused {
            file: found.files.get(at)?.clone(),
            problem,
        })
    }));
    refused.sort_by(|a, b| a.file.cmp(&b.file));
    if !args.dry_run {
        let actor = Actor::command_line(app.workspace);
        audit::record_many(app, &actor, site.id, counts.changed()).await;
    }
    if let Some(file) = &args.errors {
        write_errors(file, &refused)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    outcome?;
    let forecast = preflight::forecast(app, site).await;
    if args.folder.json {
        let refused: Value = refused
            .iter()
            .map(|it| json!({"file": it.file, "problem": it.problem}))
            .collect();
        print_json(&json!({
            "published": counts.changed(),
            "unchanged": counts.unchanged,
            "refused": refused,
            "warning": forecast,
            "skipped": {"hidden": found.hidden, "links": found.links, "others": found.others},
            "dryRun": args.dry_run,
        }))?;
    } else {
        for it in &refused {
            print_line(&format!(
                "refused {}: {}",
                it.file.display(),
                it.problem.detail
            ))?;
        }
        print_line(&format!(
            "{} {}published, {} unchanged, {} refused",
            counts.changed(),
            if args.dry_run { "would be " } else { "" },
            counts.unchanged,
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

fn write_errors(file: &Path, refused: &[Refused]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(fs::File::create(file)?);
    for it in refused {
        let line = json!({
            "file": it.file, "detail": it.problem.detail, "remedy": it.problem.remedies.first(),
        });
        writeln!(out, "{line}")?;
    }
    out.flush()
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

/// One file as a variant. `seen` says which came before, since two names can stand for one page.
fn read_file(
    site: &Site,
    folder: &Path,
    file: &Path,
    seen: &mut HashMap<(Format, PagePath), PathBuf>,
) -> Outcome<(VariantName, Vec<u8>)> {
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
    let place = folder.join(file);
    let cannot = |error: std::io::Error| unreadable(format!("cannot be read: {error}"));
    if fs::metadata(&place).map_err(cannot)?.len() > CONTENT_MAX as u64 {
        return Err(unreadable(format!(
            "is larger than {} MiB",
            CONTENT_MAX >> 20
        )));
    }
    let content = fs::read(place).map_err(cannot)?;
    Ok((name, content))
}
