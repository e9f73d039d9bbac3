//! Settings that say how often something is done.

use jiff::SignedDuration;
use std::time::Duration;

/// The longest that may be told.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// A time span such as `6h` or `15m`; `off`: it is not done by itself.
pub(super) fn time_span(
    (name, flag): (&str, &str),
    given: Option<&str>,
    unless_told: Duration,
    errors: &mut Vec<String>,
) -> Option<Duration> {
    let Some(text) = given.filter(|text| !text.is_empty()) else {
        return Some(unless_told);
    };
    if text == "off" {
        return None;
    }
    let span = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
        .filter(|span| (Duration::from_secs(1)..=LONGEST).contains(span));
    if span.is_none() {
        errors.push(format!(
            "{name} ({flag}) {text:?} is not a time span between 1s and 720h, such as 6h or 15m, and not off"
        ));
    }
    span
}
