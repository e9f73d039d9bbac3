//! What happened to a variant, and the way back.

use super::{edit::named, edit_link, state_of};
use crate::{
    audit::{self, Kind},
    console::{
        connections::Named,
        desk::{Desk, done, encoded, id, page, page_after},
        form::Form,
        parts::{Mark, Stamp, State},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::{history, sites, variants::VariantName},
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::ids::SiteId;
use serde::Deserialize;
use store::{HistoryEntry, HistoryKind};

/// As many lines stand on a page.
const ROWS: u32 = 50;

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/variant_history.html")]
pub(crate) struct HistoryPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: Named,
    /// The page's path.
    pub(crate) path: String,
    /// The format.
    pub(crate) format: &'static str,
    /// The variant's page; none: it was deleted.
    pub(crate) edit: Option<String>,
    /// Whether it is published.
    pub(crate) state: State,
    /// What was published before: 64 digits and the first 8.
    pub(crate) before: Option<(String, String)>,
    /// The lines, newest first.
    pub(crate) rows: Vec<HistoryRow>,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow {
    /// What.
    pub(crate) state: State,
    /// When.
    pub(crate) at: Option<Stamp>,
    /// Who.
    pub(crate) author: String,
    /// What was said.
    pub(crate) note: Option<String>,
    /// The time that was set.
    pub(crate) due: Option<Stamp>,
    /// Which revision: 64 digits and the first 8.
    pub(crate) revision: Option<(String, String)>,
    /// Whether it is still kept.
    pub(crate) is_kept: bool,
    /// Whether it is published now.
    pub(crate) is_published: bool,
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryQuery {
    format: String,
    path: String,
    after: String,
}

/// What the button sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BackForm {
    format: String,
    path: String,
    revision: String,
}

/// The words of what happened.
fn state_of_kind(kind: HistoryKind) -> State {
    match kind {
        HistoryKind::Saved => State::new("idle", Mark::Pencil, "Saved"),
        HistoryKind::SavedAgain => State::new("idle", Mark::Pencil, "Saved again"),
        HistoryKind::Published => State::new("ok", Mark::Tick, "Published"),
        HistoryKind::RolledBack => State::new("ok", Mark::Back, "Rolled back"),
        HistoryKind::PublishedOnSchedule => State::new("ok", Mark::Clock, "Published on schedule"),
        HistoryKind::Restored => State::new("ok", Mark::Back, "Brought back with a deployment"),
        HistoryKind::Unpublished => State::new("idle", Mark::Bar, "Unpublished"),
        HistoryKind::Expired => State::new("idle", Mark::Clock, "Expired"),
        HistoryKind::Moved => State::new("idle", Mark::Back, "Moved to another path"),
        HistoryKind::Deleted => State::new("bad", Mark::Cross, "Deleted"),
        HistoryKind::PublicationScheduled => State::new("run", Mark::Clock, "To be published"),
        HistoryKind::ExpiryScheduled => State::new("run", Mark::Clock, "To be taken off"),
        HistoryKind::PublicationCancelled => State::new("idle", Mark::Bar, "Publication cancelled"),
        HistoryKind::ExpiryCancelled => State::new("idle", Mark::Bar, "Taking off cancelled"),
        HistoryKind::ScheduleVoid => {
            State::new("warn", Mark::Triangle, "Nothing to do on schedule")
        }
    }
}

fn row(entry: HistoryEntry, published: Option<&str>) -> HistoryRow {
    let revision = entry
        .revision
        .map(|it| (it.to_string(), it.short().to_owned()));
    HistoryRow {
        state: state_of_kind(entry.kind),
        at: entry.at.map(Stamp),
        author: entry.author.unwrap_or_else(|| "not known".to_owned()),
        note: entry.note,
        due: entry.due.map(Stamp),
        is_kept: entry.is_kept,
        is_published: revision
            .as_ref()
            .is_some_and(|(whole, _)| published == Some(whole)),
        revision,
    }
}

/// The history, newest first.
pub(in crate::console) async fn history_page(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, Problem> {
    let (app, ws) = (desk.app(), desk.ws());
    let site = sites::get(app, ws, id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let listed = history::list(app, ws, &name, &page_after(&query.after, ROWS)).await?;
    let path = name.path.as_str();
    let variant = app.store.variant(ws, site.id, name.format, path).await?;
    let before = match &variant {
        Some(variant) => history::before(app, ws, &name, variant).await?,
        None => None,
    };
    let published = variant.as_ref().and_then(|it| it.published.as_ref());
    let published = published.map(ToString::to_string);
    Ok(page(&HistoryPage {
        shell: desk.shell(&text),
        site: named(&site),
        path: path.to_owned(),
        format: name.format.as_str(),
        edit: variant.as_ref().map(|_| edit_link(&name)),
        state: variant
            .as_ref()
            .map_or_else(|| State::new("idle", Mark::Cross, "Deleted"), state_of),
        before: before.map(|it| (it.to_string(), it.short().to_owned())),
        rows: listed
            .items
            .into_iter()
            .map(|entry| row(entry, published.as_deref()))
            .collect(),
        next: listed.next,
    }))
}

/// Publishes again what was published before.
pub(in crate::console) async fn roll_back(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<BackForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let to = parse(&form.revision)?;
    history::roll_back(desk.app(), desk.ws(), &name, Some(to), desk.me.by()).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantRolledBack, &name).await;
    let back = format!(
        "/sites/{}/variants/history?format={}&path={}",
        site.id,
        name.format,
        encoded(name.path.as_str())
    );
    Ok(done(&back, "rolled-back"))
}

fn parse(text: &str) -> Outcome<domain::variant::Revision> {
    text.parse()
        .map_err(|_| Problem::not_found("revision", text))
}
