//! `edge-delivery variants import`.

use super::{progress, refusals::Refusals};
use crate::{
    app::App,
    audit::{self, Actor},
    commands::{print_json, print_line, refuse},
    config::ConfigArgs,
    services::imports::{self, ImportOptions},
    services::preflight,
};
use anyhow::Context;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use store::Site;
use tokio::io::{AsyncRead, BufReader};

/// Save and publish the lines of an NDJSON file, `{"path": "/pricing", "format": "html", "content": "…"}` each, or the .html
/// and .md files of a ZIP. Good ones are taken, bad ones are told.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The site's name or id
    pub(super) site: String,
    /// The file; - for standard input
    file: PathBuf,
    /// Check everything, save nothing
    #[arg(long)]
    dry_run: bool,
    /// Publish also what the checks want confirmed (hidden text, instructions to models, …)
    #[arg(long)]
    force: bool,
    /// Write the bad lines into this file, to be mended and imported again
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Imports; exit code 1 when a line was refused.
pub(super) async fn import(app: &App, site: &Site, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.errors.as_deref() != Some(args.file.as_path()),
        "the file of bad lines would take the place of the import itself; name another"
    );
    let (from, length): (Box<dyn AsyncRead + Send + Unpin>, _) = if args.file.as_os_str() == "-" {
        (Box::new(tokio::io::stdin()), None)
    } else {
        let unreadable = || format!("{} cannot be read", args.file.display());
        let file = tokio::fs::File::open(&args.file)
            .await
            .with_context(unreadable)?;
        let data = file.metadata().await.with_context(unreadable)?;
        anyhow::ensure!(
            !data.is_dir(),
            "{} is a folder: edge-delivery variants push takes those",
            args.file.display()
        );
        (Box::new(file), Some(data.len()))
    };
    let mut refusals = Refusals::new(progress::of_bytes(length), args.errors.as_deref())?;
    let options = ImportOptions {
        dry_run: args.dry_run,
        force: args.force,
        author: "command line".to_owned(),
        note: "imported",
    };
    let from = BufReader::with_capacity(128 * 1024, from);
    let imported = imports::run(app, app.workspace, site.id, from, options, &mut refusals).await;
    let lines = refusals.finish()?;
    let counts = imported.counts;
    if !args.dry_run {
        let actor = Actor::command_line(app.workspace);
        audit::record_many(app, &actor, site.id, counts.changed()).await;
    }
    let forecast = preflight::forecast(app, site).await;
    if args.json {
        let problem = imported.outcome.as_ref().err();
        print_json(&json!({
            "counts": counts, "dryRun": args.dry_run, "refused": refusals.told(), "problem": problem,
            "warning": forecast,
        }))?;
        return Ok(exit_code(counts.refused, imported.outcome.is_ok()));
    }
    for line in &lines {
        print_line(line)?;
    }
    let (would, skipped) = (
        if args.dry_run { "would be " } else { "" },
        match counts.skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped (folders, hidden, neither .html nor .md)"),
        },
    );
    print_line(&format!(
        "{} {would}published, {} unchanged, {} refused{skipped}",
        counts.changed(),
        counts.unchanged,
        counts.refused
    ))?;
    if let Some(warning) = forecast {
        print_line(&format!("warning: {}", warning.detail))?;
    }
    match imported.outcome {
        Ok(()) => Ok(exit_code(counts.refused, true)),
        Err(problem) => refuse(&problem, false),
    }
}

fn exit_code(refused: u64, is_whole: bool) -> ExitCode {
    if refused == 0 && is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
