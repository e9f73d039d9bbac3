//! The list of user agents that we know, and who a user agent is by it.

use super::{Agent, Excluded, RobotsOnly, USER_AGENT_MAX, document};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// The version of the document's form that this program reads.
pub(super) const SCHEMA: u32 = 1;

/// The document as it is written. `Evidence::Operator` in it means that the operator's own documentation (in `docs`)
/// names the token, `Evidence::Reported` that it is known from logs and public lists only. Whatever could not be
/// confirmed either way is left out. Where an operator publishes no way to verify its agent, or we could not confirm
/// it, there is none: such a visit stays *claimed*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) schema: u32,
    pub(super) version: String,
    pub(super) agents: Vec<Agent>,
    pub(super) excluded: Vec<Excluded>,
    #[serde(default)]
    pub(super) robots_only: Vec<RobotsOnly>,
}

/// A checked list of agents. Two with the same content have the same [digest](Self::digest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    document: Document,
    digest: String,
    tokens: HashMap<String, Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Agent(usize),
    Excluded(usize),
}

/// Who sends a request, by its user agent alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor<'a> {
    /// An AI agent.
    Agent(&'a Agent),
    /// A search engine or link-preview bot; this wins over any agent's token beside it.
    Excluded(&'a Excluded),
    /// Anybody else: people, above all.
    Other,
}

static BUILT_IN: LazyLock<Arc<Registry>> = LazyLock::new(|| {
    let registry = document::parse(include_bytes!("registry.json"))
        .expect("the built-in registry is checked by the tests");
    Arc::new(registry)
});

impl Registry {
    /// The one that came with this version of the program.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }

    /// Of a document whose tokens are known to be unique.
    pub(super) fn of(document: Document) -> Self {
        let agents = document.agents.iter().enumerate();
        let agents = agents.map(|(at, agent)| (&agent.token, Place::Agent(at)));
        let excluded = document.excluded.iter().enumerate();
        let excluded = excluded.map(|(at, bot)| (&bot.token, Place::Excluded(at)));
        let tokens = agents
            .chain(excluded)
            .map(|(token, place)| (token.to_ascii_lowercase(), place))
            .collect();
        let digest = hex::encode(Sha256::digest(
            serde_json::to_vec(&document).expect("texts and lists are JSON"),
        ));
        Self {
            document,
            digest,
            tokens,
        }
    }

    /// What its author calls this version.
    pub fn version(&self) -> &str {
        &self.document.version
    }

    /// SHA-256 of its content, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// AI agents: whoever gets HTML variants.
    pub fn agents(&self) -> &[Agent] {
        &self.document.agents
    }

    /// Search engines and link-preview bots: they get the page that people get.
    pub fn excluded(&self) -> &[Excluded] {
        &self.document.excluded
    }

    /// Words for robots.txt that no request ever carries as its user agent.
    pub fn robots_only(&self) -> &[RobotsOnly] {
        &self.document.robots_only
    }

    /// The document, one entry to a line, as it may be edited and taken in again.
    pub fn to_document(&self) -> String {
        fn lines<T: Serialize>(items: &[T]) -> String {
            let lines: Vec<String> = items
                .iter()
                .map(|item| serde_json::to_string(item).expect("texts are JSON"))
                .map(|line| format!("    {line}"))
                .collect();
            format!("[\n{}\n  ]", lines.join(",\n"))
        }
        format!(
            "{{\n  \"schema\": {SCHEMA},\n  \"version\": {},\n  \"agents\": {},\n  \"excluded\": {},\n  \"robotsOnly\": {}\n}}\n",
            serde_json::Value::from(self.version()),
            lines(self.agents()),
            lines(self.excluded()),
            lines(self.robots_only()),
        )
    }

    /// The agent with this token, ignoring ASCII case.
    pub fn agent(&self, token: &str) -> Option<&Agent> {
        match self.tokens.get(&token.to_ascii_lowercase()) {
            Some(Place::Agent(at)) => self.document.agents.get(*at),
            _ => None,
        }
    }

    /// The excluded bot with this token, ignoring ASCII case.
    pub fn excluded_bot(&self, token: &str) -> Option<&Excluded> {
        match self.tokens.get(&token.to_ascii_lowercase()) {
            Some(Place::Excluded(at)) => self.document.excluded.get(*at),
            _ => None,
        }
    }

    /// The excluded bot of whose family (`token-…`) a lower-case name is.
    pub(super) fn family(&self, name: &str) -> Option<&Excluded> {
        name.match_indices('-')
            .find_map(|(at, _)| self.excluded_bot(&name[..at]))
    }

    /// Who this user agent belongs to.
    pub fn classify(&self, user_agent: &str) -> Visitor<'_> {
        let mut found = Visitor::Other;
        for name in names(user_agent) {
            match self.tokens.get(&name) {
                Some(Place::Excluded(at)) => {
                    return Visitor::Excluded(&self.document.excluded[*at]);
                }
                Some(Place::Agent(at)) if found == Visitor::Other => {
                    found = Visitor::Agent(&self.document.agents[*at]);
                }
                Some(Place::Agent(_)) => {}
                None => {
                    if let Some(bot) = self.family(&name) {
                        return Visitor::Excluded(bot);
                    }
                }
            }
        }
        found
    }
}

/// The lower-case names in a user agent that are compared with tokens.
fn names(user_agent: &str) -> Vec<String> {
    let bytes = user_agent.as_bytes();
    let lower = bytes[..bytes.len().min(USER_AGENT_MAX)].to_ascii_lowercase();
    pieces(&lower)
        .filter_map(|(name, _)| std::str::from_utf8(name).ok().map(str::to_owned))
        .collect()
}

/// The names in a user agent, and whether a version follows each.
pub(super) fn pieces(user_agent: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    user_agent
        .split(|byte| is_delimiter(*byte))
        .map(|piece| match piece.iter().position(|byte| *byte == b'/') {
            Some(slash) => (&piece[..slash], true),
            None => (piece, false),
        })
        .filter(|(name, _)| !name.is_empty())
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'('
            | b')'
            | b';'
            | b','
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'"'
            | b'\''
            | b'<'
            | b'>'
            | b'|'
            | b'+'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{Evidence, samples};

    #[derive(Deserialize)]
    struct Case {
        ua: String,
        agent: Option<String>,
        #[serde(default)]
        excluded: bool,
    }

    #[test]
    fn shared_cases() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../../worker/test/agents.cases.json"))
                .expect("the shared cases are JSON");
        assert!(cases.len() > 60);
        let registry = Registry::built_in();
        for case in cases {
            let (agent, excluded) = match registry.classify(&case.ua) {
                Visitor::Agent(agent) => (Some(agent.token.clone()), false),
                Visitor::Excluded(_) => (None, true),
                Visitor::Other => (None, false),
            };
            assert_eq!(
                (agent, excluded),
                (case.agent, case.excluded),
                "{}",
                case.ua
            );
        }
    }

    #[derive(Deserialize)]
    struct Documented {
        ua: String,
        agent: String,
    }

    #[test]
    fn agents_are_known_and_nobody_else_is() {
        let registry = Registry::built_in();
        let rows: Vec<Documented> = serde_json::from_str(include_str!(
            "../../../../worker/test/agents.documented.json"
        ))
        .expect("rows with their sources");
        assert!(rows.len() >= 60);
        let missed: Vec<&str> = rows
            .iter()
            .filter(|row| !matches!(registry.classify(&row.ua), Visitor::Agent(agent) if agent.token == row.agent))
            .map(|row| row.agent.as_str())
            .collect();
        // Two words cannot be told by one.
        assert_eq!(missed, ["Kangaroo Bot"]);
        let people: Vec<&str> = samples::people().collect();
        assert!(people.len() >= 150);
        for ua in people {
            assert_eq!(registry.classify(ua), Visitor::Other, "{ua}");
        }
        let bots: Vec<&str> = samples::bots().collect();
        assert!(bots.len() >= 40);
        for ua in bots {
            assert!(
                matches!(registry.classify(ua), Visitor::Excluded(_)),
                "{ua}"
            );
        }
    }

    #[test]
    fn every_token_is_found_and_belongs_to_one_list() {
        let registry = Registry::built_in();
        for agent in registry.agents() {
            let ua = format!(
                "Mozilla/5.0 (compatible; {}/1.0; +https://a.test)",
                agent.token
            );
            assert_eq!(registry.classify(&ua), Visitor::Agent(agent), "{ua}");
            assert!(agent.evidence == Evidence::Reported || agent.docs.is_some());
        }
        for bot in registry.excluded() {
            let found = registry.classify(&bot.token);
            assert_eq!(found, Visitor::Excluded(bot), "{}", bot.token);
        }
        for word in registry.robots_only() {
            let ua = format!("Mozilla/5.0 (compatible; {}/1.0)", word.token);
            assert!(!matches!(registry.classify(&ua), Visitor::Agent(_)), "{ua}");
        }
        assert_eq!(
            registry.tokens.len(),
            registry.agents().len() + registry.excluded().len()
        );
        assert!(registry.agents().len() >= 100);
    }

    #[test]
    fn odd_input_is_somebody_else() {
        let registry = Registry::built_in();
        for ua in [
            "",
            " ",
            "/",
            "((((",
            "é/1.0",
            "-",
            "+",
            &"a".repeat(100_000),
        ] {
            assert_eq!(registry.classify(ua), Visitor::Other);
        }
        let late = format!("{} GPTBot/1.0", "x".repeat(USER_AGENT_MAX));
        assert_eq!(registry.classify(&late), Visitor::Other);
    }

    #[test]
    fn the_document_comes_back_as_it_was() {
        let built_in = Registry::built_in();
        assert_eq!(built_in.to_document(), include_str!("registry.json"));
        let again = document::parse(built_in.to_document().as_bytes()).expect("its own document");
        assert_eq!(again, *built_in);
        assert_eq!(again.digest(), built_in.digest());
    }
}
