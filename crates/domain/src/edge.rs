//! What a site's Worker consists of: the script text, its configuration, the index of paths, and their hashes.
//!
//! Pure: the same input gives the same bytes, so that a second plan finds nothing to change. `worker/README.md`
//! describes the same things from the Worker's side.

pub mod data_point;
pub mod index;

use crate::{
    agents::{AgentTable, EdgeAgents},
    ids::SiteId,
    names::Hostname,
    path::PathPolicy,
    variant::{Format, Revision},
    visit::VisitStore,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version that the Worker reports at the health question.
pub const WORKER_VERSION: &str = "0.1.0";

/// The Worker's compatibility date, at Cloudflare and in workerd alike.
pub const COMPATIBILITY_DATE: &str = "2026-04-01";

/// The name of the uploaded script part.
pub const SCRIPT_PART: &str = "worker.js";

/// The name of the binding to the site's KV namespace.
pub const KV_BINDING: &str = "VARIANTS";

/// The name of the secret binding with the site's own key.
pub const KEY_BINDING: &str = "SITE_KEY";

/// The name of the JSON binding with the [`EdgeConfig`].
pub const CONFIG_BINDING: &str = "CONFIG";

/// The KV key whose value is the site's id: it says whose a namespace is when everything else that knew is lost.
/// Variants' keys begin with `v/` or `h/`, the index's are [`index::INDEX_KEY`] and those under [`index::FILTER_PREFIX`].
pub const MARKER_KEY: &str = "edge-delivery";

/// Where the Worker answers the signed health question.
pub const HEALTH_PATH: &str = "/.well-known/edge-delivery";

/// The header that marks a variant's answer: `variant; revision=…; agent=…`.
pub const MARK_HEADER: &str = "x-edge-delivery";

/// The header of our own looks at a site: the Worker does not count such a request, and answers it like any other.
pub const PROBE_HEADER: &str = "x-edge-delivery-probe";

/// Milliseconds that an agent's request waits for KV, unless the site says otherwise.
pub const KV_DEADLINE_MS: u16 = 300;

/// The least and the most that a site may set as its deadline, in milliseconds.
pub const KV_DEADLINE_RANGE_MS: std::ops::RangeInclusive<u16> = 50..=2_000;

/// The files of `worker/src`, in the order in which they stand in the script. `worker/src/files.json` is the same list
/// for the Worker's own tests.
const FILES: &[(&str, &str)] = &[
    ("limits.js", include_str!("../../../worker/src/limits.js")),
    ("unknown.js", include_str!("../../../worker/src/unknown.js")),
    ("agents.js", include_str!("../../../worker/src/agents.js")),
    ("accept.js", include_str!("../../../worker/src/accept.js")),
    ("paths.js", include_str!("../../../worker/src/paths.js")),
    ("config.js", include_str!("../../../worker/src/config.js")),
    ("decide.js", include_str!("../../../worker/src/decide.js")),
    ("answer.js", include_str!("../../../worker/src/answer.js")),
    ("kv.js", include_str!("../../../worker/src/kv.js")),
    ("xxh32.js", include_str!("../../../worker/src/xxh32.js")),
    ("index.js", include_str!("../../../worker/src/index.js")),
    ("hot.js", include_str!("../../../worker/src/hot.js")),
    ("visits.js", include_str!("../../../worker/src/visits.js")),
    (
        "deliveries.js",
        include_str!("../../../worker/src/deliveries.js"),
    ),
    ("health.js", include_str!("../../../worker/src/health.js")),
    ("preview.js", include_str!("../../../worker/src/preview.js")),
    ("handler.js", include_str!("../../../worker/src/handler.js")),
];

/// The Worker's `CONFIG` binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeConfig {
    v: u8,
    site: SiteId,
    hosts: Vec<String>,
    kv_deadline_ms: u16,
    ingest: String,
    hash: String,
    agents: EdgeAgents,
    #[serde(default, skip_serializing_if = "PathPolicy::is_default")]
    paths: PathPolicy,
    /// Which key signs previews: its id, of which the key does not follow. Here so that another key is another
    /// configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preview: Option<String>,
    /// Which of the site's own keys the Worker has: its id, likewise. None: its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Where the Worker brings visits.
    #[serde(default, skip_serializing_if = "VisitStore::is_console")]
    visits: VisitStore,
}

impl EdgeConfig {
    /// The configuration of one site. Hosts and purposes are put in order, so that their order makes no difference;
    /// the deadline is kept within [`KV_DEADLINE_RANGE_MS`]. `ingest` is the URL that visits are sent to; without one
    /// none are gathered.
    pub fn new(
        site: SiteId,
        hosts: &[Hostname],
        kv_deadline_ms: u16,
        ingest: Option<&str>,
        mut agents: EdgeAgents,
    ) -> Self {
        let mut hosts: Vec<String> = hosts.iter().map(|host| host.as_str().to_owned()).collect();
        hosts.sort();
        hosts.dedup();
        agents.purposes.sort();
        agents.purposes.dedup();
        for tokens in [&mut agents.serve, &mut agents.origin] {
            tokens.sort();
            tokens.dedup();
        }
        let mut config = Self {
            v: 1,
            site,
            hosts,
            kv_deadline_ms: kv_deadline_ms
                .clamp(*KV_DEADLINE_RANGE_MS.start(), *KV_DEADLINE_RANGE_MS.end()),
            ingest: ingest.unwrap_or_default().to_owned(),
            hash: String::new(),
            agents,
            paths: PathPolicy::default(),
            preview: None,
            key: None,
            visits: VisitStore::Console,
        };
        config.hash = config.hash_of_the_rest();
        config
    }

    /// The same, with how the site's paths are read, and the id of the key that signs previews.
    #[must_use]
    pub fn with_paths_and_previews(mut self, paths: PathPolicy, preview_key: Option<&str>) -> Self {
        self.paths = paths;
        self.preview = preview_key.map(str::to_owned);
        self.hash = self.hash_of_the_rest();
        self
    }

    /// The same, with the id of the site's own key; none: its first.
    #[must_use]
    pub fn with_key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self.hash = self.hash_of_the_rest();
        self
    }

    /// The same, with where visits are kept. In Analytics Engine none are sent to the console, so its address is left out.
    #[must_use]
    pub fn with_visits(mut self, store: VisitStore) -> Self {
        self.visits = store;
        if store == VisitStore::AnalyticsEngine {
            self.ingest.clear();
        }
        self.hash = self.hash_of_the_rest();
        self
    }

    /// The id of the site's own key; none: its first.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The dataset of Analytics Engine that the Worker is bound to; none where visits are kept elsewhere.
    pub fn dataset(&self) -> Option<&'static str> {
        (self.visits == VisitStore::AnalyticsEngine).then_some(data_point::VISITS_DATASET)
    }

    /// The id of the key that signs previews; none: the Worker shows none.
    pub fn preview_key(&self) -> Option<&str> {
        self.preview.as_deref()
    }

    fn hash_of_the_rest(&self) -> String {
        let mut rest = self.clone();
        rest.hash = String::new();
        sha256(rest.to_json().to_string().as_bytes())
    }

    /// The JSON of the binding.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("strings, numbers and lists are JSON")
    }

    /// The host names that the Worker serves, in order.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// How long the Worker waits for KV, in milliseconds.
    pub const fn kv_deadline_ms(&self) -> u16 {
        self.kv_deadline_ms
    }

    /// Whom the Worker serves.
    pub const fn agents(&self) -> &EdgeAgents {
        &self.agents
    }

    /// How the Worker reads paths.
    pub const fn paths(&self) -> &PathPolicy {
        &self.paths
    }

    /// The address that visits are sent to, if they are wanted.
    pub fn ingest(&self) -> Option<&str> {
        (!self.ingest.is_empty()).then_some(self.ingest.as_str())
    }

    /// SHA-256 of everything else in it, in hex: what the health question answers as `config`.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// The whole script text, in service-worker form: one function scope around the agent table and the files of
/// `worker/src`.
pub fn assemble_script(table: &AgentTable) -> String {
    let mut script = String::from("(() => {\n'use strict';\n");
    script.push_str(table.script());
    for (_, text) in FILES {
        script.push('\n');
        script.push_str(text);
    }
    script.push_str("})();\n");
    script
}

/// SHA-256 of a script text, in hex.
pub fn script_hash(script: &str) -> String {
    sha256(script.as_bytes())
}

/// SHA-256 of script text and configuration together, in hex: when it differs from what was uploaded, the script step
/// is due.
pub fn upload_hash(script: &str, config: &EdgeConfig) -> String {
    sha256(format!("{}\n{}", script_hash(script), config.hash()).as_bytes())
}

/// The KV metadata of a variant's value: revision and content type, from which the Worker makes the answer's headers.
/// Far below KV's 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantMetadata {
    /// The revision.
    #[serde(rename = "r")]
    pub revision: Revision,
    /// The content type.
    #[serde(rename = "t")]
    pub content_type: String,
}

impl VariantMetadata {
    /// The metadata of one revision.
    pub fn new(revision: Revision, format: Format) -> Self {
        Self {
            revision,
            content_type: format.content_type().to_owned(),
        }
    }
}

/// The text whose HMAC-SHA256 under the site's key (its UTF-8 bytes) signs a health question:
/// `/.well-known/edge-delivery?t={unix_s}&n={nonce}&s={hex of the HMAC}`. The Worker accepts it for five minutes
/// around `unix_s`; the nonce is 1 to 64 characters of `[A-Za-z0-9_-]`.
pub fn health_message(unix_s: i64, nonce: &str) -> String {
    format!("health\n{unix_s}\n{nonce}")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Registry;
    use crate::path::TrailingSlash;

    fn config(hosts: &[&str]) -> EdgeConfig {
        let hosts: Vec<Hostname> = hosts.iter().map(|h| h.parse().expect("a host")).collect();
        EdgeConfig::new(
            "0197a000-0000-7000-8000-000000000001"
                .parse()
                .expect("an id"),
            &hosts,
            300,
            None,
            EdgeAgents::default(),
        )
    }

    #[test]
    fn config_is_as_the_worker_expects() {
        let json = config(&["www.shop.example", "shop.example"]).to_json();
        assert_eq!(
            json["hosts"],
            serde_json::json!(["shop.example", "www.shop.example"])
        );
        assert_eq!(json["kvDeadlineMs"], 300);
        assert_eq!(json["v"], 1);
        assert_eq!(json["ingest"], "");
        assert_eq!(
            json["agents"],
            serde_json::json!({"purposes": ["training", "search", "user"]})
        );
        assert_eq!(json["site"], "0197a000-0000-7000-8000-000000000001");
    }

    #[test]
    fn config_hash_follows_content_not_order() {
        let a = config(&["a.example", "b.example"]);
        assert_eq!(a, config(&["b.example", "a.example", "a.example"]));
        assert_ne!(a.hash(), config(&["a.example"]).hash());
        assert_eq!(a.hash().len(), 64);
        let script = assemble_script(&AgentTable::of(&Registry::built_in()));
        assert_ne!(upload_hash(&script, &a), upload_hash("", &a));
    }

    #[test]
    fn paths_and_previews_are_told_when_they_are_set() {
        let plain = config(&["a.example"]);
        let same = plain
            .clone()
            .with_paths_and_previews(PathPolicy::default(), None);
        assert_eq!(same, plain);
        let policy = PathPolicy::new(TrailingSlash::Strip, ["q".to_owned()]).expect("good names");
        let set = plain.clone().with_paths_and_previews(policy, Some("k1"));
        assert_ne!(set.hash(), plain.hash());
        let json = set.to_json();
        assert_eq!(
            json["paths"],
            serde_json::json!({"trailingSlash": "strip", "queryParameters": ["q"]})
        );
        assert_eq!(json["preview"], "k1");
        let other = plain
            .clone()
            .with_paths_and_previews(PathPolicy::default(), Some("k2"));
        assert_ne!(other.hash(), set.hash());
        assert_eq!(plain.clone().with_key(None), plain);
        assert_ne!(plain.clone().with_key(Some("s2")).hash(), plain.hash());
        assert_eq!(plain.with_key(Some("s2")).to_json()["key"], "s2");
        assert_eq!(
            serde_json::from_value::<EdgeConfig>(json).expect("reads"),
            set
        );
    }

    #[test]
    fn analytics_engine_takes_the_place_of_the_console() {
        let plain = EdgeConfig::new(
            "0197a000-0000-7000-8000-000000000001"
                .parse()
                .expect("an id"),
            &[],
            300,
            Some("https://console.example/ingest/v1/visits"),
            EdgeAgents::default(),
        );
        assert_eq!(plain.clone().with_visits(VisitStore::Console), plain);
        let engine = plain.clone().with_visits(VisitStore::AnalyticsEngine);
        assert_ne!(engine.hash(), plain.hash());
        assert_eq!(
            (engine.ingest(), engine.dataset()),
            (None, Some("edge_delivery_visits"))
        );
        let json = engine.to_json();
        assert_eq!(
            (&json["visits"], &json["ingest"]),
            (&"analytics_engine".into(), &"".into())
        );
        assert!(plain.to_json().get("visits").is_none());
        assert_eq!(
            serde_json::from_value::<EdgeConfig>(json).expect("reads"),
            engine
        );
    }

    #[test]
    fn the_file_list_is_the_tests_list() {
        let listed: Vec<String> =
            serde_json::from_str(include_str!("../../../worker/src/files.json")).expect("a list");
        let ours: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, ours);
    }

    #[test]
    fn script_knows_its_version_and_stays_small() {
        let script = assemble_script(&AgentTable::of(&Registry::built_in()));
        assert!(script.contains(&format!("const WORKER_VERSION = '{WORKER_VERSION}';")));
        for line in [
            "const INDEX_KEY = 'index';",
            "const FILTER_PREFIX = 'i/';",
            "const FILTER_COUNT_MAX = 4000000;",
        ] {
            assert!(script.contains(line), "{line}");
        }
        assert!(script.len() < 64 * 1024, "{} bytes", script.len());
    }
}
