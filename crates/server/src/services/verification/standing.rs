//! How each list stands: what it is for, how old it is, what went wrong.

use super::{App, Outcome, Source, VerificationList, sources};
use domain::{
    identity::{FRESH, KEYS_USABLE, ListKind, USABLE},
    time::Millis,
};
use serde::Serialize;
use std::collections::HashMap;

/// What can be told by a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Freshness {
    /// Read of late: it verifies and contradicts.
    Fresh,
    /// Old: what is in it is verified, what is not is only claimed.
    Stale,
    /// So old that nothing is told by it.
    TooOld,
    /// Never read.
    Missing,
}

impl Freshness {
    fn of(kind: ListKind, confirmed_at: Option<Millis>, now: Millis) -> Self {
        let Some(confirmed_at) = confirmed_at else {
            return Self::Missing;
        };
        let usable = match kind {
            ListKind::Ranges => USABLE,
            ListKind::Keys => KEYS_USABLE,
        };
        match now.0 - confirmed_at.0 {
            age if age <= FRESH => Self::Fresh,
            age if age <= usable => Self::Stale,
            _ => Self::TooOld,
        }
    }
}

/// A list, what it is for and how it stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// What it is for.
    pub(crate) source: Source,
    /// How fetching it goes; none before it was made known.
    pub(crate) list: Option<VerificationList>,
    /// What can be told by it now.
    pub(crate) freshness: Freshness,
}

/// Every list, in the order of the registry.
pub(crate) async fn standings(app: &App) -> Outcome<Vec<Standing>> {
    let now = app.clock.now();
    let mut lists: HashMap<String, VerificationList> = app
        .store
        .verification_lists()
        .await?
        .into_iter()
        .map(|list| (list.url.clone(), list))
        .collect();
    Ok(sources(app)
        .await?
        .into_iter()
        .map(|source| {
            let list = lists.remove(&source.url);
            let current = list.as_ref().and_then(|list| list.current.as_ref());
            let confirmed_at = current.map(|current| current.confirmed_at);
            Standing {
                freshness: Freshness::of(source.kind, confirmed_at, now),
                source,
                list,
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_old() {
        const DAY: i64 = 86_400_000;
        let now = Millis(1_800_000_000_000);
        for (kind, days, expected) in [
            (ListKind::Ranges, 0, Freshness::Fresh),
            (ListKind::Ranges, 7, Freshness::Fresh),
            (ListKind::Ranges, 8, Freshness::Stale),
            (ListKind::Ranges, 181, Freshness::TooOld),
            (ListKind::Keys, 8, Freshness::Stale),
            (ListKind::Keys, 31, Freshness::TooOld),
        ] {
            let confirmed = Some(Millis(now.0 - days * DAY));
            assert_eq!(
                Freshness::of(kind, confirmed, now),
                expected,
                "{kind:?} {days}"
            );
        }
        assert_eq!(Freshness::of(ListKind::Keys, None, now), Freshness::Missing);
    }
}
