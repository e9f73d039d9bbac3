//! `edge-delivery variants make`.

use super::progress;
use crate::{
    api::making_event,
    app::App,
    audit::{self, Actor},
    commands::{print_json, print_line, refuse},
    config::ConfigArgs,
    problem::Problem,
    services::live_pages::making::{self, DELAY_MS, NewMaking},
};
use anyhow::Context;
use domain::{ids::MakingId, variant::Format};
use serde_json::json;
use std::{process::ExitCode, time::Duration};
use store::{MakingCounts, MakingStatus, Page, PageStatus, Site};
use tokio_util::sync::CancellationToken;

/// As many refused pages are told.
const TOLD: u32 = 200;

/// How often it looks how far another process is.
const LOOK: Duration = Duration::from_millis(500);

/// Make drafts from live pages: the main content is taken out of each page and cleaned; nothing is published. Works beside a
/// running `serve`, and without one. Ctrl-C leaves what is left to `serve`; `--cancel` stops it.
#[derive(Debug, clap::Args)]
pub(crate) struct MakeArgs {
    /// The site's name or id
    pub(super) site: String,
    /// The pages' paths, as /pricing
    paths: Vec<String>,
    /// Every page that a sitemap names: its path; without one, what robots.txt names, or /sitemap.xml
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "", conflicts_with = "paths")]
    sitemap: Option<String>,
    /// What is made
    #[arg(long, default_value = "html", value_parser = ["html", "markdown"])]
    format: String,
    /// Fetch also what robots.txt keeps the name EdgeDelivery from
    #[arg(long)]
    ignore_robots: bool,
    /// The pause between two pages, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = DELAY_MS)]
    delay: u32,
    /// Stop the run that is going on, and make nothing
    #[arg(long, conflicts_with_all = ["paths", "sitemap"])]
    cancel: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Makes; exit code 1 when a page was refused.
pub(super) async fn make(app: &App, site: &Site, args: &MakeArgs) -> anyhow::Result<ExitCode> {
    if args.cancel {
        return cancel(app, site, args).await;
    }
    let new = NewMaking {
        site: site.id,
        format: args.format.parse::<Format>().context("clap checked it")?,
        paths: args.paths.clone(),
        sitemap: args.sitemap.clone(),
        ignore_robots: args.ignore_robots,
        delay_ms: args.delay,
    };
    let begun = match making::begin(app, app.workspace, new, "command line").await {
        Ok(begun) => begun,
        Err(problem) => return refuse(&problem, args.json),
    };
    let actor = Actor::command_line(app.workspace);
    audit::record(app, &actor, making_event(site, &begun, args.paths.len())).await;
    follow(app, begun.id).await?;
    tell(app, begun.id, args.json).await
}

/// Works on it, or watches the process that does.
async fn follow(app: &App, id: MakingId) -> anyhow::Result<()> {
    let bar = progress::of_items(0);
    let watch = async {
        loop {
            let making = making::get(app, app.workspace, id).await?;
            let counts = app.store.making_counts(app.workspace, id).await?;
            bar.set_length(total(&counts));
            bar.set_position(total(&counts) - counts.waiting);
            if !matches!(making.status, MakingStatus::Queued | MakingStatus::Running) {
                return Ok::<_, Problem>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let stop = CancellationToken::new();
    let work = async {
        // Whichever run it takes is one that waits; ours ends for the watcher in any case.
        loop {
            if let Err(problem) = making::work_on_next(app, &stop).await {
                tracing::warn!(%problem, "a run of making could not be worked on");
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        watched = watch => watched?,
        () = work => {}
    }
    bar.finish_and_clear();
    Ok(())
}

const fn total(counts: &MakingCounts) -> u64 {
    counts.waiting + counts.made + counts.unchanged + counts.refused
}

async fn tell(app: &App, id: MakingId, as_json: bool) -> anyhow::Result<ExitCode> {
    let making = making::get(app, app.workspace, id).await?;
    let counts = app.store.making_counts(app.workspace, id).await?;
    let refused = app
        .store
        .making_pages(
            app.workspace,
            id,
            &Page::first(TOLD),
            Some(PageStatus::Refused),
        )
        .await?;
    let problem: Option<Problem> = making
        .problem
        .as_ref()
        .and_then(|text| serde_json::from_str(text).ok());
    if as_json {
        let refused: Vec<_> = refused
            .items
            .iter()
            .map(|page| json!({"path": page.path, "detail": page.detail}))
            .collect();
        print_json(&json!({
            "id": id.to_string(), "status": making.status, "made": counts.made, "unchanged": counts.unchanged,
            "refused": counts.refused, "waiting": counts.waiting, "refusedPages": refused, "problem": problem,
        }))?;
    } else {
        for page in &refused.items {
            print_line(&format!(
                "refused {}: {}",
                page.path,
                page.detail.as_deref().unwrap_or_default()
            ))?;
        }
        let more = counts.refused.saturating_sub(refused.items.len() as u64);
        if more > 0 {
            print_line(&format!("and {more} more"))?;
        }
        print_line(&format!(
            "{} drafts made, {} unchanged, {} refused",
            counts.made, counts.unchanged, counts.refused
        ))?;
        if making.status == MakingStatus::Cancelled {
            print_line(&format!("cancelled; {} pages were left", counts.waiting))?;
        }
        if let Some(problem) = problem {
            return refuse(&problem, false);
        }
    }
    Ok(
        if making.status == MakingStatus::Done && counts.refused == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}

async fn cancel(app: &App, site: &Site, args: &MakeArgs) -> anyhow::Result<ExitCode> {
    let runs = app.store.makings(app.workspace, site.id, 1).await?;
    let Some(run) = runs.first() else {
        return refuse(&Problem::not_found("making of", &site.name), args.json);
    };
    match making::cancel(app, app.workspace, run.id).await {
        Ok(_) => {
            let event = audit::Event::site(audit::Kind::VariantsMakingCancelled, site);
            audit::record(app, &Actor::command_line(app.workspace), event).await;
            print_line("it stops after the page that it is at; drafts that were made stay")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => refuse(&problem, args.json),
    }
}
