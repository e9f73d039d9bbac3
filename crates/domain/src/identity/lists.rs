//! The lists as they were at a time, ready to be asked.

use super::{
    prefixes::PrefixSet,
    published::PublicKey,
    sources::{ListKind, Source, keys_url},
};
use crate::time::Millis;
use ipnet::IpNet;
use std::{collections::HashMap, net::IpAddr};

const DAY: i64 = 86_400_000;

/// So long before a visit its list may last have been confirmed for an address that is missing in it to be a contradiction: 7 days.
pub const FRESH: i64 = 7 * DAY;
/// So long for an address that is in it to be verified: 180 days. Operators keep their ranges for long, and give few back.
pub const USABLE: i64 = 180 * DAY;
/// So long for a key to be trusted: 30 days. What an operator takes out of its directory must end here some day, too.
pub const KEYS_USABLE: i64 = 30 * DAY;
/// Around the time of a visit every version counts: operators use new ranges before we have read of them, and old ones a little
/// longer. One day.
pub const GRACE: i64 = DAY;

/// What a version of a list holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Address ranges.
    Ranges(Vec<IpNet>),
    /// Public keys.
    Keys(Vec<PublicKey>),
}

/// A list as it was for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its address.
    pub url: String,
    /// When it was first seen so.
    pub valid_from: Millis,
    /// When another took its place.
    pub valid_until: Option<Millis>,
    /// When it was last seen so.
    pub confirmed_at: Millis,
    /// What it holds.
    pub content: Content,
}

/// What a list of ranges says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is in it.
    Inside,
    /// It is not in it, and the list was good then.
    Outside,
    /// The list was too old to tell.
    Stale,
    /// There was none.
    NoList,
}

#[derive(Debug)]
struct Held<T> {
    valid_from: i64,
    valid_until: Option<i64>,
    confirmed_at: i64,
    content: T,
}

impl<T> Held<T> {
    fn is_around(&self, at: i64) -> bool {
        self.valid_from <= at + GRACE && self.valid_until.is_none_or(|end| end + GRACE >= at)
    }

    /// How long it had not been confirmed then, in milliseconds.
    fn age(&self, at: i64) -> i64 {
        at - self.confirmed_at
    }
}

/// Every list that is known, with its history.
#[derive(Debug, Default)]
pub struct Lists {
    ranges: HashMap<String, Vec<Held<PrefixSet>>>,
    keys: HashMap<String, Vec<Held<Vec<PublicKey>>>>,
    of_operator: HashMap<String, Vec<String>>,
}

impl Lists {
    /// The lists of these sources, by their versions in any order. Versions of other lists are left out.
    pub fn new(sources: &[Source], versions: impl IntoIterator<Item = Version>) -> Self {
        let mut lists = Self::default();
        for source in sources {
            if source.kind == ListKind::Ranges {
                let of = lists.of_operator.entry(source.operator.clone());
                of.or_default().push(source.url.clone());
            }
        }
        for version in versions {
            if !sources.iter().any(|source| source.url == version.url) {
                continue;
            }
            let (valid_from, confirmed_at) = (version.valid_from.0, version.confirmed_at.0);
            let valid_until = version.valid_until.map(|end| end.0);
            match version.content {
                Content::Ranges(prefixes) => {
                    lists.ranges.entry(version.url).or_default().push(Held {
                        valid_from,
                        valid_until,
                        confirmed_at,
                        content: PrefixSet::new(&prefixes),
                    });
                }
                Content::Keys(keys) => lists.keys.entry(version.url).or_default().push(Held {
                    valid_from,
                    valid_until,
                    confirmed_at,
                    content: keys,
                }),
            }
        }
        for versions in lists.ranges.values_mut() {
            versions.sort_by_key(|version| version.valid_from);
        }
        for versions in lists.keys.values_mut() {
            versions.sort_by_key(|version| version.valid_from);
        }
        lists
    }

    /// The lists of ranges of an operator.
    pub(super) fn of_operator(&self, operator: &str) -> &[String] {
        self.of_operator.get(operator).map_or(&[], Vec::as_slice)
    }

    /// What the list says of the address at that time. Before the first version there was one already, which we had not read:
    /// the first stands in for it.
    pub(super) fn ask(&self, url: &str, address: IpAddr, at: Millis) -> Answer {
        let Some(versions) = self.ranges.get(url) else {
            return Answer::NoList;
        };
        let first = versions.first().map_or(i64::MAX, |first| first.valid_from);
        let at = Ord::max(at.0, first);
        let mut best_age = i64::MAX;
        for version in versions.iter().filter(|version| version.is_around(at)) {
            let age = version.age(at);
            best_age = Ord::min(best_age, age);
            if age <= USABLE && version.content.contains(address) {
                return Answer::Inside;
            }
        }
        if best_age <= FRESH {
            Answer::Outside
        } else {
            Answer::Stale
        }
    }

    /// The keys of a host around that time. `None` when no directory was ever read.
    pub(super) fn keys(&self, host: &str, at: Millis) -> Option<Vec<&PublicKey>> {
        let versions = self.keys.get(&keys_url(host))?;
        let first = versions.first().map_or(i64::MAX, |first| first.valid_from);
        let at = Ord::max(at.0, first);
        let around = versions
            .iter()
            .filter(|version| version.is_around(at) && version.age(at) <= KEYS_USABLE);
        Some(around.flat_map(|version| &version.content).collect())
    }
}
