//! Problems as pages.

use super::parts::ProblemPanel;
use askama::Template;

/// A problem as a page of its own.
#[derive(Debug, Template)]
#[template(path = "pages/problem_plain.html")]
pub(crate) struct PlainProblemPage {
    /// What happened.
    pub(crate) panel: ProblemPanel,
}
