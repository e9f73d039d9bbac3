//! Random histories: whatever was done to a site, and whatever went wrong meanwhile, the next deployment brings it in sync,
//! and a removal leaves the account as it was.
//!
//! `EDGE_DELIVERY_HISTORIES` says how many (4), `EDGE_DELIVERY_HISTORY_SEED` with which seed the first one is made; the others
//! follow it by ones. The ordinary run makes the same ones each time, `cargo xtask faults` others.

use super::{
    is_full,
    lanes::{Lane, World},
    people::{Person, Seen},
};
use crate::program::{Program, id_of};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Something that is done, or that happens.
#[derive(Debug, Clone)]
enum Event {
    Deploy,
    Setting(u16),
    Hostnames {
        with_www: bool,
    },
    Publish(u8),
    Unpublish(u8),
    /// A call of the next deployment goes wrong.
    Fault {
        kind: usize,
        nth: u64,
    },
    /// Killed in the middle of a deployment.
    Kill {
        after_ms: u64,
    },
    /// Somebody deletes something of ours.
    Delete(usize),
    Cancel {
        after_ms: u64,
    },
    Undo,
    RollBack,
    Remove,
}

const KINDS: [&str; 6] = [
    r#"{"kind":"before","status":503}"#,
    r#"{"kind":"after","status":500}"#,
    r#"{"kind":"before","status":403,"code":10000}"#,
    r#"{"kind":"hang","delayMs":50}"#,
    r#"{"kind":"late","delayMs":200}"#,
    r#"{"kind":"rate_limited"}"#,
];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => Just(Event::Deploy),
        2 => (50u16..2_000).prop_map(Event::Setting),
        2 => any::<bool>().prop_map(|with_www| Event::Hostnames { with_www }),
        3 => (0u8..4).prop_map(Event::Publish),
        1 => (0u8..4).prop_map(Event::Unpublish),
        4 => (0..KINDS.len(), 0u64..14).prop_map(|(kind, nth)| Event::Fault { kind, nth }),
        1 => (0u64..250).prop_map(|after_ms| Event::Kill { after_ms }),
        3 => (0usize..3).prop_map(Event::Delete),
        2 => (0u64..250).prop_map(|after_ms| Event::Cancel { after_ms }),
        2 => Just(Event::Undo),
        2 => Just(Event::RollBack),
        1 => Just(Event::Remove),
    ]
}

fn history(seed: u64) -> Vec<Event> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let events = proptest::collection::vec(event(), 10..16);
    events.new_tree(&mut runner).expect("events").current()
}

/// A site to which things happen.
struct Site<'a> {
    world: &'a World,
    lane: &'a Lane,
    program: Program,
    connection: String,
    id: String,
    deployments: Vec<String>,
    /// What each event came to, for messages.
    told: Vec<String>,
}

impl Site<'_> {
    /// A call that may be refused, but not for a fault of ours.
    async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, answer) = self.program.call(method, path, body.as_ref()).await;
        self.told
            .push(format!("  {method} {path}: {status} {}", answer["code"]));
        assert_ne!(answer["code"], "internal_error", "{:#?}", self.told);
        (status, answer)
    }

    /// Asks for a deployment; answers with it when there is one.
    async fn ask(&mut self, method: &str, path: &str) -> Option<String> {
        let (status, answer) = self.call(method, path, None).await;
        (status == 202).then(|| id_of(&answer))
    }

    async fn follow(&mut self, deployment: Option<String>) -> Option<Value> {
        let deployment = deployment?;
        let ended = self.program.followed(&deployment).await;
        let problem = &ended["problem"]["code"];
        self.told
            .push(format!("  {deployment}: {} {problem}", ended["status"]));
        assert_ne!(*problem, "internal_error", "{:#?}\n{ended:#}", self.told);
        if ended["kind"] != "remove" {
            self.deployments.push(deployment);
        }
        Some(ended)
    }

    async fn deploy(&mut self) -> Option<Value> {
        let path = format!("/sites/{}/deployments", self.id);
        let asked = self.ask("POST", &path).await;
        self.follow(asked).await
    }

    /// Somebody deletes our namespace, script or first route, if it is there.
    async fn delete_outside(&self, what: usize) {
        let dump = self.world.dump(self.lane).await;
        let find = |table: &str, is_ours: &dyn Fn(&Value) -> bool, name: &str| {
            let rows = dump[table].as_array().expect("a table");
            let ours = rows.iter().find(|row| is_ours(row))?;
            Some(ours[name].as_str().expect("text").to_owned())
        };
        let account = format!("/accounts/{}", self.lane.account);
        let path = match what {
            0 => find("namespaces", &|row| row["title"] != "someone-elses", "id")
                .map(|id| format!("{account}/storage/kv/namespaces/{id}")),
            1 => find("scripts", &|row| row["name"] != "their-worker", "name")
                .map(|name| format!("{account}/workers/scripts/{name}?force=true")),
            _ => find("routes", &|row| row["script"] != "their-worker", "id")
                .map(|id| format!("/zones/{}/workers/routes/{id}", self.lane.zone)),
        };
        if let Some(path) = path {
            let token = self.lane.token(1);
            self.world.cloud.try_delete(&token, &path).await;
        }
    }

    async fn happen(&mut self, event: &Event) {
        self.told.push(format!("{event:?}"));
        let site = format!("/sites/{}", self.id);
        let deployments = format!("{site}/deployments");
        match event {
            Event::Deploy => {
                self.deploy().await;
            }
            Event::Setting(ms) => {
                let change = json!({ "settings": { "kvDeadlineMs": ms } });
                self.call("PATCH", &site, Some(change)).await;
            }
            Event::Hostnames { with_www } => {
                let mut hosts = vec![self.lane.host.clone()];
                if *with_www {
                    hosts.push(format!("www.{}", self.lane.host));
                }
                self.call("PATCH", &site, Some(json!({ "hostnames": hosts })))
                    .await;
            }
            Event::Publish(page) => {
                let path = format!("page{page}");
                self.program
                    .publish(&self.id, &path, &format!("<p>{}</p>", self.told.len()))
                    .await;
            }
            Event::Unpublish(page) => {
                let what = json!({ "format": "html", "path": format!("/page{page}") });
                self.call("POST", &format!("{site}/unpublish"), Some(what))
                    .await;
            }
            Event::Fault { kind, nth } => {
                let mut fault: Value = serde_json::from_str(KINDS[*kind]).expect("JSON");
                fault["skip"] = json!(nth);
                self.world.cloud.fault_of(&fault).await;
            }
            Event::Kill { after_ms } => {
                let asked = self.ask("POST", &deployments).await;
                tokio::time::sleep(Duration::from_millis(*after_ms)).await;
                self.program.kill_and_start_again().await;
                self.follow(asked).await;
            }
            Event::Delete(what) => self.delete_outside(*what).await,
            Event::Cancel { after_ms } => {
                let asked = self.ask("POST", &deployments).await;
                tokio::time::sleep(Duration::from_millis(*after_ms)).await;
                if let Some(deployment) = &asked {
                    let path = format!("/deployments/{deployment}/cancel");
                    self.call("POST", &path, None).await;
                }
                self.follow(asked).await;
            }
            Event::Undo => {
                if let Some(last) = self.deployments.last() {
                    let path = format!("/deployments/{last}/undo");
                    let asked = self.ask("POST", &path).await;
                    self.follow(asked).await;
                }
            }
            Event::RollBack => {
                if let Some(first) = self.deployments.first() {
                    let path = format!("/deployments/{first}/rollback");
                    let asked = self.ask("POST", &path).await;
                    self.follow(asked).await;
                }
            }
            Event::Remove => self.remove().await,
        }
    }

    /// Removes the site, continuing where that fails, and makes another one.
    async fn remove(&mut self) {
        let site = format!("/sites/{}", self.id);
        for _ in 0..4 {
            let asked = self.ask("DELETE", &site).await;
            let ended = self.follow(asked).await;
            if ended.is_some_and(|ended| ended["status"] == "removed") {
                self.deployments.clear();
                self.id = make(&self.program, &self.connection, self.lane).await;
                return;
            }
        }
        panic!("the site stays: {:#?}", self.told);
    }

    /// The two promises, with nothing going wrong any more.
    async fn ends_well(&mut self, before: &Value) {
        self.world.cloud.no_faults().await;
        let live = self.deploy().await.expect("a deployment");
        assert_eq!(live["status"], "live", "{:#?}\n{live:#}", self.told);
        let plan = self.program.plan(&self.id).await;
        assert_eq!(plan["steps"], json!([]), "{:#?}\n{plan:#}", self.told);
        assert_eq!(plan["conflicts"], json!([]), "{:#?}\n{plan:#}", self.told);
        let sync = format!("/sites/{}/sync", self.id);
        let synced = self
            .program
            .until(&sync, |answer| answer["pending"] == 0)
            .await;
        let dump = self.world.dump(self.lane).await;
        assert_eq!(
            World::foreign(&dump),
            World::foreign(before),
            "{:#?}",
            self.told
        );
        let namespaces = dump["namespaces"].as_array().expect("a table");
        let ours = namespaces
            .iter()
            .find(|row| row["title"] != "someone-elses");
        // All that is published, the index, and the mark of whose the namespace is.
        let keys = synced["live"].as_u64().expect("a number") + 2;
        assert_eq!(ours.expect("ours")["keys"], keys, "{:#?}", self.told);
        let removal = self.program.remove(&self.id).await;
        let ended = self.program.followed(&removal).await;
        assert_eq!(ended["status"], "removed", "{:#?}\n{ended:#}", self.told);
        assert_eq!(
            self.world.dump(self.lane).await,
            *before,
            "{:#?}",
            self.told
        );
    }
}

async fn make(program: &Program, connection: &str, lane: &Lane) -> String {
    program.make_site(connection, &lane.zone, "history").await
}

/// One history from its beginning to its end; answers with how many events it had.
async fn live_through(seed: u64, seen: &Arc<Seen>) -> usize {
    let world = World::start(1, 2).await;
    let lane = &world.lanes[0];
    let program = world.program("history").await;
    let before = world.dump(lane).await;
    let connection = program.connect(&lane.token(0)).await;
    let id = make(&program, &connection, lane).await;
    let person = Person::look(world.cloud.edge_url(), lane.clone(), Arc::clone(seen));
    let mut site = Site {
        world: &world,
        lane,
        program,
        connection,
        id,
        deployments: Vec::new(),
        told: vec![format!(
            "EDGE_DELIVERY_HISTORY_SEED={seed} EDGE_DELIVERY_HISTORIES=1"
        )],
    };
    let events = history(seed);
    for event in &events {
        site.happen(event).await;
    }
    site.ends_well(&before).await;
    println!("{:#?}", site.told);
    person.stop().await;
    events.len()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happened_it_ends_well() {
    let begun = Instant::now();
    let count = number("EDGE_DELIVERY_HISTORIES").unwrap_or(if is_full() { 48 } else { 4 });
    let first = number("EDGE_DELIVERY_HISTORY_SEED").unwrap_or_else(|| {
        if is_full() {
            uuid::Uuid::new_v4().as_u64_pair().0 >> 16
        } else {
            1
        }
    });
    let mut told = std::io::stderr();
    writeln!(told, "histories {first} to {}", first + count - 1).expect("somebody reads");
    let (next, events) = (Mutex::new(first..first + count), Mutex::new(0));
    let seen = Arc::new(Seen::default());
    let lanes = (0..4).map(async |_| {
        loop {
            let seed = next.lock().expect("nobody panics while counting").next();
            let Some(seed) = seed else { break };
            let had = live_through(seed, &seen).await;
            *events.lock().expect("nobody panics while counting") += had;
        }
    });
    futures::future::join_all(lanes).await;
    let (requests, failed, changed) = seen.counts();
    writeln!(
        told,
        "histories: {count} with {} events, seeds from {first}; {requests} requests by people, {failed} failed, {changed} changed; {:.0} s",
        events.into_inner().expect("nobody panics while counting"),
        begun.elapsed().as_secs_f64()
    )
    .expect("somebody reads");
    assert_eq!((failed, changed), (0, 0));
}
