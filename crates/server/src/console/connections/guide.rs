//! The guide to making a token: a page of its own, and the anchors that errors point at.

use crate::{
    console::{
        desk::{Desk, page},
        shell::Shell,
    },
    services::token_url,
};
use askama::Template;
use axum::response::Response;

/// The whole guide. The page with the token field shows the same parts, folded.
#[derive(Debug, Template)]
#[template(path = "pages/guide.html")]
pub(crate) struct GuidePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// Cloudflare's form for a person's token, filled in.
    pub(crate) user_form: String,
    /// Cloudflare's form for an account's token, filled in.
    pub(crate) account_form: String,
}

/// The page.
pub(crate) async fn guide(desk: Desk) -> Response {
    page(&GuidePage {
        shell: desk.shell("connections"),
        user_form: token_url::user_form().to_string(),
        account_form: token_url::account_form().to_string(),
    })
}
