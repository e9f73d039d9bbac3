//! Counts by agent, path, outcome, identity and format.

use super::{
    OTHER_PATHS,
    kind::{of_kind, of_pair},
};
use crate::{
    identity::Identity,
    variant::Format,
    visit::{Visit, VisitOutcome},
};
use hashbrown::HashMap;

/// What was counted in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Visits.
    pub visits: u64,
    /// Milliseconds spent in the Worker, of all of them.
    pub spent_ms: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.visits = self.visits.saturating_add(other.visits);
        self.spent_ms = self.spent_ms.saturating_add(other.spent_ms);
    }
}

/// A cell and what was counted in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The agent's token.
    pub agent: &'a str,
    /// The path, or [`OTHER_PATHS`].
    pub path: &'a str,
    /// What they got.
    pub outcome: VisitOutcome,
    /// Who they were.
    pub identity: Identity,
    /// The format that they got.
    pub format: Option<Format>,
    /// The counts.
    pub sum: Sum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) agent: u32,
    pub(super) path: u32,
    pub(super) outcome: VisitOutcome,
    pub(super) identity: Identity,
    pub(super) format: Option<Format>,
}

impl Key {
    /// With a kind as it is written down.
    pub(super) fn of(agent: u32, path: u32, kind: u8) -> Option<Self> {
        let (pair, format) = of_kind(kind)?;
        let (outcome, identity) = of_pair(pair)?;
        Some(Self {
            agent,
            path,
            outcome,
            identity,
            format,
        })
    }
}

/// Counts of one stretch of time.
#[derive(Debug, Clone, Default)]
pub struct Cube {
    pub(super) agents: Names,
    pub(super) paths: Names,
    pub(super) cells: HashMap<Key, Sum>,
}

/// Two cubes are the same when they count the same, in whatever order names were met.
impl PartialEq for Cube {
    fn eq(&self, other: &Self) -> bool {
        self.sections() == other.sections()
    }
}

impl Eq for Cube {}

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Names {
    pub(super) fn known(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).expect("names are bounded far below");
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        number
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }
}

impl Cube {
    /// Counts a visit.
    pub fn add(&mut self, visit: &Visit) {
        let sum = Sum {
            visits: 1,
            spent_ms: visit.spent_ms.into(),
        };
        self.put(Cell {
            agent: &visit.agent,
            path: &visit.path,
            outcome: visit.outcome,
            identity: visit.identity,
            format: visit.format,
            sum,
        });
    }

    /// Adds the counts of a cell.
    pub fn put(&mut self, cell: Cell<'_>) {
        self.put_at(cell);
    }

    pub(super) fn put_at(&mut self, cell: Cell<'_>) -> Key {
        let key = Key {
            agent: self.agents.number(cell.agent),
            path: self.paths.number(cell.path),
            outcome: cell.outcome,
            identity: cell.identity,
            format: cell.format,
        };
        self.cells.entry(key).or_default().add(cell.sum);
        key
    }

    /// Counts under a key whose names are known.
    pub(super) fn count(&mut self, key: Key, visits: u64, spent_ms: u64) {
        let sum = Sum { visits, spent_ms };
        self.cells.entry(key).or_default().add(sum);
    }

    /// Counts a visit that was counted under its agent under another one, with the path that it was counted by: its own,
    /// or *other*. One that was not counted changes nothing.
    pub fn give(&mut self, visit: &Visit, agent: &str) {
        let Some(from) = self.agents.index.get(&visit.agent).copied() else {
            return;
        };
        let key = [visit.path.as_str(), OTHER_PATHS]
            .into_iter()
            .filter_map(|path| self.paths.index.get(path).copied())
            .map(|path| Key {
                agent: from,
                path,
                outcome: visit.outcome,
                identity: visit.identity,
                format: visit.format,
            })
            .find(|key| self.cells.contains_key(key));
        let Some(key) = key else { return };
        let Some(sum) = self.cells.get_mut(&key) else {
            return;
        };
        let spent_ms = if sum.visits > 1 {
            sum.spent_ms.min(visit.spent_ms.into())
        } else {
            sum.spent_ms
        };
        sum.visits -= 1;
        sum.spent_ms -= spent_ms;
        if sum.visits == 0 {
            self.cells.remove(&key);
        }
        let to = Key {
            agent: self.agents.number(agent),
            ..key
        };
        let sum = Sum {
            visits: 1,
            spent_ms,
        };
        self.cells.entry(to).or_default().add(sum);
    }

    /// Counts everything of another cube.
    pub fn merge(&mut self, other: &Self) {
        for cell in other.cells() {
            self.put(cell);
        }
    }

    /// The cells, in no order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.cells.iter().map(|(key, sum)| Cell {
            agent: self.agents.name(key.agent),
            path: self.paths.name(key.path),
            outcome: key.outcome,
            identity: key.identity,
            format: key.format,
            sum: *sum,
        })
    }

    /// All visits.
    pub fn visits(&self) -> u64 {
        self.cells.values().map(|sum| sum.visits).sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Keeps the names of the `most` paths that were visited most, of equals those that come first in the alphabet; what the
    /// others counted goes to [`OTHER_PATHS`]. Nothing is done before there are `slack` times as many, so that a path which
    /// becomes known late can still grow.
    #[must_use]
    pub fn bounded(self, most: usize, slack: usize) -> Self {
        if self.paths.list.len() <= most.saturating_mul(slack) {
            return self;
        }
        let mut visits = vec![0_u64; self.paths.list.len()];
        for (key, sum) in &self.cells {
            if let Some(count) = visits.get_mut(key.path as usize) {
                *count += sum.visits;
            }
        }
        let mut ranked: Vec<(u64, &str)> = visits
            .iter()
            .zip(&self.paths.list)
            .filter(|(_, path)| !path.is_empty())
            .map(|(visits, path)| (*visits, path.as_str()))
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let kept: hashbrown::HashSet<&str> =
            ranked.iter().take(most).map(|(_, path)| *path).collect();
        let mut bounded = Self::default();
        for mut cell in self.cells() {
            if !kept.contains(cell.path) {
                cell.path = OTHER_PATHS;
            }
            bounded.put(cell);
        }
        bounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;
    use proptest::prelude::*;

    fn visit(agent: &str, path: &str) -> Visit {
        Visit {
            at: Millis(0),
            agent: agent.to_owned(),
            path: path.to_owned(),
            outcome: VisitOutcome::Origin,
            status: 0,
            revision: None,
            format: None,
            country: None,
            asn: None,
            spent_ms: 2,
            identity: Identity::Claimed,
            user_agent: None,
            network: None,
        }
    }

    #[test]
    fn the_most_visited_paths_keep_their_names() {
        let mut cube = Cube::default();
        for n in 0..10 {
            for _ in 0..=n {
                cube.add(&visit("GPTBot", &format!("/{n}")));
            }
        }
        assert_eq!(cube.clone().bounded(5, 2), cube);
        let bounded = cube.clone().bounded(3, 1);
        assert_eq!(bounded.visits(), 55);
        let mut paths: Vec<_> = bounded
            .cells()
            .map(|cell| (cell.path, cell.sum.visits))
            .collect();
        paths.sort_unstable();
        assert_eq!(paths, [("", 28), ("/7", 8), ("/8", 9), ("/9", 10)]);
    }

    proptest! {
        #[test]
        fn giving_is_counting_under_the_other_agent(
            visits in prop::collection::vec((0..3_u8, 0..20_u8, any::<bool>()), 0..60),
            most in 1..20_usize,
        ) {
            let agent = |n: u8| format!("Bot{n}");
            let cube = |given: bool| {
                let mut cube = Cube::default();
                for (from, path, is_other) in &visits {
                    let name = if given && *is_other { "Other".to_owned() } else { agent(*from) };
                    cube.add(&visit(&name, &format!("/{path}")));
                }
                cube
            };
            let mut moved = cube(false);
            let mut bounded = cube(false).bounded(most, 1);
            for (from, path, is_other) in &visits {
                if *is_other {
                    moved.give(&visit(&agent(*from), &format!("/{path}")), "Other");
                    bounded.give(&visit(&agent(*from), &format!("/{path}")), "Other");
                }
            }
            let cells = |cube: &Cube| {
                let mut cells: Vec<_> = cube.cells().map(|cell| (cell.agent.to_owned(), cell.path.to_owned(), cell.sum.visits, cell.sum.spent_ms)).collect();
                cells.sort();
                cells
            };
            prop_assert_eq!(cells(&moved), cells(&cube(true)));
            // Where paths are not named any more, agents are still counted exactly.
            let of = |cube: &Cube, name: &str| -> u64 { cube.cells().filter(|cell| cell.agent == name).map(|cell| cell.sum.visits).sum() };
            for name in ["Bot0", "Bot1", "Bot2", "Other"] {
                prop_assert_eq!(of(&bounded, name), of(&cube(true), name), "{}", name);
            }
        }

        #[test]
        fn merging_and_storing_lose_nothing(
            left in prop::collection::vec((0..3_u8, 0..20_u8), 0..60),
            right in prop::collection::vec((0..3_u8, 0..20_u8), 0..60),
        ) {
            let cube = |visits: &[(u8, u8)]| {
                let mut cube = Cube::default();
                for (agent, path) in visits {
                    cube.add(&visit(&format!("Bot{agent}"), &format!("/{path}")));
                }
                cube
            };
            let mut merged = cube(&left);
            merged.merge(&cube(&right));
            let read = Cube::read(&merged.sections()).expect("the same");
            prop_assert_eq!(&read, &merged);
            let total = (left.len() + right.len()) as u64;
            prop_assert_eq!(merged.visits(), total);
            let bounded = merged.bounded(3, 2);
            prop_assert_eq!(bounded.visits(), total);
            let spent: u64 = bounded.cells().map(|cell| cell.sum.spent_ms).sum();
            prop_assert_eq!(spent, 2 * total);
        }
    }
}
