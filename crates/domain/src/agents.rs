//! Who asks: AI agents, bots that always get the page that people get, and everybody else.
//!
//! Matching is by whole product tokens, never by substrings: the user agent is cut at blanks and brackets, each piece
//! at its first `/`, and what is left must equal a token of the [`Registry`], ignoring ASCII case. So `CUBOT` (a
//! telephone), a URL that mentions a bot or an e-mail address in a comment match nothing. `worker/src/agents.js` is the
//! same function for the edge; both run the same lists of user agents.
//!
//! The registry is data: the built-in one is `agents/registry.json`, and an administrator may put another one in its
//! place, which is [checked](document) first. What a site does with whom is its [`AgentPolicy`].

pub mod changes;
pub mod document;
mod policy;
mod registry;
mod samples;
mod table;
mod unknown;
mod words;

pub use policy::{AgentPolicy, EdgeAgents, Treatment};
pub use registry::{Registry, Visitor};
pub use table::AgentTable;
pub use unknown::names_itself_a_bot;

use serde::{Deserialize, Serialize};

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

    /// The same for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Training => "Trains models",
            Self::Search => "Builds a search index",
            Self::User => "Fetches for a person",
        }
    }
}

/// How it can be proved that a request really comes from an agent's operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verification {
    /// The operator publishes its address ranges as JSON.
    PublishedIps {
        /// Where.
        url: String,
    },
    /// The address resolves to a name under `suffix`, and that name to the address.
    ReverseDns {
        /// With its leading dot.
        suffix: String,
    },
    /// The request is signed (Cloudflare API notes §7).
    WebBotAuth,
    /// No way is known; such a visit stays *claimed*.
    #[default]
    None,
}

impl Verification {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The way and what it goes by, for people; `None` when no way is known.
    pub fn in_words(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::PublishedIps { url } => Some(("Published addresses", url)),
            Self::ReverseDns { suffix } => Some(("Reverse DNS", suffix)),
            Self::WebBotAuth => Some(("Signed requests", "Web Bot Auth")),
            Self::None => None,
        }
    }
}

/// How we know of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The operator's own documentation names it.
    Operator,
    /// Known from logs and public lists only.
    Reported,
}

impl Evidence {
    /// The word in documents and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Reported => "reported",
        }
    }
}

/// An AI bot that we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Agent {
    /// The product token in its user agent; also its id in visits.
    pub token: String,
    /// What people call it, where that is not the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who runs it.
    pub operator: String,
    /// What it fetches pages for.
    pub purpose: Purpose,
    /// How we know of it.
    pub evidence: Evidence,
    /// How it can be verified.
    #[serde(default, skip_serializing_if = "Verification::is_none")]
    pub verification: Verification,
    /// A page about it: the operator's, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    /// The earliest month (`YYYY-MM`) from which we hold a public list or page that names it. It may be older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
}

impl Agent {
    /// What people call it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.token)
    }
}

/// Why a bot always gets the page that people get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExcludedKind {
    /// A search engine and its helpers: a page shown to it and not to people would be cloaking.
    SearchEngine,
    /// A crawler that feeds both web search and models: a search engine unless the owner says otherwise.
    Dual,
    /// Fetches the picture and title of a link that a person shares.
    LinkPreview,
}

impl ExcludedKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::SearchEngine, Self::Dual, Self::LinkPreview];

    /// The word in documents and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SearchEngine => "search_engine",
            Self::Dual => "dual",
            Self::LinkPreview => "link_preview",
        }
    }

    /// The same for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SearchEngine => "search engine",
            Self::Dual => "feeds a search engine as well as models",
            Self::LinkPreview => "shows a link that a person shares",
        }
    }
}

/// A bot that gets the page that people get, unless a site's owner says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Excluded {
    /// The product token in its user agent, which stands for its family too (`Googlebot-Image`).
    pub token: String,
    /// Who runs it.
    pub operator: String,
    /// Why.
    pub kind: ExcludedKind,
}

/// A word that only robots.txt knows: permission to use what another crawler fetched. It is never matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RobotsOnly {
    /// The word.
    pub token: String,
    /// Whose it is.
    pub operator: String,
}
