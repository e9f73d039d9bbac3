//! Places in a source, and texts that remember from where in it they come.

use super::Place;
use std::ops::Range;

/// As many characters stand in an excerpt.
const EXCERPT: usize = 80;

/// A source with the beginnings of its lines.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let begins = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            lines: std::iter::once(0).chain(begins).collect(),
        }
    }

    /// The line and column of bytes, with what stands there.
    pub(super) fn place(&self, at: Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(at.start.min(self.text.len()));
        let end = self
            .text
            .ceil_char_boundary(at.end.clamp(start, self.text.len()));
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line - 1];
        Place {
            line,
            column: self.text[begin..start].chars().count() + 1,
            excerpt: excerpt(&self.text[start..end]),
        }
    }
}

fn excerpt(text: &str) -> String {
    let mut out = String::new();
    let mut was_space = false;
    for (index, character) in text.chars().enumerate() {
        if index >= EXCERPT {
            out.push('…');
            break;
        }
        if character.is_whitespace() {
            if !was_space {
                out.push(' ');
            }
        } else if super::characters::is_unseen(character) {
            out.push_str(&format!("U+{:04X}", u32::from(character)));
        } else {
            out.push(character);
        }
        was_space = character.is_whitespace();
    }
    out.trim().to_owned()
}

/// A text put together from pieces of a source: decoded, without markup.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) text: String,
    /// Where pieces begin here and in the source, and whether the two go on side by side.
    pieces: Vec<(usize, usize, bool)>,
}

impl Mapped {
    /// A piece of the source as it is.
    pub(super) fn push(&mut self, text: &str, from: usize) {
        self.pieces.push((self.text.len(), from, true));
        self.text.push_str(text);
    }

    /// Something that stands for what is at that place of the source.
    pub(super) fn push_for(&mut self, text: &str, from: usize) {
        self.pieces.push((self.text.len(), from, false));
        self.text.push_str(text);
    }

    /// A piece of the source with character references decoded.
    pub(super) fn push_decoded(&mut self, source: &str, from: usize) {
        let mut rest = 0;
        while let Some(found) = source[rest..].find('&') {
            let start = rest + found;
            let name = source[start + 1..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '#')
                .map_or(source.len(), |length| start + 1 + length);
            let end = if source[name..].starts_with(';') {
                name + 1
            } else {
                name
            };
            let decoded = htmlize::unescape(&source[start..end]);
            if decoded == source[start..end] {
                self.push(&source[rest..end], from + rest);
            } else {
                self.push(&source[rest..start], from + rest);
                self.push_for(&decoded, from + start);
            }
            rest = end;
        }
        if rest < source.len() {
            self.push(&source[rest..], from + rest);
        }
    }

    /// Where a range of this text is in the source.
    pub(super) fn source_of(&self, at: &Range<usize>) -> Range<usize> {
        let start = self.offset(at.start);
        let last = self.offset(at.end.saturating_sub(1).max(at.start));
        start..(last + 1).max(start + 1)
    }

    fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(here, ..)| *here <= at);
        let Some((here, there, is_same)) = index.checked_sub(1).map(|index| self.pieces[index])
        else {
            return 0;
        };
        if is_same { there + (at - here) } else { there }
    }

    /// The same without characters that are not seen: what splits a word must not hide it.
    pub(super) fn without_unseen(&self) -> Self {
        let mut out = Self::default();
        for (at, character) in self.text.char_indices() {
            if !super::characters::is_unseen(character) {
                let mut buffer = [0; 4];
                let piece = character.encode_utf8(&mut buffer);
                let there = self.offset(at);
                let goes_on = out.pieces.last().is_some_and(|(here, begun, is_same)| {
                    *is_same && begun + (out.text.len() - here) == there
                });
                if goes_on {
                    out.text.push_str(piece);
                } else {
                    out.push(piece, there);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns() {
        let source = Source::new("one\nzwei äö\u{200b}x\n");
        let place = |at| {
            let place = source.place(at);
            (place.line, place.column, place.excerpt)
        };
        assert_eq!(place(0..3), (1, 1, "one".to_owned()));
        assert_eq!(place(9..17), (2, 6, "äöU+200Bx".to_owned()));
        assert_eq!(place(99..99), (3, 1, String::new()));
    }

    #[test]
    fn decoded_texts_know_their_source() {
        let mut mapped = Mapped::default();
        let source = "x &amp; y&#8203;z &no; &";
        mapped.push_decoded(source, 10);
        assert_eq!(mapped.text, "x & y\u{200b}z &no; &");
        for (needle, at) in [("x", 10), ("&", 12), ("y", 18), ("z", 26), ("no", 29)] {
            let found = mapped.text.find(needle).expect(needle);
            assert_eq!(mapped.source_of(&(found..found + 1)).start, at, "{needle}");
        }
        let clean = mapped.without_unseen();
        assert_eq!(clean.text, "x & yz &no; &");
        let z = clean.text.find('z').expect("z");
        assert_eq!(clean.source_of(&(z..z + 1)), 26..27);
    }
}
