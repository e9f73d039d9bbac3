//! Worker scripts (§4).

use crate::{
    AccountId, Api, DatasetName, Error, NamespaceId, ScriptName,
    envelope::null_as_default,
    request::{Part, Request},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;

const COLLECTION: &str = "/accounts/{account}/workers/scripts";
const ONE: &str = "/accounts/{account}/workers/scripts/{script}";
const SETTINGS: &str = "/accounts/{account}/workers/scripts/{script}/settings";

/// A script of a list; the code is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Script {
    /// Its name.
    pub id: String,
    /// Its tags; null on fresh scripts (measured).
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// A hash of its content.
    #[serde(default)]
    pub etag: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub modified_on: Option<String>,
    /// The version that runs, as 32 hex digits (§4.1; not promised for lists).
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// `api`, `dash`, `wrangler`, …
    #[serde(default)]
    pub last_deployed_from: Option<String>,
}

/// A module of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name, also the file name.
    pub name: String,
    /// Decides its kind, for example `application/javascript+module`.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The two forms of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptForm {
    /// `addEventListener('fetch', …)`: one part, named in `body_part`.
    ServiceWorker {
        /// The part's name.
        part: String,
        /// The code.
        code: String,
    },
    /// ES modules.
    Modules {
        /// The main module's name.
        main: String,
        /// All of them.
        modules: Vec<Module>,
    },
}

/// A binding of an upload.
#[derive(Clone, PartialEq)]
pub enum Binding {
    /// A KV namespace.
    KvNamespace {
        /// The global's name.
        name: String,
        /// The namespace.
        namespace: NamespaceId,
    },
    /// A secret; `Debug` does not print it.
    SecretText {
        /// The global's name.
        name: String,
        /// The secret.
        text: String,
    },
    /// A text.
    PlainText {
        /// The global's name.
        name: String,
        /// The text.
        text: String,
    },
    /// A dataset of Analytics Engine; it is made by its first data point (official).
    AnalyticsEngine {
        /// The global's name.
        name: String,
        /// The dataset's name.
        dataset: DatasetName,
    },
    /// A JSON value.
    Json {
        /// The global's name.
        name: String,
        /// The value.
        json: Value,
    },
}

impl Binding {
    fn to_json(&self) -> Value {
        match self {
            Self::KvNamespace { name, namespace } => {
                json!({"type": "kv_namespace", "name": name, "namespace_id": namespace})
            }
            Self::SecretText { name, text } => {
                json!({"type": "secret_text", "name": name, "text": text})
            }
            Self::PlainText { name, text } => {
                json!({"type": "plain_text", "name": name, "text": text})
            }
            Self::AnalyticsEngine { name, dataset } => {
                json!({"type": "analytics_engine", "name": name, "dataset": dataset.to_string()})
            }
            Self::Json { name, json } => json!({"type": "json", "name": name, "json": json}),
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretText { name, .. } => write!(f, "SecretText({name}: …)"),
            other => write!(f, "{}", other.to_json()),
        }
    }
}

/// An upload: a new version and its deployment to all requests at once (§4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptUpload {
    /// The code.
    pub form: ScriptForm,
    /// `YYYY-MM-DD`.
    pub compatibility_date: String,
    /// Every binding: what is not sent is removed, secrets included, unless its type is in `keep_bindings`.
    pub bindings: Vec<Binding>,
    /// Binding types that stay as they are.
    pub keep_bindings: Vec<String>,
    /// At most 8.
    pub tags: Vec<String>,
}

impl ScriptUpload {
    fn parts(&self) -> Vec<Part> {
        let mut metadata = Map::new();
        match &self.form {
            ScriptForm::ServiceWorker { part, .. } => {
                metadata.insert("body_part".to_owned(), json!(part))
            }
            ScriptForm::Modules { main, .. } => {
                metadata.insert("main_module".to_owned(), json!(main))
            }
        };
        metadata.insert(
            "compatibility_date".to_owned(),
            json!(self.compatibility_date),
        );
        metadata.insert(
            "bindings".to_owned(),
            self.bindings.iter().map(Binding::to_json).collect(),
        );
        if !self.keep_bindings.is_empty() {
            metadata.insert("keep_bindings".to_owned(), json!(self.keep_bindings));
        }
        metadata.insert("tags".to_owned(), json!(self.tags));
        let mut parts = vec![Part {
            name: "metadata".to_owned(),
            filename: None,
            content_type: Some("application/json".to_owned()),
            bytes: Value::Object(metadata).to_string().into_bytes(),
        }];
        let file = |name: &str, content_type: &str, bytes: Vec<u8>| Part {
            name: name.to_owned(),
            filename: Some(name.to_owned()),
            content_type: Some(content_type.to_owned()),
            bytes,
        };
        match &self.form {
            ScriptForm::ServiceWorker { part, code } => {
                parts.push(file(
                    part,
                    "application/javascript",
                    code.clone().into_bytes(),
                ));
            }
            ScriptForm::Modules { modules, .. } => {
                parts.extend(
                    modules.iter().map(|module| {
                        file(&module.name, &module.content_type, module.bytes.clone())
                    }),
                );
            }
        }
        parts
    }
}

/// What an upload answers; only the start-up time is sure (§4.1, official).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct UploadedScript {
    /// Changes with every upload.
    #[serde(default)]
    pub etag: Option<String>,
    /// The version that was made, as 32 hex digits.
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// How long the script took to start, in milliseconds.
    #[serde(default)]
    pub startup_time_ms: Option<u64>,
}

/// A script's settings, as far as this client reads them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ScriptSettings {
    /// The bindings as Cloudflare tells them; secrets without their text. `None`: not told.
    #[serde(default)]
    pub bindings: Option<Vec<Value>>,
    /// Its tags.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub compatibility_date: Option<String>,
    /// Such as `nodejs_compat`.
    #[serde(default)]
    pub compatibility_flags: Option<Vec<String>>,
    /// Whether requests are logged to somewhere else.
    #[serde(default)]
    pub logpush: Option<bool>,
    /// Which logs Cloudflare keeps.
    #[serde(default)]
    pub observability: Option<Observability>,
    /// The Workers that get a record of each request.
    #[serde(default)]
    pub tail_consumers: Option<Vec<TailConsumer>>,
}

/// Which logs Cloudflare keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Observability {
    /// Whether it keeps any.
    #[serde(default, deserialize_with = "null_as_default")]
    pub enabled: bool,
}

/// A Worker that gets a record of each request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TailConsumer {
    /// Its name.
    pub service: String,
}

impl ScriptSettings {
    /// The namespace that the KV binding of that name points at.
    pub fn kv_namespace(&self, binding: &str) -> Option<NamespaceId> {
        self.bindings
            .iter()
            .flatten()
            .find(|value| value["type"] == "kv_namespace" && value["name"] == binding)
            .and_then(|value| value["namespace_id"].as_str())
            .and_then(|id| id.parse().ok())
    }
}

impl Api {
    /// All scripts of the account; the list is not paged.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_scripts(&self, account: &AccountId) -> Result<Vec<Script>, Error> {
        let request = Request::get(COLLECTION, &[account.as_str()]);
        self.call_list(request).await.map(|(scripts, _)| scripts)
    }

    /// Uploads a script in the place of whatever has its name.
    ///
    /// # Errors
    ///
    /// When the call failed; code 10021 carries the validator's own words.
    pub async fn upload_script(
        &self,
        account: &AccountId,
        name: &ScriptName,
        upload: &ScriptUpload,
    ) -> Result<UploadedScript, Error> {
        let request = Request::put(ONE, &[account.as_str(), name.as_str()])
            // Without it the answer may be the script instead of JSON (§4.1).
            .query("excludeScript", "true")
            .multipart(upload.parts())
            .once();
        let uploaded: Option<UploadedScript> = self.call(request).await?;
        Ok(uploaded.unwrap_or_default())
    }

    /// A script's settings; missing is 404 with code 10007.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn get_script_settings(
        &self,
        account: &AccountId,
        name: &ScriptName,
    ) -> Result<ScriptSettings, Error> {
        self.call(Request::get(SETTINGS, &[account.as_str(), name.as_str()]))
            .await
    }

    /// Deletes a script; with `force` also bindings of other Workers to it. Missing is 404 with code 10007.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn delete_script(
        &self,
        account: &AccountId,
        name: &ScriptName,
        force: bool,
    ) -> Result<(), Error> {
        let mut request = Request::delete(ONE, &[account.as_str(), name.as_str()]).once();
        if force {
            request = request.query("force", "true");
        }
        self.call_for_effect(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_comes_first_and_names_the_body_part() {
        let upload = ScriptUpload {
            form: ScriptForm::ServiceWorker {
                part: "worker.js".to_owned(),
                code: "// code".to_owned(),
            },
            compatibility_date: "2026-04-01".to_owned(),
            bindings: vec![Binding::SecretText {
                name: "KEY".to_owned(),
                text: "fake-canary".to_owned(),
            }],
            keep_bindings: Vec::new(),
            tags: vec!["a".to_owned()],
        };
        let parts = upload.parts();
        let metadata: Value = serde_json::from_slice(&parts[0].bytes).expect("JSON");
        assert_eq!(metadata["body_part"], "worker.js");
        assert_eq!(metadata["bindings"][0]["text"], "fake-canary");
        assert_eq!(parts[1].filename.as_deref(), Some("worker.js"));
        assert!(!format!("{upload:?}").contains("canary"));
    }
}
