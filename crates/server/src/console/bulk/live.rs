//! A variant beside the live page, and what is decided about the page.

use super::{LivePageView, WatchPanel};
use crate::{
    audit::{self, Kind},
    console::{
        desk::{Desk, done, encoded, id, page, with_previews},
        form::Form,
        parts::{Mark, State, When},
        variants::html_of,
    },
    problem::{Outcome, Problem},
    services::{
        live_pages::{extract, fetch, fetch::Seen, watch},
        sites,
        variants::{self, VariantName},
    },
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{
    ids::SiteId,
    time::Millis,
    variant::{Format, Revision},
};
use serde::Deserialize;
use store::{PageWatch, Site};

/// Which variant.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LiveQuery {
    format: String,
    path: String,
}

/// What the buttons send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DecideForm {
    format: String,
    path: String,
    what: String,
}

impl WatchPanel {
    /// What is known, for people.
    pub(crate) fn of(watch: &PageWatch, now: Millis) -> Self {
        let when = |at: Millis| When { at, now };
        let (word, state, since, detail) =
            match (&watch.withheld, watch.changed_at, watch.checked_at) {
                (Some(withheld), ..) => (
                    "withheld",
                    State::new("warn", Mark::Half, "Withheld"),
                    Some(withheld.at),
                    format!(
                        "Agents get the page that people get, since {}.",
                        withheld.detail
                    ),
                ),
                (None, Some(at), _) => (
                    "changed",
                    State::new("warn", Mark::Triangle, "Page changed"),
                    Some(at),
                    "The page’s main text is another one than when this variant was made."
                        .to_owned(),
                ),
                (None, None, Some(at)) => (
                    "fine",
                    State::new("ok", Mark::Tick, "Page as it was"),
                    Some(at),
                    watch.unknown.as_ref().map_or_else(String::new, |why| {
                        format!("The last look told nothing: {why}.")
                    }),
                ),
                (None, None, None) => (
                    "unchecked",
                    State::new("idle", Mark::Ring, "Not looked at yet"),
                    None,
                    String::new(),
                ),
            };
        Self {
            word,
            state,
            since: since.map(when),
            detail,
            serve_anyway: watch.serve_anyway,
        }
    }
}

/// What the daily check knows of a variant's page; nothing while it is not published.
pub(crate) async fn panel_of(desk: &Desk, name: &VariantName) -> Outcome<Option<WatchPanel>> {
    let path = name.path.as_str();
    let found = desk
        .app()
        .store
        .page_watches_of(desk.ws(), name.site, &[path])
        .await?;
    Ok(found
        .get(&(name.format, path.to_owned()))
        .filter(|watch| watch.revision.is_some())
        .map(|watch| WatchPanel::of(watch, desk.now())))
}

/// The newest revision and the live page's main content, side by side.
pub(super) async fn show(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<LiveQuery>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let path = name.path.as_str();
    let variant = desk
        .app()
        .store
        .variant(desk.ws(), site.id, name.format, path)
        .await?;
    let (mut saved, mut latest) = (None, None);
    if let Some(variant) = variant {
        let content = variants::content(desk.app(), desk.ws(), &name, &variant.latest).await?;
        saved = Some(html_of(name.format, &String::from_utf8_lossy(&content)));
        latest = Some(variant.latest);
    }
    let live = look(&desk, &site, path).await;
    let of_live = live
        .as_ref()
        .ok()
        .map(|page| Revision::of(page.content(name.format).as_bytes()));
    let view = LivePageView {
        shell: desk.shell(&site.id.to_string()),
        site: site.id.to_string(),
        site_name: site.name.clone(),
        path: path.to_owned(),
        format: name.format.as_str(),
        is_same: latest.is_some() && latest == of_live,
        saved,
        live: live.map(|page| page.content(Format::Html)),
        watch: panel_of(&desk, &name).await?,
    };
    Ok(with_previews(page(&view)))
}

async fn look(desk: &Desk, site: &Site, path: &str) -> Result<extract::LivePage, String> {
    let host = site.hostnames.first().ok_or("the site has no host name")?;
    match fetch::page(desk.app(), host, path).await {
        Seen::Html(html) => extract::extract(html, format!("https://{host}{path}")).await,
        other => Err(other.why_not().unwrap_or_default().to_owned()),
    }
}

/// Serves it anyway or no longer, accepts a change, or has the page looked at.
pub(super) async fn decide(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<DecideForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let (app, ws) = (desk.app(), desk.ws());
    let word = match form.what.as_str() {
        "serve" | "withhold" => {
            let serve_anyway = form.what == "serve";
            watch::serve_anyway(app, ws, &name, serve_anyway).await?;
            audit::record_override(app, &desk.actor(), &name, serve_anyway).await;
            "saved"
        }
        "accept" => {
            watch::accept_change(app, ws, &name, desk.me.by()).await?;
            audit::record_variant(app, &desk.actor(), Kind::PageChangeAccepted, &name).await;
            "change_accepted"
        }
        "check" => {
            watch::hurry(app, ws, &name).await?;
            "page_check"
        }
        _ => return Err(Problem::field("what", "is none of the buttons")),
    };
    let path = encoded(name.path.as_str());
    let back = format!(
        "/sites/{}/variants/live?format={}&path={path}",
        site.id, name.format
    );
    Ok(done(&back, word))
}
