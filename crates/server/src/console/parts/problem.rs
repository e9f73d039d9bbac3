//! A problem as a panel, with what can be pressed and what to copy for support.

use super::{Coded, Exact, Mark};
use crate::{
    problem::{Code, Problem},
    services::token_url,
};
use askama::Template;
use domain::{
    connection::{Granted, TokenKind},
    time::Millis,
};
use serde::Deserialize;
use std::sync::OnceLock;

/// One checked permission inside a problem.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckRow {
    /// As in Cloudflare's form.
    pub(crate) name: String,
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
}

impl CheckRow {
    /// The level as Cloudflare writes it.
    pub(crate) fn level_word(&self) -> &'static str {
        if self.level == "edit" { "Edit" } else { "Read" }
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

/// As many refused rows stand in the details to copy.
const COPIED_ROWS: usize = 12;

/// The page with the whole guide.
const GUIDE: &str = "/connect/guide";

/// The guide's section about a problem with a token, as its anchor.
pub(crate) fn guide_section(problem: &Problem) -> Option<&'static str> {
    Some(match problem.code {
        Code::InvalidToken => "invalid-api-token",
        Code::TokenExpired => "token-expired",
        Code::TokenDisabled => "token-disabled",
        Code::InsufficientPermissions => "insufficient-permissions",
        Code::NoAccounts => "no-accounts",
        Code::ApiKeyNotSupported => "not-a-token",
        Code::TokenIpRestricted => "wrong-address",
        Code::CloudflareUnavailable => "cloudflare-trouble",
        // The same code also answers our own callers.
        Code::RateLimited if problem.cloudflare.is_some() => "cloudflare-trouble",
        _ => return None,
    })
}

/// The names that fields have on the console's pages.
const LABELS: [(&str, &str); 32] = [
    (
        "agentStopped.silentHours",
        "The number of hours without a visit",
    ),
    ("agentStopped.days", "The number of days with visits before"),
    ("agentStopped.visits", "The number of visits before"),
    ("errors.percent", "The share of errors"),
    (
        "errors.visits",
        "The number of visits for a share of errors",
    ),
    ("errors.hours", "The number of hours for a share of errors"),
    ("unknownBot.visits", "The number of visits of unknown bots"),
    (
        "contradicted.percent",
        "The share of visits under a false name",
    ),
    ("contradicted.times", "The number of times the share before"),
    (
        "contradicted.visits",
        "The number of visits under a false name",
    ),
    ("beside", "The second visitor"),
    ("base", "The revision that you started from"),
    ("confirm", "The name to confirm with"),
    ("connection", "The connection"),
    ("connectionId", "The connection"),
    ("content", "The source"),
    ("current", "The present password"),
    ("deadline", "The longest wait for KV"),
    ("email", "The e-mail address"),
    ("expireAt", "The time to take it off"),
    ("hostnames", "The list of host names"),
    ("kvDeadlineMs", "The longest wait for KV"),
    ("name", "The name"),
    ("new", "The new password"),
    ("note", "The note"),
    ("password", "The password"),
    ("path", "The path of the page"),
    ("publishAt", "The time to publish"),
    ("revision", "The revision"),
    ("sure", "The box"),
    ("visitor", "The visitor"),
    ("zoneId", "The domain"),
];

/// A refused field by the name that stands on the page, instead of its name in the request.
fn in_the_pages_words(mut problem: Problem) -> Problem {
    for error in &problem.errors {
        let Some((_, label)) = LABELS.iter().find(|(field, _)| *field == error.field) else {
            continue;
        };
        let wire = format!("`{}`", error.field);
        if let Some(rest) = problem.detail.strip_prefix(&wire) {
            problem.detail = format!("{label}{rest}");
        }
        let inside = label.replacen("The ", "the ", 1);
        for text in problem.causes.iter_mut().chain(&mut problem.remedies) {
            *text = text.replace(&wire, &inside);
        }
    }
    problem
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
    /// The guide's section about it.
    pub(crate) guide: Option<String>,
    /// When it happened, for the details.
    pub(crate) time: Option<Exact>,
    /// The rows that were refused, for the details.
    pub(crate) refused: Vec<CheckRow>,
    /// Distinguishes several panels of one page.
    pub(crate) key: String,
}

/// Where people get help, told once at the start: panels are made in many places.
static SUPPORT: OnceLock<Option<String>> = OnceLock::new();

/// Tells every panel where people get help.
pub(crate) fn set_support(url: Option<&url::Url>) {
    let _ = SUPPORT.set(url.map(ToString::to_string));
}

/// Cloudflare's form with what the problem is about.
fn form(problem: &Problem) -> url::Url {
    let is_analytics = problem
        .cloudflare
        .as_ref()
        .is_some_and(|said| said.endpoint.contains("/analytics_engine/"));
    if is_analytics {
        token_url::form_with_analytics(TokenKind::User)
    } else {
        token_url::user_form()
    }
}

impl ProblemPanel {
    /// Where people get help; none: they copy the details.
    fn support(&self) -> Option<&'static str> {
        SUPPORT.get().and_then(Option::as_deref)
    }

    /// The panel of a problem.
    pub(crate) fn new(problem: Problem) -> Self {
        let problem = in_the_pages_words(problem);
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
                href: form(&problem).to_string(),
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
        let mut refused = CheckRow::of(&problem);
        refused.retain(|row| row.granted == Granted::No);
        refused.truncate(COPIED_ROWS);
        Self {
            guide: guide_section(&problem).map(|section| format!("{GUIDE}#{section}")),
            problem,
            actions,
            time: None,
            refused,
            key: "problem".to_owned(),
        }
    }

    /// With the time at which it happened, for the details.
    #[must_use]
    pub(crate) fn at(mut self, time: Millis) -> Self {
        self.time = Some(Exact(time));
        self
    }

    /// On a page that has the guide beside it: the way there loses nothing that was typed.
    #[must_use]
    pub(crate) fn beside_the_guide(mut self) -> Self {
        self.guide = guide_section(&self.problem).map(|section| format!("#{section}"));
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_fields_as_it_shows_them() {
        let panel = ProblemPanel::new(Problem::field("confirm", "is not the site's name"));
        assert_eq!(
            panel.problem.detail,
            "The name to confirm with is not the site's name."
        );
        assert_eq!(
            panel.problem.remedies,
            ["Correct the name to confirm with and try again; nothing was changed."]
        );
        assert_eq!(panel.wrong("confirm"), Some("is not the site's name"));
    }
}
