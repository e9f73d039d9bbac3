//! The process is killed as by a power cut: before a call has its effect, while its answer is on the way, and when the
//! answer has just come.

use super::{
    Calls, Counts,
    calls::Act,
    fault, is_full,
    lanes::World,
    learn,
    life::Life,
    people::{Person, Seen},
};
use crate::program::Program;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How many lives one process has when it is killed: so many deployments it works on at once.
const LANES: usize = 8;

/// How many processes live and die in the slice.
const SLICE: usize = 2;

/// When the process is killed. Held for longer than anybody waits; let go just before it is killed.
const KINDS: [(&str, &str); 3] = [
    (
        "killed before the effect",
        r#"{"kind":"timeout","delayMs":600000}"#,
    ),
    (
        "killed before the answer",
        r#"{"kind":"hang","delayMs":600000}"#,
    ),
    (
        "killed after the answer",
        r#"{"kind":"slow","delayMs":600000}"#,
    ),
];

/// Which kind and which place among the calls each life of each process has.
fn processes(longest: usize) -> Vec<Vec<(usize, usize)>> {
    let every: Vec<(usize, usize)> = (0..longest)
        .flat_map(|nth| (0..KINDS.len()).map(move |kind| (kind, nth)))
        .collect();
    if is_full() {
        return every.chunks(LANES).map(<[_]>::to_vec).collect();
    }
    // Every place once, and some in the middle, where a deployment writes, once more; even ones first, so that each
    // process has some of everything.
    let more = (SLICE * LANES).saturating_sub(longest);
    let mut slice: Vec<(usize, usize)> = (0..longest)
        .chain((longest / 2..longest).take(more))
        .enumerate()
        .map(|(number, nth)| ((nth + number / longest) % KINDS.len(), nth))
        .collect();
    slice.sort_by_key(|(_, nth)| nth % SLICE);
    slice.chunks(LANES).map(<[_]>::to_vec).collect()
}

/// Whether the process dies in this action. Each death costs the time of a lease, so in the slice it does in three.
fn dies(process: usize, act: Act) -> bool {
    let acts = match process % 2 {
        0 => [Act::Deploy, Act::Update, Act::Remove],
        _ => [Act::Deploy, Act::Narrow, Act::Rollback],
    };
    is_full() || acts.contains(&act)
}

/// Waits until every call that shall be held is held.
async fn all_held(world: &World, count: usize) {
    let begun = Instant::now();
    loop {
        let faults = world.cloud.faults().await;
        assert_eq!(faults.len(), count);
        if faults.iter().all(|fault| fault["held"] == json!(1)) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "not held: {faults:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One process with its lives, killed once in every action.
async fn process(
    number: usize,
    cases: &[(usize, usize)],
    calls: &Calls,
    counts: &Mutex<Counts>,
    seen: &Arc<Seen>,
) {
    let world = World::start(cases.len(), 1).await;
    let mut program: Program = world.program("killed").await;
    let people: Vec<Person> = world
        .lanes
        .iter()
        .map(|lane| Person::look(world.cloud.edge_url(), lane.clone(), Arc::clone(seen)))
        .collect();
    let mut lives = Vec::new();
    for (lane, (kind, nth)) in world.lanes.iter().zip(cases) {
        let name = format!("process {number}, call {nth}, {}", KINDS[*kind].0);
        lives.push(Life::begin(&world, &program, lane, 0, name).await);
    }
    for (turn, act) in (0u64..).zip(Act::ALL) {
        let dies = dies(number, act);
        let mut held = 0;
        for (lane, (kind, nth)) in world.lanes.iter().zip(cases) {
            if let Some(call) = calls[&act].get(*nth).filter(|_| dies) {
                let fault: Value = fault(KINDS[*kind].1, call, lane, "held");
                world.cloud.fault_of(&fault).await;
                held += 1;
                counts
                    .lock()
                    .expect("nobody panics while counting")
                    .add(KINDS[*kind].0, act);
            }
        }
        let mut asked = Vec::new();
        for life in &mut lives {
            asked.push(life.ask(&program, act).await);
        }
        if dies {
            all_held(&world, held).await;
            world.cloud.no_faults().await;
            // How far the process gets with the answers differs from action to action.
            tokio::time::sleep(Duration::from_millis(turn * 2)).await;
            program.kill_and_start_again().await;
        }
        let arrivals = lives
            .iter_mut()
            .zip(&asked)
            .map(async |(life, deployment)| {
                let continued = life.arrive(&program, act, deployment).await;
                life.is_as_wished(&program, act).await;
                continued
            });
        let continued: u32 = futures::future::join_all(arrivals).await.iter().sum();
        counts
            .lock()
            .expect("nobody panics while counting")
            .continued += continued;
    }
    for person in people {
        person.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_is_killed() {
    let begun = Instant::now();
    let calls = learn(&World::start(1, 1).await).await;
    let longest = calls.values().map(Vec::len).max().unwrap_or(0);
    let (counts, seen) = (Mutex::new(Counts::default()), Arc::new(Seen::default()));
    let processes = processes(longest);
    let runs = (0..)
        .zip(&processes)
        .map(|(number, cases)| process(number, cases, &calls, &counts, &seen));
    futures::future::join_all(runs).await;
    let kinds = KINDS.map(|(word, _)| word);
    let counts = counts.into_inner().expect("nobody panics while counting");
    counts.print("process killed", &kinds, &seen, begun);
}
