//! Who asks: AI agents, bots that always get the page that people get, and everybody else.
//!
//! Matching is by whole product tokens, never by substrings: the user agent is cut at blanks and brackets, each piece
//! at its first `/`, and what is left must equal a token of the [registry], ignoring ASCII case. So `CUBOT` (a
//! telephone), a URL that mentions a bot or an e-mail address in a comment match nothing. `worker/src/agents.js` is the
//! same function for the edge; both run `worker/test/agents.cases.json`.

pub mod registry;

use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::LazyLock};

/// Only so many bytes of a user agent are looked at, so that a long header costs nothing.
pub const USER_AGENT_MAX: usize = 1_024;

/// What an agent fetches pages for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To train models.
    Training,
    /// To build an index that answers are made from.
    Search,
    /// Because a person asked, just now.
    User,
}

impl Purpose {
    /// Every purpose; by default all are served.
    pub const ALL: [Self; 3] = [Self::Training, Self::Search, Self::User];

    /// The word in configuration, database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Search => "search",
            Self::User => "user",
        }
    }
}

/// How it can be proved that a request really comes from an agent's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Verification {
    /// The operator publishes its address ranges as JSON.
    PublishedIps {
        /// Where.
        url: &'static str,
    },
    /// The address resolves to a name under `suffix`, and that name to the address.
    ReverseDns {
        /// With its leading dot.
        suffix: &'static str,
    },
    /// The request is signed (Cloudflare API notes §7).
    WebBotAuth,
    /// No way is known; such a visit stays *claimed*.
    None,
}

/// How we know of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The operator's own documentation names it.
    Operator,
    /// Known from logs and public lists only.
    Reported,
}

/// An AI bot that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// The product token in its user agent; also its id in visits.
    pub token: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Who runs it.
    pub operator: &'static str,
    /// What it fetches pages for.
    pub purpose: Purpose,
    /// How it can be verified.
    pub verification: Verification,
    /// The operator's page about it.
    pub docs: Option<&'static str>,
    /// How we know of it.
    pub evidence: Evidence,
}

/// Why a bot always gets the page that people get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExcludedKind {
    /// A search engine and its helpers: a page shown to it and not to people would be cloaking.
    SearchEngine,
    /// A crawler that feeds both web search and models: a search engine unless the owner says otherwise.
    Dual,
    /// Fetches the picture and title of a link that a person shares.
    LinkPreview,
}

/// A bot that always gets the page that people get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The product token in its user agent, which stands for its family too (`Googlebot-Image`).
    pub token: &'static str,
    /// Who runs it.
    pub operator: &'static str,
    /// Why.
    pub kind: ExcludedKind,
}

/// A word that only robots.txt knows: permission to use what another crawler fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RobotsOnly {
    /// The word.
    pub token: &'static str,
    /// Whose it is.
    pub operator: &'static str,
}

/// Who sends a request, by its user agent alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// An AI agent.
    Agent(&'static Agent),
    /// A search engine or link-preview bot; this wins over any agent's token beside it.
    Excluded(&'static Excluded),
    /// Anybody else: people, above all.
    Other,
}

static AGENTS: LazyLock<HashMap<String, &'static Agent>> = LazyLock::new(|| {
    registry::AGENTS
        .iter()
        .map(|agent| (agent.token.to_ascii_lowercase(), agent))
        .collect()
});

static EXCLUDED: LazyLock<HashMap<String, &'static Excluded>> = LazyLock::new(|| {
    registry::EXCLUDED
        .iter()
        .map(|bot| (bot.token.to_ascii_lowercase(), bot))
        .collect()
});

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

/// Who this user agent belongs to.
pub fn classify(user_agent: &str) -> Visitor {
    let bytes = user_agent.as_bytes();
    let lower = bytes[..bytes.len().min(USER_AGENT_MAX)].to_ascii_lowercase();
    let mut found = None;
    for piece in lower.split(|byte| is_delimiter(*byte)) {
        let name = piece.split(|byte| *byte == b'/').next().unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        if let Some(bot) = excluded(name) {
            return Visitor::Excluded(bot);
        }
        if found.is_none() {
            found = AGENTS.get(name).copied();
        }
    }
    found.map_or(Visitor::Other, Visitor::Agent)
}

/// The excluded bot with this token, or of whose family (`token-…`) it is.
fn excluded(name: &str) -> Option<&'static Excluded> {
    if let Some(bot) = EXCLUDED.get(name) {
        return Some(bot);
    }
    name.match_indices('-')
        .find_map(|(at, _)| EXCLUDED.get(&name[..at]).copied())
}

/// The agent with this token, ignoring ASCII case.
pub fn by_token(token: &str) -> Option<&'static Agent> {
    AGENTS.get(&token.to_ascii_lowercase()).copied()
}

/// The registry as the Worker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentTable {
    script: String,
}

impl AgentTable {
    /// The table of the whole [registry].
    pub fn current() -> Self {
        let mut script = String::from(
            "// Generated from the registry in crates/domain/src/agents/registry.rs; do not edit.\n\
             // `cargo run -p domain --example generate` writes it anew.\n\n\
             /** Lower-case token → [token, purpose]. @type {Map<string, [string, string]>} */\n\
             const AGENTS = new Map([\n",
        );
        for agent in registry::AGENTS {
            script.push_str(&format!(
                "  [{:?}, [{:?}, {:?}]],\n",
                agent.token.to_ascii_lowercase(),
                agent.token,
                agent.purpose.as_str()
            ));
        }
        script.push_str(
            "]);\n\n/** Lower-case token → its name if the owner may have it served as an agent, else empty. @type {Map<string, string>} */\n\
             const EXCLUDED = new Map([\n",
        );
        for bot in registry::EXCLUDED {
            script.push_str(&format!(
                "  [{:?}, {:?}],\n",
                bot.token.to_ascii_lowercase(),
                if bot.kind == ExcludedKind::Dual {
                    bot.token
                } else {
                    ""
                }
            ));
        }
        script.push_str("]);\n");
        Self { script }
    }

    /// The table as JavaScript text.
    pub fn script(&self) -> &str {
        &self.script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            serde_json::from_str(include_str!("../../../worker/test/agents.cases.json"))
                .expect("the shared cases are JSON");
        assert!(cases.len() > 60);
        for case in cases {
            let (agent, excluded) = match classify(&case.ua) {
                Visitor::Agent(agent) => (Some(agent.token.to_owned()), false),
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

    #[test]
    fn every_token_is_found_and_belongs_to_one_list() {
        for agent in registry::AGENTS {
            let ua = format!(
                "Mozilla/5.0 (compatible; {}/1.0; +https://a.test)",
                agent.token
            );
            assert_eq!(classify(&ua), Visitor::Agent(agent), "{ua}");
            assert!(agent.evidence == Evidence::Reported || agent.docs.is_some());
        }
        for bot in registry::EXCLUDED {
            assert_eq!(classify(bot.token), Visitor::Excluded(bot), "{}", bot.token);
        }
        assert_eq!(AGENTS.len(), registry::AGENTS.len());
        assert_eq!(EXCLUDED.len(), registry::EXCLUDED.len());
        assert!(registry::AGENTS.len() >= 35);
    }

    #[test]
    fn odd_input_is_somebody_else() {
        for ua in ["", " ", "/", "((((", "é/1.0", &"a".repeat(100_000)] {
            assert_eq!(classify(ua), Visitor::Other);
        }
        let late = format!("{} GPTBot/1.0", "x".repeat(USER_AGENT_MAX));
        assert_eq!(classify(&late), Visitor::Other);
    }

    #[test]
    fn the_committed_table_is_current() {
        assert!(
            AgentTable::current().script() == include_str!("../../../worker/generated/agents.js"),
            "stale: run `cargo run -p domain --example generate`"
        );
    }
}
