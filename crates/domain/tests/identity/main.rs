//! Who visits were: the table in `cases.txt`, the history of lists, and signatures.

mod published;
mod signatures;
mod table;

use domain::{
    agents::{Agent, by_token, registry},
    identity::{self, Content, Lists, Version, sources},
    time::Millis,
};

/// When the visits were.
pub(crate) const AT: Millis = Millis(1_800_000_000_000);
pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) fn agent(token: &str) -> &'static Agent {
    by_token(token).unwrap_or_else(|| panic!("{token} is not in the registry"))
}

/// A list that was the same from `from` until now, and confirmed at `confirmed`, in hours from the visits.
pub(crate) fn ranges(
    url: &str,
    from: i64,
    until: Option<i64>,
    confirmed: i64,
    prefixes: &str,
) -> Version {
    let at = |hours: i64| Millis(AT.0 + hours * HOUR);
    Version {
        url: url.to_owned(),
        valid_from: at(from),
        valid_until: until.map(at),
        confirmed_at: at(confirmed),
        content: Content::Ranges(
            identity::published::ranges(prefixes.as_bytes()).expect("the list of a test is good"),
        ),
    }
}

pub(crate) fn lists(versions: Vec<Version>) -> Lists {
    Lists::new(&sources::sources(registry::AGENTS), versions)
}
