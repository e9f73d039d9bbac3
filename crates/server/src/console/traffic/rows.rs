//! The figures and the rows of the tables.

use super::{Shown, course::course};
use crate::{
    console::parts::{count, plural},
    services::traffic::{AgentCounts, Counts, PathCounts, Point, Summary},
};
use domain::{
    agents::Registry,
    identity::Identity,
    path::may_be_page,
    time::Millis,
    traffic::HOUR_MS,
    visit::{UNKNOWN_AGENT, VisitOutcome},
};

/// The width of a split bar, in tenths of its own units.
const SPLIT: u64 = 1_600;

/// The least width of a part, with the gap beside it.
const THIN: u64 = 30;

/// The gap beside a part.
const GAP: u64 = 10;

/// From this share on, in thousandths, contradicted visits are marked.
const MANY_CONTRADICTED: u64 = 100;

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) name: &'static str,
    /// The figure.
    pub(crate) figure: String,
    /// How it was before, or what else there is to say.
    pub(crate) note: String,
}

/// The figures of an answer.
pub(super) fn facts(summary: &Summary) -> Vec<Fact> {
    let (now, before) = (&summary.totals, &summary.previous);
    let errors = now.of(VisitOutcome::Error);
    vec![
        Fact {
            name: "Visits by agents",
            figure: count(now.visits),
            note: match before.visits {
                0 => "none in the time before".to_owned(),
                visits => format!("{}, {} before", change(now.visits, visits), count(visits)),
            },
        },
        Fact {
            name: "Got a variant",
            figure: share(now.served(), now.visits),
            note: points(now, before, Counts::served),
        },
        Fact {
            name: "Missed, no variant yet",
            figure: share(summary.missed_visits, now.visits),
            note: missed_note(summary),
        },
        Fact {
            name: "Contradicted identity",
            figure: share(now.by(Identity::Contradicted), now.visits),
            note: points(now, before, |counts| counts.by(Identity::Contradicted)),
        },
        Fact {
            name: "Errors of ours",
            figure: count(errors),
            note: if errors == 0 {
                "KV answered in time".to_owned()
            } else {
                "KV was slow or failed; they got the page".to_owned()
            },
        },
    ]
}

/// How many pages were missed, and how many paths that are files.
fn missed_note(summary: &Summary) -> String {
    let is_page = |found: &&PathCounts| may_be_page(&found.path);
    let pages = summary.missed.iter().filter(is_page).count() as u64;
    match summary.missed.len() as u64 - pages {
        0 => plural(pages, "page"),
        files => format!("{}, {}", plural(pages, "page"), plural(files, "file")),
    }
}

/// A part of a whole as people read it: `76 %`, `5.8 %`, `none`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "none".to_owned();
    }
    match thousandths(part, whole) {
        0 => "under 0.1 %".to_owned(),
        1000 if part < whole => "over 99 %".to_owned(),
        some @ 1..100 if !some.is_multiple_of(10) => format!("{}.{} %", some / 10, some % 10),
        some => format!("{} %", (some + 5) / 10),
    }
}

/// Thousandths of a whole, to the nearest.
fn thousandths(part: u64, whole: u64) -> u64 {
    let exact = (u128::from(part) * 2_000 + u128::from(whole)) / (2 * u128::from(whole.max(1)));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

/// How a number has changed: `+12 %`, `−22 %`, `new`.
fn change(now: u64, before: u64) -> String {
    if before == 0 {
        return "new".to_owned();
    }
    let (sign, difference) = if now >= before {
        ("+", now - before)
    } else {
        ("−", before - now)
    };
    match (thousandths(difference, before) + 5) / 10 {
        0 => "as before".to_owned(),
        percent if percent >= 1_000 => format!("× {}", count(now / before)),
        percent => format!("{sign}{percent} %"),
    }
}

/// How a share has changed, in points.
fn points(now: &Counts, before: &Counts, part: impl Fn(&Counts) -> u64) -> String {
    if before.visits == 0 {
        return "nothing to compare with".to_owned();
    }
    let (now, before) = (
        thousandths(part(now), now.visits),
        thousandths(part(before), before.visits),
    );
    let difference = now.abs_diff(before);
    if difference == 0 {
        return "as before".to_owned();
    }
    let sign = if now > before { "+" } else { "−" };
    let figure = if difference.is_multiple_of(10) || difference >= 100 {
        (difference / 10).to_string()
    } else {
        format!("{}.{}", difference / 10, difference % 10)
    };
    format!("{sign}{figure} points")
}

/// Visits by identity: shares, and a bar of three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    /// The share that was verified.
    pub(crate) verified: String,
    /// The share that could not be checked.
    pub(crate) claimed: String,
    /// The share that was somebody else.
    pub(crate) contradicted: String,
    /// Visits of each.
    pub(crate) visits: [String; 3],
    /// Whether many were somebody else.
    pub(crate) is_bad: bool,
    /// The parts: look, left edge, width.
    pub(crate) parts: Vec<(&'static str, String, String)>,
}

impl Split {
    /// Of some visits.
    pub(super) fn of(counts: &Counts) -> Self {
        let of = |identity| counts.by(identity);
        let mut widths: Vec<(&'static str, u64)> = ["v", "c", "x"]
            .into_iter()
            .zip(Identity::ALL)
            .filter(|(_, identity)| of(*identity) > 0)
            // What is there is seen, however little it is.
            .map(|(class, identity)| {
                (
                    class,
                    (of(identity) * SPLIT / counts.visits.max(1)).max(THIN),
                )
            })
            .collect();
        let all: u64 = widths.iter().map(|(_, width)| width).sum();
        if let Some((_, widest)) = widths.iter_mut().max_by_key(|(_, width)| *width) {
            *widest = (*widest + SPLIT).saturating_sub(all);
        }
        let tenths = |units: u64| format!("{}.{}", units / 10, units % 10);
        let mut left = 0;
        let mut parts = Vec::new();
        for (class, width) in widths {
            parts.push((class, tenths(left), tenths(width - GAP)));
            left += width;
        }
        let contradicted = of(Identity::Contradicted);
        Self {
            verified: share(of(Identity::Verified), counts.visits),
            claimed: share(of(Identity::Claimed), counts.visits),
            contradicted: share(contradicted, counts.visits),
            visits: Identity::ALL.map(|identity| count(of(identity))),
            is_bad: contradicted > 0
                && thousandths(contradicted, counts.visits) >= MANY_CONTRADICTED,
            parts,
        }
    }

    /// The bar in words.
    pub(crate) fn words(&self) -> String {
        format!(
            "verified {}, claimed {}, contradicted {}",
            self.verified, self.claimed, self.contradicted
        )
    }
}

/// An agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    /// Its name.
    pub(crate) name: String,
    /// The page of this agent alone.
    pub(crate) href: String,
    /// Who runs it and what for.
    pub(crate) about: String,
    /// Whether these are all that the registry does not know.
    pub(crate) is_unknown: bool,
    /// Visits.
    pub(crate) visits: String,
    /// Against the span before.
    pub(crate) change: String,
    /// How often it came over the span, as the points of a line; empty where there is none to draw.
    pub(crate) course: String,
    /// Who it was.
    pub(crate) identity: Split,
    /// The share that got a variant.
    pub(crate) served: String,
    /// The hour of its last visit.
    pub(crate) last_seen: Option<String>,
}

impl AgentRow {
    /// Of an answer's agent and series.
    pub(super) fn of(
        registry: &Registry,
        shown: &Shown,
        (found, series): (&AgentCounts, &[Point]),
        now: Millis,
    ) -> Self {
        Self {
            name: name_of(registry, &found.agent),
            href: shown.of_agent(&found.agent),
            about: about(registry, &found.agent),
            is_unknown: found.agent == UNKNOWN_AGENT,
            visits: count(found.counts.visits),
            change: change(found.counts.visits, found.previous),
            course: course(series, &found.agent),
            identity: Split::of(&found.counts),
            served: share(found.counts.served(), found.counts.visits),
            last_seen: found.last_seen.map(|hour| hours_ago(hour, now)),
        }
    }
}

/// An hour since 1970 in words: the minute is not counted.
fn hours_ago(hour: i64, now: Millis) -> String {
    match now.0.div_euclid(HOUR_MS) - hour {
        ..=0 => "this hour".to_owned(),
        hours @ 1..48 => format!("{hours} h ago"),
        hours => format!("{} days ago", hours / 24),
    }
}

/// Who runs an agent and what for.
pub(crate) fn about(registry: &Registry, token: &str) -> String {
    registry.agent(token).map_or_else(
        || "in no list, or asked for Markdown by name".to_owned(),
        |agent| format!("{}, {}", agent.operator, agent.purpose.as_str()),
    )
}

/// The name of an agent.
pub(crate) fn name_of(registry: &Registry, token: &str) -> String {
    if token == UNKNOWN_AGENT {
        return "Unknown bots".to_owned();
    }
    let known = registry.agent(token);
    known.map_or_else(|| token.to_owned(), |agent| agent.name().to_owned())
}

/// A page that was missed.
#[derive(Debug, Clone)]
pub(crate) struct MissedRow {
    /// Its path.
    pub(crate) path: String,
    /// The page of this path alone.
    pub(crate) href: String,
    /// Visits that got the page that people get.
    pub(crate) missed: String,
    /// Whether it may be a page, by its looks: of a file no variant is offered.
    pub(crate) is_page: bool,
}

impl MissedRow {
    /// Of an answer's missed page.
    pub(super) fn of(shown: &Shown, found: &PathCounts, is_page: bool) -> Self {
        Self {
            path: found.path.clone(),
            href: shown.of_path(&found.path),
            missed: count(found.counts.missed()),
            is_page,
        }
    }
}

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct PageRow {
    /// Its path; `None` for all that are not named.
    pub(crate) path: Option<String>,
    /// The page of this path alone.
    pub(crate) href: String,
    /// Visits.
    pub(crate) visits: String,
    /// The share that got a variant.
    pub(crate) served: String,
    /// Visits that got the page that people get.
    pub(crate) origin: String,
    /// Errors of ours.
    pub(crate) errors: String,
    /// Whether a variant is published now.
    pub(crate) has_variant: bool,
}

impl PageRow {
    /// Of an answer's page.
    pub(super) fn of(shown: &Shown, found: &PathCounts) -> Self {
        let counts = &found.counts;
        Self {
            path: Some(found.path.clone()).filter(|path| !path.is_empty()),
            href: shown.of_path(&found.path),
            visits: count(counts.visits),
            served: share(counts.served(), counts.visits),
            origin: count(counts.missed()),
            errors: count(counts.of(VisitOutcome::Error)),
            has_variant: found.has_variant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_changes_in_words() {
        for (part, whole, expected) in [
            (0, 0, "none"),
            (0, 9, "none"),
            (1, 9, "11 %"),
            (58, 1_000, "5.8 %"),
            (50, 1_000, "5 %"),
            (1, 10_000, "under 0.1 %"),
            (9_999, 10_000, "over 99 %"),
            (9, 9, "100 %"),
        ] {
            assert_eq!(share(part, whole), expected, "{part} of {whole}");
        }
        for (now, before, expected) in [
            (5, 0, "new"),
            (112, 100, "+12 %"),
            (78, 100, "−22 %"),
            (100, 100, "as before"),
            (0, 100, "−100 %"),
            (5_000, 100, "× 50"),
        ] {
            assert_eq!(change(now, before), expected, "{now} after {before}");
        }
    }

    #[test]
    fn every_identity_is_seen_in_a_bar() {
        let counts = Counts {
            visits: 10_000,
            identities: [9_998, 1, 1],
            ..Counts::default()
        };
        let split = Split::of(&counts);
        assert_eq!(split.parts.len(), 3);
        assert_eq!(
            split.words(),
            "verified over 99 %, claimed under 0.1 %, contradicted under 0.1 %"
        );
    }
}
