//! The pages before anybody is signed in; their handlers stand in `auth`.

use super::parts::ProblemPanel;
use askama::Template;

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "pages/sign_in.html")]
pub(crate) struct SignInPage {
    /// The host name of this console, as the browser called it.
    pub(crate) host: String,
    /// What was typed before; the password never is.
    pub(crate) email: String,
    /// The path to go to afterwards; empty: the overview.
    pub(crate) next: String,
    /// Why it did not work.
    pub(crate) problem: Option<ProblemPanel>,
}

/// The page that makes the first administrator.
#[derive(Debug, Template)]
#[template(path = "pages/first_run.html")]
pub(crate) struct FirstRunPage {
    /// Whether the code from the log is asked for.
    pub(crate) needs_code: bool,
    /// What was typed before.
    pub(crate) email: String,
    /// Why it did not work.
    pub(crate) problem: Option<ProblemPanel>,
}
