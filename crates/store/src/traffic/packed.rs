//! A cube in its row: the sections, each compressed by itself, in three columns, so that a question reads those alone that
//! it needs. `data` has a version, a directory, and what every question reads; `cells` and `parts` have the sections of
//! these names.

use crate::packing::{Unpacker, compress};
use domain::traffic::{Chunk, Counting, Cube, Needs, Sections, Stretch};
use serde::{Deserialize, Serialize};

/// The first byte.
const VERSION: u8 = 3;

/// That of rows from before the columns: `data` has all sections, those of a chunk one after the other.
const TOGETHER: u8 = 2;

/// zstd's default.
const COMPRESSION: i32 = 3;

/// The most bytes of a section.
const SECTION_MAX: usize = 16 * 1024 * 1024;

/// What stands in the columns; empty where a column is not read.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) data: Vec<u8>,
    pub(super) cells: Vec<u8>,
    pub(super) parts: Vec<u8>,
}

/// Where the sections are: lengths in bytes, in their order.
#[derive(Debug, Serialize, Deserialize)]
struct Directory<'a> {
    head: u32,
    /// Of each chunk its first path, and its three sections.
    #[serde(borrow)]
    chunks: Vec<(&'a str, [u32; 3])>,
}

/// Makes what stands in the row.
pub(super) fn pack(sections: &Sections) -> Columns {
    let mut columns = Columns::default();
    let directory = Directory {
        head: append(&mut columns.data, &sections.head),
        chunks: sections
            .chunks
            .iter()
            .map(|chunk| {
                let lengths = [
                    append(&mut columns.data, &chunk.paths),
                    append(&mut columns.cells, &chunk.cells),
                    append(&mut columns.parts, &chunk.parts),
                ];
                (chunk.first.as_str(), lengths)
            })
            .collect(),
    };
    let mut data = postcard::to_extend(&directory, vec![VERSION]).expect("a list grows");
    data.append(&mut columns.data);
    columns.data = data;
    columns
}

/// Appends a section compressed; answers how long that is.
fn append(column: &mut Vec<u8>, section: &[u8]) -> u32 {
    if section.is_empty() {
        return 0;
    }
    let bytes = compress(section, COMPRESSION);
    column.extend_from_slice(&bytes);
    u32::try_from(bytes.len()).expect("sections are bounded by the paths that a cube names")
}

/// A column that is read from its beginning on.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    /// The next piece; empty where it is not needed.
    fn next(&mut self, length: u32, is_needed: bool) -> Result<&'a [u8], String> {
        let length = length as usize;
        if !is_needed {
            self.0 = self.0.get(length..).unwrap_or_default();
            return Ok(&[]);
        }
        let (piece, rest) = self.0.split_at_checked(length).ok_or("it is cut off")?;
        self.0 = rest;
        Ok(piece)
    }
}

/// A row that is read chunk by chunk.
struct Reading<'a> {
    is_together: bool,
    data: Pieces<'a>,
    cells: Pieces<'a>,
    parts: Pieces<'a>,
}

impl<'a> Reading<'a> {
    fn open(columns: &'a Columns) -> Result<(Directory<'a>, Self), String> {
        let (is_together, rest) = match columns.data.split_first() {
            Some((&VERSION, rest)) => (false, rest),
            Some((&TOGETHER, rest)) => (true, rest),
            _ => return Err("of an unknown version".to_owned()),
        };
        let (directory, rest) =
            postcard::take_from_bytes(rest).map_err(|error| format!("the directory: {error}"))?;
        let reading = Self {
            is_together,
            data: Pieces(rest),
            cells: Pieces(&columns.cells),
            parts: Pieces(&columns.parts),
        };
        Ok((directory, reading))
    }

    /// The compressed sections of the next chunk.
    fn chunk(&mut self, lengths: [u32; 3], needs: Needs) -> Result<[&'a [u8]; 3], String> {
        let [paths, cells, parts] = lengths;
        let paths = self.data.next(paths, needs.paths)?;
        if self.is_together {
            let cells = self.data.next(cells, needs.cells)?;
            return Ok([paths, cells, self.data.next(parts, needs.parts)?]);
        }
        let cells = self.cells.next(cells, needs.cells)?;
        Ok([paths, cells, self.parts.next(parts, needs.parts)?])
    }
}

fn unpack_section(unpacker: &mut Unpacker, piece: &[u8]) -> Result<Vec<u8>, String> {
    if piece.is_empty() {
        return Ok(Vec::new());
    }
    unpacker.unpack(piece, SECTION_MAX)
}

/// The whole cube; all columns must be read.
///
/// # Errors
/// With words about what is wrong with the row.
pub(super) fn unpack(columns: &Columns) -> Result<Cube, String> {
    let mut unpacker = Unpacker::new();
    let (directory, mut reading) = Reading::open(columns)?;
    let head = reading.data.next(directory.head, true)?;
    let mut sections = Sections {
        head: unpack_section(&mut unpacker, head)?,
        chunks: Vec::with_capacity(directory.chunks.len()),
    };
    for (first, lengths) in directory.chunks {
        let [paths, cells, parts] = reading.chunk(lengths, Needs::ALL)?;
        sections.chunks.push(Chunk {
            first: first.to_owned(),
            paths: unpack_section(&mut unpacker, paths)?,
            cells: unpack_section(&mut unpacker, cells)?,
            parts: unpack_section(&mut unpacker, parts)?,
        });
    }
    Cube::read(&sections).map_err(|error| error.to_string())
}

/// Counts what a question needs of it; the columns that [`Needs::of`] tells must be read.
///
/// # Errors
/// With words about what is wrong with the row.
pub(super) fn count(
    counting: &mut Counting,
    stretch: Stretch,
    columns: &Columns,
    unpacker: &mut Unpacker,
) -> Result<(), String> {
    let (directory, mut rows) = Reading::open(columns)?;
    let damaged = |error: domain::traffic::Damaged| error.to_string();
    let head = unpack_section(unpacker, rows.data.next(directory.head, true)?)?;
    let mut reading = counting.begin(stretch, &head).map_err(damaged)?;
    let mut chunks = directory.chunks.iter().peekable();
    while let Some((first, lengths)) = chunks.next() {
        let needs = counting.needs(&reading, first, chunks.peek().map(|(next, _)| *next));
        let [paths, cells, parts] = rows.chunk(*lengths, needs)?;
        if !needs.paths {
            continue;
        }
        let paths = unpack_section(unpacker, paths)?;
        let mut optional = |piece: &[u8], is_needed: bool| {
            is_needed
                .then(|| unpack_section(unpacker, piece))
                .transpose()
        };
        let cells = optional(cells, needs.cells)?;
        let parts = optional(parts, needs.parts)?;
        counting
            .chunk(&mut reading, &paths, cells.as_deref(), parts.as_deref())
            .map_err(damaged)?;
    }
    counting.end(&reading);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        identity::Identity,
        traffic::{Cell, Extent, Folded, Level, Sum, Wanted},
        visit::VisitOutcome,
    };
    use std::sync::Arc;

    /// A block of days with more paths than one chunk has.
    fn block() -> Sections {
        let mut block = Folded::default();
        for day in 0..4_u8 {
            let mut cube = Cube::default();
            for number in 0..600_usize {
                cube.put(Cell {
                    agent: ["GPTBot", "ClaudeBot", "unknown"][number % 3],
                    path: &format!("/{}/{number}", ["a", "b"][number % 2]),
                    outcome: VisitOutcome::ALL[number % 4],
                    identity: Identity::ALL[number % 3],
                    format: None,
                    sum: Sum {
                        visits: 1 + u64::from(day),
                        spent_ms: 3,
                    },
                });
            }
            block.add(day, &cube);
        }
        block.sections()
    }

    /// As rows were written before there were columns.
    fn together(sections: &Sections) -> Columns {
        let mut packed = Vec::new();
        let head = append(&mut packed, &sections.head);
        let chunks = sections.chunks.iter().map(|chunk| {
            let sections = [&chunk.paths, &chunk.cells, &chunk.parts];
            let lengths = sections.map(|section| append(&mut packed, section));
            (chunk.first.as_str(), lengths)
        });
        let chunks = chunks.collect();
        let directory = Directory { head, chunks };
        let data = postcard::to_extend(&directory, vec![TOGETHER]).expect("a list grows");
        Columns {
            data: [data, packed].concat(),
            ..Columns::default()
        }
    }

    fn answers(wanted: &Wanted, extent: Extent, columns: &Columns) -> Result<Vec<String>, String> {
        let mut counting = Counting::new(wanted.clone(), extent);
        let stretch = Stretch::holding(Level::Block, 0);
        count(&mut counting, stretch, columns, &mut Unpacker::new())?;
        let by_agent = counting.by_agent().map(|cell| format!("{cell:?}"));
        let by_path = counting.by_path().map(|cell| format!("{cell:?}"));
        let series = counting.series().map(|point| format!("{point:?}"));
        let mut all: Vec<String> = by_agent.chain(by_path).chain(series).collect();
        all.sort();
        Ok(all)
    }

    fn questions() -> Vec<(Wanted, Extent)> {
        let one_agent = Wanted {
            agents: Some(Arc::new(|agent| agent == "GPTBot")),
            ..Wanted::default()
        };
        let some_paths = Wanted {
            path: Some("/b/".to_owned()),
            ..Wanted::default()
        };
        let mut questions = Vec::new();
        for wanted in [Wanted::default(), one_agent, some_paths] {
            for with_paths in [false, true] {
                for series_by in [None, Some(Level::Day)] {
                    let extent = Extent {
                        with_paths,
                        series_by,
                    };
                    questions.push((wanted.clone(), extent));
                }
            }
        }
        questions
    }

    #[test]
    fn the_columns_that_are_needed_are_enough() {
        let sections = block();
        let whole = pack(&sections);
        for (wanted, extent) in questions() {
            let needs = Needs::of(&wanted, extent);
            let Columns { data, cells, parts } = pack(&sections);
            let some = Columns {
                data,
                cells: if needs.cells { cells } else { Vec::new() },
                parts: if needs.parts { parts } else { Vec::new() },
            };
            let expected = answers(&wanted, extent, &whole).expect("all that there is");
            assert!(!expected.is_empty());
            assert_eq!(answers(&wanted, extent, &some), Ok(expected));
        }
    }

    #[test]
    fn rows_from_before_the_columns_are_read() {
        let sections = block();
        let (then, now) = (together(&sections), pack(&sections));
        assert_eq!(unpack(&then), unpack(&now));
        assert!(unpack(&now).is_ok_and(|cube| cube.visits() == 600 * 10));
        for (wanted, extent) in questions() {
            assert_eq!(
                answers(&wanted, extent, &then),
                answers(&wanted, extent, &now)
            );
        }
    }

    #[test]
    fn a_row_that_is_cut_off_is_told() {
        let whole = pack(&block());
        let cut = |bytes: &[u8]| bytes[..bytes.len() - 1].to_vec();
        for columns in [
            Columns {
                data: cut(&whole.data),
                ..pack(&block())
            },
            Columns {
                cells: cut(&whole.cells),
                ..pack(&block())
            },
            Columns {
                parts: cut(&whole.parts),
                ..pack(&block())
            },
            Columns::default(),
        ] {
            assert!(unpack(&columns).is_err());
        }
    }
}
