//! A call is answered wrongly, or not at all.

use super::{
    Counts,
    calls::Act,
    fault, is_full,
    lanes::World,
    learn,
    life::Life,
    people::{Person, Seen},
};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// How many lives go on at once.
const LANES: usize = 8;

/// How many kinds each call meets in the slice.
const SLICE: usize = 2;

/// The most calls that an action may make here.
const MOST: usize = 32;

/// What happens to a call.
const KINDS: [(&str, &str); 9] = [
    ("5xx, not done", r#"{"kind":"before","status":503}"#),
    ("5xx, done", r#"{"kind":"after","status":500}"#),
    (
        "refused once",
        r#"{"kind":"before","status":403,"code":10000}"#,
    ),
    ("closed, not done", r#"{"kind":"timeout","delayMs":0}"#),
    (
        "held and closed, not done",
        r#"{"kind":"timeout","delayMs":150}"#,
    ),
    ("held and closed, done", r#"{"kind":"hang","delayMs":150}"#),
    ("closed, done late", r#"{"kind":"late","delayMs":300}"#),
    ("HTML page", r#"{"kind":"html"}"#),
    ("429", r#"{"kind":"rate_limited"}"#),
];

/// One life for each kind and each place among the calls: its nth call goes wrong in every action that has so many.
fn lives(longest: usize) -> Vec<(usize, usize)> {
    let of_each = if is_full() { KINDS.len() } else { SLICE };
    (0..longest)
        .flat_map(|nth| (0..of_each).map(move |more| ((nth * SLICE + more) % KINDS.len(), nth)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_wrong() {
    let begun = Instant::now();
    let world = World::start(LANES, 1 + KINDS.len() * MOST).await;
    let calls = learn(&world).await;
    let longest = calls.values().map(Vec::len).max().unwrap_or(0);
    assert!(longest <= MOST);
    let lives = lives(longest);
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Counts::default()));
    let seen = Arc::new(Seen::default());
    let lanes = world.lanes.iter().map(async |lane| {
        let program = world.program(&format!("lane{}", lane.number)).await;
        let person = Person::look(world.cloud.edge_url(), lane.clone(), Arc::clone(&seen));
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(kind, nth)) = lives.get(number) else {
                break;
            };
            let (word, kind) = KINDS[kind];
            let name = format!("life {number}, {word}");
            let mut life = Life::begin(&world, &program, lane, number + 1, name).await;
            for act in Act::ALL {
                let call = calls[&act].get(nth);
                if let Some(call) = call {
                    let name = format!("life {number} {act:?}");
                    world.cloud.fault_of(&fault(kind, call, lane, &name)).await;
                }
                let deployment = life.ask(&program, act).await;
                let continued = life.arrive(&program, act, &deployment).await;
                life.is_as_wished(&program, act).await;
                let mut counts = counts.lock().expect("nobody panics while counting");
                counts.continued += continued;
                if call.is_some() {
                    counts.add(word, act);
                }
            }
        }
        person.stop().await;
    });
    futures::future::join_all(lanes).await;

    let counts = counts.into_inner().expect("nobody panics while counting");
    let faults = world.cloud.faults().await;
    for fault in &faults {
        let standing = (&fault["met"], &fault["left"]);
        assert_eq!(standing, (&json!(1), &json!(0)), "never met: {fault}");
    }
    assert_eq!(counts.total(), faults.len() as u64);
    let kinds = KINDS.map(|(word, _)| word);
    counts.print("calls answered wrongly", &kinds, &seen, begun);
}
