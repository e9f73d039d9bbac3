//! Workers scripts: their code, what it is bound to, and which version of it runs.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// How many versions and deployments of a script are kept.
const KEPT: usize = 50;

/// One file of a script in module form.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// The name by which other modules import it.
    pub name: String,
    /// Decides its kind: `application/javascript+module`, `text/plain`, `application/wasm`, …
    pub content_type: String,
    /// As uploaded.
    pub bytes: Bytes,
}

/// The code of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// `addEventListener('fetch', …)`; bindings are globals.
    ServiceWorker {
        /// The name of the part it was uploaded in.
        name: String,
        /// The script's text.
        code: Bytes,
    },
    /// `export default { fetch }`.
    Modules {
        /// The entry point's name.
        main: String,
        /// All files, the entry point included.
        modules: Vec<Module>,
    },
}

impl Code {
    /// Size of all files together, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::ServiceWorker { code, .. } => code.len(),
            Self::Modules { modules, .. } => modules.iter().map(|m| m.bytes.len()).sum(),
        }
    }

    /// The entry point's name.
    #[must_use]
    pub fn entry_point(&self) -> &str {
        match self {
            Self::ServiceWorker { name, .. } => name,
            Self::Modules { main, .. } => main,
        }
    }
}

/// What a script finds under a name. `Debug` shows what the API shows.
#[derive(Clone, PartialEq)]
pub enum Binding {
    /// A KV namespace.
    KvNamespace {
        /// The variable.
        name: String,
        /// 32 hex digits.
        namespace_id: String,
    },
    /// A secret; its text never leaves the emulator but to the script.
    SecretText {
        /// The variable.
        name: String,
        /// The secret.
        text: String,
    },
    /// A text.
    PlainText {
        /// The variable.
        name: String,
        /// The text.
        text: String,
    },
    /// Any JSON.
    Json {
        /// The variable.
        name: String,
        /// The value.
        json: Value,
    },
    /// A dataset of Analytics Engine.
    AnalyticsEngine {
        /// The variable.
        name: String,
        /// The dataset's name.
        dataset: String,
    },
    /// The binding of this name in the version before; resolved at upload, never stored.
    Inherit {
        /// The variable.
        name: String,
    },
    /// Another kind, kept as it was sent; the runtime does not provide it.
    Other(Map<String, Value>),
}

impl Binding {
    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::KvNamespace { name, .. }
            | Self::SecretText { name, .. }
            | Self::PlainText { name, .. }
            | Self::Json { name, .. }
            | Self::AnalyticsEngine { name, .. }
            | Self::Inherit { name } => name,
            Self::Other(map) => map.get("name").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// Cloudflare's word for its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::KvNamespace { .. } => "kv_namespace",
            Self::SecretText { .. } => "secret_text",
            Self::PlainText { .. } => "plain_text",
            Self::Json { .. } => "json",
            Self::AnalyticsEngine { .. } => "analytics_engine",
            Self::Inherit { .. } => "inherit",
            Self::Other(map) => map.get("type").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// As the API shows it: a secret without its text.
    #[must_use]
    pub fn shown(&self) -> Value {
        let (name, kind) = (self.name(), self.kind());
        match self {
            Self::KvNamespace { namespace_id, .. } => {
                json!({"name": name, "namespace_id": namespace_id, "type": kind})
            }
            Self::SecretText { .. } | Self::Inherit { .. } => json!({"name": name, "type": kind}),
            Self::PlainText { text, .. } => json!({"name": name, "text": text, "type": kind}),
            Self::Json { json: value, .. } => json!({"name": name, "json": value, "type": kind}),
            Self::AnalyticsEngine { dataset, .. } => {
                json!({"name": name, "dataset": dataset, "type": kind})
            }
            Self::Other(map) => {
                let mut map = map.clone();
                map.retain(|key, _| !matches!(key.as_str(), "text" | "key_base64" | "key_jwk"));
                Value::Object(map)
            }
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({})", self.shown())
    }
}

/// What one version is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The code.
    pub code: Code,
    /// `YYYY-MM-DD`; without one the oldest behaviour applies (2021-11-02).
    pub compatibility_date: Option<String>,
    /// Such as `nodejs_compat`.
    pub compatibility_flags: Vec<String>,
    /// Names are unique.
    pub bindings: Vec<Binding>,
    /// 64 hex digits, of the code alone.
    pub etag: String,
    /// The events it listens to, as far as can be told from its text.
    pub handlers: Vec<String>,
    /// `placement`, `limits` and `usage_model` as they were sent.
    pub extra: Map<String, Value>,
}

/// One version; versions never change.
#[derive(Clone, Debug)]
pub struct Version {
    /// A UUID with hyphens.
    pub id: String,
    /// From 1.
    pub number: u64,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// `api`, `wrangler`, …
    pub source: String,
    /// `workers/message`, `workers/tag`, `workers/triggered_by`.
    pub annotations: Map<String, Value>,
    /// The version itself.
    pub content: Content,
}

/// Which versions get which part of the traffic.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// A UUID with hyphens.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// `api`, `wrangler`, …
    pub source: String,
    /// As sent.
    pub annotations: Map<String, Value>,
    /// Version id and per cent; they sum to 100.
    pub versions: Vec<(String, f64)>,
}

/// A script of an account.
#[derive(Clone, Debug)]
pub struct Script {
    /// 32 hex digits, for as long as the script lives.
    pub tag: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// At most eight short texts.
    pub tags: Vec<String>,
    /// `logpush`, `observability`, `tail_consumers` as they were sent.
    pub settings: Map<String, Value>,
    /// Whether it answers under workers.dev, which the edge does not serve.
    pub subdomain_enabled: bool,
    /// Whether its versions do.
    pub previews_enabled: bool,
    /// Oldest first, never empty.
    pub versions: Vec<Version>,
    /// Oldest first; empty when no version was deployed.
    pub deployments: Vec<Deployment>,
}

impl Script {
    /// A new script: one version, deployed.
    #[must_use]
    pub fn new(content: Content, source: &str, now_ms: u64) -> Self {
        let mut script = Self {
            tag: Uuid::new_v4().simple().to_string(),
            created_ms: now_ms,
            modified_ms: now_ms,
            tags: Vec::new(),
            settings: Map::new(),
            subdomain_enabled: false,
            previews_enabled: false,
            versions: Vec::new(),
            deployments: Vec::new(),
        };
        let id = script.add_version(content, source, Map::new(), now_ms);
        script.deploy(vec![(id, 100.0)], source, Map::new(), now_ms);
        script
    }

    /// Adds a version, which does not run yet; gives its id.
    pub fn add_version(
        &mut self,
        content: Content,
        source: &str,
        annotations: Map<String, Value>,
        now_ms: u64,
    ) -> String {
        let id = Uuid::new_v4().to_string();
        self.modified_ms = now_ms;
        self.versions.push(Version {
            id: id.clone(),
            number: self.versions.last().map_or(1, |v| v.number + 1),
            created_ms: now_ms,
            source: source.to_owned(),
            annotations,
            content,
        });
        id
    }

    /// Gives versions their part of the traffic; gives the deployment's id.
    pub fn deploy(
        &mut self,
        versions: Vec<(String, f64)>,
        source: &str,
        annotations: Map<String, Value>,
        now_ms: u64,
    ) -> String {
        let id = Uuid::new_v4().to_string();
        self.modified_ms = now_ms;
        self.deployments.push(Deployment {
            id: id.clone(),
            created_ms: now_ms,
            source: source.to_owned(),
            annotations,
            versions,
        });
        self.forget_old();
        id
    }

    /// Old versions keep their code in memory; the newest few dozen are enough to look at and to go back to.
    fn forget_old(&mut self) {
        let extra = self.deployments.len().saturating_sub(KEPT);
        self.deployments.drain(..extra);
        let used: Vec<&str> = self
            .deployments
            .last()
            .map(|d| d.versions.iter().map(|(id, _)| id.as_str()).collect())
            .unwrap_or_default();
        let extra = self.versions.len().saturating_sub(KEPT);
        let mut at = 0;
        self.versions.retain(|v| {
            at += 1;
            at > extra || used.contains(&v.id.as_str())
        });
    }

    /// The version that runs: of the newest deployment the one with the largest share.
    #[must_use]
    pub fn live(&self) -> Option<&Version> {
        let (id, _) = self
            .deployments
            .last()?
            .versions
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        self.version(id)
    }

    /// The version made last.
    #[must_use]
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// The version of this id, with or without hyphens.
    #[must_use]
    pub fn version(&self, id: &str) -> Option<&Version> {
        let id = super::plain_id(id);
        self.versions.iter().find(|v| super::plain_id(&v.id) == id)
    }
}
