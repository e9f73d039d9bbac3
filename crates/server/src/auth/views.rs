//! What the pages of this module show. The templates are in `templates/plain`.

use super::passwords::PASSWORD_MIN;
use crate::problem::Problem;
use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

/// The sign-in page.
#[derive(Debug, Default, Template)]
#[template(path = "plain/sign_in.html")]
pub(crate) struct SignInPage {
    /// What was typed.
    pub(crate) email: String,
    /// The page to come back to: a path of this server.
    pub(crate) next: String,
    /// A good message, for example that the password was changed.
    pub(crate) notice: Option<&'static str>,
    /// What went wrong.
    pub(crate) problem: Option<Problem>,
}

/// The page on which the first administrator is made.
#[derive(Debug, Template)]
#[template(path = "plain/first_run.html")]
pub(crate) struct FirstRunPage {
    /// What was typed.
    pub(crate) email: String,
    /// Whether the code from the log is asked for.
    pub(crate) needs_code: bool,
    /// The fewest characters of a password.
    pub(crate) password_min: usize,
    /// What went wrong.
    pub(crate) problem: Option<Problem>,
}

impl Default for FirstRunPage {
    fn default() -> Self {
        Self {
            email: String::new(),
            needs_code: false,
            password_min: PASSWORD_MIN,
            problem: None,
        }
    }
}

/// The page on which a person changes the own password.
#[derive(Debug, Template)]
#[template(path = "plain/change_password.html")]
pub(crate) struct ChangePasswordPage {
    /// Whose password it is.
    pub(crate) email: String,
    /// The fewest characters of a password.
    pub(crate) password_min: usize,
    /// What went wrong.
    pub(crate) problem: Option<Problem>,
}

/// Answers with a page; its status is the problem's, if there is one.
pub(super) fn page(template: &impl Template, problem: Option<&Problem>) -> Response {
    let status = problem.map_or(StatusCode::OK, Problem::status_code);
    let mut response = match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after) {
        response
            .headers_mut()
            .insert(axum::http::header::RETRY_AFTER, seconds.into());
    }
    response
}
