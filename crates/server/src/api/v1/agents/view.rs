//! Agents and registries as the API answers them, also for the command line.

use crate::{
    clock::rfc3339,
    services::agents::{SiteOutlook, Staged, Standing},
};
use domain::agents::{
    Agent, Evidence, Excluded, ExcludedKind, Purpose, Registry, RobotsOnly, Treatment,
    Verification, Visitor,
    changes::{Effect, RegistryChanges},
};
use serde::Serialize;
use store::{AgentRegistry, Site};

/// A user agent that the registry knows.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentView {
    /// The product token in its user agent.
    pub(crate) token: String,
    /// `agent`; `excluded`: gets the page that people get, unless a site says otherwise; `robots_only`: a word of
    /// robots.txt that no request carries.
    pub(crate) kind: &'static str,
    /// What people call it.
    pub(crate) name: String,
    /// Who runs it.
    pub(crate) operator: String,
    /// Of an agent: `training`, `search` or `user`.
    #[schema(value_type = Option<String>)]
    pub(crate) purpose: Option<Purpose>,
    /// Of an excluded bot: `search_engine`, `dual` or `link_preview`.
    #[schema(value_type = Option<String>)]
    pub(crate) why: Option<ExcludedKind>,
    /// Of an agent: `operator` (its own documentation names the token) or `reported` (logs and public lists do).
    #[schema(value_type = Option<String>)]
    pub(crate) evidence: Option<Evidence>,
    /// Of an agent: `{method: published_ips, url}`, `{method: reverse_dns, suffix}`, `{method: web_bot_auth}` or
    /// `{method: none}`.
    #[schema(value_type = Option<Object>)]
    pub(crate) verification: Option<Verification>,
    /// A page about it.
    pub(crate) docs: Option<String>,
    /// The earliest month (`YYYY-MM`) of a public list or page that names it.
    pub(crate) first_seen: Option<String>,
    /// What it gets at each site, or at the one that was asked for.
    pub(crate) sites: Vec<SiteGetsView>,
}

/// What somebody gets at a site, where a variant is published.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SiteGetsView {
    site_id: String,
    site_name: String,
    /// `serve`: the variant; `origin`: the page that people get.
    #[schema(value_type = String)]
    pub(crate) gets: Treatment,
}

impl SiteGetsView {
    /// The site's name.
    pub(crate) fn name(&self) -> &str {
        &self.site_name
    }
}

impl AgentView {
    /// An agent.
    pub(crate) fn agent(agent: &Agent, sites: &[Site]) -> Self {
        Self {
            purpose: Some(agent.purpose),
            evidence: Some(agent.evidence),
            verification: Some(agent.verification.clone()),
            docs: agent.docs.clone(),
            first_seen: agent.first_seen.clone(),
            name: agent.name().to_owned(),
            ..Self::new(
                "agent",
                &agent.token,
                &agent.operator,
                Visitor::Agent(agent),
                sites,
            )
        }
    }

    /// An excluded bot.
    pub(crate) fn excluded(bot: &Excluded, sites: &[Site]) -> Self {
        let visitor = Visitor::Excluded(bot);
        Self {
            why: Some(bot.kind),
            ..Self::new("excluded", &bot.token, &bot.operator, visitor, sites)
        }
    }

    /// A word of robots.txt.
    pub(crate) fn robots_only(word: &RobotsOnly) -> Self {
        Self::new(
            "robots_only",
            &word.token,
            &word.operator,
            Visitor::Other,
            &[],
        )
    }

    fn new(
        kind: &'static str,
        token: &str,
        operator: &str,
        visitor: Visitor<'_>,
        sites: &[Site],
    ) -> Self {
        Self {
            token: token.to_owned(),
            kind,
            name: token.to_owned(),
            operator: operator.to_owned(),
            purpose: None,
            why: None,
            evidence: None,
            verification: None,
            docs: None,
            first_seen: None,
            sites: sites
                .iter()
                .map(|site| SiteGetsView {
                    site_id: site.id.to_string(),
                    site_name: site.name.clone(),
                    gets: site.settings.agents.of_visitor(visitor),
                })
                .collect(),
        }
    }

    /// The entry with this token, ignoring ASCII case.
    pub(crate) fn find(registry: &Registry, token: &str, sites: &[Site]) -> Option<Self> {
        let agent = registry.agent(token).map(|it| Self::agent(it, sites));
        let excluded = || Some(Self::excluded(registry.excluded_bot(token)?, sites));
        let robots = || {
            let mut words = registry.robots_only().iter();
            let word = words.find(|word| word.token.eq_ignore_ascii_case(token))?;
            Some(Self::robots_only(word))
        };
        agent.or_else(excluded).or_else(robots)
    }

    /// Every entry.
    pub(crate) fn all(registry: &Registry, sites: &[Site]) -> Vec<Self> {
        let agents = registry.agents().iter().map(|it| Self::agent(it, sites));
        let excluded = registry.excluded().iter();
        let excluded = excluded.map(|it| Self::excluded(it, sites));
        let robots = registry.robots_only().iter().map(Self::robots_only);
        agents.chain(excluded).chain(robots).collect()
    }
}

/// Who a user agent is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckView {
    /// `agent`, `excluded` or `other`: people and everybody else.
    pub(crate) visitor: &'static str,
    /// Of an agent or an excluded bot: its entry, with what it gets at each site. Everybody else gets the page.
    pub(crate) entry: Option<AgentView>,
}

impl CheckView {
    /// Who sends this user agent.
    pub(crate) fn of(registry: &Registry, user_agent: &str, sites: &[Site]) -> Self {
        let (visitor, entry) = match registry.classify(user_agent) {
            Visitor::Agent(agent) => ("agent", Some(AgentView::agent(agent, sites))),
            Visitor::Excluded(bot) => ("excluded", Some(AgentView::excluded(bot, sites))),
            Visitor::Other => ("other", None),
        };
        Self { visitor, entry }
    }
}

/// What is in force, what waits, and what was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistryView {
    pub(crate) active: HeldView,
    pub(crate) staged: Option<StagedView>,
    /// What was in force before, the last first.
    pub(crate) former: Vec<HeldView>,
}

/// A registry, without its entries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldView {
    /// Null for the one that came with the program.
    pub(crate) id: Option<String>,
    /// `built_in` or `uploaded`.
    pub(crate) source: &'static str,
    /// What its author calls it.
    pub(crate) version: String,
    /// SHA-256 of its content, in hex.
    pub(crate) digest: String,
    /// How many agents it has.
    pub(crate) agents: u64,
    pub(crate) staged_at: Option<String>,
    pub(crate) staged_by: Option<String>,
    pub(crate) activated_at: Option<String>,
    pub(crate) activated_by: Option<String>,
}

impl HeldView {
    /// A registry that was taken in.
    pub(crate) fn of(row: &AgentRegistry) -> Self {
        Self {
            id: Some(row.id.to_string()),
            source: "uploaded",
            version: row.version.clone(),
            digest: row.digest.clone(),
            agents: row.agents,
            staged_at: Some(rfc3339(row.staged_at)),
            staged_by: Some(row.staged_by.clone()),
            activated_at: row.activated_at.map(rfc3339),
            activated_by: row.activated_by.clone(),
        }
    }

    fn built_in(registry: &Registry) -> Self {
        Self {
            id: None,
            source: "built_in",
            version: registry.version().to_owned(),
            digest: registry.digest().to_owned(),
            agents: u64::try_from(registry.agents().len()).unwrap_or(u64::MAX),
            staged_at: None,
            staged_by: None,
            activated_at: None,
            activated_by: None,
        }
    }
}

/// A registry that waits to be put in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StagedView {
    #[serde(flatten)]
    pub(crate) held: HeldView,
    /// What differs from the one in force: `{added[], changed[], removed[]}` of `{token, operator, kind, what[]}`.
    #[schema(value_type = Object)]
    pub(crate) changes: RegistryChanges,
    /// The sites at which somebody would get something else.
    pub(crate) sites: Vec<OutlookView>,
}

/// Who would get something else at a site.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutlookView {
    site_id: String,
    site_name: String,
    /// `{token, before, after}` each, of `serve` and `origin`.
    #[schema(value_type = Vec<Object>)]
    effects: Vec<Effect>,
}

impl OutlookView {
    /// In a line: the site's name, who gets the variant from then on, and who the page.
    pub(crate) fn line(&self) -> String {
        let of = |wanted| {
            let effects = self.effects.iter();
            let tokens = effects.filter(|effect| effect.after == wanted);
            let tokens: Vec<&str> = tokens.map(|effect| effect.token.as_str()).collect();
            (!tokens.is_empty()).then(|| tokens.join(", "))
        };
        let parts = [
            of(Treatment::Serve).map(|tokens| format!("the variant for {tokens}")),
            of(Treatment::Origin).map(|tokens| format!("the page for {tokens}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}: {}", self.site_name, parts.join("; "))
    }

    fn of(outlook: &SiteOutlook) -> Self {
        Self {
            site_id: outlook.id.to_string(),
            site_name: outlook.name.clone(),
            effects: outlook.effects.clone(),
        }
    }
}

impl RegistryView {
    /// How it stands.
    pub(crate) fn of(standing: &Standing) -> Self {
        let staged = |staged: &Staged| StagedView {
            held: HeldView::of(&staged.row),
            changes: staged.changes.clone(),
            sites: staged.sites.iter().map(OutlookView::of).collect(),
        };
        Self {
            active: match &standing.active {
                Some(row) => HeldView::of(row),
                None => HeldView::built_in(&standing.registry),
            },
            staged: standing.staged.as_ref().map(staged),
            former: standing.former.iter().map(HeldView::of).collect(),
        }
    }
}
