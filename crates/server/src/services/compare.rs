//! Two revisions side by side: which lines and words differ.

use super::variants::{self, VariantName};
use crate::{app::App, problem::Outcome};
use domain::{ids::WorkspaceId, reading, variant::Format, variant::Revision};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::time::{Duration, Instant};

/// As much of each text is compared, in bytes.
const COMPARED: usize = 1024 * 1024;
/// As many lines of the difference are told.
const LINES: usize = 4_000;
/// As much of one line is told, in bytes.
const LINE: usize = 4_000;
/// Equal lines around a change.
const AROUND: usize = 3;
/// The comparison gives up being minimal after this time.
const WITHIN: Duration = Duration::from_millis(800);

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Piece {
    /// Its text.
    pub(crate) text: String,
    /// Whether it is what differs in a line that is otherwise alike.
    pub(crate) is_changed: bool,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// `same`, `removed` or `added`.
    pub(crate) kind: &'static str,
    /// Its number in `from`, from 1.
    pub(crate) from: Option<usize>,
    /// Its number in `to`, from 1.
    pub(crate) to: Option<usize>,
    /// Its text in pieces.
    pub(crate) pieces: Vec<Piece>,
}

/// Lines that differ, with some equal ones around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Hunk {
    /// In their order.
    pub(crate) lines: Vec<Line>,
}

/// What differs between two texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparison {
    /// The places that differ; none: the same.
    pub(crate) hunks: Vec<Hunk>,
    /// How many lines `to` has that `from` has not.
    pub(crate) added: usize,
    /// How many lines `from` has that `to` has not.
    pub(crate) removed: usize,
    /// Whether the texts were too long to be compared, or told, whole.
    pub(crate) is_cut: bool,
}

/// What of the revisions is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The content.
    Source,
    /// What an agent reads.
    Text,
}

/// Compares two revisions of a variant.
pub(crate) async fn revisions(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    (from, to): (&Revision, &Revision),
    side: Side,
) -> Outcome<Comparison> {
    let from = variants::content(app, ws, name, from).await?;
    let to = variants::content(app, ws, name, to).await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(texts(name.format, text(from), text(to), side).await)
}

/// Compares two texts.
pub(crate) async fn texts(format: Format, from: String, to: String, side: Side) -> Comparison {
    tokio::task::spawn_blocking(move || match side {
        Side::Source => compare(&from, &to),
        Side::Text => compare(
            &reading::text_of(format, &from),
            &reading::text_of(format, &to),
        ),
    })
    .await
    .expect("comparing does not panic")
}

fn compare(from: &str, to: &str) -> Comparison {
    let cut = |text: &str| text.floor_char_boundary(COMPARED.min(text.len()));
    let (old, new) = (&from[..cut(from)], &to[..cut(to)]);
    let mut comparison = Comparison {
        is_cut: old.len() < from.len() || new.len() < to.len(),
        ..Comparison::default()
    };
    let deadline = Instant::now() + WITHIN;
    let diff = TextDiff::configure()
        .deadline(deadline)
        .diff_lines(old, new);
    let mut told = 0;
    for group in diff.grouped_ops(AROUND) {
        let mut lines = Vec::new();
        for operation in &group {
            for change in diff.iter_inline_changes_deadline(operation, Some(deadline)) {
                let kind = match change.tag() {
                    ChangeTag::Equal => "same",
                    ChangeTag::Delete => "removed",
                    ChangeTag::Insert => "added",
                };
                comparison.added += usize::from(kind == "added");
                comparison.removed += usize::from(kind == "removed");
                told += 1;
                if told > LINES {
                    comparison.is_cut = true;
                    continue;
                }
                lines.push(Line {
                    kind,
                    from: change.old_index().map(|index| index + 1),
                    to: change.new_index().map(|index| index + 1),
                    pieces: pieces(change.iter_strings_lossy(), &mut comparison.is_cut),
                });
            }
        }
        if !lines.is_empty() {
            comparison.hunks.push(Hunk { lines });
        }
    }
    comparison
}

fn pieces<'a>(
    strings: impl Iterator<Item = (bool, std::borrow::Cow<'a, str>)>,
    is_cut: &mut bool,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut length = 0;
    for (is_changed, text) in strings {
        let text = text.trim_end_matches(['\n', '\r']);
        let room = LINE.saturating_sub(length);
        let end = text.floor_char_boundary(room.min(text.len()));
        *is_cut |= end < text.len();
        length += end;
        if end > 0 {
            pieces.push(Piece {
                text: text[..end].to_owned(),
                is_changed,
            });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(comparison: &Comparison) -> Vec<String> {
        comparison
            .hunks
            .iter()
            .flat_map(|hunk| &hunk.lines)
            .map(|line| {
                let text: String = line
                    .pieces
                    .iter()
                    .map(|piece| {
                        if piece.is_changed {
                            format!("[{}]", piece.text)
                        } else {
                            piece.text.clone()
                        }
                    })
                    .collect();
                format!("{} {:?} {:?} {text}", line.kind, line.from, line.to)
            })
            .collect()
    }

    #[test]
    fn lines_and_words_that_differ() {
        let comparison = compare(
            "one\ntwo lamps cost 18 euro\nthree\n",
            "one\ntwo lamps cost 19 euro\nthree\nfour\n",
        );
        assert_eq!(
            told(&comparison),
            [
                "same Some(1) Some(1) one",
                "removed Some(2) None two lamps cost [18] euro",
                "added None Some(2) two lamps cost [19] euro",
                "same Some(3) Some(3) three",
                "added None Some(4) four",
            ]
        );
        assert_eq!((comparison.added, comparison.removed), (2, 1));
        assert!(!comparison.is_cut);
        assert_eq!(compare("a", "a"), Comparison::default());
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "x".repeat(COMPARED + 10);
        let comparison = compare(&long, "y");
        assert!(comparison.is_cut);
        let many: String = (0..10_000).map(|line| format!("{line}\n")).collect();
        let comparison = compare("", &many);
        assert_eq!(comparison.added, 10_000);
        assert!(comparison.is_cut && comparison.hunks[0].lines.len() == LINES);
    }
}
