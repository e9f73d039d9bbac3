//! An answer for tests of what is made of answers.

use super::{Bucket, Filter, Question, Summary, buckets};
use domain::{
    agents::Registry,
    identity::Identity,
    time::Millis,
    traffic::{Cell, HOUR_MS, Sum},
    visit::VisitOutcome,
};
use jiff::tz::TimeZone;
use std::collections::HashSet;

/// Thirty days of some agents and one of the name `strange`, who also asked for a path of that name.
pub(crate) fn sample(registry: &Registry, now: Millis, strange: &str) -> (Question, Summary) {
    let to = now.0 / HOUR_MS;
    let from = to - 30 * 24;
    let question = Question {
        from: Millis(from * HOUR_MS),
        to: now,
        bucket: Bucket::Day,
        zone: TimeZone::UTC,
        filter: Filter::default(),
    };
    let points = buckets::between(from, to, Bucket::Day, &TimeZone::UTC).expect("a span");
    let mut summary = Summary::new(from, to, points);
    let agents = [
        "GPTBot",
        "ClaudeBot",
        "PerplexityBot",
        "ChatGPT-User",
        strange,
    ];
    let paths = ["/pricing", "/", "", strange];
    for (number, agent) in (0_u64..).zip(agents) {
        for (at, path) in (0_u64..).zip(paths) {
            let outcome = VisitOutcome::ALL[usize::try_from(at).expect("small") % 4];
            let identity = Identity::ALL[usize::try_from(number).expect("small") % 3];
            let sum = Sum {
                visits: 37 * (number + 1) * (at + 1),
                spent_ms: 9,
            };
            let cell = Cell {
                agent,
                path,
                outcome,
                identity,
                format: None,
                sum,
            };
            summary.add_of_agent(&cell);
            summary.add_of_path(&cell);
            for day in 0..60 {
                let hour = from - 30 * 24 + day * 24;
                let visits = sum.visits / (1 + day.unsigned_abs() % 7);
                summary.add_at(hour, agent, (outcome, identity), visits);
            }
        }
    }
    summary.add_dropped(to - 5 * 24, 212);
    let paths = summary.paths_to_look_up();
    summary.finish(registry, paths, &HashSet::from(["/pricing".to_owned()]));
    (question, summary)
}
