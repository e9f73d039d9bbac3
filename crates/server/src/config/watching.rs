//! Settings for watching over connections: how often they are checked, where help is, where webhooks may go.

use jiff::SignedDuration;
use std::time::Duration;
use url::Url;

/// How often a connection is checked unless told.
pub(crate) const CHECK_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// The longest that may be told.
const CHECK_EVERY_MAX: Duration = Duration::from_secs(30 * 86_400);

/// A duration such as `6h` or `30m`; `off`: connections are not checked by themselves.
pub(super) fn check_every(given: Option<&str>, errors: &mut Vec<String>) -> Option<Duration> {
    let Some(text) = given.filter(|text| !text.is_empty()) else {
        return Some(CHECK_EVERY);
    };
    if text == "off" {
        return None;
    }
    let every = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|every| Duration::try_from(every).ok())
        .filter(|every| (Duration::from_secs(1)..=CHECK_EVERY_MAX).contains(every));
    if every.is_none() {
        errors.push(format!(
            "EDGE_DELIVERY_CHECK_EVERY (--check-every) {text:?} is not a time span between 1s and 720h, such as 6h or 30m, and not off"
        ));
    }
    every
}

/// Where people get help: a page by https, or an e-mail address.
pub(super) fn support_url(given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    let text = given.filter(|text| !text.is_empty())?;
    let is_good = |url: &Url| match url.scheme() {
        "https" => url.host().is_some() && url.username().is_empty() && url.password().is_none(),
        "mailto" => url.path().contains('@'),
        _ => false,
    };
    let url = Url::parse(text).ok().filter(is_good);
    if url.is_none() {
        errors.push(
            "EDGE_DELIVERY_SUPPORT_URL must be an https address without user name or password, or mailto:somebody@example.com".to_owned(),
        );
    }
    url
}

/// A switch: `1` or `true`, `0` or `false`.
pub(super) fn switch(name: &str, given: Option<&str>, errors: &mut Vec<String>) -> bool {
    match given.unwrap_or_default() {
        "1" | "true" => true,
        "" | "0" | "false" => false,
        _ => {
            errors.push(format!("{name} is a switch: 1 or 0"));
            false
        }
    }
}
