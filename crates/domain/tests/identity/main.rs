//! Who visits were: the table in `cases.txt`, the history of lists, and signatures.

mod published;
mod signatures;
mod table;

use domain::{
    agents::{Agent, Registry},
    identity::{self, Content, Lists, Version, sources},
    time::Millis,
};
use std::sync::{Arc, LazyLock};

/// When the visits were.
pub(crate) const AT: Millis = Millis(1_800_000_000_000);
pub(crate) const HOUR: i64 = 3_600_000;

static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(Registry::built_in);

pub(crate) fn agents() -> &'static [Agent] {
    REGISTRY.agents()
}

pub(crate) fn agent(token: &str) -> &'static Agent {
    REGISTRY
        .agent(token)
        .unwrap_or_else(|| panic!("{token} is not in the registry"))
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
    Lists::new(&sources::sources(agents()), versions)
}
