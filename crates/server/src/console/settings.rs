//! Access keys, the password, the sessions and what this program is.

use super::{
    parts::{Mark, ProblemPanel, When},
    shell::Shell,
};
use askama::Template;

/// The settings of the person and the program.
#[derive(Debug, Template)]
#[template(path = "pages/settings.html")]
pub(crate) struct SettingsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The access keys.
    pub(crate) keys: Vec<KeyRow>,
    /// The key just made: its name and the key itself, shown this once.
    pub(crate) made: Option<(String, String)>,
    /// What the program says of itself.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Why something was not done.
    pub(crate) problem: Option<ProblemPanel>,
}

/// An access key in the list.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its last characters.
    pub(crate) hint: String,
    /// When it was made.
    pub(crate) made: When,
    /// When it was last used.
    pub(crate) used: Option<When>,
    /// Whether it is no longer accepted.
    pub(crate) is_revoked: bool,
}
