//! Answers read from written cubes, without making cubes of them: what agents did, what happened to pages, and the course of
//! both where it is asked for some pages.

use super::{
    Cell, OTHER_PATHS, Stretch,
    cube::Sum,
    kind::{PAIRS, of_pair, pair},
    sections::{ByAgent, Damaged, Entries, Head, Paths, pair_of, read},
    stretch::Level,
};
use crate::{identity::Identity, visit::VisitOutcome};
use hashbrown::HashMap;
use std::{fmt, sync::Arc};

/// Whether visits of the agent with this token count.
pub type AdmitsAgent = dyn Fn(&str) -> bool + Send + Sync;

/// Which visits count.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Only these agents; all without.
    pub agents: Option<Arc<AdmitsAgent>>,
    /// Only paths that begin so.
    pub path: Option<String>,
    /// Only these outcomes; all when empty.
    pub outcomes: Vec<VisitOutcome>,
    /// Only these identities; all when empty.
    pub identities: Vec<Identity>,
}

impl Wanted {
    /// Whether visits of this agent, with this outcome and identity, count, whatever their path.
    pub fn admits(&self, agent: &str, outcome: VisitOutcome, identity: Identity) -> bool {
        (self.outcomes.is_empty() || self.outcomes.contains(&outcome))
            && (self.identities.is_empty() || self.identities.contains(&identity))
            && self.agents.as_ref().is_none_or(|admits| admits(agent))
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("some_agents", &self.agents.is_some())
            .field("path", &self.path)
            .field("outcomes", &self.outcomes)
            .field("identities", &self.identities)
            .finish()
    }
}

/// What is asked for beside what agents did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// What happened to pages too.
    pub with_paths: bool,
    /// Also in which hour, or day. Of no use without a path: then the counts without paths have it.
    pub series_by: Option<Level>,
}

/// Which sections of a chunk are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The first.
    pub paths: bool,
    /// The second.
    pub cells: bool,
    /// The third.
    pub parts: bool,
}

impl Needs {
    /// All.
    pub const ALL: Self = Self {
        paths: true,
        cells: true,
        parts: true,
    };

    /// What a question needs of any chunk.
    pub const fn of(wanted: &Wanted, extent: Extent) -> Self {
        let by_path = wanted.path.is_some();
        let paths = by_path || extent.with_paths;
        Self {
            paths,
            cells: by_path || (paths && wanted.agents.is_some()),
            parts: by_path && extent.series_by.is_some(),
        }
    }
}

/// Visits by outcome and identity under a name.
#[derive(Debug, Default)]
struct Tally {
    index: HashMap<String, u32>,
    names: Vec<String>,
    rows: Vec<([u64; PAIRS], u64)>,
}

impl Tally {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u32::try_from(self.rows.len()).expect("names are bounded far below");
        self.index.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        self.rows.push(([0; PAIRS], 0));
        number
    }

    fn add(&mut self, number: u32, pair: usize, visits: u64, spent: u64) {
        if let Some((counts, all_spent)) = self.rows.get_mut(number as usize) {
            counts[pair] = counts[pair].saturating_add(visits);
            *all_spent = all_spent.saturating_add(spent);
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&str, VisitOutcome, Identity, Sum)> {
        self.names.iter().zip(&self.rows).flat_map(|(name, row)| {
            let (counts, spent) = row;
            // Time is kept by name alone: it goes with the first of its rows.
            let mut spent_ms = *spent;
            (0..).zip(counts).filter_map(move |(pair, visits)| {
                let (outcome, identity) = of_pair(pair)?;
                let spent_ms = (*visits > 0).then(|| std::mem::take(&mut spent_ms))?;
                let sum = Sum {
                    visits: *visits,
                    spent_ms,
                };
                Some((name.as_str(), outcome, identity, sum))
            })
        })
    }
}

/// Names of a section, by their place there, as numbers of a tally; looked up when they are met.
struct Places<'a> {
    names: &'a [&'a str],
    numbers: Vec<Option<u32>>,
}

impl<'a> Places<'a> {
    fn of(names: &'a [&'a str]) -> Self {
        Self {
            names,
            numbers: vec![None; names.len()],
        }
    }

    fn number(&mut self, at: u32, tally: &mut Tally) -> Result<u32, Damaged> {
        let known = self.numbers.get_mut(at as usize).ok_or(Damaged)?;
        Ok(*known.get_or_insert_with(|| tally.number(self.names[at as usize])))
    }
}

/// A cube that is being read.
#[derive(Debug)]
pub struct Reading {
    stretch: Stretch,
    /// The numbers of its agents; `None` for those that do not count.
    agents: Vec<Option<u32>>,
    /// How many parts it has, where they are asked for; 1 where the whole of it is one.
    parts: usize,
    /// Visits by outcome and identity, by agent and part.
    grid: Vec<[u64; PAIRS]>,
}

/// What was counted so far.
#[derive(Debug)]
pub struct Counting {
    wanted: Wanted,
    extent: Extent,
    admitted: [bool; PAIRS],
    agents: Tally,
    paths: Tally,
    /// Visits by outcome and identity of a part's first hour and an agent.
    series: HashMap<(i64, u32), [u64; PAIRS]>,
}

impl Counting {
    /// Nothing yet.
    pub fn new(wanted: Wanted, extent: Extent) -> Self {
        let mut admitted = [false; PAIRS];
        for outcome in VisitOutcome::ALL {
            for identity in Identity::ALL {
                let is_wanted = (wanted.outcomes.is_empty() || wanted.outcomes.contains(&outcome))
                    && (wanted.identities.is_empty() || wanted.identities.contains(&identity));
                admitted[usize::from(pair(outcome, identity))] = is_wanted;
            }
        }
        Self {
            wanted,
            extent,
            admitted,
            agents: Tally::default(),
            paths: Tally::default(),
            series: HashMap::new(),
        }
    }

    /// Begins to read a cube. Its chunks must follow, those that are needed.
    ///
    /// # Errors
    /// When the section is damaged.
    pub fn begin(&mut self, stretch: Stretch, head: &[u8]) -> Result<Reading, Damaged> {
        let head: Head<'_> = read(head)?;
        let admits = self.wanted.agents.clone();
        let numbers = head.agents.iter().map(|name| {
            let is_wanted = admits.as_ref().is_none_or(|admits| admits(name));
            is_wanted.then(|| self.agents.number(name))
        });
        let agents: Vec<Option<u32>> = numbers.collect();
        if self.wanted.path.is_none() {
            for entry in Entries::of(head.sums) {
                let (at, kind, visits, spent) = entry?;
                let pair = pair_of(kind)?;
                let agent = *agents.get(at as usize).ok_or(Damaged)?;
                if let Some(agent) = agent.filter(|_| self.admitted[pair]) {
                    self.agents.add(agent, pair, visits, spent);
                }
            }
        }
        let parts = match (self.extent.series_by, stretch.level.finer()) {
            (None, _) => 0,
            (Some(by), Some(finer)) if stretch.level > by => {
                usize::try_from(stretch.level.hours() / finer.hours()).unwrap_or(0)
            }
            (Some(_), _) => 1,
        };
        Ok(Reading {
            stretch,
            parts,
            grid: vec![[0; PAIRS]; parts * agents.len()],
            agents,
        })
    }

    /// What is needed of the chunk that begins with path `first`; the next one begins with `next`.
    pub fn needs(&self, reading: &Reading, first: &str, next: Option<&str>) -> Needs {
        let needs = Needs::of(&self.wanted, self.extent);
        let Some(path) = self.wanted.path.as_deref() else {
            return needs;
        };
        let may_hold =
            (first <= path || first.starts_with(path)) && next.is_none_or(|next| next > path);
        if !may_hold {
            return Needs::default();
        }
        Needs {
            parts: needs.parts && reading.parts > 1,
            ..needs
        }
    }

    /// Reads a chunk, of which the sections that are needed are given.
    ///
    /// # Errors
    /// When a section is damaged.
    pub fn chunk(
        &mut self,
        reading: &mut Reading,
        paths: &[u8],
        cells: Option<&[u8]>,
        parts: Option<&[u8]>,
    ) -> Result<(), Damaged> {
        let section: Paths<'_> = read(paths)?;
        let mut places = Places::of(&section.paths);
        let Some(cells) = cells else {
            for entry in Entries::of(section.sums) {
                let (at, kind, visits, spent) = entry?;
                let pair = pair_of(kind)?;
                if self.admitted[pair] {
                    let path = places.number(at, &mut self.paths)?;
                    self.paths.add(path, pair, visits, spent);
                }
            }
            return Ok(());
        };
        let among = self.among(&section.paths);
        self.cells(reading, &mut places, &among, cells)?;
        match parts {
            Some(parts) if !parts.is_empty() => self.parts(reading, &among, parts),
            _ => Ok(()),
        }
    }

    /// The places of those paths that count.
    fn among(&self, paths: &[&str]) -> std::ops::Range<u32> {
        let Some(path) = self.wanted.path.as_deref() else {
            return 0..u32::MAX;
        };
        let from = paths.partition_point(|name| *name < path);
        let count = paths[from..].partition_point(|name| name.starts_with(path));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        place(from)..place(from + count)
    }

    fn cells(
        &mut self,
        reading: &mut Reading,
        places: &mut Places<'_>,
        among: &std::ops::Range<u32>,
        cells: &[u8],
    ) -> Result<(), Damaged> {
        if cells.is_empty() {
            return Ok(());
        }
        let by_path = self.wanted.path.is_some();
        for (place, entries) in read::<ByAgent<'_>>(cells)?.0 {
            let Some(agent) = *reading.agents.get(place as usize).ok_or(Damaged)? else {
                continue;
            };
            for entry in Entries::of(entries) {
                let (at, kind, visits, spent) = entry?;
                if at >= among.end {
                    break;
                }
                let pair = pair_of(kind)?;
                if at < among.start || !self.admitted[pair] {
                    continue;
                }
                if self.extent.with_paths {
                    let path = places.number(at, &mut self.paths)?;
                    self.paths.add(path, pair, visits, spent);
                }
                if by_path {
                    self.agents.add(agent, pair, visits, spent);
                }
                if reading.parts == 1 {
                    reading.add(place, 0, pair, visits);
                }
            }
        }
        Ok(())
    }

    fn parts(
        &self,
        reading: &mut Reading,
        among: &std::ops::Range<u32>,
        parts: &[u8],
    ) -> Result<(), Damaged> {
        for (place, entries) in read::<ByAgent<'_>>(parts)?.0 {
            if reading.agents.get(place as usize).ok_or(Damaged)?.is_none() {
                continue;
            }
            for entry in Entries::of(entries) {
                let (at, kind, visits, part) = entry?;
                if at >= among.end {
                    break;
                }
                let pair = pair_of(kind)?;
                if at >= among.start && self.admitted[pair] {
                    reading.add(
                        place,
                        usize::try_from(part).unwrap_or(usize::MAX),
                        pair,
                        visits,
                    );
                }
            }
        }
        Ok(())
    }

    /// Ends the reading of a cube.
    pub fn end(&mut self, reading: &Reading) {
        let step = match reading.stretch.level.finer() {
            Some(finer) if reading.parts > 1 => finer.hours(),
            _ => reading.stretch.level.hours(),
        };
        if reading.parts == 0 {
            return;
        }
        for (agent, row) in reading
            .agents
            .iter()
            .zip(reading.grid.chunks(reading.parts))
        {
            let Some(agent) = agent else { continue };
            for (part, pairs) in (0..).zip(row) {
                if pairs.iter().any(|visits| *visits > 0) {
                    let hour = reading.stretch.start + part * step;
                    let sums = self.series.entry((hour, *agent)).or_default();
                    for (sum, visits) in sums.iter_mut().zip(pairs) {
                        *sum = sum.saturating_add(*visits);
                    }
                }
            }
        }
    }

    /// What agents did: cells without paths.
    pub fn by_agent(&self) -> impl Iterator<Item = Cell<'_>> {
        self.agents
            .rows()
            .map(|(agent, outcome, identity, sum)| Cell {
                agent,
                path: OTHER_PATHS,
                outcome,
                identity,
                format: None,
                sum,
            })
    }

    /// What happened to pages: cells without agents.
    pub fn by_path(&self) -> impl Iterator<Item = Cell<'_>> {
        self.paths
            .rows()
            .map(|(path, outcome, identity, sum)| Cell {
                agent: "",
                path,
                outcome,
                identity,
                format: None,
                sum,
            })
    }

    /// The first hour of a part, an agent, what it got, who it was, and how often, in no order.
    pub fn series(&self) -> impl Iterator<Item = (i64, &str, VisitOutcome, Identity, u64)> {
        self.series.iter().flat_map(|((hour, agent), pairs)| {
            let agent = self.agents.names.get(*agent as usize).map(String::as_str);
            (0..).zip(pairs).filter_map(move |(pair, visits)| {
                let (outcome, identity) = of_pair(pair)?;
                (*visits > 0).then_some((*hour, agent?, outcome, identity, *visits))
            })
        })
    }
}

impl Reading {
    fn add(&mut self, agent: u32, part: usize, pair: usize, visits: u64) {
        if part >= self.parts {
            return;
        }
        let place = agent as usize * self.parts + part;
        if let Some(sum) = self.grid.get_mut(place).and_then(|it| it.get_mut(pair)) {
            *sum = sum.saturating_add(visits);
        }
    }
}

#[cfg(test)]
mod tests;
