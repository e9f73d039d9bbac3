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
use std::{collections::HashMap, fmt, sync::Arc};

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
    /// Visits and visits served, by agent and part.
    grid: Vec<(u64, u64)>,
}

/// What was counted so far.
#[derive(Debug)]
pub struct Counting {
    wanted: Wanted,
    extent: Extent,
    admitted: [bool; PAIRS],
    agents: Tally,
    paths: Tally,
    series: HashMap<(i64, u32), (u64, u64)>,
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
            grid: vec![(0, 0); parts * agents.len()],
            agents,
        })
    }

    /// What is needed of the chunk that begins with path `first`; the next one begins with `next`.
    pub fn needs(&self, reading: &Reading, first: &str, next: Option<&str>) -> Needs {
        let Some(path) = self.wanted.path.as_deref() else {
            let paths = self.extent.with_paths;
            return Needs {
                paths,
                cells: paths && self.wanted.agents.is_some(),
                parts: false,
            };
        };
        let may_hold =
            (first <= path || first.starts_with(path)) && next.is_none_or(|next| next > path);
        Needs {
            paths: may_hold,
            cells: may_hold,
            parts: may_hold && reading.parts > 1,
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
            for (part, (visits, served)) in (0..).zip(row) {
                if *visits > 0 {
                    let hour = reading.stretch.start + part * step;
                    let sum = self.series.entry((hour, *agent)).or_default();
                    sum.0 = sum.0.saturating_add(*visits);
                    sum.1 = sum.1.saturating_add(*served);
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

    /// The first hour of a part, an agent, its visits, and those of them that were served, in no order.
    pub fn series(&self) -> impl Iterator<Item = (i64, &str, u64, u64)> {
        self.series
            .iter()
            .filter_map(|((hour, agent), (visits, served))| {
                let agent = self.agents.names.get(*agent as usize)?;
                Some((*hour, agent.as_str(), *visits, *served))
            })
    }
}

impl Reading {
    fn add(&mut self, agent: u32, part: usize, pair: usize, visits: u64) {
        if part >= self.parts {
            return;
        }
        if let Some((all, served)) = self.grid.get_mut(agent as usize * self.parts + part) {
            *all = all.saturating_add(visits);
            // Variants and those who had them are the first two outcomes.
            if pair % 4 < 2 {
                *served = served.saturating_add(visits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Cube, Folded, Sections};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Hour, agent, path, outcome and identity of a visit.
    type Drawn = (u8, u8, u16, u8, u8);

    fn cell(drawn: &Drawn) -> (String, String, VisitOutcome, Identity) {
        let (_, agent, path, outcome, identity) = drawn;
        (
            format!("Bot{agent}"),
            format!("/{}/{path}", path % 3),
            VisitOutcome::ALL[usize::from(*outcome)],
            Identity::ALL[usize::from(*identity)],
        )
    }

    fn cube<'a>(visits: impl IntoIterator<Item = &'a Drawn>) -> Cube {
        let mut cube = Cube::default();
        for drawn in visits {
            let (agent, path, outcome, identity) = cell(drawn);
            let sum = Sum {
                visits: 1,
                spent_ms: 2,
            };
            cube.put(Cell {
                agent: &agent,
                path: &path,
                outcome,
                identity,
                format: None,
                sum,
            });
        }
        cube
    }

    /// A day of these hours.
    fn day(visits: &[Drawn]) -> Folded {
        let mut day = Folded::default();
        for hour in 0..24 {
            day.add(hour, &cube(visits.iter().filter(|drawn| drawn.0 == hour)));
        }
        day
    }

    fn counted(sections: &Sections, wanted: &Wanted, extent: Extent) -> Counting {
        let stretch = Stretch::holding(Level::Day, 240);
        let mut counting = Counting::new(wanted.clone(), extent);
        let mut reading = counting.begin(stretch, &sections.head).expect("a head");
        for (at, chunk) in sections.chunks.iter().enumerate() {
            let next = sections.chunks.get(at + 1).map(|next| next.first.as_str());
            let needs = counting.needs(&reading, &chunk.first, next);
            if needs.paths {
                let cells = needs.cells.then_some(chunk.cells.as_slice());
                let parts = needs.parts.then_some(chunk.parts.as_slice());
                counting
                    .chunk(&mut reading, &chunk.paths, cells, parts)
                    .expect("a chunk");
            }
        }
        counting.end(&reading);
        counting
    }

    proptest! {
        /// What is read from sections is what looking at each visit says.
        #[test]
        fn every_question_is_answered_as_by_hand(
            visits in prop::collection::vec((0..24_u8, 0..4_u8, 0..700_u16, 0..4_u8, 0..3_u8), 0..1500),
            agent in prop::option::of(0..5_u8),
            path in prop::option::of(prop::sample::select(vec!["/1/", "/2/5", "/", "/0/3", "/9", "0"])),
            outcome in prop::option::of(0..4_usize),
            identity in prop::option::of(0..3_usize),
        ) {
            let token = agent.map(|agent| format!("Bot{agent}"));
            let wanted = Wanted {
                agents: token.clone().map(|token| Arc::new(move |name: &str| name == token) as _),
                path: path.map(str::to_owned),
                outcomes: outcome.map(|at| VisitOutcome::ALL[at]).into_iter().collect(),
                identities: identity.map(|at| Identity::ALL[at]).into_iter().collect(),
            };
            let mut by_agent = BTreeMap::new();
            let mut by_path = BTreeMap::new();
            let mut series: BTreeMap<(i64, String), (u64, u64)> = BTreeMap::new();
            for drawn in &visits {
                let (name, page, got, who) = cell(drawn);
                if token.as_ref().is_some_and(|token| *token != name)
                    || path.is_some_and(|path| !page.starts_with(path))
                    || wanted.outcomes.iter().any(|one| *one != got)
                    || wanted.identities.iter().any(|one| *one != who)
                {
                    continue;
                }
                *by_agent.entry((name.clone(), got, who)).or_insert(0_u64) += 1;
                *by_path.entry((page, got, who)).or_insert(0_u64) += 1;
                let sum = series.entry((240 + i64::from(drawn.0), name)).or_default();
                sum.0 += 1;
                sum.1 += u64::from(got.is_served());
            }
            let sections = day(&visits).sections();
            prop_assert!(visits.len() < 1_200 || sections.chunks.len() > 1);
            let extent = Extent { with_paths: true, series_by: path.map(|_| Level::Hour) };
            let counting = counted(&sections, &wanted, extent);
            let read: BTreeMap<_, u64> = counting.by_agent()
                .map(|cell| ((cell.agent.to_owned(), cell.outcome, cell.identity), cell.sum.visits)).collect();
            prop_assert_eq!(&read, &by_agent);
            let spent: u64 = counting.by_agent().map(|cell| cell.sum.spent_ms).sum();
            prop_assert_eq!(spent, 2 * by_agent.values().sum::<u64>());
            let read: BTreeMap<_, u64> = counting.by_path()
                .map(|cell| ((cell.path.to_owned(), cell.outcome, cell.identity), cell.sum.visits)).collect();
            prop_assert_eq!(&read, &by_path);
            if path.is_some() {
                let read: BTreeMap<_, (u64, u64)> = counting.series()
                    .map(|(hour, agent, visits, served)| ((hour, agent.to_owned()), (visits, served))).collect();
                prop_assert_eq!(&read, &series);
            }
            // By whole days there is one point, whatever the hours.
            let extent = Extent { with_paths: false, series_by: path.map(|_| Level::Day) };
            let whole = counted(&sections, &wanted, extent);
            prop_assert_eq!(whole.by_path().count(), 0);
            prop_assert!(whole.series().all(|(hour, ..)| hour == 240));
            let sum: u64 = whole.series().map(|(_, _, visits, _)| visits).sum();
            let expected = if path.is_some() { series.values().map(|sum| sum.0).sum() } else { 0 };
            prop_assert_eq!(sum, expected);
            prop_assert_eq!(Cube::read(&sections).expect("a cube"), cube(&visits));
        }

        /// Bounding keeps every visit, and of the paths that stay the course.
        #[test]
        fn a_bounded_day_counts_the_same(
            visits in prop::collection::vec((0..24_u8, 0..3_u8, 0..40_u16, 0..4_u8, 0..3_u8), 0..300),
        ) {
            let bounded = day(&visits).bounded(5, 1);
            prop_assert_eq!(bounded.whole().visits(), visits.len() as u64);
            let wanted = Wanted { path: Some("/".to_owned()), ..Wanted::default() };
            let extent = Extent { with_paths: true, series_by: Some(Level::Hour) };
            let counting = counted(&bounded.sections(), &wanted, extent);
            let named: u64 = counting.by_path().map(|cell| cell.sum.visits).sum();
            let course: u64 = counting.series().map(|(_, _, visits, _)| visits).sum();
            prop_assert_eq!(named, course);
        }

        /// Whatever the bytes are, reading ends.
        #[test]
        fn damaged_sections_are_refused_or_read(
            section in 0..3_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let visits: Vec<Drawn> = (0..200).map(|n| (n % 24, n % 3, u16::from(n), n % 4, n % 3)).collect();
            let mut sections = day(&visits).sections();
            let bytes = match section {
                0 => &mut sections.head,
                1 => &mut sections.chunks[0].cells,
                _ => &mut sections.chunks[0].parts,
            };
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let stretch = Stretch::holding(Level::Day, 240);
            let wanted = Wanted { path: Some("/".to_owned()), ..Wanted::default() };
            let extent = Extent { with_paths: true, series_by: Some(Level::Hour) };
            let mut counting = Counting::new(wanted, extent);
            if let Ok(mut reading) = counting.begin(stretch, &sections.head) {
                for chunk in &sections.chunks {
                    let _ = counting.chunk(&mut reading, &chunk.paths, Some(&chunk.cells), Some(&chunk.parts));
                }
                counting.end(&reading);
            }
            let _ = Cube::read(&sections);
        }
    }
}
