//! What has been done, newest first.

use super::{
    parts::{State, When},
    shell::Shell,
};
use askama::Template;

/// The list of deployments of all sites.
#[derive(Debug, Template)]
#[template(path = "pages/activity.html")]
pub(crate) struct ActivityPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The deployments.
    pub(crate) rows: Vec<ActivityRow>,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// A deployment in a list.
#[derive(Debug, Clone)]
pub(crate) struct ActivityRow {
    /// Its id.
    pub(crate) id: String,
    /// `Deploy shop.example`.
    pub(crate) title: String,
    /// Who asked for it.
    pub(crate) by: String,
    /// Its state.
    pub(crate) state: State,
    /// `5 of 5`.
    pub(crate) steps: String,
    /// How long it took; empty while it runs.
    pub(crate) took: String,
    /// When it was asked for.
    pub(crate) when: When,
}
