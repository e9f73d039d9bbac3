//! One variant: its source, its preview and its revisions.

use super::{
    bulk::WatchPanel,
    connections::Named,
    parts::{Mark, ProblemPanel, State, When},
    shell::Shell,
    sites::is_deployed,
};
use askama::Template;
use store::{Site, Variant};

mod change;
mod download;
mod edit;
mod preview;

pub(super) use change::{delete, publish, save, unpublish};
pub(super) use download::download;
pub(super) use edit::{edit, new};
pub(super) use preview::{html_of, preview};

/// Whether a variant is published.
pub(crate) fn state_of(variant: &Variant) -> State {
    match &variant.published {
        Some(published) if *published == variant.latest => {
            State::new("ok", Mark::Tick, "Published")
        }
        Some(_) => State::new("ok", Mark::Tick, "Published, newer draft"),
        None if variant.published_at.is_some() => State::new("idle", Mark::Bar, "Unpublished"),
        None => State::new("idle", Mark::Pencil, "Draft"),
    }
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
    /// What the daily check knows of the page.
    pub(crate) watch: Option<WatchPanel>,
    /// The revisions, latest first.
    pub(crate) revisions: Vec<RevisionRow>,
    /// Why it was not saved.
    pub(crate) problem: Option<ProblemPanel>,
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
