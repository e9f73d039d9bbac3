//! A problem as a panel, with what can be pressed and what to copy for support.

use super::{Coded, Mark, State};
use crate::{
    problem::{Code, Problem},
    services::token_url,
};
use askama::Template;
use domain::connection::Granted;
use serde::Deserialize;
use std::sync::OnceLock;

/// One checked permission, as a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckRow {
    /// As in Cloudflare's form.
    pub(crate) name: String,
    /// `account` or `zone`.
    pub(crate) scope: String,
    /// `edit` or `read`.
    pub(crate) level: String,
    /// The name of the account or zone.
    #[serde(default)]
    pub(crate) place: String,
    /// The finding.
    pub(crate) granted: Granted,
    /// The evidence.
    #[serde(default)]
    pub(crate) detail: String,
    /// Where to grant it.
    #[serde(default)]
    pub(crate) fix_url: Option<String>,
}

impl CheckRow {
    /// The finding as a state.
    pub(crate) fn state(&self) -> State {
        self.granted.into()
    }

    /// The level as Cloudflare writes it.
    pub(crate) fn level_word(&self) -> &'static str {
        if self.level == "edit" { "Edit" } else { "Read" }
    }

    /// Whether the finding is a plain yes.
    pub(crate) fn is_yes(&self) -> bool {
        self.granted == Granted::Yes
    }

    /// The rows inside a problem with a token.
    pub(crate) fn of(problem: &Problem) -> Vec<Self> {
        problem
            .permissions
            .as_ref()
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .unwrap_or_default()
    }
}

/// Where a panel's button leads.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// Its words.
    pub(crate) label: &'static str,
    /// Its address.
    pub(crate) href: String,
    /// Whether it leaves the console.
    pub(crate) is_away: bool,
}

/// A problem, on a page.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/problem.html")]
pub(crate) struct ProblemPanel {
    /// What happened.
    pub(crate) problem: Problem,
    /// What can be pressed.
    pub(crate) actions: Vec<Action>,
    /// Distinguishes several panels of one page.
    pub(crate) key: String,
}

/// Where people get help, told once at the start: panels are made in many places.
static SUPPORT: OnceLock<Option<String>> = OnceLock::new();

/// Tells every panel where people get help.
pub(crate) fn set_support(url: Option<&url::Url>) {
    let _ = SUPPORT.set(url.map(ToString::to_string));
}

impl ProblemPanel {
    /// Where people get help; none: they copy the details.
    fn support(&self) -> Option<&'static str> {
        SUPPORT.get().and_then(Option::as_deref)
    }

    /// The panel of a problem.
    pub(crate) fn new(problem: Problem) -> Self {
        let fixes = matches!(
            problem.code,
            Code::InvalidToken
                | Code::TokenExpired
                | Code::InsufficientPermissions
                | Code::ApiKeyNotSupported
                | Code::NoAccounts
        );
        let mut actions = Vec::new();
        if matches!(
            problem.code,
            Code::TokenDisabled | Code::TokenIpRestricted | Code::InsufficientPermissions
        ) {
            actions.push(Action {
                label: "Edit the token",
                href: token_url::TOKENS_PAGE.to_owned(),
                is_away: true,
            });
        }
        if fixes {
            actions.push(Action {
                label: "Open the form, filled in",
                href: token_url::user_form().to_string(),
                is_away: true,
            });
        }
        if let (Code::ConnectionExists, Some(id)) = (problem.code, &problem.connection_id) {
            actions.push(Action {
                label: "See that connection",
                href: format!("/connections/{id}"),
                is_away: false,
            });
        }
        Self {
            problem,
            actions,
            key: "problem".to_owned(),
        }
    }

    /// The problem that was stored as JSON, for example with a step.
    pub(crate) fn stored(value: &serde_json::Value, key: &str) -> Option<Self> {
        let problem = serde_json::from_value(value.clone()).ok()?;
        let mut panel = Self::new(problem);
        key.clone_into(&mut panel.key);
        Some(panel)
    }

    /// Adds a button.
    #[must_use]
    pub(crate) fn with(mut self, label: &'static str, href: impl Into<String>) -> Self {
        self.actions.push(Action {
            label,
            href: href.into(),
            is_away: false,
        });
        self
    }

    /// What is wrong with a field, if that is known.
    pub(crate) fn wrong(&self, field: &str) -> Option<&str> {
        self.problem
            .errors
            .iter()
            .find(|error| error.field == field)
            .map(|error| error.detail.as_str())
    }
}
