//! A problem as a page of its own.

use crate::problem::Problem;
use askama::Template;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "plain/problem.html")]
pub(super) struct ProblemPage<'a> {
    /// What happened.
    pub(super) problem: &'a Problem,
    /// The request's id, to find it in the log.
    pub(super) request_id: &'a str,
}
