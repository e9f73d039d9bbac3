//! Making drafts of many pages: a run that a process leases, page by page, politely, until it is done, stopped or taken over.

use super::{
    extract, fetch,
    fetch::Seen,
    robots::Robots,
    save_draft,
    sitemap::{self, PAGES_MAX},
};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::{sites, variants},
};
use domain::{
    ids::{MakingId, SiteId, WorkspaceId},
    names::Hostname,
    path::{PagePath, PathPolicy},
    variant::Format,
};
use std::{collections::HashSet, time::Duration};
use store::{Making, MakingPage, MakingStatus, Page, PageOutcome, PageStatus, Site};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The pause between two pages unless told, in milliseconds.
pub(crate) const DELAY_MS: u32 = 500;

/// What it may be.
const DELAY_RANGE_MS: std::ops::RangeInclusive<u32> = 100..=60_000;

/// How long a lease holds without being renewed; each page renews it, and takes less.
pub(crate) const LEASE_SECONDS: i64 = 60;

/// As many pages are read from the database at once.
const PAGES_AT_ONCE: u32 = 100;

/// What is to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewMaking {
    /// Of which site.
    pub(crate) site: SiteId,
    /// `html` or `markdown`.
    pub(crate) format: Format,
    /// The pages' paths; empty with a sitemap.
    pub(crate) paths: Vec<String>,
    /// The sitemap's path, `/sitemap.xml` for the usual one.
    pub(crate) sitemap: Option<String>,
    /// Fetch also what robots.txt keeps programs from: the pages are the owner's own.
    pub(crate) ignore_robots: bool,
    /// The pause between two pages, in milliseconds.
    pub(crate) delay_ms: u32,
}

/// Puts a run into the queue.
pub(crate) async fn begin(app: &App, ws: WorkspaceId, new: NewMaking, by: &str) -> Outcome<Making> {
    let site = sites::get(app, ws, new.site).await?;
    if !DELAY_RANGE_MS.contains(&new.delay_ms) {
        return Err(Problem::field("delayMs", "must be between 100 and 60,000"));
    }
    let sitemap = new.sitemap.as_deref().map(sitemap_path).transpose()?;
    let paths = match (&sitemap, new.paths.is_empty()) {
        (None, true) => {
            return Err(Problem::field("paths", "names no page")
                .remedy("Name the pages' paths, or a sitemap that names them."));
        }
        (Some(_), false) => {
            return Err(Problem::field(
                "paths",
                "cannot be given together with a sitemap",
            ));
        }
        _ => parse_paths(&new.paths, &site.settings.paths)?,
    };
    if app.store.open_makings(ws, site.id).await? > 0 {
        return Err(Problem::new(
            Code::InvalidState,
            "Variants of this site are being made already; one run at a time spares the origin.",
        )
        .cause("Another run is queued or running.")
        .remedy("Wait for its end, or cancel it, and ask again."));
    }
    let making = Making {
        id: MakingId::from_uuid(Uuid::now_v7()),
        workspace: ws,
        site: site.id,
        format: new.format,
        status: MakingStatus::Queued,
        sitemap,
        ignore_robots: new.ignore_robots,
        delay_ms: new.delay_ms,
        requested_by: by.to_owned(),
        created_at: app.clock.now(),
        started_at: None,
        finished_at: None,
        cancel_requested: false,
        problem: None,
    };
    app.store.create_making(&making, &paths).await?;
    app.signals.wake_making();
    Ok(making)
}

/// The path of a sitemap, from a path or an address.
fn sitemap_path(text: &str) -> Outcome<String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(sitemap::USUAL_PLACE.to_owned());
    }
    if !text.starts_with('/') || text.starts_with("//") || text.contains(['\\', '#']) {
        return Err(Problem::field(
            "sitemap",
            "must be a path on the site, as /sitemap.xml",
        ));
    }
    Ok(text.to_owned())
}

/// In their normal form, each once.
fn parse_paths(given: &[String], policy: &PathPolicy) -> Outcome<Vec<String>> {
    if given.len() > PAGES_MAX {
        return Err(Problem::field(
            "paths",
            format!("names more than {PAGES_MAX} pages"),
        ));
    }
    let mut known = HashSet::new();
    let mut paths = Vec::with_capacity(given.len());
    for (at, text) in given.iter().enumerate() {
        let path = variants::parse_path(text.trim(), policy).map_err(|problem| {
            let why = problem.errors.first().map(|error| error.detail.clone());
            let shown: String = text.chars().take(80).collect();
            Problem::field(
                &format!("paths[{at}]"),
                format!("({shown:?}) {}", why.unwrap_or(problem.detail)),
            )
        })?;
        if known.insert(path.clone()) {
            paths.push(path.as_str().to_owned());
        }
    }
    Ok(paths)
}

/// A run, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, id: MakingId) -> Outcome<Making> {
    app.store
        .making(ws, id)
        .await?
        .ok_or_else(|| Problem::not_found("making", &id.to_string()))
}

/// Asks a run to stop; drafts that were made stay.
pub(crate) async fn cancel(app: &App, ws: WorkspaceId, id: MakingId) -> Outcome<Making> {
    let making = get(app, ws, id).await?;
    if !app.store.cancel_making(ws, id, app.clock.now()).await? {
        return Err(Problem::new(
            Code::InvalidState,
            "This run has ended; there is nothing to stop.",
        )
        .cause("It was done, failed or was cancelled before.")
        .remedy("Look at its pages to see what was made."));
    }
    get(app, ws, making.id).await
}

/// Takes the run that waits longest and works on it. `false` when there is none.
pub(crate) async fn work_on_next(app: &App, stop: &CancellationToken) -> Outcome<bool> {
    let now = app.clock.now();
    let until = now.plus_seconds(LEASE_SECONDS);
    let Some(making) = app.store.lease_making(&app.process, now, until).await? else {
        return Ok(false);
    };
    let outcome = tokio::select! {
        outcome = work(app, &making) => outcome,
        // The lease runs out, and somebody goes on where this stood.
        () = stop.cancelled() => return Ok(true),
    };
    let (status, problem) = match outcome {
        Ok(Some(status)) => (status, None),
        // Another process has it.
        Ok(None) => return Ok(true),
        Err(problem) => {
            tracing::warn!(making.id = %making.id, %problem, "variants could not be made");
            (MakingStatus::Failed, serde_json::to_string(&problem).ok())
        }
    };
    app.store
        .finish_making(
            making.workspace,
            making.id,
            &app.process,
            status,
            problem.as_deref(),
            app.clock.now(),
        )
        .await?;
    Ok(true)
}

/// Does what is left. `None`: the run is another's by now.
async fn work(app: &App, making: &Making) -> Outcome<Option<MakingStatus>> {
    let (ws, id) = (making.workspace, making.id);
    let site = sites::get(app, ws, making.site).await?;
    let Some(host) = site.hostnames.first() else {
        return Err(Problem::field("hostnames", "is empty"));
    };
    let robots = if making.ignore_robots {
        Robots::none()
    } else {
        Robots::of(app, host)
            .await
            .map_err(|why| unreachable(&site, &why))?
    };
    if let Some(path) = &making.sitemap {
        let named = sitemap::read(app, &site, path, &robots)
            .await
            .map_err(|why| unreachable(&site, &why))?;
        if named.paths.is_empty() {
            let why = format!(
                "the sitemap names no page of this site ({} others)",
                named.foreign
            );
            return Err(unreachable(&site, &why));
        }
        let paths: Vec<String> = named.paths.iter().map(ToString::to_string).collect();
        app.store.set_making_pages(ws, id, &paths).await?;
    }
    let delay = Duration::from_millis(u64::from(making.delay_ms));
    let delay = robots.delay().unwrap_or_default().max(delay);
    loop {
        let waiting = app
            .store
            .making_pages(
                ws,
                id,
                &Page::first(PAGES_AT_ONCE),
                Some(PageStatus::Waiting),
            )
            .await?;
        if waiting.items.is_empty() {
            return Ok(Some(MakingStatus::Done));
        }
        for page in &waiting.items {
            let outcome = make(app, making, &site, host, &robots, page).await?;
            let until = app.clock.now().plus_seconds(LEASE_SECONDS);
            let may_go_on = app
                .store
                .record_making_page(ws, id, &app.process, until, Some(&outcome))
                .await?;
            if !may_go_on {
                let now = get(app, ws, id).await?;
                return Ok(now.cancel_requested.then_some(MakingStatus::Cancelled));
            }
            tokio::time::sleep(delay).await;
        }
    }
}

fn unreachable(site: &Site, why: &str) -> Problem {
    Problem::new(
        Code::SiteUnreachable,
        format!("No variant of {:?} could be made: {why}.", site.name),
    )
    .cause("The site does not answer, or what was asked for is not there.")
    .remedy("Look at that address in a browser, mend it, and ask again.")
}

async fn make(
    app: &App,
    making: &Making,
    site: &Site,
    host: &Hostname,
    robots: &Robots,
    page: &MakingPage,
) -> Outcome<PageOutcome> {
    let refused = |detail: String| PageOutcome {
        position: page.position,
        status: PageStatus::Refused,
        detail: Some(detail),
    };
    let path = PagePath::parse(&page.path).map_err(|error| Problem::internal(&error))?;
    if !robots.allows(path.as_str()) {
        return Ok(refused(
            "robots.txt keeps EdgeDelivery from it; it is yours to say otherwise".to_owned(),
        ));
    }
    let seen = fetch::page(app, host, path.as_str()).await;
    let html = match seen {
        Seen::Html(html) => html,
        other => return Ok(refused(other.why_not().unwrap_or_default().to_owned())),
    };
    let url = format!("https://{host}{}", path.as_str());
    let live = match extract::extract(html, url).await {
        Ok(live) => live,
        Err(why) => return Ok(refused(why)),
    };
    let by = &making.requested_by;
    let is_new = save_draft(app, making.workspace, site, making.format, &path, &live, by).await?;
    Ok(PageOutcome {
        position: page.position,
        status: if is_new {
            PageStatus::Made
        } else {
            PageStatus::Unchanged
        },
        detail: None,
    })
}
