//! The checklist on a terminal, filling in row by row, and as plain text in a pipe.

use crate::{
    clock::rfc3339,
    services::token_check::{Progress, level_word},
};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::NOTHING};
use domain::connection::{Granted, PermissionCheck, TokenKind};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A list that is longer than a screen would flicker: then only the count is live.
const ROWS_LIVE: usize = 20;

/// A terminal that is narrower, or does not say how wide it is, breaks the lines itself.
const WIDTH_LEAST: u16 = 72;

/// The rows as a table: a mark, a word, and the evidence. Colours on a terminal alone, and not where `NO_COLOR` is set.
pub(super) fn checklist(checks: &[PermissionCheck]) -> String {
    let mut table = bare_table();
    if table.width().is_some_and(|width| width >= WIDTH_LEAST) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(["", "", "permission", "level", "where", "evidence"]);
    for check in checks {
        let mut row = cells(check, true);
        row.push(Cell::new(&check.detail));
        table.add_row(row);
    }
    table.trim_fmt()
}

fn bare_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn cells(check: &PermissionCheck, is_answered: bool) -> Vec<Cell> {
    let is_coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (mark, word, colour) = match check.granted {
        Granted::No if check.permission.is_optional() => ("·", "no, optional", Color::DarkGrey),
        granted => words(granted, is_answered),
    };
    let (mut mark, mut word) = (Cell::new(mark), Cell::new(word));
    if is_coloured {
        mark = mark.fg(colour).add_attribute(Attribute::Bold);
        word = word.fg(colour);
    }
    vec![
        mark,
        word,
        Cell::new(check.permission.name()),
        Cell::new(level_word(check.permission)),
        Cell::new(&check.place),
    ]
}

const fn words(granted: Granted, is_answered: bool) -> (&'static str, &'static str, Color) {
    match granted {
        _ if !is_answered => ("…", "asking", Color::DarkGrey),
        Granted::Yes => ("✓", "yes", Color::Green),
        Granted::No => ("✗", "NO", Color::Red),
        Granted::Unknown => ("?", "unknown", Color::Yellow),
    }
}

/// What is shown while a check runs: on standard error, when both that and the output are a terminal; else nothing.
pub(super) struct Live(Option<(ProgressBar, Mutex<Rows>)>);

#[derive(Default)]
struct Rows {
    /// What is done at the moment.
    now: String,
    checks: Vec<(PermissionCheck, bool)>,
}

impl Live {
    pub(super) fn new(is_wanted: bool) -> Self {
        if !is_wanted || !std::io::stderr().is_terminal() || !std::io::stdout().is_terminal() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.set_message("asking Cloudflare whether it knows the token");
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some((bar, Mutex::default())))
    }

    pub(super) fn show(&self, progress: Progress) {
        let Some((bar, rows)) = &self.0 else { return };
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.take(progress);
        bar.set_message(rows.message());
    }

    pub(super) fn clear(&self) {
        if let Some((bar, _)) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Rows {
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Verified { kind, expires_at } => {
                let owner = match kind {
                    TokenKind::User => "a user's token",
                    TokenKind::Account => "an account's token",
                };
                let end = expires_at.map_or_else(
                    || "without an end".to_owned(),
                    |at| format!("until {}", rfc3339(at)),
                );
                self.now = format!("Cloudflare knows it: {owner}, {end}");
            }
            Progress::Reach { accounts, zones } => {
                self.now = format!("accounts: {accounts}, zones: {zones}");
            }
            Progress::Questions(checks) => {
                self.checks = checks.into_iter().map(|check| (check, false)).collect();
            }
            Progress::Answer { row, check } => {
                if let Some(known) = self.checks.get_mut(row) {
                    *known = (check, true);
                }
            }
            Progress::Repeating { rows } => {
                self.now = format!("{rows} refused, asked once more: a new token spreads slowly");
            }
        }
    }

    fn message(&self) -> String {
        let answered = self.checks.iter().filter(|(_, answered)| *answered).count();
        let mut message = self.now.clone();
        if !self.checks.is_empty() {
            message.push_str(&format!(" · {answered} of {} rows", self.checks.len()));
        }
        if (1..=ROWS_LIVE).contains(&self.checks.len()) {
            // Without the evidence, so that a row stays a line.
            let mut table = bare_table();
            for (check, is_answered) in &self.checks {
                table.add_row(cells(check, *is_answered));
            }
            message.push('\n');
            message.push_str(&table.trim_fmt());
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::connection::Permission;

    fn check(granted: Granted, detail: &str) -> PermissionCheck {
        PermissionCheck {
            permission: Permission::WorkersScripts,
            account_id: None,
            zone_id: None,
            place: "Acme".to_owned(),
            granted,
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn rows_fill_in_and_the_last_answer_counts() {
        let mut rows = Rows::default();
        let open = check(Granted::Unknown, "");
        for (progress, wanted) in [
            (
                Progress::Verified {
                    kind: TokenKind::User,
                    expires_at: None,
                },
                "user's token",
            ),
            (
                Progress::Reach {
                    accounts: 1,
                    zones: 3,
                },
                "accounts: 1, zones: 3",
            ),
            (Progress::Questions(vec![open]), "0 of 1 rows"),
            (
                Progress::Answer {
                    row: 0,
                    check: check(Granted::No, "first"),
                },
                "NO",
            ),
            (Progress::Repeating { rows: 1 }, "asked once more"),
            (
                Progress::Answer {
                    row: 0,
                    check: check(Granted::Yes, "second"),
                },
                "yes",
            ),
            // A row that there is not is none.
            (
                Progress::Answer {
                    row: 9,
                    check: check(Granted::No, "none"),
                },
                "1 of 1 rows",
            ),
        ] {
            rows.take(progress);
            let message = rows.message();
            assert!(message.contains(wanted), "{wanted:?} in {message:?}");
        }
        assert!(!rows.message().contains("NO"));
        assert!(checklist(&[check(Granted::No, "the evidence")]).contains("the evidence"));
        let optional = PermissionCheck {
            permission: Permission::AccountAnalytics,
            ..check(Granted::No, "")
        };
        let shown = checklist(&[optional]);
        assert!(
            shown.contains("no, optional") && !shown.contains("NO"),
            "{shown}"
        );
    }
}
