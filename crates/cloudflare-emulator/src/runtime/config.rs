//! Writes workerd's configuration: one text in Cap'n Proto's notation and the files that it embeds.
//!
//! Each script is a service with a socket of its own, so that the edge reaches it without a dispatcher in between.
//! What a script reaches (its KV namespaces, the outside) are `external` services behind Unix sockets, one for each
//! namespace and one for each script: who calls is told by the socket, not by a header that a script could send.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::spec::{BindingSpec, BindingValue, ModuleKind, Source, WorkerId, WorkerSpec};

/// What a script without a compatibility date gets (Cloudflare API notes §4.1).
const OLDEST_COMPATIBILITY_DATE: &str = "2021-11-02";

/// The header in which the edge hands `request.cf` to workerd.
pub const CF_BLOB_HEADER: &str = "cf-blob";

/// A configuration, ready to be written to a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The content of `config.capnp`.
    pub text: String,
    /// File name and content of what the text embeds.
    pub files: Vec<(String, Bytes)>,
    /// The scripts, each with the name of its socket.
    pub sockets: Vec<(WorkerId, String)>,
    /// Whether workerd runs this with `--experimental` only: its binding to Analytics Engine needs that.
    pub is_experimental: bool,
}

/// Where the Unix sockets of one emulator are.
#[derive(Clone, Debug)]
pub struct SocketPaths {
    folder: PathBuf,
}

impl SocketPaths {
    /// Sockets in `folder`, whose path must be short: a Unix socket's path holds about a hundred bytes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Behind which the namespace `id` answers.
    #[must_use]
    pub fn kv(&self, id: &str) -> PathBuf {
        self.folder.join(format!("k-{}", digest(&[id])))
    }

    /// Behind which this dataset of an account takes data points.
    #[must_use]
    pub fn dataset(&self, account: &str, dataset: &str) -> PathBuf {
        self.folder
            .join(format!("a-{}", digest(&[account, dataset])))
    }

    /// Where everything arrives that the script `worker` fetches.
    #[must_use]
    pub fn outbound(&self, worker: &WorkerId) -> PathBuf {
        self.folder
            .join(format!("o-{}", digest(&[&worker.account, &worker.name])))
    }

    /// Where the scripts' Cache API goes.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }
}

impl Config {
    /// The configuration that runs `workers`. Socket addresses of the scripts are left out: they are given on the
    /// command line, as port 0.
    #[must_use]
    pub fn new(workers: &[WorkerSpec], paths: &SocketPaths) -> Self {
        let mut services = String::new();
        let mut sockets_text = String::new();
        let mut constants = String::new();
        let mut files = Vec::new();
        let mut sockets = Vec::new();
        let mut reached = Reached::default();
        for (index, worker) in workers.iter().enumerate() {
            let outbound = unix_address(&paths.outbound(&worker.id));
            put(
                &mut services,
                &format!("    (name = \"w{index}\", worker = .w{index}),\n"),
            );
            put(
                &mut services,
                &format!(
                    "    (name = \"out{index}\", external = (address = {outbound}, \
                     http = (forwardedProtoHeader = \"x-forwarded-proto\"))),\n"
                ),
            );
            put(
                &mut sockets_text,
                &format!(
                    "    (name = \"s{index}\", service = \"w{index}\", http = (cfBlobHeader = \
                     \"{CF_BLOB_HEADER}\", forwardedProtoHeader = \"x-forwarded-proto\")),\n"
                ),
            );
            sockets.push((worker.id.clone(), format!("s{index}")));
            put(
                &mut constants,
                &worker_constant(index, worker, workers, &mut files, &mut reached),
            );
        }
        for namespace in reached.namespaces {
            let address = unix_address(&paths.kv(&namespace));
            put(
                &mut services,
                &format!(
                    "    (name = {}, external = (address = {address})),\n",
                    kv_service(&namespace)
                ),
            );
        }
        let is_experimental = !reached.datasets.is_empty();
        for (account, dataset) in reached.datasets {
            let address = unix_address(&paths.dataset(&account, &dataset));
            put(
                &mut services,
                &format!(
                    "    (name = {}, external = (address = {address}, http = ())),\n",
                    dataset_service(&account, &dataset)
                ),
            );
        }
        let cache = unix_address(&paths.cache());
        put(
            &mut services,
            &format!("    (name = \"cache\", external = (address = {cache})),\n"),
        );
        let text = format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (\n  services = \
             [\n{services}  ],\n  sockets = [\n{sockets_text}  ],\n);\n{constants}"
        );
        Self {
            text,
            files,
            sockets,
            is_experimental,
        }
    }

    /// Writes the configuration into `folder`; the path of the main file comes back.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<PathBuf> {
        for (name, content) in &self.files {
            std::fs::write(folder.join(name), content)?;
        }
        let main = folder.join("config.capnp");
        std::fs::write(&main, &self.text)?;
        Ok(main)
    }
}

/// What scripts reach behind sockets of their own.
#[derive(Default)]
struct Reached {
    namespaces: BTreeSet<String>,
    /// Account and name.
    datasets: BTreeSet<(String, String)>,
}

fn worker_constant(
    index: usize,
    worker: &WorkerSpec,
    all: &[WorkerSpec],
    files: &mut Vec<(String, Bytes)>,
    reached: &mut Reached,
) -> String {
    let mut text = format!("const w{index} :Workerd.Worker = (\n");
    match &worker.source {
        Source::ServiceWorker(code) => {
            let file = format!("w{index}.js");
            put(
                &mut text,
                &format!("  serviceWorkerScript = embed \"{file}\",\n"),
            );
            files.push((file, code.clone()));
        }
        Source::Modules(modules) => {
            put(&mut text, "  modules = [\n");
            for (number, module) in modules.iter().enumerate() {
                let file = format!("w{index}-m{number}");
                let field = match module.kind {
                    ModuleKind::Es => "esModule",
                    ModuleKind::CommonJs => "commonJsModule",
                    ModuleKind::Wasm => "wasm",
                    ModuleKind::Text => "text",
                    ModuleKind::Data => "data",
                    ModuleKind::Json => "json",
                };
                put(
                    &mut text,
                    &format!(
                        "    (name = {}, {field} = embed \"{file}\"),\n",
                        quoted(&module.name)
                    ),
                );
                files.push((file, module.content.clone()));
            }
            put(&mut text, "  ],\n");
        }
    }
    let date = worker
        .compatibility_date
        .as_deref()
        .unwrap_or(OLDEST_COMPATIBILITY_DATE);
    put(
        &mut text,
        &format!("  compatibilityDate = {},\n", quoted(date)),
    );
    let flags: Vec<_> = worker
        .compatibility_flags
        .iter()
        .map(|flag| quoted(flag))
        .collect();
    put(
        &mut text,
        &format!("  compatibilityFlags = [{}],\n", flags.join(", ")),
    );
    put(&mut text, "  bindings = [\n");
    for (number, binding) in worker.bindings.iter().enumerate() {
        if let Some(value) = binding_value(binding, (index, number), all, files, reached) {
            put(
                &mut text,
                &format!("    (name = {}, {value}),\n", quoted(&binding.name)),
            );
        }
    }
    put(
        &mut text,
        &format!("  ],\n  globalOutbound = \"out{index}\",\n  cacheApiOutbound = \"cache\",\n);\n"),
    );
    text
}

fn binding_value(
    binding: &BindingSpec,
    (index, number): (usize, usize),
    all: &[WorkerSpec],
    files: &mut Vec<(String, Bytes)>,
    reached: &mut Reached,
) -> Option<String> {
    let mut embed = |field: &str, content: &Bytes| {
        let file = format!("w{index}-b{number}");
        files.push((file.clone(), content.clone()));
        format!("{field} = embed \"{file}\"")
    };
    match &binding.value {
        BindingValue::Kv(id) => {
            reached.namespaces.insert(id.clone());
            Some(format!("kvNamespace = {}", kv_service(id)))
        }
        BindingValue::Text(text) => Some(format!("text = {}", quoted(text))),
        BindingValue::Json(json) => Some(format!("json = {}", quoted(json))),
        BindingValue::AnalyticsEngine(dataset) => {
            let account = all.get(index)?.id.account.clone();
            let service = dataset_service(&account, dataset);
            reached.datasets.insert((account, dataset.clone()));
            Some(format!("analyticsEngine = {service}"))
        }
        BindingValue::Service(id) => {
            let target = all.iter().position(|worker| worker.id == *id)?;
            Some(format!("service = \"w{target}\""))
        }
        BindingValue::Wasm(content) => Some(embed("wasmModule", content)),
        BindingValue::Data(content) => Some(embed("data", content)),
    }
}

fn kv_service(namespace: &str) -> String {
    quoted(&format!("kv-{namespace}"))
}

fn dataset_service(account: &str, dataset: &str) -> String {
    quoted(&format!("dataset-{account}-{dataset}"))
}

fn unix_address(path: &Path) -> String {
    quoted(&format!("unix:{}", path.display()))
}

/// A text literal of Cap'n Proto: everything but printable ASCII is written as bytes in hex.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' => literal.push_str("\\\""),
            b'\\' => literal.push_str("\\\\"),
            b' '..=b'~' => literal.push(char::from(byte)),
            other => put(&mut literal, &format!("\\x{other:02x}")),
        }
    }
    literal.push('"');
    literal
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..12])
}

fn put(text: &mut String, more: &str) {
    // Writing to a String cannot fail.
    let _ = text.write_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(quoted("a\"b\\c\né\0"), r#""a\"b\\c\x0a\xc3\xa9\x00""#);
    }

    #[test]
    fn a_configuration_names_everything_once() {
        let id = |name: &str| WorkerId {
            account: "acc".into(),
            name: name.into(),
        };
        let kv = |name: &str| BindingSpec {
            name: name.into(),
            value: BindingValue::Kv("ns1".into()),
        };
        let workers = [
            WorkerSpec {
                id: id("one"),
                source: Source::ServiceWorker(Bytes::from_static(
                    b"addEventListener('fetch', () => {})",
                )),
                compatibility_date: Some("2026-04-01".into()),
                compatibility_flags: vec!["nodejs_compat".into()],
                bindings: vec![
                    kv("A"),
                    BindingSpec {
                        name: "S".into(),
                        value: BindingValue::Service(id("two")),
                    },
                ],
            },
            WorkerSpec {
                id: id("two"),
                source: Source::Modules(vec![super::super::spec::ModuleSpec {
                    name: "worker.js".into(),
                    kind: ModuleKind::Es,
                    content: Bytes::from_static(b"export default {}"),
                }]),
                compatibility_date: None,
                compatibility_flags: vec![],
                bindings: vec![
                    kv("B"),
                    BindingSpec {
                        name: "G".into(),
                        value: BindingValue::Service(id("gone")),
                    },
                ],
            },
        ];
        let config = Config::new(&workers, &SocketPaths::new("/tmp/s"));
        assert_eq!(
            config.text.matches("name = \"kv-ns1\"").count(),
            1,
            "{}",
            config.text
        );
        assert!(config.text.contains("service = \"w1\""), "{}", config.text);
        assert!(!config.text.contains("\"G\""), "{}", config.text);
        assert!(
            config.text.contains(OLDEST_COMPATIBILITY_DATE),
            "{}",
            config.text
        );
        assert_eq!(config.files.len(), 2);
        assert_eq!(config.sockets.len(), 2);
    }
}
