//! Agents: who is known and what each gets, one of them, and the registry they stand in.

mod registry;

#[cfg(test)]
pub(crate) use registry::{HeldRow, RegistryPage, StagedPart};
pub(super) use registry::{activate, discard, download, revert, show as registry, stage};

use super::{
    desk::{Desk, page},
    shell::Shell,
};
use crate::{
    api::agents::{AgentFilter, AgentView, CheckView, no_such},
    problem::Problem,
    services::agents,
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::agents::{Evidence, Registry, Treatment};
use serde::Deserialize;
use store::Site;

/// The agents.
#[derive(Debug, Template)]
#[template(path = "pages/agents.html")]
pub(crate) struct AgentsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// How many agents there are in all.
    pub(crate) total: usize,
    /// What is chosen.
    pub(crate) query: AgentsQuery,
    /// The purposes: word and label.
    pub(crate) purposes: &'static [(&'static str, &'static str)],
    /// The operators, in order.
    pub(crate) operators: Vec<String>,
    /// The sites to choose from: id and name.
    pub(crate) sites: Vec<(String, String)>,
    /// The site whose treatment is shown: id and name.
    pub(crate) site: Option<(String, String)>,
    /// The agents.
    pub(crate) rows: Vec<AgentRow>,
    /// Bots that get the page.
    pub(crate) excluded: Vec<AgentRow>,
    /// Words of robots.txt: token and operator.
    pub(crate) robots: Vec<(String, String)>,
    /// Who the user agent that was asked about is.
    pub(crate) answer: Option<Answer>,
    /// `2026-11-24`, of the registry in force.
    pub(crate) version: String,
    /// Whether another registry waits.
    pub(crate) is_staged: bool,
}

/// One entry of the registry.
#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    /// Its token, which is its address too.
    pub(crate) token: String,
    /// Its name.
    pub(crate) name: String,
    /// Who runs it.
    pub(crate) operator: String,
    /// What it fetches for, or why it is excluded.
    pub(crate) purpose: &'static str,
    /// How it can be verified, and by what.
    pub(crate) verified: Option<(&'static str, String)>,
    /// A page about it.
    pub(crate) docs: Option<String>,
    /// How we know of it.
    pub(crate) evidence: &'static str,
    /// `2024-04`.
    pub(crate) first_seen: Option<String>,
    /// What it gets at the chosen site.
    pub(crate) gets: Option<Treatment>,
}

/// Who a user agent is.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The entry; none: people and everybody else.
    pub(crate) row: Option<AgentRow>,
    /// Whether it is an agent.
    pub(crate) is_agent: bool,
}

const PURPOSES: &[(&str, &str)] = &[
    ("", "All"),
    ("training", "Training"),
    ("search", "Search"),
    ("user", "User"),
];

/// What the address may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AgentsQuery {
    /// The purpose; empty: all.
    pub(crate) purpose: String,
    /// A part of token, name or operator.
    pub(crate) find: String,
    /// The operator; empty: all.
    pub(crate) operator: String,
    /// `operator` or `reported`; empty: both.
    pub(crate) evidence: String,
    /// The site whose treatment is shown.
    pub(crate) site: String,
    /// A user agent to be looked up.
    pub(crate) ua: String,
}

impl AgentsQuery {
    fn filter(&self, kind: &str) -> AgentFilter {
        let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let is_agent = kind == "agent";
        AgentFilter {
            kind: Some(kind.to_owned()),
            purpose: word(&self.purpose).filter(|_| is_agent),
            operator: word(&self.operator),
            evidence: word(&self.evidence).filter(|_| is_agent),
            q: word(self.find.trim()),
            site: None,
        }
    }

    /// Whether anything is left out.
    pub(crate) fn is_narrow(&self) -> bool {
        ![&self.purpose, &self.find, &self.operator, &self.evidence]
            .iter()
            .all(|word| word.is_empty())
    }
}

impl AgentRow {
    fn of(view: AgentView) -> Self {
        Self {
            purpose: match (view.purpose, view.why) {
                (Some(purpose), _) => purpose.title(),
                (None, Some(why)) => why.title(),
                (None, None) => "stands in robots.txt alone",
            },
            verified: view
                .verification
                .as_ref()
                .and_then(|way| way.in_words())
                .map(|(way, by)| (way, by.to_owned())),
            evidence: match view.evidence {
                Some(Evidence::Operator) => "its operator",
                _ => "logs and public lists",
            },
            gets: view.sites.first().map(|site| site.gets),
            token: view.token,
            name: view.name,
            operator: view.operator,
            docs: view.docs,
            first_seen: view.first_seen,
        }
    }
}

impl AgentsPage {
    /// Whether this site's treatment is shown.
    fn is_shown(&self, id: &str) -> bool {
        self.site.as_ref().is_some_and(|(shown, _)| shown == id)
    }

    /// The agents that the address asks for.
    pub(crate) fn new(
        shell: Shell,
        registry: &Registry,
        query: AgentsQuery,
        sites: &[Site],
    ) -> Result<Self, Problem> {
        let named = |site: &Site| (site.id.to_string(), site.name.clone());
        let wanted = sites.iter().find(|site| site.id.to_string() == query.site);
        let site = wanted.or_else(|| sites.first());
        let of_site: Vec<Site> = site.cloned().into_iter().collect();
        let entries = AgentView::all(registry, &of_site);
        let rows = |kind: &str| -> Result<Vec<AgentRow>, Problem> {
            let chosen = query.filter(kind).choose(entries.clone())?;
            Ok(chosen.into_iter().map(AgentRow::of).collect())
        };
        let mut operators: Vec<String> = registry
            .agents()
            .iter()
            .map(|agent| agent.operator.clone())
            .collect();
        operators.sort_by_key(|name| name.to_lowercase());
        operators.dedup();
        let asked = query.ua.trim();
        let answer = (!asked.is_empty()).then(|| {
            let found = CheckView::of(registry, asked, &of_site);
            Answer {
                is_agent: found.visitor == "agent",
                row: found.entry.map(AgentRow::of),
            }
        });
        Ok(Self {
            shell,
            total: registry.agents().len(),
            rows: rows("agent")?,
            excluded: rows("excluded")?,
            robots: registry
                .robots_only()
                .iter()
                .map(|word| (word.token.clone(), word.operator.clone()))
                .collect(),
            purposes: PURPOSES,
            operators,
            sites: sites.iter().map(named).collect(),
            site: site.map(named),
            answer,
            version: registry.version().to_owned(),
            is_staged: false,
            query,
        })
    }
}

/// The agents.
pub(super) async fn index(
    desk: Desk,
    Query(query): Query<AgentsQuery>,
) -> Result<Response, Problem> {
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let sites = agents::all_sites(desk.app(), desk.ws()).await?;
    let mut view = AgentsPage::new(desk.shell("agents"), &registry, query, &sites)?;
    let known = desk.app().store.agent_registries(desk.ws()).await?;
    view.is_staged = known
        .iter()
        .any(|row| row.state == store::RegistryState::Staged);
    Ok(page(&view))
}

/// One entry.
#[derive(Debug, Template)]
#[template(path = "pages/agent.html")]
pub(crate) struct AgentPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The entry.
    pub(crate) row: AgentRow,
    /// `agent`, `excluded` or `robots_only`.
    pub(crate) kind: &'static str,
    /// What it gets at each site: id, name, what, and why.
    pub(crate) sites: Vec<(String, String, Treatment, &'static str)>,
}

impl AgentPage {
    /// The entry with this token.
    pub(crate) fn new(
        shell: Shell,
        registry: &Registry,
        token: &str,
        sites: &[Site],
    ) -> Result<Self, Problem> {
        let view = AgentView::find(registry, token, sites).ok_or_else(|| no_such(token))?;
        let gets = view.sites.iter().map(|site| site.gets);
        let of_sites = sites.iter().zip(gets).map(|(site, gets)| {
            let why = match site.settings.agents.of_token(&view.token) {
                Some(_) => "said of this one alone",
                None if view.kind == "excluded" => "search engines and link previews get the page",
                None => "by its purpose",
            };
            (site.id.to_string(), site.name.clone(), gets, why)
        });
        Ok(Self {
            shell,
            kind: view.kind,
            sites: of_sites.collect(),
            row: AgentRow::of(view),
        })
    }
}

/// One entry.
pub(super) async fn show(desk: Desk, Path(token): Path<String>) -> Result<Response, Problem> {
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let sites = agents::all_sites(desk.app(), desk.ws()).await?;
    Ok(page(&AgentPage::new(
        desk.shell("agents"),
        &registry,
        &token,
        &sites,
    )?))
}
