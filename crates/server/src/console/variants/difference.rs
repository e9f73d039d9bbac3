//! Two revisions, or two people's texts, as a table.

use crate::services::compare::{Comparison, Line, Piece};
use askama::Template;

/// A difference as a page shows it.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/difference.html")]
pub(crate) struct DifferencePart {
    /// What the left or first one is.
    pub(crate) from: String,
    /// What the right or second one is.
    pub(crate) to: String,
    /// One under the other, or side by side.
    pub(crate) is_inline: bool,
    /// The places that differ.
    pub(crate) hunks: Vec<Rows>,
    /// `2 lines added, 1 removed`.
    pub(crate) summary: String,
    /// Whether something was left out.
    pub(crate) is_cut: bool,
}

/// The rows of one place.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The rows of a table with two sides; of one with one side only `right` is filled, or `left` for what was removed.
    pub(crate) rows: Vec<Row>,
}

/// A row: one line on one or both sides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// The line of the first text.
    pub(crate) left: Option<Half>,
    /// The line of the second text.
    pub(crate) right: Option<Half>,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Half {
    /// Its number.
    pub(crate) number: String,
    /// `plus`, `minus` or nothing.
    pub(crate) class: &'static str,
    /// `+`, `−` or a space.
    pub(crate) sign: &'static str,
    /// Its text; what differs in it is marked.
    pub(crate) pieces: Vec<Piece>,
}

impl DifferencePart {
    /// Of a comparison.
    pub(crate) fn of(comparison: Comparison, from: String, to: String, is_inline: bool) -> Self {
        let words = |number: usize, what: &str| match number {
            1 => format!("1 line {what}"),
            _ => format!("{number} lines {what}"),
        };
        let summary = match (comparison.added, comparison.removed) {
            (0, 0) => "No difference".to_owned(),
            (added, 0) => words(added, "added"),
            (0, removed) => words(removed, "removed"),
            (added, removed) => format!("{}, {removed} removed", words(added, "added")),
        };
        Self {
            from,
            to,
            is_inline,
            hunks: comparison
                .hunks
                .into_iter()
                .map(|hunk| Rows {
                    rows: if is_inline {
                        hunk.lines.into_iter().map(inline).collect()
                    } else {
                        beside(hunk.lines)
                    },
                })
                .collect(),
            summary,
            is_cut: comparison.is_cut,
        }
    }
}

fn half(line: Line) -> Half {
    let (class, sign, number) = match line.kind {
        "added" => ("plus", "+", line.to),
        "removed" => ("minus", "−", line.from),
        _ => ("", " ", line.to),
    };
    Half {
        number: number.map(|number| number.to_string()).unwrap_or_default(),
        class,
        sign,
        pieces: line.pieces,
    }
}

fn inline(line: Line) -> Row {
    if line.kind == "removed" {
        Row {
            left: Some(half(line)),
            right: None,
        }
    } else {
        Row {
            left: None,
            right: Some(half(line)),
        }
    }
}

/// Removed lines beside the added ones that took their place.
fn beside(lines: Vec<Line>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut waiting = 0;
    for line in lines {
        match line.kind {
            "removed" => {
                rows.push(Row {
                    left: Some(half(line)),
                    right: None,
                });
                waiting += 1;
            }
            "added" if waiting > 0 => {
                let at = rows.len() - waiting;
                rows[at].right = Some(half(line));
                waiting -= 1;
            }
            "added" => rows.push(Row {
                left: None,
                right: Some(half(line)),
            }),
            _ => {
                waiting = 0;
                let number = line.from.map(|number| number.to_string());
                let right = half(line);
                rows.push(Row {
                    left: Some(Half {
                        number: number.unwrap_or_default(),
                        ..right.clone()
                    }),
                    right: Some(right),
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &'static str, number: usize) -> Line {
        Line {
            kind,
            from: (kind != "added").then_some(number),
            to: (kind != "removed").then_some(number),
            pieces: Vec::new(),
        }
    }

    #[test]
    fn what_was_removed_stands_beside_what_was_added() {
        let rows = beside(vec![
            line("same", 1),
            line("removed", 2),
            line("removed", 3),
            line("added", 2),
            line("same", 4),
            line("added", 5),
        ]);
        let shown: Vec<(String, String)> = rows
            .iter()
            .map(|row| {
                let side = |half: &Option<Half>| {
                    half.as_ref().map_or_else(String::new, |half| {
                        format!("{}{}", half.sign.trim(), half.number)
                    })
                };
                (side(&row.left), side(&row.right))
            })
            .collect();
        let expected = [("1", "1"), ("−2", "+2"), ("−3", ""), ("4", "4"), ("", "+5")];
        assert_eq!(
            shown,
            expected.map(|(left, right)| (left.to_owned(), right.to_owned()))
        );
    }
}
