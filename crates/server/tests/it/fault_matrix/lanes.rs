//! Lanes: each with an account, a zone and somebody else's things of its own, so that many cases run side by side and a
//! fault meets the calls of one of them alone.

use crate::{local_cloudflare::LocalCloudflare, program::Program};
use serde_json::{Value, json};
use std::{fmt::Write, path::PathBuf};
use tempfile::TempDir;

/// A local Cloudflare with so many lanes.
pub(crate) struct World {
    pub(crate) cloud: LocalCloudflare,
    pub(crate) lanes: Vec<Lane>,
    /// Every call, one a line.
    pub(crate) record: PathBuf,
    /// Holds the record and the programs' data.
    folder: TempDir,
}

/// One account with one zone.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) number: usize,
    pub(crate) account: String,
    pub(crate) zone: String,
    /// The zone's name; the site's first host name.
    pub(crate) host: String,
}

impl Lane {
    fn new(number: usize) -> Self {
        Self {
            number,
            account: format!("a{number:031x}"),
            zone: format!("b{number:031x}"),
            host: format!("lane{number}.localhost"),
        }
    }

    /// A token for this lane alone. Each life has another: a token may make 600 calls at once, then two a second.
    pub(crate) fn token(&self, life: usize) -> String {
        format!(
            "local-lane-{:04}-life-{life:04}-000000000000000000",
            self.number
        )
    }

    /// Where somebody else's Worker answers.
    pub(crate) fn foreign_host(&self) -> String {
        format!("other.{}", self.host)
    }

    /// What somebody else's Worker says.
    pub(crate) fn foreign_page(&self) -> String {
        format!("their worker of lane {}", self.number)
    }

    fn write(&self, text: &mut String, origin: &str, lives: usize) {
        let Self {
            number,
            account,
            zone,
            host,
        } = self;
        let foreign = self.foreign_host();
        let page = self.foreign_page();
        write!(
            text,
            r#"
[[accounts]]
id = "{account}"
name = "Lane {number}"
[[zones]]
id = "{zone}"
account = "{account}"
name = "{host}"
origin = "http://{origin}"
[[namespaces]]
id = "c{number:031x}"
account = "{account}"
title = "someone-elses"
[[namespaces.values]]
key = "greeting"
value = "hello"
[[scripts]]
account = "{account}"
name = "their-worker"
code = "export default {{ fetch() {{ return new Response('{page}'); }} }};"
bindings = [{{ type = "kv_namespace", name = "KV", namespace_id = "c{number:031x}" }}]
tags = ["team-web"]
[[routes]]
id = "f{number:031x}"
zone = "{zone}"
pattern = "{foreign}/*"
script = "their-worker"
"#
        )
        .expect("text");
        for life in 0..lives {
            let token = self.token(life);
            write!(
                text,
                r#"
[[tokens]]
value = "{token}"
accounts = ["{account}"]
zones = ["{zone}"]
permissions = {{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }}
"#
            )
            .expect("text");
        }
    }
}

impl World {
    /// Starts it; each lane gets tokens for so many lives.
    pub(crate) async fn start(lanes: usize, lives: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let record = folder.path().join("record.jsonl");
        let lanes: Vec<Lane> = (0..lanes).map(Lane::new).collect();
        let cloud = LocalCloudflare::start_of(
            |origin| {
                let mut text = String::new();
                for lane in &lanes {
                    lane.write(&mut text, &origin.to_string(), lives);
                }
                text
            },
            Some(record.clone()),
        )
        .await;
        Self {
            cloud,
            lanes,
            record,
            folder,
        }
    }

    /// A program with data of its own.
    pub(crate) async fn program(&self, name: &str) -> Program {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let database = format!("sqlite://{}/test.db", folder.display());
        // What goes wrong here is told a thousand times.
        Program::start_with(
            database,
            &folder,
            &self.cloud,
            &[("EDGE_DELIVERY_LOG", "error")],
        )
        .await
    }

    /// Everything in a lane's account: the tables of the dump, and the values of the foreign namespace.
    pub(crate) async fn dump(&self, lane: &Lane) -> Value {
        let mut state = self.cloud.state().await;
        let mut kept = serde_json::Map::new();
        for (table, owner) in [
            ("zones", "account"),
            ("namespaces", "account"),
            ("scripts", "account"),
            ("routes", "zone"),
        ] {
            let rows = state[table].as_array_mut().expect("a table");
            rows.retain(|row| row[owner] == lane.account || row[owner] == lane.zone);
            kept.insert(table.to_owned(), Value::Array(std::mem::take(rows)));
        }
        Value::Object(kept)
    }

    /// What is foreign in such a dump.
    pub(crate) fn foreign(dump: &Value) -> Value {
        let of = |table: &str, is_foreign: &dyn Fn(&Value) -> bool| {
            let rows = dump[table].as_array().expect("a table");
            rows.iter()
                .filter(|row| is_foreign(row))
                .cloned()
                .collect::<Vec<_>>()
        };
        json!({
            "zones": dump["zones"],
            "namespaces": of("namespaces", &|row| row["title"] == "someone-elses"),
            "scripts": of("scripts", &|row| row["name"] == "their-worker"),
            "routes": of("routes", &|row| row["script"] == "their-worker"),
        })
    }
}
