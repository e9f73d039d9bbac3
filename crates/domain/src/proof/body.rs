//! Bodies as they are compared: in pieces, cut behind each tag and each line, each known by a short hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::BTreeSet;

/// Bodies of more pieces are compared as a whole alone: the comparison takes up to the square of it in steps.
const PIECES_MAX: usize = 8_000;

/// A page of which less than this share (in percent) stays from one fetch to the next is not compared.
const STEADY_PERCENT: usize = 50;

/// Pieces that a varying place may have more than it was seen to have.
const SLACK: usize = 8;

/// What a body was, as far as it is needed to compare it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// SHA-256 of all that was read, in hex.
    pub sha256: String,
    /// Bytes that were read.
    pub bytes: usize,
    /// Whether there was more.
    pub is_cut: bool,
    /// The pieces' hashes; empty when there are too many of them.
    pub pieces: Vec<u32>,
    /// The bytes of each piece. Bodies that were kept by an earlier version have none.
    #[serde(default)]
    pub lengths: Vec<u32>,
}

impl Body {
    /// Takes a body in; `is_cut` says that it went on.
    pub fn of(bytes: &[u8], is_cut: bool) -> Self {
        let (pieces, lengths): (Vec<u32>, Vec<u32>) = bytes
            .split_inclusive(|byte| matches!(byte, b'>' | b'\n'))
            .take(PIECES_MAX + 1)
            .map(|bytes| (piece(bytes), u32::try_from(bytes.len()).unwrap_or(u32::MAX)))
            .unzip();
        let is_long = pieces.len() > PIECES_MAX;
        Self {
            sha256: hex::encode(Sha256::digest(bytes)),
            bytes: bytes.len(),
            is_cut,
            pieces: if is_long { Vec::new() } else { pieces },
            lengths: if is_long { Vec::new() } else { lengths },
        }
    }
}

/// The first 32 bits of the SHA-256: two different pieces are taken for the same once in four thousand million times.
fn piece(bytes: &[u8]) -> u32 {
    let hash = Sha256::digest(bytes);
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// What two fetches of one page have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Known {
    /// Both were the same, byte for byte.
    Steady {
        /// The body.
        body: Body,
    },
    /// They differ in places.
    Varying {
        /// What stayed and where it varied, alternately.
        parts: Vec<Part>,
    },
    /// They have too little in common.
    Restless,
}

/// A part of a varying page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Pieces that stayed.
    Same(Vec<u32>),
    /// A place that varies, of at most so many pieces.
    Varies(usize),
}

impl Known {
    /// Compares two fetches.
    pub fn of(first: &Body, second: &Body) -> Self {
        if first.sha256 == second.sha256 {
            return Self::Steady {
                body: first.clone(),
            };
        }
        if first.pieces.is_empty() || second.pieces.is_empty() || first.is_cut || second.is_cut {
            return Self::Restless;
        }
        let operations = capture_diff_slices(Algorithm::Myers, &first.pieces, &second.pieces);
        let mut parts: Vec<Part> = Vec::new();
        let (mut steady, mut steady_bytes) = (0, 0_usize);
        for operation in operations {
            let (old, new) = (operation.old_range(), operation.new_range());
            match (operation, parts.last_mut()) {
                (DiffOp::Equal { .. }, _) => {
                    steady += old.len();
                    let lengths = first.lengths.get(old.clone()).unwrap_or_default();
                    steady_bytes += lengths.iter().map(|bytes| *bytes as usize).sum::<usize>();
                    parts.push(Part::Same(first.pieces[old].to_vec()));
                }
                (_, Some(Part::Varies(most))) => *most += old.len().max(new.len()),
                _ => parts.push(Part::Varies(old.len().max(new.len()))),
            }
        }
        let all = first.pieces.len().max(second.pieces.len());
        // By pieces and by bytes: one long piece that differs each time is most of a page, too.
        let all_bytes = first.bytes.max(second.bytes);
        let is_mostly_other =
            !first.lengths.is_empty() && steady_bytes * 100 < all_bytes * STEADY_PERCENT;
        if steady * 100 < all * STEADY_PERCENT || is_mostly_other {
            return Self::Restless;
        }
        Self::Varying { parts }
    }

    /// Whether a later body is the same page: the number of places that vary by themselves (0: byte for byte the same).
    ///
    /// # Errors
    /// Why it cannot be told, or is another page.
    pub fn compare(&self, after: &Body) -> Result<usize, String> {
        match self {
            Self::Steady { body } if body.sha256 == after.sha256 => Ok(0),
            Self::Steady { body } => Err(format!(
                "its body changed from {} to {} bytes, and nothing of ours is in it: the page may have been edited, or varies seldom",
                body.bytes, after.bytes
            )),
            Self::Restless => Err(
                "too much of it differs from one fetch to the next, before anything was changed"
                    .to_owned(),
            ),
            Self::Varying { parts } => {
                if fits(parts, &after.pieces) {
                    Ok(parts
                        .iter()
                        .filter(|part| matches!(part, Part::Varies(_)))
                        .count())
                } else {
                    Err("its body changed outside the places that vary by themselves, and nothing of ours is in it: the page may have been edited"
                        .to_owned())
                }
            }
        }
    }
}

/// Whether the parts follow one another in `pieces`, with as much between them as may vary there. What stayed may also
/// stand where something varies, so every place at which a part can end is followed up.
fn fits(parts: &[Part], pieces: &[u32]) -> bool {
    let mut ends = BTreeSet::from([0]);
    let mut room = 0;
    for part in parts {
        match part {
            Part::Varies(most) => room = most * 2 + SLACK,
            Part::Same(same) => {
                ends = starts(&ends, room, pieces.len())
                    .into_iter()
                    .filter(|start| pieces[*start..].starts_with(same))
                    .map(|start| start + same.len())
                    .collect();
                room = 0;
            }
        }
    }
    starts(&ends, room, pieces.len()).contains(&pieces.len())
}

/// Where the next part may begin: up to `room` pieces behind one of the ends.
fn starts(ends: &BTreeSet<usize>, room: usize, all: usize) -> BTreeSet<usize> {
    let mut starts = BTreeSet::new();
    let mut next = 0;
    for end in ends {
        let last = end.saturating_add(room).min(all);
        starts.extend((*end).max(next)..=last);
        next = last + 1;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str) -> Body {
        Body::of(text.as_bytes(), false)
    }

    fn page(time: &str, teaser: &str) -> String {
        let rows: String = (0..50).map(|row| format!("<li>row {row}</li>")).collect();
        format!("<html><p>now {time}</p><ul>{rows}</ul><div>{teaser}</div></html>")
    }

    #[test]
    fn only_what_varied_may_vary() {
        let known = Known::of(&body(&page("1", "a")), &body(&page("2", "b")));
        assert_eq!(known.compare(&body(&page("3", "c"))), Ok(2));
        let edited = page("3", "c").replace("row 7<", "row seven<");
        assert!(known.compare(&body(&edited)).is_err());
        assert!(known.compare(&body("")).is_err());
        let appended = page("3", "c") + &"<p>more</p>".repeat(20);
        assert!(known.compare(&body(&appended)).is_err());
    }

    #[test]
    fn a_restless_page_says_nothing() {
        let noise = |seed: u32| -> String {
            (0..100)
                .map(|row| format!("{}\n", row * seed + 1))
                .collect()
        };
        assert_eq!(
            Known::of(&body(&noise(3)), &body(&noise(7))),
            Known::Restless
        );
        let cut = Body::of(b"<p>a</p>", true);
        assert_eq!(Known::of(&cut, &body("<p>b</p>")), Known::Restless);
    }

    #[test]
    fn endless_pieces_are_compared_as_a_whole() {
        let many = body(&"<p>".repeat(PIECES_MAX + 1));
        assert!(many.pieces.is_empty());
        assert_eq!(Known::of(&many, &many).compare(&many), Ok(0));
        assert_eq!(Known::of(&many, &body("<p>")), Known::Restless);
    }

    proptest! {
        #[test]
        fn each_of_the_two_fetches_fits(first in "[a-c>\n]{0,60}", second in "[a-c>\n]{0,60}") {
            let (first, second) = (body(&first), body(&second));
            let known = Known::of(&first, &second);
            if known != Known::Restless {
                prop_assert!(known.compare(&first).is_ok(), "{:?}", known);
                prop_assert!(known.compare(&second).is_ok(), "{:?}", known);
            }
        }
    }
}
