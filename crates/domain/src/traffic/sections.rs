//! How a cube is written down: in sections, so that a question reads only those that it needs.
//!
//! The head names the agents and what each of them did. Paths stand in chunks, in the order of bytes; a chunk has three
//! sections: its paths with what happened to each, then the same by agent, then, in days and blocks, in which hour or day.
//! So totals are read from heads, pages from the first sections, one agent's pages from the second, and the course of some
//! pages from the chunks that hold them. Numbers are postcard's (one to ten bytes, small ones shorter).

use super::kind::{PAIRS, of_kind};
use serde::{Deserialize, Serialize};

/// Paths of one chunk.
pub(super) const CHUNK_PATHS: usize = 256;

/// A cube in sections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections {
    /// The agents.
    pub head: Vec<u8>,
    /// The paths, in order.
    pub chunks: Vec<Chunk>,
}

/// Some neighbouring paths in sections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// The first path.
    pub first: String,
    /// The paths, and what happened to each.
    pub paths: Vec<u8>,
    /// The same by agent.
    pub cells: Vec<u8>,
    /// The same by agent and by part of the time; empty for hours.
    pub parts: Vec<u8>,
}

/// Why a section cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a section of counts is damaged")]
pub struct Damaged;

/// The head: agents and, of each in turn, what it did.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) agents: Vec<&'a str>,
    #[serde(borrow)]
    pub(super) sums: &'a [u8],
}

/// The first section of a chunk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Paths<'a> {
    #[serde(borrow)]
    pub(super) paths: Vec<&'a str>,
    #[serde(borrow)]
    pub(super) sums: &'a [u8],
}

/// The second and the third: agents by their number in the head, each with its entries.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ByAgent<'a>(#[serde(borrow)] pub(super) Vec<(u32, &'a [u8])>);

/// An entry: whose it is (as the distance from the entry before), what kind, visits, and milliseconds or, in parts, which.
pub(super) type Entry = (u32, u8, u64, u64);

/// Reads a section.
pub(super) fn read<'a, T: Deserialize<'a>>(section: &'a [u8]) -> Result<T, Damaged> {
    postcard::from_bytes(section).map_err(|_| Damaged)
}

/// Writes a section.
pub(super) fn write<T: Serialize>(section: &T) -> Vec<u8> {
    postcard::to_allocvec(section).expect("sections are numbers, words and lists")
}

/// Writes entries that are in order; the first number of each is the position of its owner.
pub(super) fn write_entries(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for (at, kind, visits, last) in entries {
        let entry: Entry = (at - before, kind, visits, last);
        before = at;
        bytes = postcard::to_extend(&entry, bytes).expect("a list grows");
    }
    bytes
}

/// Entries one by one, with the position of the owner instead of the distance. After a damaged one there is none.
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    at: u32,
}

impl<'a> Entries<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Ok(((distance, kind, visits, last), rest)) =
            postcard::take_from_bytes::<Entry>(self.rest)
        else {
            self.rest = &[];
            return Some(Err(Damaged));
        };
        self.rest = rest;
        self.at = self.at.saturating_add(distance);
        Some(Ok((self.at, kind, visits, last)))
    }
}

/// The pair of outcome and identity of a kind, as a position.
pub(super) fn pair_of(kind: u8) -> Result<usize, Damaged> {
    let (pair, _) = of_kind(kind).ok_or(Damaged)?;
    debug_assert!(usize::from(pair) < PAIRS, "twelve");
    Ok(pair.into())
}
