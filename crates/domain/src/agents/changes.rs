//! What differs between two registries, and what that means for a site.

use super::{Agent, AgentPolicy, Excluded, Registry, RobotsOnly, Treatment, Visitor};
use serde::Serialize;
use std::collections::BTreeMap;

/// What of a registry differs from another one. All lists are in the order of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryChanges {
    /// Tokens that only the new one knows.
    pub added: Vec<Change>,
    /// Tokens of which something differs.
    pub changed: Vec<Change>,
    /// Tokens that only the old one knows.
    pub removed: Vec<Change>,
}

impl RegistryChanges {
    /// From `old` to `new`.
    pub fn between(old: &Registry, new: &Registry) -> Self {
        let (old, new) = (entries(old), entries(new));
        let mut changes = Self::default();
        for (key, entry) in &new {
            match old.get(key) {
                None => changes.added.push(entry.change(Vec::new())),
                Some(before) => {
                    let what = entry.differences(before);
                    if !what.is_empty() {
                        changes.changed.push(entry.change(what));
                    }
                }
            }
        }
        let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
        changes.removed = gone.map(|(_, entry)| entry.change(Vec::new())).collect();
        changes
    }

    /// Whether nothing differs.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// One token that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The token.
    pub token: String,
    /// Whose it is.
    pub operator: String,
    /// What it is: `training`, `search`, `user`, `search_engine`, `dual`, `link_preview` or `robots_only`.
    pub kind: &'static str,
    /// What of it differs, as in `purpose: training → user`; empty for what was added or removed.
    pub what: Vec<String>,
}

enum Entry<'a> {
    Agent(&'a Agent),
    Excluded(&'a Excluded),
    RobotsOnly(&'a RobotsOnly),
}

fn entries(registry: &Registry) -> BTreeMap<String, Entry<'_>> {
    let agents = registry.agents().iter().map(Entry::Agent);
    let excluded = registry.excluded().iter().map(Entry::Excluded);
    let robots = registry.robots_only().iter().map(Entry::RobotsOnly);
    agents
        .chain(excluded)
        .chain(robots)
        .map(|entry| (entry.token().to_ascii_lowercase(), entry))
        .collect()
}

impl Entry<'_> {
    fn token(&self) -> &str {
        match self {
            Self::Agent(agent) => &agent.token,
            Self::Excluded(bot) => &bot.token,
            Self::RobotsOnly(word) => &word.token,
        }
    }

    fn operator(&self) -> &str {
        match self {
            Self::Agent(agent) => &agent.operator,
            Self::Excluded(bot) => &bot.operator,
            Self::RobotsOnly(word) => &word.operator,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Agent(agent) => agent.purpose.as_str(),
            Self::Excluded(bot) => bot.kind.as_str(),
            Self::RobotsOnly(_) => "robots_only",
        }
    }

    fn change(&self, what: Vec<String>) -> Change {
        Change {
            token: self.token().to_owned(),
            operator: self.operator().to_owned(),
            kind: self.kind(),
            what,
        }
    }

    /// Names and values of its fields, in words.
    fn fields(&self) -> [(&'static str, String); 8] {
        let mut fields = [
            ("token", self.token().to_owned()),
            ("kind", self.kind().to_owned()),
            ("operator", self.operator().to_owned()),
            ("name", String::new()),
            ("evidence", String::new()),
            ("verification", String::new()),
            ("docs", String::new()),
            ("firstSeen", String::new()),
        ];
        if let Self::Agent(agent) = self {
            let way = agent.verification.in_words();
            for (field, value) in [
                (3, agent.name().to_owned()),
                (4, agent.evidence.as_str().to_owned()),
                (
                    5,
                    way.map_or_else(String::new, |(way, by)| format!("{way} {by}")),
                ),
                (6, agent.docs.clone().unwrap_or_default()),
                (7, agent.first_seen.clone().unwrap_or_default()),
            ] {
                fields[field].1 = value;
            }
        }
        fields
    }

    fn differences(&self, before: &Self) -> Vec<String> {
        let shown = |value: String| {
            if value.is_empty() {
                "none".to_owned()
            } else {
                value
            }
        };
        let pairs = before.fields().into_iter().zip(self.fields());
        pairs
            .filter(|((_, old), (_, new))| old != new)
            .map(|((name, old), (_, new))| format!("{name}: {} → {}", shown(old), shown(new)))
            .collect()
    }
}

/// A visitor who would get something else at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The token.
    pub token: String,
    /// What it gets now where a variant is published.
    pub before: Treatment,
    /// What it would get.
    pub after: Treatment,
}

/// Who would get something else at a site with this policy, in the order of tokens.
pub fn effects(old: &Registry, new: &Registry, policy: &AgentPolicy) -> Vec<Effect> {
    let mut tokens: BTreeMap<String, &str> = BTreeMap::new();
    for registry in [old, new] {
        let agents = registry.agents().iter().map(|agent| agent.token.as_str());
        let excluded = registry.excluded().iter().map(|bot| bot.token.as_str());
        for token in agents.chain(excluded) {
            tokens.insert(token.to_ascii_lowercase(), token);
        }
    }
    let gets = |registry: &Registry, token: &str| {
        let visitor = match registry.agent(token) {
            Some(agent) => Visitor::Agent(agent),
            None => registry.classify(token),
        };
        policy.of_visitor(visitor)
    };
    tokens
        .into_values()
        .map(|token| Effect {
            token: token.to_owned(),
            before: gets(old, token),
            after: gets(new, token),
        })
        .filter(|effect| effect.before != effect.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::document::parse;
    use serde_json::json;

    fn registry(agents: &serde_json::Value) -> Registry {
        let document = json!({
            "schema": 1, "version": "test", "agents": agents,
            "excluded": [{"token": "Googlebot", "operator": "Google", "kind": "search_engine"}],
        });
        parse(document.to_string().as_bytes()).expect("a registry")
    }

    #[test]
    fn what_differs_is_told() {
        let bot = |token: &str, purpose: &str| json!({"token": token, "operator": "Somebody", "purpose": purpose, "evidence": "reported"});
        let old = registry(&json!([
            bot("GoneBot", "user"),
            bot("SameBot", "user"),
            bot("OtherBot", "training")
        ]));
        let new = registry(&json!([
            bot("SameBot", "user"),
            bot("OtherBot", "search"),
            bot("NewBot", "training")
        ]));
        let changes = RegistryChanges::between(&old, &new);
        let tokens = |list: &[Change]| -> Vec<String> {
            list.iter().map(|change| change.token.clone()).collect()
        };
        assert_eq!(tokens(&changes.added), ["NewBot"]);
        assert_eq!(tokens(&changes.removed), ["GoneBot"]);
        assert_eq!(changes.changed.len(), 1);
        assert_eq!(changes.changed[0].what, ["kind: training → search"]);
        assert!(RegistryChanges::between(&new, &new).is_empty());

        let policy: AgentPolicy =
            serde_json::from_value(json!({"purposes": {"training": "origin"}})).expect("a policy");
        let effects = effects(&old, &new, &policy);
        let told: Vec<_> = effects
            .iter()
            .map(|effect| (effect.token.as_str(), effect.before, effect.after))
            .collect();
        assert_eq!(
            told,
            [
                ("GoneBot", Treatment::Serve, Treatment::Origin),
                ("OtherBot", Treatment::Origin, Treatment::Serve),
            ],
            "NewBot trains, and training is not served here"
        );
    }
}
