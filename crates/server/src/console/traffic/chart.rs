//! Visits over time as stacked bars, and the same as a table.

use crate::{
    console::parts::count,
    services::traffic::{Bucket, Point, Question, Summary, day_of, purpose_of},
};
use domain::{
    agents::{Purpose, Registry},
    identity::Identity,
    traffic::HOUR_MS,
    visit::VisitOutcome,
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The height of what is drawn, in its own units.
const HEIGHT: f64 = 160.0;

/// Units that a bar and the gap beside it take.
const STEP: usize = 10;

/// As many agents are told apart; the others are one part.
const AGENTS: usize = 3;

/// As many times stand below the bars.
const LABELS: usize = 5;

/// Hours of a span beyond which a day needs its year.
const YEAR_FROM: i64 = 300 * 24;

/// What the parts of a bar are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// What the agents came for.
    Purpose,
    /// Which agents.
    Agent,
    /// What they got.
    Outcome,
    /// Who they were.
    Identity,
}

impl By {
    /// Every way.
    pub(crate) const ALL: [Self; 4] = [Self::Purpose, Self::Agent, Self::Outcome, Self::Identity];

    /// The word in addresses.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Purpose => "purpose",
            Self::Agent => "agent",
            Self::Outcome => "outcome",
            Self::Identity => "identity",
        }
    }

    /// The label.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Purpose => "Purpose",
            Self::Agent => "Agent",
            Self::Outcome => "Outcome",
            Self::Identity => "Identity",
        }
    }
}

/// The chart.
#[derive(Debug)]
pub(crate) struct Chart {
    /// What a bar is: `hour`, `day`, `week`.
    pub(crate) bucket: &'static str,
    /// The name of the time zone.
    pub(crate) zone: String,
    /// The width of what is drawn, in its own units.
    pub(crate) width: usize,
    /// What the parts are, and how many visits each has in all.
    pub(crate) keys: Vec<Key>,
    /// Lines of equal numbers, from the top.
    pub(crate) ticks: Vec<Tick>,
    /// The bars.
    pub(crate) bars: Vec<Bar>,
    /// The points of the line that shows the span before; empty when nobody came then.
    pub(crate) before: String,
    /// The times below.
    pub(crate) labels: Vec<String>,
    /// When visits were lost, and how many.
    pub(crate) lost: Vec<(String, String)>,
    /// The same as a table, newest first.
    pub(crate) rows: Vec<TableRow>,
}

/// What a part of a bar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its look.
    pub(crate) class: &'static str,
    /// What it is.
    pub(crate) name: String,
    /// Visits.
    pub(crate) visits: String,
}

/// A line of equal numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The number.
    pub(crate) label: String,
    /// Where it lies.
    pub(crate) y: String,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) title: String,
    /// Left edge.
    pub(crate) x: usize,
    /// Its parts, from below.
    pub(crate) parts: Vec<Part>,
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its look.
    pub(crate) class: &'static str,
    /// Upper edge.
    pub(crate) y: String,
    /// Its height.
    pub(crate) height: String,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRow {
    /// When it begins.
    pub(crate) at: String,
    /// Visits by key.
    pub(crate) parts: Vec<String>,
    /// All of them.
    pub(crate) all: String,
    /// All of the point one span before.
    pub(crate) before: String,
}

impl Chart {
    /// Draws an answer.
    pub(super) fn of(registry: &Registry, by: By, question: &Question, summary: &Summary) -> Self {
        let parts = Parts::of(registry, by, summary);
        let counted: Vec<Vec<u64>> = summary
            .series
            .iter()
            .map(|point| parts.count(point))
            .collect();
        let most = summary
            .series
            .iter()
            .map(|point| point.counts.visits.max(point.previous))
            .max()
            .unwrap_or(0);
        let (top, step) = scale(most);
        let y = |visits: u64| HEIGHT - HEIGHT * real(visits) / real(top);
        let at = Times {
            zone: &question.zone,
            bucket: question.bucket,
            hours: summary.to_hour - summary.from_hour,
        };
        let name = |point: &Point| at.name(point.start);
        let bars = (0..)
            .zip(summary.series.iter().zip(&counted))
            .map(|(number, (point, counts))| Bar {
                title: title(&name(point), &parts, counts, point.counts.visits),
                x: number * STEP,
                parts: stack(&parts, counts, y),
            })
            .collect();
        Self {
            bucket: question.bucket.as_str(),
            zone: question.zone.iana_name().unwrap_or("UTC").to_owned(),
            width: summary.series.len().max(1) * STEP,
            keys: parts.keys(&counted),
            ticks: (0..=top / step)
                .rev()
                .map(|number| Tick {
                    label: count(number * step),
                    y: format!("{:.1}", y(number * step)),
                })
                .collect(),
            bars,
            before: line(&summary.series, y),
            labels: labels(summary.series.len())
                .map(|number| name(&summary.series[number]))
                .collect(),
            lost: summary
                .series
                .iter()
                .filter(|point| point.dropped > 0)
                .map(|point| (name(point), count(point.dropped)))
                .collect(),
            rows: summary
                .series
                .iter()
                .zip(&counted)
                .rev()
                .map(|(point, counts)| TableRow {
                    at: name(point),
                    parts: counts.iter().map(|visits| count(*visits)).collect(),
                    all: count(point.counts.visits),
                    before: count(point.previous),
                })
                .collect(),
        }
    }
}

/// Which time an answer is about, in words.
pub(super) fn span(summary: &Summary, zone: &TimeZone) -> String {
    let hours = summary.to_hour - summary.from_hour;
    let words = |time: Option<Zoned>, pattern: &str| {
        time.map_or_else(String::new, |time| time.strftime(pattern).to_string())
    };
    if hours <= 48 {
        let end = local(summary.to_hour, zone);
        format!(
            "{} to {}",
            words(local(summary.from_hour, zone), "%-d %b, %H:%M"),
            words(end, "%-d %b, %H:%M")
        )
    } else {
        let pattern = if hours > YEAR_FROM {
            "%-d %b %Y"
        } else {
            "%-d %b"
        };
        format!(
            "{} to {}",
            words(day_of(summary.from_hour, zone), pattern),
            words(day_of(summary.to_hour - 1, zone), pattern)
        )
    }
}

fn local(hour: i64, zone: &TimeZone) -> Option<Zoned> {
    let time = Timestamp::from_millisecond(hour.checked_mul(HOUR_MS)?).ok()?;
    Some(time.to_zoned(zone.clone()))
}

/// How points are named.
struct Times<'a> {
    zone: &'a TimeZone,
    bucket: Bucket,
    hours: i64,
}

impl Times<'_> {
    fn name(&self, hour: i64) -> String {
        let pattern = match self.bucket {
            Bucket::Hour => "%-d %b, %H:%M",
            _ if self.hours > YEAR_FROM => "%-d %b %Y",
            _ => "%-d %b",
        };
        let time = match self.bucket {
            Bucket::Hour => local(hour, self.zone),
            _ => day_of(hour, self.zone),
        };
        time.map_or_else(String::new, |time| time.strftime(pattern).to_string())
    }
}

/// What bars are made of.
enum Parts<'a> {
    Purposes(&'a Registry, Vec<Option<Purpose>>),
    Agents(&'a Registry, Vec<String>, bool),
    Outcomes,
    Identities,
}

impl<'a> Parts<'a> {
    fn of(registry: &'a Registry, by: By, summary: &Summary) -> Self {
        match by {
            By::Purpose => {
                let mut purposes: Vec<_> = Purpose::ALL.into_iter().map(Some).collect();
                if summary
                    .purposes
                    .iter()
                    .any(|(purpose, _)| purpose.is_none())
                {
                    purposes.push(None);
                }
                Self::Purposes(registry, purposes)
            }
            By::Agent => {
                let first = summary.agents.iter().take(AGENTS);
                let names = first.map(|found| found.agent.clone()).collect();
                Self::Agents(registry, names, summary.agents.len() > AGENTS)
            }
            By::Outcome => Self::Outcomes,
            By::Identity => Self::Identities,
        }
    }

    /// Visits of a point by part.
    fn count(&self, point: &Point) -> Vec<u64> {
        match self {
            Self::Purposes(registry, purposes) => purposes
                .iter()
                .map(|purpose| {
                    let of_it = |agent: &str| purpose_of(registry, agent) == *purpose;
                    let agents = point.agents.iter().filter(|(agent, _)| of_it(agent));
                    agents.map(|(_, visits)| visits).sum()
                })
                .collect(),
            Self::Agents(_, names, has_others) => {
                let visits = |name: &String| point.agents.get(name).copied().unwrap_or(0);
                let mut counts: Vec<u64> = names.iter().map(visits).collect();
                if *has_others {
                    counts.push(point.counts.visits - counts.iter().sum::<u64>());
                }
                counts
            }
            Self::Outcomes => point.counts.outcomes.to_vec(),
            Self::Identities => point.counts.identities.to_vec(),
        }
    }

    fn names(&self) -> Vec<(&'static str, String)> {
        const SERIES: [&str; 4] = ["s1", "s2", "s3", "s4"];
        match self {
            Self::Purposes(_, purposes) => SERIES
                .into_iter()
                .zip(purposes)
                .map(|(class, purpose)| {
                    let word = purpose.map_or("not known", Purpose::as_str);
                    (class, word.to_owned())
                })
                .collect(),
            Self::Agents(registry, tokens, has_others) => {
                let name = |token: &String| {
                    let known = registry.agent(token);
                    known.map_or_else(|| token.clone(), |agent| agent.name().to_owned())
                };
                let others = has_others.then(|| "others".to_owned());
                SERIES
                    .into_iter()
                    .zip(tokens.iter().map(name).chain(others))
                    .collect()
            }
            Self::Outcomes => VisitOutcome::ALL
                .into_iter()
                .map(|outcome| match outcome {
                    VisitOutcome::Variant => ("s1", "variant"),
                    VisitOutcome::NotModified => ("s2", "had it already"),
                    VisitOutcome::Origin => ("s3", "page that people get"),
                    VisitOutcome::Error => ("bad", "error of ours"),
                })
                .map(|(class, name)| (class, name.to_owned()))
                .collect(),
            Self::Identities => Identity::ALL
                .into_iter()
                .map(|identity| match identity {
                    Identity::Verified => "v",
                    Identity::Claimed => "c",
                    Identity::Contradicted => "bad",
                })
                .zip(Identity::ALL.map(|identity| identity.as_str().to_owned()))
                .collect(),
        }
    }

    fn keys(&self, counted: &[Vec<u64>]) -> Vec<Key> {
        (0..)
            .zip(self.names())
            .map(|(number, (class, name))| {
                let visits = counted.iter().filter_map(|counts| counts.get(number));
                Key {
                    class,
                    name,
                    visits: count(visits.sum()),
                }
            })
            .collect()
    }
}

fn stack(parts: &Parts<'_>, counts: &[u64], y: impl Fn(u64) -> f64) -> Vec<Part> {
    let mut below = 0;
    let mut stacked = Vec::new();
    for ((class, _), visits) in parts.names().into_iter().zip(counts) {
        if *visits == 0 {
            continue;
        }
        let (bottom, top) = (y(below), y(below + visits));
        below += visits;
        stacked.push(Part {
            class,
            y: format!("{top:.1}"),
            height: format!("{:.1}", bottom - top),
        });
    }
    stacked
}

fn title(at: &str, parts: &Parts<'_>, counts: &[u64], all: u64) -> String {
    let each: Vec<String> = parts
        .names()
        .into_iter()
        .zip(counts)
        .filter(|(_, visits)| **visits > 0)
        .map(|((_, name), visits)| format!("{name} {}", count(*visits)))
        .collect();
    if each.is_empty() {
        format!("{at}: none")
    } else {
        format!("{at}: {} ({})", count(all), each.join(", "))
    }
}

/// The line through the points one span before.
fn line(series: &[Point], y: impl Fn(u64) -> f64) -> String {
    if series.len() < 2 || series.iter().all(|point| point.previous == 0) {
        return String::new();
    }
    (0..)
        .zip(series)
        .map(|(number, point)| format!("{},{:.1}", number * STEP + STEP / 2, y(point.previous)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Which points have their time written below.
fn labels(points: usize) -> impl Iterator<Item = usize> {
    let many = points.min(LABELS);
    (0..many).map(move |number| {
        if many < 2 {
            0
        } else {
            number * (points - 1) / (many - 1)
        }
    })
}

/// The number at the top and the step between lines: four lines or fewer, at round numbers.
fn scale(most: u64) -> (u64, u64) {
    let mut step = 1_u64;
    // 1, 2, 5, 10, 20, 50, …
    for factor in [2, 5, 10].into_iter().cycle() {
        if step.saturating_mul(4) >= most {
            break;
        }
        let base = 10_u64.pow(step.ilog10());
        step = base.saturating_mul(factor);
    }
    (most.max(1).div_ceil(step) * step, step)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a bar need not be exact to one visit in 2^52"
)]
const fn real(visits: u64) -> f64 {
    visits as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_lie_at_round_numbers() {
        for (most, expected) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (4, (4, 1)),
            (5, (6, 2)),
            (20, (20, 5)),
            (21, (30, 10)),
            (1_632, (2_000, 500)),
            (99_999, (100_000, 50_000)),
        ] {
            assert_eq!(scale(most), expected, "{most}");
        }
    }

    #[test]
    fn the_first_and_the_last_point_are_named() {
        assert_eq!(labels(0).count(), 0);
        assert_eq!(labels(1).collect::<Vec<_>>(), [0]);
        assert_eq!(labels(31).collect::<Vec<_>>(), [0, 7, 15, 22, 30]);
    }

    proptest! {
        #[test]
        fn any_number_fits(most in 0..u64::MAX / 16) {
            let (top, step) = scale(most);
            prop_assert!(top >= most && top % step == 0 && top / step <= 4);
        }
    }
}
