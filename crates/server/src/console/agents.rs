//! The registry of agents, as it is compiled into this program and into every Worker.

use super::{
    desk::{Desk, page},
    shell::Shell,
};
use askama::Template;
use axum::{extract::Query, response::Response};
use domain::agents::{Evidence, ExcludedKind, Purpose, Verification, registry};
use serde::Deserialize;

/// The registry.
#[derive(Debug, Template)]
#[template(path = "pages/agents.html")]
pub(crate) struct AgentsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// How many agents there are in all.
    pub(crate) total: usize,
    /// The chosen purpose; empty: all.
    pub(crate) purpose: String,
    /// The purposes: word and label.
    pub(crate) purposes: &'static [(&'static str, &'static str)],
    /// The agents.
    pub(crate) rows: Vec<AgentRow>,
    /// Bots that always get the page: token, operator, why.
    pub(crate) excluded: Vec<(&'static str, &'static str, &'static str)>,
}

/// One agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// Who runs it.
    pub(crate) operator: &'static str,
    /// What it fetches for.
    pub(crate) purpose: &'static str,
    /// How it can be verified, and by what.
    pub(crate) verified: Option<(&'static str, &'static str)>,
    /// The operator's page.
    pub(crate) docs: Option<&'static str>,
    /// How we know of it.
    pub(crate) evidence: &'static str,
}

const PURPOSES: &[(&str, &str)] = &[
    ("", "All"),
    ("training", "Training"),
    ("search", "Search"),
    ("user", "User"),
];

impl AgentsPage {
    /// The registry, or the agents of one purpose.
    pub(crate) fn new(shell: Shell, purpose: &str) -> Self {
        let rows = registry::AGENTS
            .iter()
            .filter(|agent| purpose.is_empty() || agent.purpose.as_str() == purpose)
            .map(|agent| AgentRow {
                name: agent.name,
                operator: agent.operator,
                purpose: match agent.purpose {
                    Purpose::Training => "Trains models",
                    Purpose::Search => "Builds a search index",
                    Purpose::User => "Fetches for a person",
                },
                verified: match agent.verification {
                    Verification::PublishedIps { url } => Some(("Published addresses", url)),
                    Verification::ReverseDns { suffix } => Some(("Reverse DNS", suffix)),
                    Verification::WebBotAuth => Some(("Signed requests", "Web Bot Auth")),
                    Verification::None => None,
                },
                docs: agent.docs,
                evidence: match agent.evidence {
                    Evidence::Operator => "its operator",
                    Evidence::Reported => "logs and public lists",
                },
            })
            .collect();
        let excluded = registry::EXCLUDED
            .iter()
            .map(|bot| {
                let why = match bot.kind {
                    ExcludedKind::SearchEngine => "search engine",
                    ExcludedKind::Dual => "feeds a search engine as well as models",
                    ExcludedKind::LinkPreview => "shows a link that a person shares",
                };
                (bot.token, bot.operator, why)
            })
            .collect();
        Self {
            shell,
            total: registry::AGENTS.len(),
            purpose: purpose.to_owned(),
            purposes: PURPOSES,
            rows,
            excluded,
        }
    }
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AgentsQuery {
    purpose: String,
}

/// The registry.
pub(super) async fn index(desk: Desk, Query(query): Query<AgentsQuery>) -> Response {
    page(&AgentsPage::new(desk.shell("agents"), &query.purpose))
}
