//! The counted hours that rules look at.

use crate::{
    identity::Identity,
    time::Millis,
    traffic::{Day, DayRow, HOUR_MS},
    visit::{UNKNOWN_AGENT, VisitOutcome},
};
use std::{collections::BTreeMap, ops::Range};

/// When somebody looks, and since when somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The time of this look.
    pub now: Millis,
    /// Since when looks followed each other without a long pause. While nobody looks nobody takes visits either, so that
    /// silence before this time says nothing.
    pub since: Millis,
}

impl Watch {
    /// The hour since 1970 that is going on.
    pub const fn hour(self) -> i64 {
        self.now.0.div_euclid(HOUR_MS)
    }
}

/// What was counted lately: UTC days since 1970, without paths.
#[derive(Debug, Clone, Copy)]
pub struct Recent<'a>(pub &'a [(i64, Day)]);

impl<'a> Recent<'a> {
    /// Every hour of these with visits that `counts` admits, and how many.
    fn hours(
        self,
        hours: Range<i64>,
        counts: impl Fn(&DayRow) -> bool,
    ) -> impl Iterator<Item = (&'a str, i64, u64)> {
        self.0.iter().flat_map(move |(day, counted)| {
            let rows = counted.rows().iter().filter(|row| counts(row));
            let found: Vec<_> = rows
                .flat_map(|row| (day * 24..).zip(row.hours).map(move |at| (row, at)))
                .filter(|(_, (hour, visits))| hours.contains(hour) && *visits > 0)
                .map(|(row, (hour, visits))| (row.agent.as_str(), hour, u64::from(visits)))
                .collect();
            found
        })
    }

    fn sum(self, hours: Range<i64>, counts: impl Fn(&DayRow) -> bool) -> u64 {
        self.hours(hours, counts).map(|(_, _, visits)| visits).sum()
    }

    /// All visits of these hours, whoever made them.
    pub fn visits(self, hours: Range<i64>) -> u64 {
        self.sum(hours, |_| true)
    }

    /// Those that ended in an error.
    pub(super) fn errors(self, hours: Range<i64>) -> u64 {
        self.sum(hours, |row| row.outcome == VisitOutcome::Error)
    }

    /// Those of bots that are not known.
    pub(super) fn unknown(self, hours: Range<i64>) -> u64 {
        self.sum(hours, |row| row.agent == UNKNOWN_AGENT)
    }

    /// Those with an identity.
    pub(super) fn of(self, hours: Range<i64>, identity: Identity) -> u64 {
        self.sum(hours, |row| row.identity == identity)
    }

    /// The hours in which each known agent came as itself, and how often. Somebody who uses its name is not it.
    pub(super) fn agents(self, hours: Range<i64>) -> BTreeMap<&'a str, BTreeMap<i64, u64>> {
        let is_itself =
            |row: &DayRow| row.agent != UNKNOWN_AGENT && row.identity != Identity::Contradicted;
        let mut agents: BTreeMap<&str, BTreeMap<i64, u64>> = BTreeMap::new();
        for (agent, hour, visits) in self.hours(hours, is_itself) {
            *agents.entry(agent).or_default().entry(hour).or_default() += visits;
        }
        agents
    }
}
