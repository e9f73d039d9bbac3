//! Times and how long things took.

use askama::filters::HtmlSafe;
use domain::time::Millis;
use jiff::tz::TimeZone;
use std::fmt;

fn timestamp(at: Millis) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

/// A time of day with its date, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) Millis);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.0) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}">{}</time>"#,
                time.strftime("%-d %b %Y, %H:%M UTC")
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for Stamp {}

/// A time of day with its date in the viewer's time zone, which it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    /// The time.
    pub(crate) at: Millis,
    /// Where the viewer is.
    pub(crate) zone: TimeZone,
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.at) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}">{} {}</time>"#,
                time.to_zoned(self.zone.clone())
                    .strftime("%-d %b %Y, %H:%M"),
                zone_name(&self.zone)
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for Local {}

/// A day in the viewer's time zone, which it names: `24 Nov 2026 (Europe/Berlin)`.
pub(crate) fn local_day(at: Millis, zone: &TimeZone) -> String {
    match timestamp(at) {
        Some(time) => format!(
            "{} ({})",
            time.to_zoned(zone.clone()).strftime("%-d %b %Y"),
            zone_name(zone)
        ),
        None => "an unknown day".to_owned(),
    }
}

fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// The same to the second, as it is copied to support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Millis);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.0) {
            Some(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => f.write_str("unknown"),
        }
    }
}
impl HtmlSafe for Exact {}

/// A date in words: `24 Feb 2027`, in UTC.
pub(crate) fn day(at: Millis) -> String {
    match timestamp(at) {
        Some(time) => time.strftime("%-d %b %Y").to_string(),
        None => "an unknown day".to_owned(),
    }
}

/// A date with its time of day in words, where no markup can stand.
pub(crate) fn moment(at: Millis) -> String {
    match timestamp(at) {
        Some(time) => time.strftime("%-d %b %Y, %H:%M UTC").to_string(),
        None => "an unknown time".to_owned(),
    }
}

/// A time that is waited for: how many seconds are left as of a certain now, counted down by a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The time.
    pub(crate) until: Millis,
    /// Now.
    pub(crate) now: Millis,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.until.0 - self.now.0)
            .max(0)
            .unsigned_abs()
            .div_ceil(1000);
        match timestamp(self.until) {
            // Not announced anew every second.
            Some(time) => write!(
                f,
                r#"<time datetime="{time}" data-countdown aria-live="off">in {seconds} s</time>"#
            ),
            None => write!(f, "in {seconds} s"),
        }
    }
}
impl HtmlSafe for Wait {}

/// How long ago something was, or how far ahead it is, as of a certain now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When {
    /// The time.
    pub(crate) at: Millis,
    /// Now.
    pub(crate) now: Millis,
}

impl When {
    fn words(self) -> String {
        let seconds = (self.now.0 - self.at.0) / 1000;
        let (ahead, seconds) = (seconds < 0, seconds.unsigned_abs());
        let span = match seconds {
            0..45 => return if ahead { "in a moment" } else { "just now" }.to_owned(),
            45..5_400 => format!("{} min", seconds.div_ceil(60).max(1)),
            5_400..129_600 => format!("{} h", (seconds + 1_800) / 3_600),
            _ => format!("{} days", (seconds + 43_200) / 86_400),
        };
        if ahead {
            format!("in {span}")
        } else {
            format!("{span} ago")
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.at) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}" title="{}">{}</time>"#,
                time.strftime("%-d %b %Y, %H:%M:%S UTC"),
                self.words()
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for When {}

/// The same with the exact time in the viewer's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The time, and now.
    pub(crate) when: When,
    /// Where the viewer is.
    pub(crate) zone: TimeZone,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.when.at) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}" title="{} {}">{}</time>"#,
                time.to_zoned(self.zone.clone())
                    .strftime("%-d %b %Y, %H:%M:%S"),
                zone_name(&self.zone),
                self.when.words()
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for Seen {}

/// A time span from milliseconds: `0.31 s`, `2 min 4 s`.
pub(crate) fn span(from: Option<Millis>, to: Option<Millis>) -> Option<String> {
    let ms = u64::try_from(to?.0 - from?.0).ok()?;
    Some(match ms {
        0..10_000 => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
        10_000..120_000 => format!("{} s", ms / 1000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_words() {
        let text = |ms| span(Some(Millis(0)), Some(Millis(ms)));
        assert_eq!(text(314), Some("0.31 s".to_owned()));
        assert_eq!(text(124_000), Some("2 min 4 s".to_owned()));
        assert_eq!(span(None, Some(Millis(1))), None);
    }

    #[test]
    fn times_to_the_second() {
        assert_eq!(
            Exact(Millis(1_000_000_001_000)).to_string(),
            "2001-09-09 01:46:41 UTC"
        );
        assert_eq!(day(Millis(1_000_000_001_000)), "9 Sep 2001");
    }

    #[test]
    fn times_of_the_viewers_zone() {
        // 24 November 2026, 23:30 UTC.
        let at = Millis(1_795_563_000_000);
        for (zone, time, day) in [
            ("UTC", "24 Nov 2026, 23:30 UTC", "24 Nov 2026 (UTC)"),
            (
                "Europe/Berlin",
                "25 Nov 2026, 00:30 Europe/Berlin",
                "25 Nov 2026 (Europe/Berlin)",
            ),
            (
                "Asia/Kolkata",
                "25 Nov 2026, 05:00 Asia/Kolkata",
                "25 Nov 2026 (Asia/Kolkata)",
            ),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            let shown = Local {
                at,
                zone: zone.clone(),
            }
            .to_string();
            assert_eq!(
                shown,
                format!(r#"<time datetime="2026-11-24T23:30:00Z">{time}</time>"#)
            );
            assert_eq!(local_day(at, &zone), day);
        }
    }

    #[test]
    fn times_in_words() {
        let words = |ago: i64| {
            When {
                at: Millis(1_000_000_000_000 - ago * 1000),
                now: Millis(1_000_000_000_000),
            }
            .words()
        };
        assert_eq!(words(3), "just now");
        assert_eq!(words(120), "2 min ago");
        assert_eq!(words(7_200), "2 h ago");
        assert_eq!(words(3 * 86_400), "3 days ago");
        assert_eq!(words(-92 * 86_400), "in 92 days");
    }
}
