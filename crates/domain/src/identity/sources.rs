//! What operators publish that an agent can be checked against, and where.
//!
//! The registry says of each agent how it can be verified. Two things are added here: lists of operators whose agents the
//! registry knows by reverse DNS (the address of a visit is not kept, so nothing could be looked up afterwards; a published list
//! can be asked at once), and the hosts that operators sign for.

use crate::agents::{Agent, Verification};
use serde::{Deserialize, Serialize};

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Address ranges.
    Ranges,
    /// Public keys for HTTP message signatures.
    Keys,
}

/// A list that an operator publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where; also its name.
    pub url: String,
    /// What it holds.
    pub kind: ListKind,
    /// Whose it is.
    pub operator: String,
    /// The tokens of the agents that are checked against it.
    pub agents: Vec<String>,
}

/// Where the keys of a host are (draft-meunier-http-message-signatures-directory).
pub const KEYS_PATH: &str = "/.well-known/http-message-signatures-directory";

/// An agent's token and a list that its operator publishes besides what the registry names.
///
/// Google: developers.google.com/crawling/docs/crawlers-fetchers/google-common-crawlers and …/google-user-triggered-fetchers
/// name the lists (official). Common Crawl: commoncrawl.org/ccbot (official). Amazon publishes pages that a script fills, which no
/// program can read: its agents stay *claimed*.
const ALSO: &[(&str, &str)] = &[
    ("CCBot", "https://index.commoncrawl.org/ccbot.json"),
    (
        "Google-CloudVertexBot",
        "https://developers.google.com/static/crawling/ipranges/common-crawlers.json",
    ),
    (
        "Google-NotebookLM",
        "https://developers.google.com/static/crawling/ipranges/user-triggered-fetchers-google.json",
    ),
    (
        "Google-Agent",
        "https://developers.google.com/static/crawling/ipranges/user-triggered-agents.json",
    ),
];

/// An operator and a host that its `Signature-Agent` names.
///
/// OpenAI: help.openai.com/en/articles/11845367-chatgpt-agent-allowlisting (official). Google:
/// developers.google.com/crawling/docs/crawlers-fetchers/google-user-triggered-fetchers (official; an experiment, not every request
/// is signed).
const SIGNS_AS: &[(&str, &str)] = &[("OpenAI", "chatgpt.com"), ("Google", "agent.bot.goog")];

/// The lists of ranges that an agent's address may be in.
pub fn ranges_of(agent: &Agent) -> impl Iterator<Item = &str> {
    let named = match &agent.verification {
        Verification::PublishedIps { url } => Some(url.as_str()),
        _ => None,
    };
    let also = ALSO.iter().filter(|(token, _)| *token == agent.token);
    named.into_iter().chain(also.map(|(_, url)| *url))
}

/// The hosts that an operator signs for.
pub fn hosts_of(operator: &str) -> impl Iterator<Item = &'static str> {
    SIGNS_AS
        .iter()
        .filter(move |(other, _)| *other == operator)
        .map(|(_, host)| *host)
}

/// Where the keys of a host are.
pub fn keys_url(host: &str) -> String {
    format!("https://{host}{KEYS_PATH}")
}

/// Every list that is worth fetching for these agents, each once and in their order; keys last.
pub fn sources<'a>(agents: impl IntoIterator<Item = &'a Agent> + Clone) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    let mut add = |url: &str, kind, agent: &Agent| match sources
        .iter_mut()
        .find(|source| source.url == url)
    {
        Some(source) => source.agents.push(agent.token.to_owned()),
        None => sources.push(Source {
            url: url.to_owned(),
            kind,
            operator: agent.operator.to_owned(),
            agents: vec![agent.token.to_owned()],
        }),
    };
    for agent in agents.clone() {
        for url in ranges_of(agent) {
            add(url, ListKind::Ranges, agent);
        }
    }
    for agent in agents {
        for host in hosts_of(&agent.operator) {
            add(&keys_url(host), ListKind::Keys, agent);
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Registry;

    #[test]
    fn every_list_is_named_once_and_by_https() {
        let sources = sources(Registry::built_in().agents());
        for source in &sources {
            assert!(source.url.starts_with("https://"), "{}", source.url);
            assert!(!source.agents.is_empty() && !source.operator.is_empty());
            let same = sources.iter().filter(|other| other.url == source.url);
            assert_eq!(same.count(), 1, "{}", source.url);
        }
        let agents = |url: &str| {
            let found = sources.iter().find(|source| source.url == url);
            found.map(|source| source.agents.join(" "))
        };
        assert_eq!(
            agents("https://claude.com/crawling/bots.json").as_deref(),
            Some("ClaudeBot Claude-SearchBot Claude-User")
        );
        assert!(agents(&keys_url("chatgpt.com")).is_some_and(|all| all.contains("ChatGPT-User")));
    }

    #[test]
    fn what_is_added_belongs_to_known_agents() {
        let registry = Registry::built_in();
        for (token, _) in ALSO {
            assert!(registry.agent(token).is_some(), "{token}");
        }
        for (operator, _) in SIGNS_AS {
            let mut known = registry.agents().iter();
            assert!(known.any(|agent| agent.operator == *operator), "{operator}");
        }
    }
}
