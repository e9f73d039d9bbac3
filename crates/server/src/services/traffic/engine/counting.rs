//! From Cloudflare's groups to cells of our own.

use cloudflare::DataGroup;
use domain::{
    identity::Identity,
    traffic::{Cell, Cube, OTHER_PATHS, Sum},
    variant::Format,
    visit::{PATH_BYTES_MAX, VisitOutcome},
};
use serde::de::DeserializeOwned;

/// A word of ours; anybody with the account may have written something else.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// Counts a group by agent, path, outcome and format; one that no Worker of ours wrote is left out.
pub(super) fn put(cube: &mut Cube, [agent, path, outcome, format]: [&str; 4], group: &DataGroup) {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(outcome) = word::<VisitOutcome>(outcome) else {
        return;
    };
    if agent.is_empty() || agent.len() > 64 || !is_plain(agent) {
        return;
    }
    let is_path = path.starts_with('/') && path.len() <= PATH_BYTES_MAX && is_plain(path);
    cube.put(Cell {
        agent,
        path: if is_path { path } else { OTHER_PATHS },
        outcome,
        identity: Identity::Claimed,
        format: word::<Format>(format),
        sum: Sum {
            visits: group.written,
            spent_ms: whole(group.sum),
        },
    });
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded right before"
)]
fn whole(sum: f64) -> u64 {
    sum.round().clamp(0.0, 9_007_199_254_740_992.0) as u64
}

/// Adds what the named paths leave of all visits.
pub(super) fn add_others(cube: &mut Cube, all: &[DataGroup], other: &str) {
    let mut rest = Cube::default();
    for group in all {
        if let [agent, outcome, format] = group.keys.as_slice() {
            put(&mut rest, [agent, other, outcome, format], group);
        }
    }
    let left: Vec<_> = rest
        .cells()
        .map(|cell| {
            let named = cube
                .cells()
                .filter(|it| {
                    (it.agent, it.outcome, it.format) == (cell.agent, cell.outcome, cell.format)
                })
                .fold(Sum::default(), |sum, it| Sum {
                    visits: sum.visits + it.sum.visits,
                    spent_ms: sum.spent_ms + it.sum.spent_ms,
                });
            // Two estimates need not agree.
            let sum = Sum {
                visits: cell.sum.visits.saturating_sub(named.visits),
                spent_ms: cell.sum.spent_ms.saturating_sub(named.spent_ms),
            };
            (cell.agent.to_owned(), cell.outcome, cell.format, sum)
        })
        .collect();
    for (agent, outcome, format, sum) in left {
        if sum.visits > 0 {
            cube.put(Cell {
                agent: &agent,
                path: other,
                outcome,
                identity: Identity::Claimed,
                format,
                sum,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(keys: &[&str], written: u64) -> DataGroup {
        DataGroup {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            written,
            kept: written,
            sum: 2.0,
        }
    }

    #[test]
    fn what_no_worker_of_ours_wrote_is_left_out() {
        let mut cube = Cube::default();
        for keys in [
            ["GPTBot", "/a", "stolen", ""],
            ["", "/a", "variant", "html"],
            ["two words", "/a", "variant", "html"],
            [&"x".repeat(65), "/a", "variant", "html"],
        ] {
            put(&mut cube, keys, &group(&[], 1));
        }
        assert!(cube.is_empty());
        put(
            &mut cube,
            ["GPTBot", "no path", "variant", "pdf"],
            &group(&[], 3),
        );
        let cells: Vec<_> = cube.cells().collect();
        assert_eq!((cells[0].path, cells[0].format), (OTHER_PATHS, None));
        assert_eq!(cells[0].sum.visits, 3);
    }

    #[test]
    fn the_paths_that_are_not_named_are_one_other() {
        let mut cube = Cube::default();
        put(
            &mut cube,
            ["GPTBot", "/a", "variant", "html"],
            &group(&[], 5),
        );
        put(
            &mut cube,
            ["GPTBot", "/b", "variant", "html"],
            &group(&[], 2),
        );
        let all = [
            group(&["GPTBot", "variant", "html"], 10),
            group(&["GPTBot", "origin", ""], 4),
            group(&["ClaudeBot", "variant", "html"], 1),
        ];
        add_others(&mut cube, &all, OTHER_PATHS);
        assert_eq!(cube.visits(), 15);
        let other: u64 = cube
            .cells()
            .filter(|cell| cell.path == OTHER_PATHS)
            .map(|cell| cell.sum.visits)
            .sum();
        assert_eq!(other, 8);
    }
}
