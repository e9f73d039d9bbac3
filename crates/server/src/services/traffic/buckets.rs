//! The points of a series: hours, days and weeks of a time zone.

use crate::problem::{Outcome, Problem};
use domain::traffic::HOUR_MS;
use jiff::{Span, Timestamp, ToSpan, Zoned, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// What one point of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bucket {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
}

impl Bucket {
    /// The one that draws a span of so many hours well.
    pub(crate) const fn for_hours(hours: i64) -> Self {
        match hours {
            ..=72 => Self::Hour,
            73..=2_400 => Self::Day,
            _ => Self::Week,
        }
    }

    /// The word in addresses and on pages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    fn step(self) -> Span {
        match self {
            Self::Hour => 1.hour(),
            Self::Day => 1.day(),
            Self::Week => 1.week(),
        }
    }

    /// The beginning of the bucket that holds a time.
    fn beginning(self, time: &Zoned) -> Result<Zoned, jiff::Error> {
        match self {
            Self::Hour => Ok(time.clone()),
            Self::Day => time.start_of_day(),
            Self::Week => {
                let back = time.weekday().since(Weekday::Monday);
                time.checked_sub(i64::from(back).days())?.start_of_day()
            }
        }
    }
}

/// The first hour of each bucket between two hours since 1970; the first is `from` itself, also where its bucket began
/// before. In zones that are off by a part of an hour a bucket begins with the hour that holds its beginning.
pub(super) fn between(from: i64, to: i64, bucket: Bucket, zone: &TimeZone) -> Outcome<Vec<i64>> {
    let beyond = |_| Problem::field("from", "is a time that no calendar reaches");
    let at = |hour: i64| {
        Timestamp::from_millisecond(hour.saturating_mul(HOUR_MS))
            .map(|time| time.to_zoned(zone.clone()))
    };
    let mut starts = vec![from];
    let mut next = at(from)
        .and_then(|time| bucket.beginning(&time))
        .and_then(|time| time.checked_add(bucket.step()))
        .map_err(beyond)?;
    loop {
        let hour = next.timestamp().as_millisecond().div_euclid(HOUR_MS);
        if hour >= to || starts.len() > super::POINTS_MAX {
            return Ok(starts);
        }
        if starts.last().is_none_or(|last| *last < hour) {
            starts.push(hour);
        }
        next = next.checked_add(bucket.step()).map_err(beyond)?;
    }
}

/// The local day that begins with this hour, or goes on in it: in zones that are off by a part of an hour a day begins with
/// the hour that holds its midnight. `None` for a time that no calendar reaches.
pub(crate) fn day_of(hour: i64, zone: &TimeZone) -> Option<Zoned> {
    let end = hour.checked_add(1)?.checked_mul(HOUR_MS)? - 1;
    let time = Timestamp::from_millisecond(end).ok()?;
    Some(time.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_millisecond() / HOUR_MS
    }

    #[test]
    fn days_are_called_by_the_midnight_that_begins_them() {
        for (zone, from, to, days) in [
            (
                "Asia/Kolkata",
                "2026-11-22T18:00:00Z",
                "2026-11-25T18:00:00Z",
                ["2026-11-23", "2026-11-24", "2026-11-25"],
            ),
            (
                "America/St_Johns",
                "2026-11-23T03:00:00Z",
                "2026-11-26T03:00:00Z",
                ["2026-11-23", "2026-11-24", "2026-11-25"],
            ),
            (
                "Europe/Berlin",
                "2026-11-22T23:00:00Z",
                "2026-11-25T23:00:00Z",
                ["2026-11-23", "2026-11-24", "2026-11-25"],
            ),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            let starts = between(hour(from), hour(to), Bucket::Day, &zone).expect("days");
            let day = |start: &i64| day_of(*start, &zone).expect("a day").date().to_string();
            assert_eq!(starts.iter().map(day).collect::<Vec<_>>(), days);
        }
    }

    #[test]
    fn days_begin_at_the_askers_midnight() {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        // The clocks go forward on 29 March 2026: that day has 23 hours.
        let days = between(
            hour("2026-03-28T12:00:00Z"),
            hour("2026-03-31T00:00:00Z"),
            Bucket::Day,
            &berlin,
        )
        .expect("buckets");
        let expected = [
            "2026-03-28T12:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            "2026-03-30T22:00:00Z",
        ];
        assert_eq!(days, expected.map(hour));
    }

    #[test]
    fn weeks_begin_on_monday() {
        let weeks = between(
            hour("2026-11-20T00:00:00Z"),
            hour("2026-12-02T00:00:00Z"),
            Bucket::Week,
            &TimeZone::UTC,
        )
        .expect("buckets");
        let expected = [
            "2026-11-20T00:00:00Z",
            "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z",
        ];
        assert_eq!(weeks, expected.map(hour));
    }

    #[test]
    fn half_hours_round_to_the_hour_that_holds_them() {
        let kolkata = TimeZone::get("Asia/Kolkata").expect("a zone");
        let days = between(
            hour("2026-11-20T18:00:00Z"),
            hour("2026-11-22T00:00:00Z"),
            Bucket::Day,
            &kolkata,
        )
        .expect("buckets");
        let expected = ["2026-11-20T18:00:00Z", "2026-11-21T18:00:00Z"];
        assert_eq!(days, expected.map(hour));
    }
}
