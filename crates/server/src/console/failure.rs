//! Problems as pages.

use super::{parts::ProblemPanel, shell::Shell};
use askama::Template;

/// A problem as a page of the console.
#[derive(Debug, Template)]
#[template(path = "pages/problem.html")]
pub(crate) struct ProblemPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// What happened.
    pub(crate) panel: ProblemPanel,
}

/// A problem as a page for somebody who is not signed in.
#[derive(Debug, Template)]
#[template(path = "pages/problem_plain.html")]
pub(crate) struct PlainProblemPage {
    /// What happened.
    pub(crate) panel: ProblemPanel,
}
