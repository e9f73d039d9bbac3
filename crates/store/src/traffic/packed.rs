//! A cube in its row: a version, a directory, and the sections, each compressed by itself, so that a question decompresses
//! those alone that it needs.

use crate::packing::{Unpacker, compress};
use domain::traffic::{Chunk, Counting, Cube, Sections, Stretch};
use serde::{Deserialize, Serialize};

/// The first byte.
const VERSION: u8 = 2;

/// zstd's default.
const COMPRESSION: i32 = 3;

/// The most bytes of a section.
const SECTION_MAX: usize = 16 * 1024 * 1024;

/// Where the sections are: lengths in bytes, in their order.
#[derive(Debug, Serialize, Deserialize)]
struct Directory<'a> {
    head: u32,
    /// Of each chunk its first path, and its three sections.
    #[serde(borrow)]
    chunks: Vec<(&'a str, [u32; 3])>,
}

/// Makes what stands in the row.
pub(super) fn pack(sections: &Sections) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut put = |section: &[u8]| {
        if section.is_empty() {
            return 0;
        }
        let bytes = compress(section, COMPRESSION);
        packed.extend_from_slice(&bytes);
        u32::try_from(bytes.len()).expect("sections are bounded by the paths that a cube names")
    };
    let directory = Directory {
        head: put(&sections.head),
        chunks: sections
            .chunks
            .iter()
            .map(|chunk| {
                let sections = [&chunk.paths, &chunk.cells, &chunk.parts];
                (chunk.first.as_str(), sections.map(|section| put(section)))
            })
            .collect(),
    };
    let data = postcard::to_extend(&directory, vec![VERSION]).expect("a list grows");
    [data, packed].concat()
}

/// A row that is read from its beginning on.
struct Pieces<'a> {
    rest: &'a [u8],
    unpacker: &'a mut Unpacker,
}

impl<'a> Pieces<'a> {
    fn take(&mut self, length: u32) -> Result<&'a [u8], String> {
        let (piece, rest) = self
            .rest
            .split_at_checked(length as usize)
            .ok_or("it is cut off")?;
        self.rest = rest;
        Ok(piece)
    }

    fn unpack(&mut self, piece: &[u8]) -> Result<Vec<u8>, String> {
        if piece.is_empty() {
            return Ok(Vec::new());
        }
        self.unpacker.unpack(piece, SECTION_MAX)
    }
}

fn open<'a>(
    data: &'a [u8],
    unpacker: &'a mut Unpacker,
) -> Result<(Directory<'a>, Pieces<'a>), String> {
    let Some((&VERSION, rest)) = data.split_first() else {
        return Err("of an unknown version".to_owned());
    };
    let (directory, rest) =
        postcard::take_from_bytes(rest).map_err(|error| format!("the directory: {error}"))?;
    Ok((directory, Pieces { rest, unpacker }))
}

/// The whole cube.
///
/// # Errors
/// With words about what is wrong with the row.
pub(super) fn unpack(data: &[u8]) -> Result<Cube, String> {
    let mut unpacker = Unpacker::new();
    let (directory, mut pieces) = open(data, &mut unpacker)?;
    let mut next = |length: u32| {
        let piece = pieces.take(length)?;
        pieces.unpack(piece)
    };
    let mut sections = Sections {
        head: next(directory.head)?,
        chunks: Vec::new(),
    };
    for (first, [paths, cells, parts]) in directory.chunks {
        sections.chunks.push(Chunk {
            first: first.to_owned(),
            paths: next(paths)?,
            cells: next(cells)?,
            parts: next(parts)?,
        });
    }
    Cube::read(&sections).map_err(|error| error.to_string())
}

/// Counts what a question needs of it.
///
/// # Errors
/// With words about what is wrong with the row.
pub(super) fn count(
    counting: &mut Counting,
    stretch: Stretch,
    data: &[u8],
    unpacker: &mut Unpacker,
) -> Result<(), String> {
    let (directory, mut pieces) = open(data, unpacker)?;
    let damaged = |error: domain::traffic::Damaged| error.to_string();
    let head = pieces.take(directory.head)?;
    let head = pieces.unpack(head)?;
    let mut reading = counting.begin(stretch, &head).map_err(damaged)?;
    let mut chunks = directory.chunks.iter().peekable();
    while let Some((first, lengths)) = chunks.next() {
        let needs = counting.needs(&reading, first, chunks.peek().map(|(next, _)| *next));
        let [paths, cells, parts] = *lengths;
        let mut section = |length: u32, is_needed: bool| {
            let piece = pieces.take(length)?;
            is_needed.then(|| pieces.unpack(piece)).transpose()
        };
        let paths = section(paths, needs.paths)?;
        let cells = section(cells, needs.cells)?;
        let parts = section(parts, needs.parts)?;
        if let Some(paths) = paths {
            counting
                .chunk(&mut reading, &paths, cells.as_deref(), parts.as_deref())
                .map_err(damaged)?;
        }
    }
    counting.end(&reading);
    Ok(())
}
