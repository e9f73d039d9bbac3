//! The daily check of published pages, and what follows a publication. All of it in the background, never per request.
//!
//! * A page whose main text is another one than when its variant was made: the variant is marked *page changed*. By the site's
//!   setting it is paused (unpublished until somebody looks), or made again as a new draft.
//! * A page that the origin does not show (it redirects, fails, asks for sign-in): the variant is withheld from the edge
//!   until the page is fine again, unless the owner says otherwise for the site or the variant. What may pass in a moment
//!   has to be seen twice.
//! * An HTML variant that is published brings its Markdown along, where the site asks for it ([`markdown`]).

mod markdown;

use super::{extract, fetch, fetch::Seen, save_draft};
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    problem::{Code, Outcome, Problem},
    services::{
        history, sync,
        variants::{self, VariantName},
    },
};
use domain::{
    ids::{SiteId, WorkspaceId},
    path::PagePath,
    time::Millis,
    variant::{Format, Revision},
};
use std::time::Duration;
use store::{Deed, Finding, FollowLease, HistoryKind, OnPageChange, PageWatch, Site};

/// How long a site is its process's own; each page renews it.
const LEASE_SECONDS: i64 = 60;

/// As many publications are followed in one transaction.
const FOLLOWED_AT_ONCE: u64 = 1_000;

/// As many pages are looked at before the next site has its turn.
const PAGES_AT_ONCE: u64 = 20;

/// Between two pages of one site.
const PAUSE: Duration = Duration::from_millis(300);

/// How soon after a publication a page is looked at first, unless pages are looked at more often anyway.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// How soon a page is looked at again that could not be shown, and one whose variant is withheld.
const AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
const WITHHELD_AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);

/// A failure that may pass counts from the second time on.
const FAILURES: u32 = 2;

/// Takes a site that has something to be done and does a piece of it. `false` when there is none.
pub(crate) async fn work_on_next(app: &App) -> Outcome<bool> {
    let now = app.clock.now();
    let until = now.plus_seconds(LEASE_SECONDS);
    let Some(lease) = app.store.lease_follow(&app.process, now, until).await? else {
        return Ok(false);
    };
    let site = lease.site.id;
    let done = work(app, &lease).await;
    app.store
        .renew_follow(site, &app.process, app.clock.now())
        .await?;
    done?;
    Ok(true)
}

async fn work(app: &App, lease: &FollowLease) -> Outcome<()> {
    follow(app, lease).await?;
    let Some(every) = app.config.page_check_every else {
        // Nobody looks: what is due is due when somebody does.
        return postpone(app, &lease.site).await;
    };
    let (ws, site) = (lease.site.workspace, &lease.site);
    let due = app
        .store
        .due_pages(ws, site.id, app.clock.now(), PAGES_AT_ONCE)
        .await?;
    for path in due {
        look(app, site, &path, every).await?;
        let until = app.clock.now().plus_seconds(LEASE_SECONDS);
        if !app.store.renew_follow(site.id, &app.process, until).await? {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn postpone(app: &App, site: &Site) -> Outcome<()> {
    let now = app.clock.now();
    let due = app
        .store
        .due_pages(site.workspace, site.id, now, PAGES_AT_ONCE)
        .await?;
    let finding = Finding::Unknown {
        detail: "pages are not looked at (EDGE_DELIVERY_PAGE_CHECK_EVERY is off)".to_owned(),
    };
    for path in due {
        let next = now.plus_seconds(86_400);
        app.store
            .record_finding(site.workspace, site.id, &path, &finding, now, next)
            .await?;
    }
    Ok(())
}

/// Brings what was published since under the check, and its Markdown along.
async fn follow(app: &App, lease: &FollowLease) -> Outcome<()> {
    let (ws, site) = (lease.site.workspace, &lease.site);
    let mut after = lease.publication;
    loop {
        let followed = app
            .store
            .publications_after(ws, site.id, after, FOLLOWED_AT_ONCE)
            .await?;
        let Some(last) = followed.last() else {
            return Ok(());
        };
        after = last.publication;
        if site.settings.markdown_from_html {
            markdown::keep_in_step(app, site, &followed).await?;
        }
        let first = app
            .config
            .page_check_every
            .map_or(FIRST_AFTER, |every| every.min(FIRST_AFTER));
        let first = later(app.clock.now(), first);
        app.store.follow(ws, site.id, &followed, first).await?;
        let until = app.clock.now().plus_seconds(LEASE_SECONDS);
        if !app.store.renew_follow(site.id, &app.process, until).await? {
            return Ok(());
        }
    }
}

fn later(now: Millis, span: Duration) -> Millis {
    Millis(now.0 + i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 2))
}

/// A time for the next look, spread by the path, so that a site that was imported in a minute is not looked at in one.
fn spread(now: Millis, every: Duration, path: &str) -> Millis {
    let digest = Revision::of(path.as_bytes());
    let number = u64::from_str_radix(digest.short(), 16).unwrap_or(0);
    let tenth = u64::try_from(every.as_millis() / 10).unwrap_or(0);
    let part = if tenth == 0 { 0 } else { number % tenth };
    later(now, every - every / 10 + Duration::from_millis(part))
}

/// Looks at one page, and does what follows from it.
async fn look(app: &App, site: &Site, path: &str, every: Duration) -> Outcome<()> {
    let ws = site.workspace;
    let Some(host) = site.hostnames.first() else {
        return Ok(());
    };
    let seen = fetch::page(app, host, path).await;
    let before = app.store.page_failures(ws, site.id, path).await?;
    let mut live = None;
    let finding = match seen {
        Seen::Html(html) => {
            let url = format!("https://{host}{path}");
            match extract::extract(html, url).await {
                Ok(page) => {
                    let text = page.text_hash.clone();
                    live = Some(page);
                    Finding::Page { text }
                }
                Err(detail) => Finding::Unknown { detail },
            }
        }
        Seen::Unknown(detail) => Finding::Unknown { detail },
        Seen::Redirects(detail) => broken(site, "redirects", detail, true),
        Seen::SignIn(detail) => broken(site, "sign_in", detail, true),
        Seen::Fails { detail, may_pass } => {
            broken(site, "fails", detail, !may_pass || before + 1 >= FAILURES)
        }
    };
    let now = app.clock.now();
    let next = match &finding {
        Finding::Page { .. } => spread(now, every, path),
        Finding::Unknown { .. } => later(now, every.min(AGAIN_AFTER * 12)),
        Finding::Broken { withhold: true, .. } => later(now, every.min(WITHHELD_AGAIN_AFTER)),
        Finding::Broken { .. } => later(now, every.min(AGAIN_AFTER)),
    };
    let noticed = app
        .store
        .record_finding(ws, site.id, path, &finding, now, next)
        .await?;
    if let Finding::Broken { detail, .. } = &finding {
        tell(
            app,
            site,
            path,
            Kind::VariantWithheld,
            &noticed.withheld,
            detail,
        )
        .await;
    }
    tell(
        app,
        site,
        path,
        Kind::VariantReleased,
        &noticed.released,
        "",
    )
    .await;
    if !(noticed.withheld.is_empty() && noticed.released.is_empty()) {
        sync::hurry(app, ws, site.id).await?;
    }
    tell(app, site, path, Kind::PageChanged, &noticed.changed, "").await;
    for format in noticed.changed {
        changed(app, site, format, path, live.as_ref()).await?;
    }
    Ok(())
}

fn broken(site: &Site, reason: &'static str, detail: String, is_sure: bool) -> Finding {
    Finding::Broken {
        reason,
        detail,
        withhold: is_sure && site.settings.withhold_broken,
    }
}

/// Who unpublished a variant whose page changed, in its history.
const PAUSED_BY: &str = "the daily check: the page changed";

/// Does what the site's setting says about a page that changed.
async fn changed(
    app: &App,
    site: &Site,
    format: Format,
    path: &str,
    live: Option<&extract::LivePage>,
) -> Outcome<()> {
    match site.settings.on_page_change {
        OnPageChange::Mark => {}
        OnPageChange::Pause => {
            let deed = Deed::by(PAUSED_BY, app.clock.now());
            app.store
                .unpublish(site.workspace, site.id, format, path, deed)
                .await?;
            sync::hurry(app, site.workspace, site.id).await?;
            let formats = [format];
            let why = "the page changed";
            tell(app, site, path, Kind::VariantUnpublished, &formats, why).await;
        }
        OnPageChange::Remake => {
            if let (Some(page), Ok(path)) = (live, PagePath::parse(path)) {
                save_draft(
                    app,
                    site.workspace,
                    site,
                    format,
                    &path,
                    page,
                    "daily check",
                )
                .await?;
            }
        }
    }
    Ok(())
}

async fn tell(app: &App, site: &Site, path: &str, kind: Kind, formats: &[Format], why: &str) {
    for format in formats {
        let mut event = Event::site(kind, site)
            .with("format", format.as_str())
            .with("path", path);
        if !why.is_empty() {
            event = event.with("why", why);
        }
        audit::record(app, &Actor::background(site.workspace), event).await;
    }
}

/// The owner wants nothing of this site withheld any more.
pub(crate) async fn release_all(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<u64> {
    let released = app
        .store
        .release_withheld(ws, site, app.clock.now())
        .await?;
    if released > 0 {
        sync::hurry(app, ws, site).await?;
    }
    Ok(released)
}

/// What is known of the page behind a variant, or `not_found`.
pub(crate) async fn known(app: &App, ws: WorkspaceId, name: &VariantName) -> Outcome<PageWatch> {
    let path = name.path.as_str();
    let mut found = app.store.page_watches_of(ws, name.site, &[path]).await?;
    found
        .remove(&(name.format, path.to_owned()))
        .ok_or_else(|| not_watched(name))
}

fn not_watched(name: &VariantName) -> Problem {
    Problem::not_found(
        &format!("published {} variant that is looked after at", name.format),
        name.path.as_str(),
    )
    .cause("A page is looked after from a few seconds after its variant was published.")
}

/// Has a variant served whatever its page is, or no longer.
pub(crate) async fn serve_anyway(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    serve_anyway: bool,
) -> Outcome<()> {
    let (path, now) = (name.path.as_str(), app.clock.now());
    let done = app
        .store
        .set_serve_anyway(ws, name.site, name.format, path, serve_anyway, now)
        .await?;
    if !done {
        return Err(not_watched(name));
    }
    sync::hurry(app, ws, name.site).await
}

/// The change of a page was looked at; its variant is right as it is. One that was paused for it is published again.
pub(crate) async fn accept_change(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    by: &str,
) -> Outcome<()> {
    let path = name.path.as_str();
    let accepted = app
        .store
        .accept_page_change(ws, name.site, name.format, path)
        .await?;
    if accepted {
        return resume(app, ws, name, by).await;
    }
    known(app, ws, name).await?;
    Err(
        Problem::new(Code::InvalidState, "This page is not marked as changed.")
            .cause("Somebody accepted the change, another revision was published, or the page is as it was again.")
            .remedy("Look at the list of changed pages."),
    )
}

/// Publishes again what was published when the daily check paused it, unless somebody did something else since.
async fn resume(app: &App, ws: WorkspaceId, name: &VariantName, by: &str) -> Outcome<()> {
    let variant = variants::get(app, ws, name).await?;
    let told = history::list(app, ws, name, &store::Page::first(store::PAGE_MAX)).await?;
    let ended = told.items.iter().find(|one| {
        matches!(
            one.kind,
            HistoryKind::Unpublished | HistoryKind::Expired | HistoryKind::Deleted
        )
    });
    let is_paused = variant.published.is_none()
        && ended.is_some_and(|one| one.author.as_deref() == Some(PAUSED_BY));
    if is_paused && let Some(revision) = history::before(app, ws, name, &variant).await? {
        history::roll_back(app, ws, name, Some(revision), by).await?;
    }
    Ok(())
}

/// Looks at a page as soon as possible.
pub(crate) async fn hurry(app: &App, ws: WorkspaceId, name: &VariantName) -> Outcome<()> {
    if app
        .store
        .hurry_page_check(ws, name.site, name.path.as_str())
        .await?
    {
        return Ok(());
    }
    Err(not_watched(name))
}
