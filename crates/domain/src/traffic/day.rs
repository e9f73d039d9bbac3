//! Counts of a UTC day, hour by hour, without paths.

use crate::{
    identity::Identity,
    visit::{Visit, VisitOutcome},
};
use serde::{Deserialize, Serialize};

/// The hours of one agent's visits with one outcome and one identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRow {
    /// The agent's token.
    pub agent: String,
    /// What it got.
    pub outcome: VisitOutcome,
    /// Who it was.
    pub identity: Identity,
    /// Visits in each hour.
    pub hours: [u32; 24],
}

/// A UTC day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Day {
    rows: Vec<DayRow>,
    dropped: [u32; 24],
}

impl Day {
    /// Counts `visits` in an hour of the day, 0 to 23.
    pub fn add(
        &mut self,
        hour: usize,
        agent: &str,
        outcome: VisitOutcome,
        identity: Identity,
        visits: u32,
    ) {
        let Some(hour) = Some(hour).filter(|hour| *hour < 24) else {
            return;
        };
        let known = self
            .rows
            .iter_mut()
            .find(|row| row.outcome == outcome && row.identity == identity && row.agent == agent);
        let row = match known {
            Some(row) => row,
            None => {
                self.rows.push(DayRow {
                    agent: agent.to_owned(),
                    outcome,
                    identity,
                    hours: [0; 24],
                });
                self.rows.last_mut().expect("just pushed")
            }
        };
        row.hours[hour] = row.hours[hour].saturating_add(visits);
    }

    /// Counts a visit of an hour under another agent than its own. One that was not counted changes nothing.
    pub fn give(&mut self, hour: usize, visit: &Visit, agent: &str) {
        let counted = self.rows.iter_mut().find(|row| {
            row.outcome == visit.outcome
                && row.identity == visit.identity
                && row.agent == visit.agent
        });
        let Some(count) = counted
            .and_then(|row| row.hours.get_mut(hour))
            .filter(|count| **count > 0)
        else {
            return;
        };
        *count -= 1;
        self.add(hour, agent, visit.outcome, visit.identity, 1);
        self.rows
            .retain(|row| row.hours.iter().any(|count| *count > 0));
    }

    /// Counts visits that the Worker could not deliver, as reported in an hour of the day, 0 to 23.
    pub fn add_dropped(&mut self, hour: usize, visits: u32) {
        if let Some(count) = self.dropped.get_mut(hour) {
            *count = count.saturating_add(visits);
        }
    }

    /// Visits that the Worker could not deliver, by the hour of their report.
    pub const fn dropped(&self) -> &[u32; 24] {
        &self.dropped
    }

    /// The rows, in no order.
    pub fn rows(&self) -> &[DayRow] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    #[test]
    fn hours_are_counted_and_given() {
        let mut day = Day::default();
        day.add(3, "GPTBot", VisitOutcome::Variant, Identity::Verified, 2);
        day.add(3, "GPTBot", VisitOutcome::Variant, Identity::Verified, 1);
        day.add(4, "GPTBot", VisitOutcome::Origin, Identity::Verified, 1);
        day.add(24, "GPTBot", VisitOutcome::Origin, Identity::Verified, 1);
        assert_eq!(day.rows().len(), 2);
        assert_eq!(day.rows()[0].hours[3], 3);
        let visit = Visit {
            at: Millis(0),
            agent: "GPTBot".to_owned(),
            path: "/".to_owned(),
            outcome: VisitOutcome::Variant,
            status: 200,
            revision: None,
            format: None,
            country: None,
            asn: None,
            spent_ms: 0,
            identity: Identity::Verified,
            user_agent: None,
            network: None,
        };
        for _ in 0..5 {
            day.give(3, &visit, "OtherBot");
        }
        day.give(5, &visit, "OtherBot");
        let hours = |agent: &str| -> Vec<[u32; 24]> {
            let rows = day.rows().iter();
            rows.filter(|row| row.agent == agent)
                .map(|row| row.hours)
                .collect()
        };
        assert_eq!(hours("OtherBot").len(), 1);
        assert_eq!(hours("OtherBot")[0][3], 3);
        assert_eq!(hours("GPTBot").len(), 1, "the one with the other outcome");
    }
}
