//! Characters that are not seen, turn the writing, or tell of a wrong conversion.

use super::{
    Findings, LintCode,
    place::{Mapped, Source},
};
use std::ops::Range;

/// From so many in a row on, characters without a width are a text of their own.
const RUN: usize = 4;

/// Pairs that UTF-8 turns into when it is read as Windows-1252.
const MOJIBAKE: [&str; 14] = [
    "Ã¤", "Ã¶", "Ã¼", "ÃŸ", "Ã©", "Ã¨", "Ã¡", "Ã³", "Ã±", "â€™", "â€œ", "â€“", "Â©", "Â£",
];

/// Without a width: zero-width spaces and joiners, invisible operators, fillers.
const fn is_zero_width(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}')
}

/// Embeddings, overrides and isolates. The marks U+200E, U+200F and U+061C are usual in mixed writing, and left alone.
const fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Tags, and the variation selectors beyond the first sixteen: what only software reads.
const fn is_smuggler(character: char) -> bool {
    matches!(character, '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether an excerpt has to write it out.
pub(super) const fn is_unseen(character: char) -> bool {
    is_zero_width(character) || is_bidi_control(character) || is_smuggler(character)
}

/// What can be told from the source alone.
pub(super) fn check_source(source: &Source<'_>, found: &mut Findings) {
    let text = source.text;
    if text.starts_with('\u{feff}') {
        found.at(
            LintCode::ByteOrderMark,
            0..3,
            "begins with a byte order mark",
        );
    }
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    if let Some(at) = text.find(control) {
        found.at(
            LintCode::ControlCharacter,
            at..at + 1,
            "holds control characters",
        );
    }
    let garbled = MOJIBAKE
        .iter()
        .chain(&["\u{fffd}"])
        .filter_map(|pair| text.find(pair).map(|at| at..at + pair.len()))
        .min_by_key(|at| at.start);
    if let Some(at) = garbled {
        found.at(
            LintCode::Mojibake,
            at,
            "holds characters that a wrong conversion leaves",
        );
    }
}

/// What is not seen in a text.
pub(super) fn check(mapped: &Mapped, found: &mut Findings) {
    if mapped.text.is_ascii() {
        return;
    }
    for run in runs(&mapped.text) {
        let at = mapped.source_of(&run.at);
        let count = run.count;
        match run.kind {
            Kind::Bidi => {
                found.at(LintCode::BidiControl, at, "turns the direction of writing");
            }
            Kind::Smuggled => found.at(
                LintCode::InvisibleText,
                at,
                format!("holds {count} characters in a row that nobody sees"),
            ),
            Kind::ZeroWidth if count >= RUN => found.at(
                LintCode::InvisibleText,
                at,
                format!("holds {count} characters without a width in a row"),
            ),
            Kind::ZeroWidth => {
                found.at(LintCode::ZeroWidth, at, "holds a character without a width");
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ZeroWidth,
    Bidi,
    Smuggled,
}

struct Run {
    kind: Kind,
    at: Range<usize>,
    count: usize,
}

/// Characters of one kind in a row, without those that are usual.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut before = None;
    let mut is_flag = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        // A black flag and the tags after it are the flag of a region.
        is_flag = character == '\u{1f3f4}' || (is_flag && is_smuggler(character));
        let after = characters.peek().map(|(_, character)| *character);
        let kind = if is_bidi_control(character) {
            Some(Kind::Bidi)
        } else if is_smuggler(character) {
            (!is_flag).then_some(Kind::Smuggled)
        } else if is_zero_width(character) && !is_usual(character, at, before, after) {
            Some(Kind::ZeroWidth)
        } else {
            None
        };
        if let Some(kind) = kind {
            let end = at + character.len_utf8();
            match runs.last_mut() {
                Some(last) if last.kind == kind && last.at.end == at => {
                    last.at.end = end;
                    last.count += 1;
                }
                _ => runs.push(Run {
                    kind,
                    at: at..end,
                    count: 1,
                }),
            }
        }
        before = Some(character);
    }
    // One variation selector chooses a glyph; a single one hides nothing.
    runs.retain(|run| run.kind != Kind::Smuggled || run.count > 1 || !is_selector(text, run));
    runs
}

fn is_selector(text: &str, run: &Run) -> bool {
    text[run.at.clone()].starts_with(|c| matches!(c, '\u{e0100}'..='\u{e01ef}'))
}

/// Joiners belong between letters of scripts that join, and between the parts of an emoji; a byte order mark at the
/// beginning is told of elsewhere.
fn is_usual(character: char, at: usize, before: Option<char>, after: Option<char>) -> bool {
    let is_plain = |c: Option<char>| c.is_none_or(|c| c.is_ascii() || is_zero_width(c));
    match character {
        '\u{200c}' | '\u{200d}' => !(is_plain(before) || is_plain(after)),
        '\u{feff}' => at == 0,
        _ => false,
    }
}
