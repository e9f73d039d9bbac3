//! The one place of the wall clock.

use domain::time::Millis;

/// Tells the time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock;

impl Clock {
    /// Now, in milliseconds since 1970, UTC.
    #[expect(
        clippy::unused_self,
        reason = "whoever needs the time must hold a clock"
    )]
    pub(crate) fn now(self) -> Millis {
        Millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// The time as RFC 3339 text with milliseconds, for the API.
pub(crate) fn rfc3339(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| String::from("unknown"), |time| time.to_string())
}

/// Reads Cloudflare's RFC 3339 times.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|time| Millis(time.as_millisecond()))
}
