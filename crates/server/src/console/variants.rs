//! One variant: its source, its preview and its revisions.

use super::{
    bulk::WatchPanel,
    connections::Named,
    desk::encoded,
    parts::{Mark, ProblemPanel, Stamp, State, When},
    shell::Shell,
    sites::is_deployed,
};
use crate::services::variants::VariantName;
use askama::Template;
use store::{Site, Variant};

mod change;
mod checks;
mod compare;
mod difference;
mod download;
mod edit;
mod history;
mod preview;
mod preview_links;
mod schedule;

pub(super) use self::{checks::ChecksPart, difference::DifferencePart, schedule::ScheduleRows};
#[cfg(test)]
pub(super) use self::{
    checks::Finding,
    compare::ComparePage,
    history::{HistoryPage, HistoryRow},
};

pub(super) use change::{delete, publish, save, unpublish};
pub(super) use checks::check;
pub(super) use compare::compare;
pub(super) use download::download;
pub(super) use edit::{edit, new};
pub(super) use history::{history_page, roll_back};
pub(super) use preview::{html_of, preview};
pub(crate) use preview_links::PreviewPart;
#[cfg(test)]
pub(crate) use preview_links::PreviewRow;
pub(super) use preview_links::{make as make_preview, revoke as revoke_preview};
pub(super) use schedule::{cancel as cancel_schedule, set as set_schedule};

/// Whether a variant is published.
pub(crate) fn state_of(variant: &Variant) -> State {
    match &variant.published {
        Some(published) if *published == variant.latest => {
            State::new("ok", Mark::Tick, "Published")
        }
        Some(_) => State::new("ok", Mark::Pencil, "Published, changed since"),
        None if variant.scheduled.is_some() => State::new("run", Mark::Clock, "Scheduled"),
        None if variant.published_at.is_some() => State::new("idle", Mark::Bar, "Unpublished"),
        None => State::new("idle", Mark::Pencil, "Draft"),
    }
}

/// What is to happen to a variant at a set time: words and time.
pub(crate) fn to_come(variant: &Variant) -> Vec<(&'static str, Stamp)> {
    let publish = variant
        .scheduled
        .as_ref()
        .map(|it| ("publishes", Stamp(it.at)));
    let expire = variant.expires.as_ref().map(|it| ("ends", Stamp(it.at)));
    publish.into_iter().chain(expire).collect()
}

/// The address of a variant's page.
pub(super) fn edit_link(name: &VariantName) -> String {
    format!(
        "/sites/{}/variants/edit?format={}&path={}",
        name.site,
        name.format,
        encoded(name.path.as_str())
    )
}

/// Whether the edge has what is published.
pub(crate) fn edge_state(site: &Site, variant: &Variant, is_pending: bool) -> State {
    match (&variant.published, is_pending) {
        (None, _) => State::new("idle", Mark::Ring, "Not there"),
        (Some(_), _) if !is_deployed(site) => State::new("idle", Mark::Ring, "After deploying"),
        (Some(_), true) => State::new("run", Mark::Turning, "On its way"),
        (Some(_), false) => State::new("ok", Mark::Tick, "Live"),
    }
}

/// The editor, for a new variant or one that is there.
#[derive(Debug, Template)]
#[template(path = "pages/variant.html")]
pub(crate) struct VariantPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: Named,
    /// What can be done with a text that is too long for the editor; then `content` is its first part.
    pub(crate) long: Option<LongText>,
    /// Whether nothing is saved yet.
    pub(crate) is_new: bool,
    /// The page's path, as typed while it is new.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) path_wrong: Option<String>,
    /// The format.
    pub(crate) format: &'static str,
    /// The other format.
    pub(crate) other_format: &'static str,
    /// Whether there is a variant in the other format.
    pub(crate) other: Option<()>,
    /// Whether it is published.
    pub(crate) state: State,
    /// Whether the edge has it.
    pub(crate) edge: State,
    /// Whether a revision is published.
    pub(crate) is_published: bool,
    /// The revision that the text started from; saving is refused when it is no longer the latest.
    pub(crate) base: String,
    /// The text.
    pub(crate) content: String,
    /// How much it is.
    pub(crate) size: String,
    /// The HTML that the preview shows.
    pub(crate) preview: String,
    /// Its links to previews on the live site; none while it is new.
    pub(crate) previews: Option<PreviewPart>,
    /// What the daily check knows of the page.
    pub(crate) watch: Option<WatchPanel>,
    /// The revisions, latest first.
    pub(crate) revisions: Vec<RevisionRow>,
    /// Why it was not saved.
    pub(crate) problem: Option<ProblemPanel>,
    /// What its author says about it, as typed.
    pub(crate) note: String,
    /// What the checks found in the text.
    pub(crate) checks: ChecksPart,
    /// What is to happen at a set time.
    pub(crate) schedule: ScheduleRows,
    /// When somebody else was faster: their revision and who saved it, and what differs from it in the text.
    pub(crate) theirs: Option<Theirs>,
}

/// What somebody else saved while a text was being written.
#[derive(Debug, Clone)]
pub(crate) struct Theirs {
    /// The revision's first 8 digits.
    pub(crate) short: String,
    /// Who saved it.
    pub(crate) author: String,
    /// When.
    pub(crate) saved: When,
    /// From theirs to what was typed.
    pub(crate) difference: DifferencePart,
    /// Their text.
    pub(crate) content: String,
}

/// How a text that is too long for the editor is read and replaced.
#[derive(Debug, Clone)]
pub(crate) struct LongText {
    /// Where it is downloaded.
    pub(crate) download: String,
    /// The command that replaces it from a folder.
    pub(crate) push: String,
    /// The file in that folder.
    pub(crate) file: String,
    /// The call that replaces it.
    pub(crate) call: String,
}

/// A revision in the list.
#[derive(Debug, Clone)]
pub(crate) struct RevisionRow {
    /// Its 64 digits.
    pub(crate) revision: String,
    /// Its first 8 digits.
    pub(crate) short: String,
    /// Published, or not.
    pub(crate) state: State,
    /// Its size.
    pub(crate) bytes: String,
    /// Who saved it.
    pub(crate) author: String,
    /// The note that came with it.
    pub(crate) note: Option<String>,
    /// When it was saved.
    pub(crate) saved: When,
    /// Whether it is the published one.
    pub(crate) is_published: bool,
    /// Whether it is the one in the editor.
    pub(crate) is_open: bool,
}
