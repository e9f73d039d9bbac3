//! What a check of a token has found so far, in eight lines that are there from the start: the token, its accounts and
//! zones, and the five permissions. However many accounts and zones a token reaches, there are no more lines.

use crate::{
    console::parts::{Mark, State, count, day, plural},
    services::{
        token_check::{Progress, level_word},
        token_text::PastedToken,
    },
};
use askama::Template;
use domain::connection::{Granted, Permission, PermissionCheck, Scope, TokenKind};
use std::time::{Duration, Instant};

/// As many refused places are named; the others are counted.
const PLACES_NAMED: usize = 3;

const WAITING: State = State::new("idle", Mark::Ring, "waiting");
const ASKING: State = State::new("run", Mark::Turning, "asking");

/// The findings of one check, as they come.
#[derive(Debug)]
pub(crate) struct Checklist {
    begun: Instant,
    hint: Option<String>,
    cleaned: Vec<&'static str>,
    token: Option<(String, Duration)>,
    reach: Option<(usize, usize, Duration)>,
    rows: Vec<Row>,
    repeated: usize,
    is_over: bool,
}

/// A question and how far it is.
#[derive(Debug)]
struct Row {
    check: PermissionCheck,
    answers: usize,
}

impl Row {
    /// A refusal counts from its repetition on.
    fn is_settled(&self) -> bool {
        match self.check.granted {
            Granted::No => self.answers > 1,
            _ => self.answers > 0,
        }
    }
}

/// One line of the list.
#[derive(Debug)]
pub(crate) struct Line {
    /// The group that begins with it.
    pub(crate) group: Option<&'static str>,
    /// How far it is.
    pub(crate) state: State,
    /// What is checked, or what was found.
    pub(crate) title: String,
    /// `Edit` or `Read`, for a permission.
    pub(crate) level: &'static str,
    /// More about it.
    pub(crate) note: String,
    /// The result at the end of the line.
    pub(crate) outcome: String,
    /// Whether it is something to be granted at Cloudflare.
    pub(crate) is_missing: bool,
}

impl Line {
    fn is_settled(&self) -> bool {
        self.state != WAITING && self.state != ASKING
    }

    /// Whether it needs attention.
    pub(crate) fn stands_out(&self) -> bool {
        matches!(self.state.tone, "bad" | "warn")
    }
}

/// The list as a part of the page.
#[derive(Debug, Template)]
#[template(path = "parts/checklist.html")]
pub(crate) struct ChecklistPart {
    /// Whether the check goes on.
    pub(crate) is_running: bool,
    /// The token's last characters, when it could be one.
    pub(crate) hint: Option<String>,
    /// What was left out of what was pasted.
    pub(crate) cleaned: String,
    /// Lines that are done.
    pub(crate) done: usize,
    /// How long it took so far.
    pub(crate) took: String,
    /// What a screen reader is told at this point.
    pub(crate) said: String,
    /// The lines; none when Cloudflare did not even know the token.
    pub(crate) lines: Vec<Line>,
}

impl Checklist {
    /// A check that begins with what was pasted; what cannot be a token has neither hint nor cleaning.
    pub(crate) fn of(pasted: Option<&PastedToken>) -> Self {
        Self {
            begun: Instant::now(),
            hint: pasted.map(|pasted| pasted.token.hint()),
            cleaned: pasted
                .map(|pasted| pasted.cleaned.clone())
                .unwrap_or_default(),
            token: None,
            reach: None,
            rows: Vec::new(),
            repeated: 0,
            is_over: false,
        }
    }

    /// Takes in what the check tells.
    pub(crate) fn take(&mut self, progress: Progress) {
        let now = self.begun.elapsed();
        match progress {
            Progress::Verified { kind, expires_at } => {
                let kind = match kind {
                    TokenKind::User => "User token",
                    TokenKind::Account => "Account token",
                };
                let ends = match expires_at {
                    Some(at) => format!("ends on {}", day(at)),
                    None => "without an end".to_owned(),
                };
                self.token = Some((format!("{kind}, {ends}"), now));
            }
            Progress::Reach { accounts, zones } => self.reach = Some((accounts, zones, now)),
            Progress::Questions(questions) => {
                self.rows = questions
                    .into_iter()
                    .map(|check| Row { check, answers: 0 })
                    .collect();
            }
            Progress::Answer { row, check } => {
                if let Some(row) = self.rows.get_mut(row) {
                    row.check = check;
                    row.answers += 1;
                }
            }
            Progress::Repeating { rows } => self.repeated = rows,
        }
    }

    /// No more will come.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    /// The part of the page, as of now.
    pub(crate) fn part(&self) -> ChecklistPart {
        let lines = if self.is_over && self.token.is_none() {
            Vec::new()
        } else {
            self.lines()
        };
        ChecklistPart {
            is_running: !self.is_over,
            hint: self.hint.clone(),
            cleaned: if self.cleaned.is_empty() {
                String::new()
            } else {
                format!("Left out: {}", self.cleaned.join(", "))
            },
            done: lines.iter().filter(|line| line.is_settled()).count(),
            took: seconds(self.begun.elapsed()),
            said: self.said(),
            lines,
        }
    }

    fn said(&self) -> String {
        if self.is_over {
            String::new()
        } else if self.repeated > 0 {
            format!(
                "{} refused at first. New tokens take some seconds, so that is asked once more.",
                plural(self.repeated as u64, "answer")
            )
        } else if let Some((accounts, zones, _)) = self.reach {
            format!(
                "Cloudflare knows the token. It reaches {} and {}. Checking the five permissions.",
                plural(accounts as u64, "account"),
                plural(zones as u64, "zone")
            )
        } else {
            "Checking with Cloudflare.".to_owned()
        }
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = vec![self.token_line()];
        lines.extend(self.reach_lines());
        lines.extend(Permission::ALL.into_iter().map(|permission| {
            let group = match permission {
                Permission::WorkersScripts => Some("Account permissions"),
                Permission::WorkersRoutes => Some("Zone permissions"),
                _ => None,
            };
            self.permission_line(permission, group)
        }));
        lines
    }

    fn token_line(&self) -> Line {
        let mut line = line(
            Some("Token and reach"),
            ASKING,
            "Known to Cloudflare and active",
        );
        match &self.token {
            Some((words, took)) => line.settle(Granted::Yes.into(), words.clone(), seconds(*took)),
            None => {
                "Known to Cloudflare and active?".clone_into(&mut line.title);
                "Whose it is, and until when".clone_into(&mut line.note);
            }
        }
        line
    }

    fn reach_lines(&self) -> [Line; 2] {
        let open = self.unasked(self.token.is_some());
        let mut lines = [line(None, open, "Accounts"), line(None, open, "Zones")];
        if let Some((accounts, zones, took)) = self.reach {
            let found = [
                plural(accounts as u64, "account"),
                plural(zones as u64, "zone"),
            ];
            for (line, found) in lines.iter_mut().zip(found) {
                line.title = found;
                line.settle(Granted::Yes.into(), String::new(), seconds(took));
            }
            if zones == 0 {
                lines[1].settle(Granted::Unknown.into(), String::new(), "none".to_owned());
            }
        }
        lines
    }

    /// The state of what has no answer: asked, waiting, or never to be asked any more.
    fn unasked(&self, is_asked: bool) -> State {
        match (self.is_over, is_asked) {
            (true, _) => State::new("idle", Mark::Ring, "not asked"),
            (false, true) => ASKING,
            (false, false) => WAITING,
        }
    }

    fn permission_line(&self, permission: Permission, group: Option<&'static str>) -> Line {
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.check.permission == permission)
            .collect();
        let mut line = line(group, self.unasked(!rows.is_empty()), permission.name());
        line.level = level_word(permission);
        purpose(permission).clone_into(&mut line.note);
        if rows.is_empty() {
            return line;
        }
        if !self.is_over && !rows.iter().all(|row| row.is_settled()) {
            let settled = rows.iter().filter(|row| row.is_settled()).count();
            if rows.iter().any(|row| row.check.granted == Granted::No) {
                "Refused at first. New tokens take some seconds: it is asked once more."
                    .clone_into(&mut line.note);
            } else if rows.len() > 1 {
                line.note = format!("{settled} of {}", places(permission, &rows));
            }
            return line;
        }
        let checks: Vec<&PermissionCheck> = rows.iter().map(|row| &row.check).collect();
        let with = |granted| checks.iter().filter(move |check| check.granted == granted);
        let (yes, no) = (with(Granted::Yes).count(), with(Granted::No).count());
        let state = match (yes, no) {
            (0, 0) => State::from(Granted::Unknown),
            (0, _) => State::from(Granted::No),
            (_, 0) => State::from(Granted::Yes),
            _ => State::new("warn", Mark::Triangle, "partly"),
        };
        let mut notes = Vec::new();
        if rows.len() > 1 {
            notes.push(format!(
                "{} of {}",
                count(yes as u64),
                places(permission, &rows)
            ));
        }
        notes.extend(evidence(with(Granted::No)));
        notes.extend(evidence(with(Granted::Unknown)));
        line.is_missing = no > 0;
        // What it is for stands where there is nothing else to say, so that no line grows when its answer comes.
        let note = if notes.is_empty() {
            purpose(permission).to_owned()
        } else {
            notes.join(". ")
        };
        line.settle(state, note, state.word.to_owned());
        line
    }
}

impl Line {
    fn settle(&mut self, state: State, note: String, outcome: String) {
        self.state = state;
        self.note = note;
        self.outcome = outcome;
    }
}

fn line(group: Option<&'static str>, state: State, title: &str) -> Line {
    Line {
        group,
        state,
        title: title.to_owned(),
        level: "",
        note: String::new(),
        outcome: state.word.to_owned(),
        is_missing: false,
    }
}

/// What a permission is needed for.
fn purpose(permission: Permission) -> &'static str {
    match permission {
        Permission::WorkersScripts => "To put the Worker into your account",
        Permission::WorkersKvStorage => "To keep your variants at the edge",
        Permission::AccountSettings => "To know which account it is",
        Permission::WorkersRoutes => "To put the Worker in front of a domain",
        Permission::Zone => "To see which domains there are",
        Permission::AccountAnalytics => "To read visits that a site keeps in Analytics Engine",
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// `3 zones`, `2 accounts`; `4 places` where an account without a zone is among them.
fn places(permission: Permission, rows: &[&Row]) -> String {
    let noun = match permission.scope() {
        Scope::Account => "account",
        Scope::Zone if rows.iter().all(|row| row.check.zone_id.is_some()) => "zone",
        Scope::Zone => "place",
    };
    plural(rows.len() as u64, noun)
}

/// The places with what was answered there; the first answer stands for all.
fn evidence<'a>(checks: impl Iterator<Item = &'a &'a PermissionCheck> + Clone) -> Option<String> {
    let first = checks.clone().next()?;
    let mut names: Vec<&str> = checks
        .clone()
        .map(|check| check.place.as_str())
        .filter(|place| !place.is_empty())
        .take(PLACES_NAMED)
        .collect();
    let more = checks.count().saturating_sub(PLACES_NAMED);
    let more = (more > 0).then(|| format!("{} more", count(more as u64)));
    names.extend(more.as_deref());
    Some(match (names.join(", "), first.detail.as_str()) {
        (names, "") => names,
        (names, detail) if names.is_empty() => detail.to_owned(),
        (names, detail) => format!("{names}: {detail}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Millis;

    fn check(permission: Permission, place: &str, granted: Granted) -> PermissionCheck {
        PermissionCheck {
            permission,
            account_id: None,
            zone_id: (permission.scope() == Scope::Zone)
                .then(|| "b0000000000000000000000000000001".parse().expect("an id")),
            place: place.to_owned(),
            granted,
            detail: if granted == Granted::Yes { "" } else { "403" }.to_owned(),
        }
    }

    fn asked(rows: &[(Permission, &str, Granted)]) -> Checklist {
        let mut list = Checklist::of(None);
        list.take(Progress::Verified {
            kind: TokenKind::User,
            expires_at: Some(Millis(1_000_000_000_000)),
        });
        list.take(Progress::Reach {
            accounts: 1,
            zones: 2,
        });
        let questions = rows
            .iter()
            .map(|(permission, place, _)| check(*permission, place, Granted::Unknown))
            .collect();
        list.take(Progress::Questions(questions));
        for (row, (permission, place, granted)) in rows.iter().enumerate() {
            list.take(Progress::Answer {
                row,
                check: check(*permission, place, *granted),
            });
        }
        list
    }

    fn words(list: &Checklist) -> Vec<&'static str> {
        list.part()
            .lines
            .iter()
            .map(|line| line.state.word)
            .collect()
    }

    #[test]
    fn there_are_eight_lines_from_the_start() {
        let mut list = Checklist::of(None);
        let start = list.part();
        assert_eq!((start.lines.len(), start.done), (8, 0));
        assert_eq!(words(&list)[..2], ["asking", "waiting"]);
        list.take(Progress::Verified {
            kind: TokenKind::Account,
            expires_at: None,
        });
        assert_eq!(words(&list)[..4], ["yes", "asking", "asking", "waiting"]);
        assert_eq!(list.part().lines[0].note, "Account token, without an end");
        list.end();
        assert_eq!(words(&list)[..2], ["yes", "not asked"]);
    }

    #[test]
    fn a_refusal_counts_once_it_was_repeated() {
        let rows = [
            (Permission::WorkersScripts, "Acme", Granted::Yes),
            (Permission::WorkersKvStorage, "Acme", Granted::No),
        ];
        let mut list = asked(&rows);
        let part = list.part();
        assert_eq!((part.done, part.lines[4].state.word), (4, "asking"));
        assert!(part.lines[4].note.starts_with("Refused at first"));
        list.take(Progress::Repeating { rows: 1 });
        assert!(list.part().said.starts_with("1 answer refused"));
        list.take(Progress::Answer {
            row: 1,
            check: check(Permission::WorkersKvStorage, "Acme", Granted::No),
        });
        let line = &list.part().lines[4];
        assert_eq!((line.state.word, line.note.as_str()), ("no", "Acme: 403"));
        assert!(line.is_missing);
    }

    #[test]
    fn many_zones_are_one_line() {
        let zones = [
            "a.example",
            "b.example",
            "c.example",
            "d.example",
            "e.example",
        ];
        let routes = |granted: &dyn Fn(usize) -> Granted| {
            let rows: Vec<_> = zones
                .iter()
                .enumerate()
                .map(|(index, zone)| (Permission::WorkersRoutes, *zone, granted(index)))
                .collect();
            let mut list = asked(&rows);
            list.end();
            let line = list.part().lines.swap_remove(6);
            (line.state.word, line.note)
        };
        assert_eq!(
            routes(&|_| Granted::Yes),
            ("yes", "5 of 5 zones".to_owned())
        );
        assert_eq!(
            routes(&|index| if index == 0 {
                Granted::Yes
            } else {
                Granted::No
            }),
            (
                "partly",
                "1 of 5 zones. b.example, c.example, d.example, 1 more: 403".to_owned()
            )
        );
        assert_eq!(routes(&|_| Granted::Unknown).0, "unknown");
    }

    #[test]
    fn a_token_that_is_not_known_has_no_lines() {
        let mut list = Checklist::of(None);
        list.end();
        assert!(list.part().lines.is_empty());
    }
}
