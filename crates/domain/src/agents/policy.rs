//! What a site does with whom: by purpose, and by single agent.

use super::{Agent, Purpose, Registry, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a visitor gets where a variant is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// The variant.
    Serve,
    /// The page that people get, from the origin.
    Origin,
}

impl Treatment {
    /// The word in settings and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Origin => "origin",
        }
    }

    /// The same for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Serve => "the variant",
            Self::Origin => "the page",
        }
    }
}

/// What a site's owner decided. What is not said is the default: agents of every purpose are served, search engines
/// and link-preview bots are not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentPolicy {
    /// By purpose.
    pub purposes: BTreeMap<Purpose, Treatment>,
    /// By token, as it is written in the registry. It comes before the purpose, and is the only thing that makes an
    /// excluded bot get variants.
    pub single: BTreeMap<String, Treatment>,
}

impl AgentPolicy {
    /// What agents of a purpose get.
    pub fn of_purpose(&self, purpose: Purpose) -> Treatment {
        let said = self.purposes.get(&purpose).copied();
        said.unwrap_or(Treatment::Serve)
    }

    /// What was said of a single token, ignoring ASCII case.
    pub fn of_token(&self, token: &str) -> Option<Treatment> {
        self.single
            .iter()
            .find(|(said, _)| said.eq_ignore_ascii_case(token))
            .map(|(_, treatment)| *treatment)
    }

    /// What an agent gets.
    pub fn of_agent(&self, agent: &Agent) -> Treatment {
        self.of_token(&agent.token)
            .unwrap_or_else(|| self.of_purpose(agent.purpose))
    }

    /// What a bot gets that is excluded unless somebody says otherwise.
    pub fn of_excluded(&self, token: &str) -> Treatment {
        self.of_token(token).unwrap_or(Treatment::Origin)
    }

    /// What a visitor gets who does not ask for Markdown.
    pub fn of_visitor(&self, visitor: Visitor<'_>) -> Treatment {
        match visitor {
            Visitor::Agent(agent) => self.of_agent(agent),
            Visitor::Excluded(bot) => self.of_excluded(&bot.token),
            Visitor::Other => Treatment::Origin,
        }
    }

    /// The excluded bots that are served by this site's own choice.
    pub fn overrides(&self, registry: &Registry) -> Vec<String> {
        registry
            .excluded()
            .iter()
            .filter(|bot| self.of_excluded(&bot.token) == Treatment::Serve)
            .map(|bot| bot.token.clone())
            .collect()
    }

    /// The same for the Worker: exceptions alone, and only of tokens that the registry knows.
    pub fn for_edge(&self, registry: &Registry) -> EdgeAgents {
        let purposes = Purpose::ALL.into_iter();
        let mut edge = EdgeAgents {
            purposes: purposes
                .filter(|purpose| self.of_purpose(*purpose) == Treatment::Serve)
                .collect(),
            serve: self.overrides(registry),
            origin: Vec::new(),
        };
        for agent in registry.agents() {
            let list = match (self.of_agent(agent), self.of_purpose(agent.purpose)) {
                (Treatment::Serve, Treatment::Origin) => &mut edge.serve,
                (Treatment::Origin, Treatment::Serve) => &mut edge.origin,
                _ => continue,
            };
            list.push(agent.token.clone());
        }
        for list in [&mut edge.serve, &mut edge.origin] {
            for token in list.iter_mut() {
                token.make_ascii_lowercase();
            }
            list.sort();
        }
        edge
    }
}

/// Whom a site serves, in the Worker's configuration. Agents of other purposes get the page that people get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeAgents {
    /// The purposes whose agents are served.
    pub purposes: Vec<Purpose>,
    /// Lower-case tokens that are served although their purpose is not, or although they are excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serve: Vec<String>,
    /// Lower-case tokens that are not served although their purpose is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
}

impl Default for EdgeAgents {
    fn default() -> Self {
        Self {
            purposes: Purpose::ALL.to_vec(),
            serve: Vec::new(),
            origin: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: serde_json::Value) -> AgentPolicy {
        serde_json::from_value(json).expect("a policy")
    }

    #[test]
    fn who_gets_what() {
        let registry = Registry::built_in();
        let gets = |policy: &AgentPolicy, ua: &str| policy.of_visitor(registry.classify(ua));
        let default = AgentPolicy::default();
        let mixed = policy(serde_json::json!({
            "purposes": {"training": "origin"},
            "single": {"CCBot": "serve", "chatgpt-user": "origin", "Applebot": "serve"},
        }));
        use Treatment::{Origin, Serve};
        for (ua, by_default, by_mixed) in [
            ("GPTBot/1.3", Serve, Origin),
            ("CCBot/2.0", Serve, Serve),
            ("PerplexityBot/1.0", Serve, Serve),
            ("ChatGPT-User/1.0", Serve, Origin),
            ("Applebot/0.1", Origin, Serve),
            ("Googlebot/2.1", Origin, Origin),
            ("curl/8", Origin, Origin),
        ] {
            assert_eq!(gets(&default, ua), by_default, "{ua}");
            assert_eq!(gets(&mixed, ua), by_mixed, "{ua}");
        }
    }

    #[test]
    fn the_edge_gets_exceptions_alone() {
        let registry = Registry::built_in();
        assert_eq!(
            AgentPolicy::default().for_edge(&registry),
            EdgeAgents::default()
        );
        let edge = policy(serde_json::json!({
            "purposes": {"training": "origin", "user": "serve"},
            "single": {"CCBot": "serve", "GPTBot": "origin", "ChatGPT-User": "origin", "Applebot": "serve", "NoSuchBot": "serve", "PerplexityBot": "serve"},
        }))
        .for_edge(&registry);
        assert_eq!(edge.purposes, [Purpose::Search, Purpose::User]);
        assert_eq!(edge.serve, ["applebot", "ccbot"]);
        assert_eq!(edge.origin, ["chatgpt-user"]);
    }
}
