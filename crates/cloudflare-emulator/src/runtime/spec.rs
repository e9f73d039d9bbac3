//! What is to run: the uploaded scripts, in plain values from which workerd's configuration is written.

use bytes::Bytes;

/// One uploaded script.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerSpec {
    /// Whose it is and what it is called.
    pub id: WorkerId,
    /// Its code.
    pub source: Source,
    /// `YYYY-MM-DD`; without one Cloudflare applies the oldest behaviour.
    pub compatibility_date: Option<String>,
    /// Compatibility flags as uploaded.
    pub compatibility_flags: Vec<String>,
    /// What the script can reach by name.
    pub bindings: Vec<BindingSpec>,
}

/// A script's account and name: together they are unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// The account's id.
    pub account: String,
    /// The script's name.
    pub name: String,
}

/// The two forms in which a script is uploaded.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `addEventListener('fetch', …)`: one script.
    ServiceWorker(Bytes),
    /// Modules; the first is the main one.
    Modules(Vec<ModuleSpec>),
}

/// One module of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleSpec {
    /// The name that `import` uses.
    pub name: String,
    /// What its content is.
    pub kind: ModuleKind,
    /// Its content.
    pub content: Bytes,
}

/// What a module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ES module.
    Es,
    /// A CommonJS module.
    CommonJs,
    /// WebAssembly.
    Wasm,
    /// A text.
    Text,
    /// Bytes.
    Data,
    /// JSON.
    Json,
}

impl ModuleKind {
    /// The kind that a part's content type names (Cloudflare API notes §4.1); none for what is not run, such as
    /// source maps.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/javascript+module" | "text/javascript+module" => Some(Self::Es),
            "application/javascript" | "text/javascript" => Some(Self::CommonJs),
            "application/wasm" => Some(Self::Wasm),
            "text/plain" => Some(Self::Text),
            "application/octet-stream" => Some(Self::Data),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// One binding.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingSpec {
    /// The name in the script.
    pub name: String,
    /// What it gives.
    pub value: BindingValue,
}

/// What a binding gives. Texts may be secrets, so this type's `Debug` is not for logs.
#[derive(Clone, PartialEq)]
pub enum BindingValue {
    /// A KV namespace, by its id.
    Kv(String),
    /// A text: variable or secret.
    Text(String),
    /// A JSON value, serialised.
    Json(String),
    /// A dataset of Analytics Engine of the same account, by its name.
    AnalyticsEngine(String),
    /// Another script of the same account.
    Service(WorkerId),
    /// WebAssembly.
    Wasm(Bytes),
    /// Bytes.
    Data(Bytes),
}

impl std::fmt::Debug for BindingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kv(_) => "Kv",
            Self::Text(_) => "Text",
            Self::Json(_) => "Json",
            Self::AnalyticsEngine(_) => "AnalyticsEngine",
            Self::Service(_) => "Service",
            Self::Wasm(_) => "Wasm",
            Self::Data(_) => "Data",
        })
    }
}
