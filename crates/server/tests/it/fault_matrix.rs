//! The fault matrix: every call to Cloudflare that deploying, changing, rolling back and removing make, times everything
//! that can happen to a call. After each the account is as wished, the second plan is empty, nothing is left over,
//! nothing foreign is touched; and people were served all the while.

mod answers;
mod calls;
mod histories;
mod kills;
mod lanes;
mod life;
mod people;

use calls::{Act, ApiCall};
use lanes::{Lane, World};
use life::Life;
use people::Seen;
use serde_json::{Value, json};
use std::{collections::BTreeMap, io::Write, time::Instant};

/// Set by `cargo xtask faults`: every call times everything. Otherwise every call and every kind, but not every pair.
fn is_full() -> bool {
    std::env::var_os("EDGE_DELIVERY_FAULTS").is_some_and(|value| value == "full")
}

/// The calls of each action.
type Calls = BTreeMap<Act, Vec<ApiCall>>;

/// One life without faults tells which calls there are.
async fn learn(world: &World) -> Calls {
    let lane = &world.lanes[0];
    let program = world.program("learning").await;
    let mut life = Life::begin(world, &program, lane, 0, "without faults".to_owned()).await;
    let mut calls = Calls::new();
    for act in Act::ALL {
        let mark = calls::mark(&world.record);
        let deployment = life.ask(&program, act).await;
        assert_eq!(life.arrive(&program, act, &deployment).await, 0);
        calls.insert(act, calls::since(&world.record, mark, lane));
        life.is_as_wished(&program, act).await;
    }
    calls
}

/// A fault for this call.
fn fault(kind: &str, call: &ApiCall, lane: &Lane, name: &str) -> Value {
    let mut fault: Value = serde_json::from_str(kind).expect("JSON");
    fault["match"] = json!({ "method": call.method, "path": call.pattern(lane, name) });
    fault["skip"] = json!(call.nth);
    fault
}

/// How many cases there were of each kind, by action.
#[derive(Debug, Default)]
struct Counts {
    cases: BTreeMap<(&'static str, Act), u64>,
    continued: u32,
}

impl Counts {
    fn add(&mut self, kind: &'static str, act: Act) {
        *self.cases.entry((kind, act)).or_default() += 1;
    }

    fn total(&self) -> u64 {
        self.cases.values().sum()
    }

    /// Prints them, past the test runner's keeping of output: what was run is always told.
    fn print(&self, what: &str, kinds: &[&'static str], seen: &Seen, begun: Instant) {
        let mut text = format!("{what}, cases by action {:?}:\n", Act::ALL);
        for kind in kinds {
            let of = |act| self.cases.get(&(*kind, act)).copied().unwrap_or(0);
            text.push_str(&format!("{kind:>28}: {:?}\n", Act::ALL.map(of)));
        }
        let (requests, failed, changed) = seen.counts();
        let run = if is_full() {
            "full"
        } else {
            "slice; in full: cargo xtask faults"
        };
        writeln!(
            std::io::stderr(),
            "{text}{what} ({run}): {} cases, {} of them continued; {requests} requests by people, {failed} failed, {changed} changed; {:.0} s",
            self.total(),
            self.continued,
            begun.elapsed().as_secs_f64()
        )
        .expect("somebody reads");
        assert_eq!((failed, changed), (0, 0));
    }
}
