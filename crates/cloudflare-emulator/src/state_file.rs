//! The state file: what there is at the start, as a person can write it by hand. `README.md` and
//! `examples/state.toml` of this crate show it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

mod tokens;
mod world;

/// What there is at the start. Every table may be missing.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateFile {
    /// Whether verify says of an expired or disabled token that it is so.
    pub verify_tells: bool,
    /// Whether a route keeps its `request_limit_fail_open`.
    pub keep_request_limit_fail_open: bool,
    /// Whether the global rate limit of the real service is applied.
    pub rate_limits: bool,
    /// How long the edge goes on seeing a KV key as it was before a write, in milliseconds.
    pub kv_delay_ms: u64,
    /// How long the edge answers reads of KV from its cache, in percent of the real service; 0: it has no cache.
    pub kv_cache_percent: u64,
    /// How many KV writes an account has in a day; 0: no limit.
    pub kv_writes_a_day: u64,
    /// Whether `X-Forwarded-For` names the visitor.
    pub trusts_forwarded_for: bool,
    /// Of how many data points of an index Analytics Engine keeps one; 0: it keeps all.
    pub analytics_sample: u64,
    /// `[[accounts]]`
    pub accounts: Vec<AccountEntry>,
    /// `[[zones]]`
    pub zones: Vec<ZoneEntry>,
    /// `[[tokens]]`
    pub tokens: Vec<TokenEntry>,
    /// `[[namespaces]]`
    pub namespaces: Vec<NamespaceEntry>,
    /// `[[scripts]]`
    pub scripts: Vec<ScriptEntry>,
    /// `[[routes]]`
    pub routes: Vec<RouteEntry>,
}

impl Default for StateFile {
    fn default() -> Self {
        Self {
            verify_tells: true,
            keep_request_limit_fail_open: true,
            rate_limits: false,
            kv_delay_ms: 0,
            kv_cache_percent: 0,
            kv_writes_a_day: 0,
            trusts_forwarded_for: false,
            analytics_sample: 0,
            accounts: Vec::new(),
            zones: Vec::new(),
            tokens: Vec::new(),
            namespaces: Vec::new(),
            scripts: Vec::new(),
            routes: Vec::new(),
        }
    }
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountEntry {
    /// 32 hex digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its label under workers.dev; empty: it has none, and the first upload is refused (10063).
    #[serde(default = "workers_dev")]
    pub subdomain: String,
    /// Whether its e-mail address is verified; else Workers refuses uploads (10034).
    #[serde(default = "yes")]
    pub email_verified: bool,
    /// Whether Workers and KV are available to it; else uploads and new namespaces are refused (10037).
    #[serde(default = "yes")]
    pub workers: bool,
    /// Whether Analytics Engine is enabled for it; else uploads with such a binding are refused (10089).
    #[serde(default = "yes")]
    pub analytics_engine: bool,
}

/// A zone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneEntry {
    /// 32 hex digits.
    pub id: String,
    /// The id of its account.
    pub account: String,
    /// The domain.
    pub name: String,
    /// `initializing`, `pending`, `active` or `moved`.
    #[serde(default = "active")]
    pub status: String,
    /// `free`, `pro`, `business` or `enterprise`.
    #[serde(default = "free")]
    pub plan: String,
    /// Whether the zone is DNS only.
    #[serde(default)]
    pub paused: bool,
    /// Where its pages come from: `http://host:port`.
    #[serde(default)]
    pub origin: Option<url::Url>,
    /// Hostnames with a proxied DNS record, `*.name` for any label; missing: the zone's name and everything below it.
    #[serde(default)]
    pub proxied: Option<Vec<String>>,
}

/// A token.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// What the Authorization header carries.
    pub value: String,
    /// What its owner calls it.
    #[serde(default)]
    pub name: String,
    /// `user` or `account`.
    #[serde(default = "user")]
    pub kind: String,
    /// `active` or `disabled`.
    #[serde(default = "active")]
    pub status: String,
    /// From then on it is expired (RFC 3339).
    #[serde(default, deserialize_with = "moment")]
    pub expires_on: Option<String>,
    /// Before that it does not work (RFC 3339).
    #[serde(default, deserialize_with = "moment")]
    pub not_before: Option<String>,
    /// Addresses or networks that it may be used from; empty: any.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    /// Account ids, or `*`.
    #[serde(default = "everything")]
    pub accounts: Vec<String>,
    /// Zone ids, or `*`.
    #[serde(default = "everything")]
    pub zones: Vec<String>,
    /// `read` or `edit` by permission key.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// More permissions on other accounts and zones.
    #[serde(default)]
    pub policies: Vec<PolicyEntry>,
}

impl std::fmt::Debug for TokenEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenEntry")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Default for TokenEntry {
    /// An active user token for everything, without value and without any permission.
    fn default() -> Self {
        Self {
            value: String::new(),
            name: String::new(),
            kind: user(),
            status: active(),
            expires_on: None,
            not_before: None,
            allowed_ips: Vec::new(),
            accounts: everything(),
            zones: everything(),
            permissions: BTreeMap::new(),
            policies: Vec::new(),
        }
    }
}

/// Permissions of a token on some accounts and zones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    /// Account ids, or `*`.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Zone ids, or `*`.
    #[serde(default)]
    pub zones: Vec<String>,
    /// `read` or `edit` by permission key.
    pub permissions: BTreeMap<String, String>,
}

/// A KV namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// 32 hex digits.
    pub id: String,
    /// The id of its account.
    pub account: String,
    /// Unique within the account.
    pub title: String,
    /// What is in it.
    #[serde(default)]
    pub values: Vec<ValueEntry>,
}

/// A KV value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether `value` is base64 of bytes.
    #[serde(default)]
    pub base64: bool,
    /// Any JSON.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// When it goes away, in seconds since 1970.
    #[serde(default)]
    pub expiration: Option<u64>,
}

/// A script. `Debug` leaves its bindings out: they hold secrets.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptEntry {
    /// The id of its account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// `modules` or `service-worker`.
    #[serde(default = "modules")]
    pub form: String,
    /// Its text; missing: one that hands every request to the origin.
    #[serde(default)]
    pub code: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub compatibility_date: Option<String>,
    /// Cloudflare's binding objects, secrets with their `text`.
    #[serde(default)]
    pub bindings: Vec<Map<String, Value>>,
    /// At most eight.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `api`, `wrangler`, `dash`, `terraform`, …
    #[serde(default = "api")]
    pub last_deployed_from: String,
}

impl std::fmt::Debug for ScriptEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptEntry")
            .field("account", &self.account)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A route.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteEntry {
    /// 32 hex digits; missing: made up, the same at each start.
    #[serde(default)]
    pub id: Option<String>,
    /// The id of its zone.
    pub zone: String,
    /// Such as `shop.example/*`.
    pub pattern: String,
    /// The name of a script; missing: no Worker on that pattern.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether requests go to the origin once the plan's requests are used up.
    #[serde(default)]
    pub request_limit_fail_open: bool,
}

fn workers_dev() -> String {
    "local".into()
}
fn yes() -> bool {
    true
}
fn active() -> String {
    "active".into()
}
fn free() -> String {
    "free".into()
}
fn user() -> String {
    "user".into()
}
fn api() -> String {
    "api".into()
}
fn modules() -> String {
    "modules".into()
}
fn everything() -> Vec<String> {
    vec!["*".into()]
}

/// A moment as text, or as TOML's own kind of date.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Moment {
        Text(String),
        Toml(toml::value::Datetime),
    }
    Ok(
        Option::<Moment>::deserialize(deserializer)?.map(|m| match m {
            Moment::Text(text) => text,
            Moment::Toml(date) => date.to_string(),
        }),
    )
}

/// Why a state was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read the state file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The name says neither TOML nor JSON.
    #[error("the state file {0} must be named .toml or .json, so that its format is known")]
    Extension(PathBuf),
    /// The text is not TOML or JSON, or a key is unknown, missing or of the wrong kind.
    #[error("state file {path}, line {line}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// An entry makes no sense.
    #[error("{}{at}: {what}. {mend}", file_prefix(.path.as_deref()))]
    Invalid {
        /// The file, if it was one.
        path: Option<PathBuf>,
        /// Which entry, such as `zones[0].account`.
        at: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: String,
    },
}

fn file_prefix(path: Option<&Path>) -> String {
    path.map_or_else(
        || "state, ".to_owned(),
        |p| format!("state file {}, ", p.display()),
    )
}

impl StateFile {
    /// Reads a state file, TOML or JSON by its extension, and checks that it makes sense.
    ///
    /// # Errors
    /// See [`StateError`]. No message repeats a line of the file, for it holds tokens.
    pub fn load(path: &Path) -> Result<Self, StateError> {
        let text = std::fs::read_to_string(path).map_err(|source| StateError::Read {
            path: path.to_owned(),
            source,
        })?;
        let syntax = |line, message| StateError::Syntax {
            path: path.to_owned(),
            line,
            message,
        };
        let state: Self = match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => toml::from_str(&text).map_err(|e| {
                let start = e.span().map_or(0, |s| s.start).min(text.len());
                let line = 1 + text.as_bytes()[..start]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count();
                syntax(line, e.message().trim().to_owned())
            })?,
            Some("json") => serde_json::from_str(&text).map_err(|e| {
                let message = e.to_string();
                let message = message
                    .rsplit_once(" at line ")
                    .map_or(message.as_str(), |(m, _)| m);
                syntax(e.line(), message.to_owned())
            })?,
            _ => return Err(StateError::Extension(path.to_owned())),
        };
        match state.clone().into_world() {
            Err(StateError::Invalid { at, what, mend, .. }) => Err(StateError::Invalid {
                path: Some(path.to_owned()),
                at,
                what,
                mend,
            }),
            Err(other) => Err(other),
            Ok(_) => Ok(state),
        }
    }
}
