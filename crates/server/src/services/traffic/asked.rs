//! A question as it stands in an address: the same words in the API, the console and on the command line.

use super::{Bucket, Filter, Question};
use crate::{
    clock::parse_rfc3339,
    problem::{Outcome, Problem},
};
use domain::{
    agents::Purpose, identity::Identity, time::Millis, traffic::HOUR_MS, visit::VisitOutcome,
};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The span when none is given: seven days.
const SPAN_MS: i64 = 7 * 24 * HOUR_MS;

/// A question in words. Lists are separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Whole hours count. From this time on (RFC 3339), from the beginning of a day (`2026-11-01`), or a span before `to`: `24h`, `7d`, `30d`, `90d`,
    /// `12mo`. 7d unless told.
    pub(crate) from: Option<String>,
    /// Until before this time (RFC 3339), or until the end of a day; now unless told.
    pub(crate) to: Option<String>,
    /// `hour`, `day` or `week`; what suits the span unless told.
    pub(crate) bucket: Option<String>,
    /// Whose midnight begins a day, as in `Europe/Berlin`; UTC unless told.
    pub(crate) time_zone: Option<String>,
    /// Tokens of agents.
    pub(crate) agent: Option<String>,
    /// `training`, `search`, `user`.
    pub(crate) purpose: Option<String>,
    /// The beginning of the path.
    pub(crate) path: Option<String>,
    /// `variant`, `not_modified`, `origin`, `error`.
    pub(crate) outcome: Option<String>,
    /// `verified`, `claimed`, `contradicted`.
    pub(crate) identity: Option<String>,
}

impl Asked {
    /// The question, asked at `now`.
    ///
    /// # Errors
    ///
    /// `validation_failed` about the first word that means nothing.
    pub(crate) fn question(&self, now: Millis) -> Outcome<Question> {
        let zone = zone(given(self.time_zone.as_deref()))?;
        let to = match given(self.to.as_deref()) {
            None => now,
            // What has not come yet would draw as nothing.
            Some(text) => Edge::End.time(text, &zone)?.min(now),
        };
        let from = match given(self.from.as_deref()) {
            None => Millis((to.0 + HOUR_MS - 1).div_euclid(HOUR_MS) * HOUR_MS - SPAN_MS),
            Some(text) => match span(text) {
                // The hour that is going on is one of them.
                Some(ms) => Millis((to.0 + HOUR_MS - 1).div_euclid(HOUR_MS) * HOUR_MS - ms),
                None => Edge::Begin.time(text, &zone)?,
            },
        };
        if from > now {
            return Err(Problem::field("from", "lies in the future"));
        }
        let hours = (to.0 - from.0) / HOUR_MS;
        Ok(Question {
            from,
            to,
            bucket: match given(self.bucket.as_deref()) {
                None => Bucket::for_hours(hours),
                Some(text) => word("bucket", text, "hour, day or week")?,
            },
            zone,
            filter: self.filter()?,
        })
    }

    fn filter(&self) -> Outcome<Filter> {
        Ok(Filter {
            agents: list(self.agent.as_deref()).map(str::to_owned).collect(),
            purposes: words::<Purpose>(
                "purpose",
                self.purpose.as_deref(),
                "training, search or user",
            )?,
            path: path(given(self.path.as_deref()))?,
            outcomes: words::<VisitOutcome>(
                "outcome",
                self.outcome.as_deref(),
                "variant, not_modified, origin or error",
            )?,
            identities: words::<Identity>(
                "identity",
                self.identity.as_deref(),
                "verified, claimed or contradicted",
            )?,
        })
    }
}

/// An empty field of a form is none.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn list(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

fn path(text: Option<&str>) -> Outcome<Option<String>> {
    if text.is_some_and(|text| !text.starts_with('/')) {
        return Err(Problem::field("path", "must begin with /"));
    }
    Ok(text.map(str::to_owned))
}

fn word<T: DeserializeOwned>(field: &str, text: &str, known: &str) -> Outcome<T> {
    serde_json::from_value(text.into())
        .map_err(|_| Problem::field(field, format!("must be {known}")))
}

fn words<T: DeserializeOwned>(field: &str, text: Option<&str>, known: &str) -> Outcome<Vec<T>> {
    list(text).map(|text| word(field, text, known)).collect()
}

/// Which end of a span a time is.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

impl Edge {
    /// A time of the clock, or a day, of which the span holds all.
    fn time(self, text: &str, zone: &TimeZone) -> Outcome<Millis> {
        if let Some(time) = parse_rfc3339(text) {
            return Ok(time);
        }
        let midnight = || {
            let day: Date = text.parse().ok()?;
            let day = match self {
                Self::Begin => day,
                Self::End => day.tomorrow().ok()?,
            };
            let time = day.to_zoned(zone.clone()).ok()?;
            // In zones that are off by a part of an hour the hour that holds midnight is the next day's, for whoever ends
            // there and for whoever begins there.
            let hour = time.timestamp().as_millisecond().div_euclid(HOUR_MS);
            Some(Millis(hour * HOUR_MS))
        };
        midnight().ok_or_else(|| match self {
            Self::Begin => Problem::field(
                "from",
                "must be a day such as 2026-11-01, a time such as 2026-11-01T00:00:00Z, or a span such as 7d",
            ),
            Self::End => Problem::field(
                "to",
                "must be a day such as 2026-11-01 or a time such as 2026-11-01T00:00:00Z",
            ),
        })
    }
}

/// Milliseconds of `24h`, `7d`, `12mo` (365 days).
fn span(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = text[..split].parse().ok()?;
    let hours = match &text[split..] {
        "h" => count,
        "d" => count.checked_mul(24)?,
        "mo" => count.checked_mul(730)?,
        _ => return None,
    };
    hours.checked_mul(HOUR_MS).filter(|ms| *ms > 0)
}

fn zone(name: Option<&str>) -> Outcome<TimeZone> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    TimeZone::get(name)
        .map_err(|_| Problem::field("timeZone", "must be a name such as Europe/Berlin or UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    #[test]
    fn spans_and_times() {
        let asked = |from: &str| Asked {
            from: Some(from.to_owned()),
            ..Asked::default()
        };
        let question = asked("24h").question(NOW).expect("a span");
        assert_eq!(question.to.0 - question.from.0, 24 * HOUR_MS);
        assert_eq!(question.bucket, Bucket::Hour);
        assert_eq!(
            Asked::default().question(NOW).expect("none").bucket,
            Bucket::Day
        );
        assert_eq!(
            asked("12mo").question(NOW).expect("a year").bucket,
            Bucket::Week
        );
        for bad in [
            "yesterday",
            "0d",
            "-1d",
            "7w",
            "99999999999999999d",
            "2026-13-01",
            "2026-11-01x",
        ] {
            assert!(asked(bad).question(NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_whole_and_of_the_askers_zone() {
        let asked = Asked {
            from: Some("2026-11-01".to_owned()),
            to: Some("2026-11-02".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            ..Asked::default()
        };
        let question = asked.question(NOW).expect("days");
        assert_eq!(
            question.from,
            parse_rfc3339("2026-10-31T23:00:00Z").expect("a time")
        );
        assert_eq!(
            question.to,
            parse_rfc3339("2026-11-02T23:00:00Z").expect("a time")
        );
        let ahead = Asked {
            to: Some("2199-01-01".to_owned()),
            ..Asked::default()
        };
        assert_eq!(ahead.question(NOW).expect("now").to, NOW);
    }

    #[test]
    fn days_meet_where_midnight_is_within_an_hour() {
        let day = |text: &str| {
            let asked = Asked {
                from: Some(text.to_owned()),
                to: Some(text.to_owned()),
                time_zone: Some("Asia/Kolkata".to_owned()),
                ..Asked::default()
            };
            let question = asked.question(NOW).expect("a day");
            (question.from, question.to)
        };
        let (from, to) = day("2026-11-23");
        assert_eq!(from, parse_rfc3339("2026-11-22T18:00:00Z").expect("a time"));
        assert_eq!(to.0 - from.0, 24 * HOUR_MS);
        assert_eq!(to, day("2026-11-24").0);
    }

    #[test]
    fn filters_are_lists_of_known_words() {
        let mut asked = Asked {
            agent: Some("GPTBot, ClaudeBot,".to_owned()),
            outcome: Some("variant,origin".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            path: Some(" ".to_owned()),
            ..Asked::default()
        };
        let question = asked.question(NOW).expect("words");
        assert_eq!(question.filter.agents, ["GPTBot", "ClaudeBot"]);
        assert_eq!(question.filter.outcomes.len(), 2);
        assert_eq!(question.filter.path, None);
        asked.outcome = Some("stolen".to_owned());
        assert!(asked.question(NOW).is_err());
        asked.outcome = None;
        asked.time_zone = Some("Mars/Olympus".to_owned());
        assert!(asked.question(NOW).is_err());
    }
}
