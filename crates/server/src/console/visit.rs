//! *Visit as…*: what the edge gives to an agent beside what it gives to a person.

use super::{
    connections::Named,
    parts::{ProblemPanel, State},
    shell::Shell,
};
use askama::Template;

mod compare;
mod show;

pub(super) use show::show;

/// Two visits side by side.
#[derive(Debug, Template)]
#[template(path = "pages/visit.html")]
pub(crate) struct VisitPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: Named,
    /// Its host names.
    pub(crate) hosts: Vec<String>,
    /// The chosen one.
    pub(crate) host: String,
    /// The path, as typed.
    pub(crate) path: String,
    /// Who can visit.
    pub(crate) visitors: Vec<Named>,
    /// The chosen visitor's id.
    pub(crate) first: String,
    /// The other's id.
    pub(crate) second: String,
    /// What the two say together: state, title, sentence.
    pub(crate) finding: Option<(State, &'static str, String)>,
    /// The visits.
    pub(crate) lanes: Vec<Lane>,
    /// How their texts differ.
    pub(crate) difference: Vec<DiffLine>,
    /// The same visit in a terminal.
    pub(crate) command: String,
    /// Why there was none.
    pub(crate) problem: Option<ProblemPanel>,
}

/// One visit.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// Who.
    pub(crate) name: String,
    /// `AI agent`, `person`, ….
    pub(crate) kind: String,
    /// Whether it is an agent.
    pub(crate) is_agent: bool,
    /// Variant or page.
    pub(crate) state: State,
    /// The HTTP status.
    pub(crate) status: String,
    /// How much came.
    pub(crate) bytes: String,
    /// How long it took.
    pub(crate) took: String,
    /// Whether the body can be shown as a page.
    pub(crate) is_html: bool,
    /// The body as text.
    pub(crate) body: String,
    /// Whether it is longer than shown.
    pub(crate) is_cut: bool,
    /// The headers.
    pub(crate) headers: Vec<HeaderRow>,
    /// Why it failed.
    pub(crate) problem: Option<ProblemPanel>,
}

/// A header of an answer.
#[derive(Debug, Clone)]
pub(crate) struct HeaderRow {
    /// Its name.
    pub(crate) name: String,
    /// Its value; cookies' values are not shown.
    pub(crate) value: String,
    /// Whether the Worker set it.
    pub(crate) is_ours: bool,
}

/// A line of the difference.
#[derive(Debug, Clone)]
pub(crate) struct DiffLine {
    /// `plus`, `minus` or nothing.
    pub(crate) class: &'static str,
    /// `+`, `-` or a blank.
    pub(crate) sign: &'static str,
    /// The text.
    pub(crate) text: String,
}
