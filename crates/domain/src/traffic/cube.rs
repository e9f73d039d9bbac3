//! Counts by agent, path, outcome, identity and format.

use super::OTHER_PATHS;
use crate::{
    identity::Identity,
    variant::Format,
    visit::{Visit, VisitOutcome},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What was counted in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Visits.
    pub visits: u64,
    /// Milliseconds spent in the Worker, of all of them.
    pub spent_ms: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.visits += other.visits;
        self.spent_ms += other.spent_ms;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Key {
    agent: u32,
    path: u32,
    outcome: VisitOutcome,
    identity: Identity,
    format: Option<Format>,
}

/// Counts of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cube {
    agents: Names,
    paths: Names,
    cells: HashMap<Key, Sum>,
}

/// How a cube is stored: names once, cells in order.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    agents: Vec<String>,
    paths: Vec<String>,
    cells: Vec<(Key, Sum)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Names {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Names {
    fn of(list: Vec<String>) -> Self {
        let index = (0..)
            .zip(&list)
            .map(|(at, name)| (name.clone(), at))
            .collect();
        Self { list, index }
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).expect("names are bounded far below");
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        number
    }

    fn name(&self, number: u32) -> &str {
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

    /// Counts what is in a cell of another cube.
    pub fn put(&mut self, cell: Cell<'_>) {
        let key = Key {
            agent: self.agents.number(cell.agent),
            path: self.paths.number(cell.path),
            outcome: cell.outcome,
            identity: cell.identity,
            format: cell.format,
        };
        self.cells.entry(key).or_default().add(cell.sum);
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
        let kept: std::collections::HashSet<&str> =
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

impl Serialize for Cube {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cells: Vec<_> = self.cells.iter().map(|(key, sum)| (*key, *sum)).collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        Stored {
            agents: self.agents.list.clone(),
            paths: self.paths.list.clone(),
            cells,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cube {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Ok(Self {
            agents: Names::of(stored.agents),
            paths: Names::of(stored.paths),
            cells: stored.cells.into_iter().collect(),
        })
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
            let json = serde_json::to_string(&merged).expect("a cube");
            let read: Cube = serde_json::from_str(&json).expect("the same");
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
