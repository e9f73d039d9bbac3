//! Making drafts from live pages: the form, the runs, and one run as it goes.

use super::{MadeRow, MakePage, MakingPageView, RunRow};
use crate::{
    api::making_event,
    audit::{Event, Kind},
    console::{
        deployments::lines,
        desk::{Desk, done, id, page, page_after, refused},
        form::Form,
        parts::{Mark, ProblemPanel, State, When, count, plural},
        sites::head,
    },
    problem::{Outcome, Problem},
    services::{
        live_pages::making::{self, DELAY_MS, NewMaking},
        sites,
    },
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    ids::{MakingId, SiteId},
    time::Millis,
    variant::Format,
};
use serde::Deserialize;
use store::{Making, MakingCounts, MakingStatus, PageStatus, Site};

/// As many runs and pages stand on a page.
const RUNS: u64 = 20;
const PAGES: u32 = 100;

/// What the form sends, and the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MakeForm {
    paths: String,
    sitemap: String,
    by: String,
    format: String,
    ignore_robots: String,
}

async fn load(desk: &Desk, text: &str) -> Outcome<Site> {
    sites::get(desk.app(), desk.ws(), id::<SiteId>(text, "site")?).await
}

async fn view(
    desk: &Desk,
    site: &Site,
    form: MakeForm,
    problem: Option<Problem>,
) -> Outcome<MakePage> {
    let mut runs = Vec::new();
    for run in desk.app().store.makings(desk.ws(), site.id, RUNS).await? {
        let counts = desk.app().store.making_counts(desk.ws(), run.id).await?;
        runs.push(row(&run, counts, desk.now()));
    }
    Ok(MakePage {
        shell: desk.shell(&site.id.to_string()),
        site: head(desk, site, "variants").await?,
        by_sitemap: form.by == "sitemap",
        is_markdown: form.format == "markdown",
        ignore_robots: form.ignore_robots == "yes",
        paths: form.paths,
        sitemap: form.sitemap,
        runs,
        problem: problem.map(ProblemPanel::new),
    })
}

const fn total(counts: &MakingCounts) -> u64 {
    counts.waiting + counts.made + counts.unchanged + counts.refused
}

fn row(run: &Making, counts: MakingCounts, now: Millis) -> RunRow {
    let state = match run.status {
        MakingStatus::Queued => State::new("run", Mark::Ring, "Waiting"),
        MakingStatus::Running => State::new("run", Mark::Turning, "Running"),
        MakingStatus::Done if counts.refused > 0 => {
            State::new("warn", Mark::Half, "Done, some refused")
        }
        MakingStatus::Done => State::new("ok", Mark::Tick, "Done"),
        MakingStatus::Cancelled => State::new("idle", Mark::Bar, "Stopped"),
        MakingStatus::Failed => State::new("bad", Mark::Cross, "Failed"),
    };
    let pages = match (&run.sitemap, total(&counts)) {
        (Some(sitemap), 0) => format!("the pages of {sitemap}"),
        (_, total) => plural(total, "page"),
    };
    RunRow {
        id: run.id.to_string(),
        state,
        what: format!("{pages}, {}", run.format),
        came: format!(
            "{} made, {} unchanged, {} refused",
            count(counts.made),
            count(counts.unchanged),
            count(counts.refused)
        ),
        by: run.requested_by.clone(),
        when: When {
            at: run.created_at,
            now,
        },
    }
}

/// The form.
pub(super) async fn new(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<MakeForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&view(&desk, &site, query, None).await?))
}

/// Begins a run.
pub(super) async fn begin(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<MakeForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let by_sitemap = form.by == "sitemap";
    let paths = if by_sitemap {
        Vec::new()
    } else {
        lines(&form.paths)
    };
    let pages = paths.len();
    let new = NewMaking {
        site: site.id,
        format: form.format.parse().unwrap_or(Format::Html),
        paths,
        sitemap: by_sitemap.then(|| form.sitemap.clone()),
        ignore_robots: form.ignore_robots == "yes",
        delay_ms: DELAY_MS,
    };
    match making::begin(desk.app(), desk.ws(), new, desk.me.by()).await {
        Ok(run) => {
            desk.record(making_event(&site, &run, pages)).await;
            Ok(Redirect::to(&format!("/makings/{}", run.id)).into_response())
        }
        Err(problem) => {
            let view = view(&desk, &site, form, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// What the address of a run may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunQuery {
    after: String,
}

/// One run.
pub(super) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<RunQuery>,
) -> Result<Response, Problem> {
    let (app, ws) = (desk.app(), desk.ws());
    let run = making::get(app, ws, id::<MakingId>(&text, "making")?).await?;
    let site = sites::get(app, ws, run.site).await?;
    let counts = app.store.making_counts(ws, run.id).await?;
    let listed = app
        .store
        .making_pages(ws, run.id, &page_after(&query.after, PAGES), None)
        .await?;
    let is_running = matches!(run.status, MakingStatus::Queued | MakingStatus::Running);
    let pages = listed.items.into_iter().map(|page| MadeRow {
        state: match page.status {
            PageStatus::Waiting => State::new("idle", Mark::Ring, "Waits"),
            PageStatus::Made => State::new("ok", Mark::Tick, "Draft made"),
            PageStatus::Unchanged => State::new("ok", Mark::Tick, "Unchanged"),
            PageStatus::Refused => State::new("bad", Mark::Cross, "Refused"),
        },
        has_draft: matches!(page.status, PageStatus::Made | PageStatus::Unchanged),
        detail: page.detail.unwrap_or_default(),
        path: page.path,
    });
    Ok(page(&MakingPageView {
        shell: desk.shell(&site.id.to_string()),
        site: site.id.to_string(),
        site_name: site.name,
        is_stopping: run.cancel_requested,
        is_running,
        done: total(&counts) - counts.waiting,
        total: total(&counts),
        pages: pages.collect(),
        format: run.format.as_str(),
        next: listed.next,
        problem: run
            .problem
            .as_ref()
            .and_then(|text| serde_json::from_str(text).ok())
            .map(ProblemPanel::new),
        run: row(&run, counts, desk.now()),
    }))
}

/// Stops a run.
pub(super) async fn cancel(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let id: MakingId = id(&text, "making")?;
    let run = making::cancel(desk.app(), desk.ws(), id).await?;
    let site = sites::get(desk.app(), desk.ws(), run.site).await?;
    desk.record(Event::site(Kind::VariantsMakingCancelled, &site))
        .await;
    Ok(done(&format!("/makings/{id}"), "making_stops"))
}
