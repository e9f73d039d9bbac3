//! A day of hours, or a block of days: the counts of all together, and in which of them what happened.

use super::{
    Cube, OTHER_PATHS,
    cube::Key,
    kind::{kind, of_kind, pair},
    sections::{
        ByAgent, CHUNK_PATHS, Chunk, Damaged, Entries, Entry, Head, Paths, Sections, read, write,
        write_entries,
    },
};
use hashbrown::HashMap;

/// Counts of a stretch of time, made of parts.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    cube: Cube,
    parts: Vec<Part>,
}

/// What happened in one part, by the numbers that the cube gives to agents and paths.
#[derive(Debug, Clone, Copy)]
struct Part {
    path: u32,
    agent: u32,
    pair: u8,
    part: u8,
    visits: u64,
}

impl Folded {
    /// Counts everything of a part; parts are numbered from 0.
    pub fn add(&mut self, part: u8, cube: &Cube) {
        for cell in cube.cells() {
            let key = self.cube.put_at(cell);
            self.parts.push(Part {
                path: key.path,
                agent: key.agent,
                pair: pair(key.outcome, key.identity),
                part,
                visits: cell.sum.visits,
            });
        }
    }

    /// The counts of all parts together.
    pub const fn whole(&self) -> &Cube {
        &self.cube
    }

    /// As [`Cube::bounded`]. Of paths whose names are not kept it is not kept either in which part they were visited.
    #[must_use]
    pub fn bounded(self, most: usize, slack: usize) -> Self {
        let before = self.cube.clone();
        let cube = self.cube.bounded(most, slack);
        let now_at = |name: &str| cube.paths.known(name);
        let paths: Vec<Option<u32>> = before.paths.list.iter().map(|name| now_at(name)).collect();
        let agents: Vec<Option<u32>> = before
            .agents
            .list
            .iter()
            .map(|name| cube.agents.known(name))
            .collect();
        let moved = |part: Part| {
            Some(Part {
                path: paths.get(part.path as usize).copied().flatten()?,
                agent: agents.get(part.agent as usize).copied().flatten()?,
                ..part
            })
        };
        let parts = self.parts.into_iter().filter_map(moved).collect();
        Self { cube, parts }
    }

    /// How it is written down.
    pub fn sections(&self) -> Sections {
        written(&self.cube, &self.parts)
    }
}

impl Cube {
    /// How it is written down, as something that has no parts.
    pub fn sections(&self) -> Sections {
        written(self, &[])
    }

    /// Reads what was written; it does not matter whether that had parts.
    ///
    /// # Errors
    /// When it was not written by [`Cube::sections`].
    pub fn read(sections: &Sections) -> Result<Self, Damaged> {
        let head: Head<'_> = read(&sections.head)?;
        let mut cube = Self::default();
        let agents: Vec<u32> = head
            .agents
            .iter()
            .map(|name| cube.agents.number(name))
            .collect();
        for chunk in &sections.chunks {
            let known: Paths<'_> = read(&chunk.paths)?;
            let paths: Vec<u32> = known
                .paths
                .iter()
                .map(|name| cube.paths.number(name))
                .collect();
            let cells: ByAgent<'_> = read(&chunk.cells)?;
            for (agent, entries) in cells.0 {
                let agent = *agents.get(agent as usize).ok_or(Damaged)?;
                for entry in Entries::of(entries) {
                    let (at, kind, visits, spent) = entry?;
                    let path = *paths.get(at as usize).ok_or(Damaged)?;
                    let key = Key::of(agent, path, kind).ok_or(Damaged)?;
                    cube.count(key, visits, spent);
                }
            }
        }
        Ok(cube)
    }
}

/// Positions of names in the order of bytes: which name stands where, and where each number stands.
struct Order<'a> {
    names: Vec<&'a str>,
    position: Vec<u32>,
}

impl<'a> Order<'a> {
    fn of(list: &'a [String]) -> Self {
        let mut numbers: Vec<u32> = (0..).take(list.len()).collect();
        numbers.sort_unstable_by_key(|number| &list[*number as usize]);
        let mut position = vec![0; list.len()];
        for (at, number) in (0..).zip(&numbers) {
            position[*number as usize] = at;
        }
        Self {
            names: numbers
                .iter()
                .map(|at| list[*at as usize].as_str())
                .collect(),
            position,
        }
    }
}

/// Somebody's entry: path, agent, and what is written of it.
type Placed = (u32, u32, Entry);

fn written(cube: &Cube, parts: &[Part]) -> Sections {
    let (agents, paths) = (Order::of(&cube.agents.list), Order::of(&cube.paths.list));
    let mut cells: Vec<Placed> = Vec::with_capacity(cube.cells.len());
    for (key, sum) in &cube.cells {
        let path = paths.position[key.path as usize];
        let agent = agents.position[key.agent as usize];
        let kind = kind(key.outcome, key.identity, key.format);
        cells.push((path, agent, (path, kind, sum.visits, sum.spent_ms)));
    }
    cells.sort_unstable();
    let mut moved: Vec<Placed> = parts
        .iter()
        // Nobody asks for the pages that are not named.
        .filter(|part| cube.paths.name(part.path) != OTHER_PATHS)
        .map(|part| {
            let path = paths.position[part.path as usize];
            let agent = agents.position[part.agent as usize];
            (
                path,
                agent,
                (path, part.pair, part.visits, part.part.into()),
            )
        })
        .collect();
    moved.sort_unstable();
    let mut chunks = Vec::new();
    let (mut rest, mut rest_of_parts) = (&cells[..], &moved[..]);
    for (from, names) in (0..)
        .step_by(CHUNK_PATHS)
        .zip(paths.names.chunks(CHUNK_PATHS))
    {
        let end = from + u32::try_from(names.len()).expect("a chunk is small");
        let here = before(&mut rest, end);
        chunks.push(Chunk {
            first: names[0].to_owned(),
            paths: write(&Paths {
                paths: names.to_vec(),
                sums: &write_entries(sums(here, |(path, ..)| path - from)),
            }),
            cells: by_agent(here, from, |_| 0),
            parts: by_agent(before(&mut rest_of_parts, end), from, |entry| entry.3),
        });
    }
    let head = write(&Head {
        sums: &write_entries(sums(&cells, |(_, agent, _)| agent)),
        agents: agents.names,
    });
    Sections { head, chunks }
}

/// Takes what belongs to paths before `end`.
fn before<'a>(rest: &mut &'a [Placed], end: u32) -> &'a [Placed] {
    let (here, later) = rest.split_at(rest.partition_point(|(path, ..)| *path < end));
    *rest = later;
    here
}

/// What happened to each owner, whatever the format, in order.
fn sums(cells: &[Placed], owner: impl Fn(Placed) -> u32) -> Vec<Entry> {
    let mut sums: HashMap<(u32, u8), (u64, u64)> = HashMap::new();
    for placed in cells {
        let (kind, visits, spent) = (placed.2.1, placed.2.2, placed.2.3);
        let pair = of_kind(kind).map_or(0, |(pair, _)| pair);
        let sum = sums.entry((owner(*placed), pair)).or_default();
        sum.0 += visits;
        sum.1 += spent;
    }
    let entries = sums.into_iter();
    let mut entries: Vec<Entry> = entries
        .map(|((at, kind), (visits, spent))| (at, kind, visits, spent))
        .collect();
    entries.sort_unstable();
    entries
}

/// Entries by agent, those of the same path, kind and `part` together; nothing when there are none.
fn by_agent(cells: &[Placed], from: u32, part: impl Fn(&Entry) -> u64) -> Vec<u8> {
    if cells.is_empty() {
        return Vec::new();
    }
    let mut sorted: Vec<(u32, u32, u8, u64, u64, u64)> = cells
        .iter()
        .map(|(path, agent, entry)| (*agent, path - from, entry.1, part(entry), entry.2, entry.3))
        .collect();
    sorted.sort_unstable();
    sorted.dedup_by(|next, kept| {
        let is_same = (next.0, next.1, next.2, next.3) == (kept.0, kept.1, kept.2, kept.3);
        if is_same {
            kept.4 += next.4;
        }
        is_same
    });
    let agents: Vec<(u32, Vec<u8>)> = sorted
        .chunk_by(|one, next| one.0 == next.0)
        .map(|run| {
            let entries = run
                .iter()
                .map(|(_, path, kind, _, visits, last)| (*path, *kind, *visits, *last));
            (run[0].0, write_entries(entries))
        })
        .collect();
    let sections = agents
        .iter()
        .map(|(agent, bytes)| (*agent, bytes.as_slice()));
    write(&ByAgent(sections.collect()))
}
