//! What an exported file is called: whose figures, which, of which days.

use crate::services::traffic::{Question, Summary, day_of};

/// The most characters of the site's name.
const NAME_MAX: usize = 60;

/// The name, of letters, digits, `.`, `_` and `-` alone: no file system, shell or header takes any of these for something
/// else. The days are those of the asker's time zone.
pub(super) fn file_name(
    site: &str,
    what: &str,
    (question, summary): (&Question, &Summary),
    extension: &str,
) -> String {
    let site = plain(site);
    let mut parts = vec![if site.is_empty() { "site" } else { &site }.to_owned()];
    parts.push(what.to_owned());
    let day = |hour: i64| Some(day_of(hour, &question.zone)?.date().to_string());
    parts.extend(day(summary.from_hour));
    parts.extend(day(summary.to_hour - 1));
    format!("{}.{extension}", parts.join("-"))
}

/// A name with `-` for whatever is neither an ASCII letter nor a digit, `.` or `_`. It neither begins nor ends with one of the
/// marks: a leading dot would hide the file, a leading dash would be taken for an option.
fn plain(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let mut out = String::new();
    for c in name.chars() {
        match c {
            c if is_plain(&c) => out.push(c),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let marks = ['-', '.', '_'];
    let out: String = out.trim_matches(marks).chars().take(NAME_MAX).collect();
    out.trim_end_matches(marks).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::traffic::sample;
    use domain::{agents::Registry, time::Millis};
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    #[test]
    fn whose_which_and_when() {
        // 25 November 2026, 23:00 UTC.
        let now = Millis(1_795_647_600_000);
        let (mut question, summary) = sample(&Registry::built_in(), now, "FooBot");
        for (site, zone, expected) in [
            (
                "example.com",
                "UTC",
                "example.com-agents-2026-10-26-2026-11-25.csv",
            ),
            (
                "Lamp shop",
                "UTC",
                "Lamp-shop-agents-2026-10-26-2026-11-25.csv",
            ),
            // The day begins an hour earlier there.
            (
                "a/../b",
                "Europe/Berlin",
                "a-..-b-agents-2026-10-27-2026-11-25.csv",
            ),
            ("\"; x=\r\n", "UTC", "x-agents-2026-10-26-2026-11-25.csv"),
            ("日本", "UTC", "site-agents-2026-10-26-2026-11-25.csv"),
            ("-rf .", "UTC", "rf-agents-2026-10-26-2026-11-25.csv"),
        ] {
            question.zone = TimeZone::get(zone).expect("a zone");
            let name = file_name(site, "agents", (&question, &summary), "csv");
            assert_eq!(name, expected, "{site:?} in {zone}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_plain(name in any::<String>()) {
            let plain = plain(&name);
            prop_assert!(plain.len() <= NAME_MAX);
            prop_assert!(plain.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
            prop_assert!(!plain.starts_with(['.', '-', '_']) && !plain.ends_with(['.', '-', '_']));
        }
    }
}
