//! Reading: the list of sites, and one site's variants.

use super::{DriftPanel, SHOWS, SiteHead, SitePage, SiteRow, SitesPage, VariantRow, is_deployed};
use crate::{
    clock::parse_rfc3339,
    console::{
        desk::{Desk, id, page, page_after},
        parts::{Mark, State, When, count, plural},
        variants::{edge_state, state_of, to_come},
    },
    problem::{Outcome, Problem},
    reconcile::{
        TAKEN_BACK_BY,
        drift::{self, Drift},
    },
    services::{connections, deployments, sites, sync, variants},
    words::shell_word,
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{ids::SiteId, time::Millis};
use serde::Deserialize;
use store::{Page, PageWatch, Site, Variant, WatchFilter};

/// As many rows stand on a page.
const ROWS: u32 = 50;
/// As many paths on their way are told apart from those at the edge.
const PENDING_LOOKED_AT: u32 = 1000;

/// What the address of a list may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    after: String,
    find: String,
    show: String,
}

/// The list of sites.
pub(crate) async fn index(desk: Desk, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let (app, ws, now) = (desk.app(), desk.ws(), desk.now());
    let find = query.find.trim();
    let listed = sites::find_all(app, ws, find, &page_after(&query.after, ROWS)).await?;
    let mut rows = Vec::new();
    for site in &listed.items {
        let counts = app.store.count_variants(ws, site.id).await?;
        rows.push(SiteRow::of(site, counts, now));
    }
    let connections = connections::list(app, ws, &Page::first(1)).await?;
    Ok(page(&SitesPage {
        shell: desk.shell("sites"),
        rows,
        has_connection: !connections.items.is_empty(),
        find: find.to_owned(),
        all: desk.sites_all,
        has_before: !query.after.is_empty(),
        next: listed.next,
    }))
}

/// The head of a site's pages.
pub(crate) async fn head(desk: &Desk, site: &Site, open: &'static str) -> Outcome<SiteHead> {
    let (app, ws) = (desk.app(), desk.ws());
    let counts = app.store.count_variants(ws, site.id).await?;
    let status = sync::status(app, ws, site.id).await?;
    let latest = deployments::list(app, ws, Some(site.id), &Page::first(1)).await?;
    let mut line = vec![format!(
        "{}, {} live at the edge",
        plural(counts.total, "variant"),
        if is_deployed(site) { status.live } else { 0 }
    )];
    if is_deployed(site) && status.pending > 0 {
        line.push(format!("{} on the way", count(status.pending)));
    }
    if status.failed > 0 {
        line.push(format!(
            "{} refused by Cloudflare, tried again",
            count(status.failed)
        ));
    }
    if !desk
        .connections()
        .iter()
        .any(|connection| connection.id == site.connection)
    {
        line.push("No connection: choose one under Settings".to_owned());
    }
    let (alerts, more_alerts, open_alerts) = super::alerts::panels(desk, site).await?;
    let drift = drift::known(app, site).await?;
    let pending = deployments::pending(app, site).await?;
    if pending.is_rolled_back {
        line.push("Stands on an earlier deployment".to_owned());
    } else if !pending.changes.is_empty() {
        line.push(format!(
            "{} not deployed yet",
            plural(pending.changes.len() as u64, "change")
        ));
    }
    let taken_back = latest
        .items
        .first()
        .filter(|newest| newest.requested_by == TAKEN_BACK_BY)
        .and_then(|newest| newest.of)
        .map(|of| of.to_string());
    Ok(SiteHead {
        taken_back,
        not_deployed: pending.changes,
        is_rolled_back: pending.is_rolled_back,
        drift: drift.map(|drift| panel(drift, desk.now())),
        id: site.id.to_string(),
        name: site.name.clone(),
        cli_name: shell_word(&site.name),
        state: site.status.into(),
        line,
        observed: site.observed_at.map(|at| When {
            at,
            now: desk.now(),
        }),
        variants: count(counts.total),
        can_visit: is_deployed(site),
        running: latest
            .items
            .first()
            .filter(|deployment| !deployment.status.is_final())
            .map(|deployment| deployment.id.to_string()),
        open,
        alerts,
        more_alerts,
        open_alerts,
    })
}

fn panel(drift: Drift, now: Millis) -> DriftPanel {
    DriftPanel {
        seen: When {
            at: parse_rfc3339(&drift.seen_at).unwrap_or(now),
            now,
        },
        changes: drift
            .changes
            .into_iter()
            .map(|change| (change.what, change.found))
            .collect(),
        conflicts: drift.conflicts,
    }
}

/// One site's variants.
pub(crate) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let (app, ws) = (desk.app(), desk.ws());
    let site = sites::get(app, ws, id::<SiteId>(&text, "site")?).await?;
    let (listed, next) = matching(&desk, site.id, &query).await?;
    let on_the_way = app
        .store
        .pending_writes(ws, site.id, PENDING_LOOKED_AT)
        .await?;
    let now = desk.now();
    let paths: Vec<&str> = listed.iter().map(|variant| variant.path.as_str()).collect();
    let watches = app.store.page_watches_of(ws, site.id, &paths).await?;
    let rows = listed
        .iter()
        .map(|variant| {
            let watch = watches.get(&(variant.format, variant.path.clone()));
            let is_pending = on_the_way
                .iter()
                .any(|write| write.format == variant.format && write.path == variant.path);
            VariantRow {
                path: variant.path.clone(),
                format: variant.format.as_str(),
                state: changed_state(watch).unwrap_or_else(|| state_of(variant)),
                revision: variant
                    .published
                    .as_ref()
                    .unwrap_or(&variant.latest)
                    .short()
                    .to_owned(),
                to_come: to_come(variant),
                edge: withheld_state(watch)
                    .unwrap_or_else(|| edge_state(&site, variant, is_pending)),
                changed: When {
                    at: variant.updated_at,
                    now,
                },
            }
        })
        .collect();
    Ok(page(&SitePage {
        shell: desk.shell(&text),
        site: head(&desk, &site, "variants").await?,
        sync: super::sync::part(app, &site, now).await?,
        has_before: !query.after.is_empty(),
        find: query.find,
        show: query.show,
        shows: SHOWS,
        rows,
        next,
    }))
}

/// Published, of a page that changed since.
fn changed_state(watch: Option<&PageWatch>) -> Option<State> {
    watch
        .filter(|watch| watch.changed_at.is_some())
        .map(|_| State::new("warn", Mark::Triangle, "Page changed"))
}

/// Published, and not at the edge, since the origin does not show the page.
fn withheld_state(watch: Option<&PageWatch>) -> Option<State> {
    watch
        .filter(|watch| watch.withheld.is_some())
        .map(|_| State::new("warn", Mark::Half, "Withheld"))
}

/// One page of the variants whose pages are so.
async fn told_of(
    desk: &Desk,
    site: SiteId,
    filter: WatchFilter,
    after: &str,
) -> Outcome<(Vec<Variant>, Option<String>)> {
    let store = &desk.app().store;
    let listed = store
        .list_page_watches(desk.ws(), site, filter, &page_after(after, ROWS))
        .await?;
    let mut found = Vec::new();
    for watch in &listed.items {
        let variant = store
            .variant(desk.ws(), site, watch.format, &watch.path)
            .await?;
        found.extend(variant);
    }
    Ok((found, listed.next))
}

/// One page of the variants that the query asks for, and the cursor of the next.
async fn matching(
    desk: &Desk,
    site: SiteId,
    query: &ListQuery,
) -> Outcome<(Vec<Variant>, Option<String>)> {
    match query.show.as_str() {
        "page_changed" => return told_of(desk, site, WatchFilter::Changed, &query.after).await,
        "withheld" => return told_of(desk, site, WatchFilter::Withheld, &query.after).await,
        _ => {}
    }
    let find = query.find.trim();
    let prefix = match find {
        "" => None,
        path if path.starts_with('/') => Some(path.to_owned()),
        path => Some(format!("/{path}")),
    };
    let wanted = page_after(&query.after, ROWS);
    let state = variants::state_of_word(&query.show);
    let prefix = prefix.as_deref();
    let listed = variants::list(desk.app(), desk.ws(), site, &wanted, prefix, state).await?;
    Ok((listed.items, listed.next))
}
