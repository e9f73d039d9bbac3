//! Counts of a UTC day, hour by hour, without paths.

use super::Wanted;
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

    /// What is wanted of this day, which is so many days after 1970: the first hour of a point, a row, and its visits in the point;
    /// hours of one point are counted together, and only those from `span.0` to before `span.1`.
    /// A point begins at each of `starts`, hours since 1970 in order.
    pub fn sums<'a>(
        &'a self,
        day: i64,
        span: (i64, i64),
        starts: &[i64],
        wanted: &'a Wanted,
    ) -> impl Iterator<Item = (i64, &'a DayRow, u64)> {
        let hours = Ord::max(span.0, day * 24)..Ord::min(span.1, day * 24 + 24);
        let mut cuts = vec![hours.start];
        let inside = starts.iter().filter(|start| hours.contains(start));
        cuts.extend(inside.filter(|start| **start != hours.start));
        cuts.push(hours.end);
        let place = move |hour: i64| usize::try_from(hour - day * 24).unwrap_or(24);
        let is_wanted = |row: &&DayRow| wanted.admits(&row.agent, row.outcome, row.identity);
        let rows = self.rows.iter().filter(is_wanted);
        rows.flat_map(move |row| {
            let points: Vec<_> = cuts
                .windows(2)
                .map(|cut| {
                    let hours = row.hours.get(place(cut[0])..place(cut[1]));
                    let hours = hours.unwrap_or_default().iter();
                    (cut[0], row, hours.map(|visits| u64::from(*visits)).sum())
                })
                .filter(|point| point.2 > 0)
                .collect();
            points
        })
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

    #[test]
    fn hours_of_a_point_are_counted_together() {
        let mut day = Day::default();
        for hour in 0..24 {
            day.add(hour, "GPTBot", VisitOutcome::Variant, Identity::Verified, 1);
            day.add(hour, "GPTBot", VisitOutcome::Origin, Identity::Claimed, 2);
        }
        let sums = |span, starts: &[i64], wanted: &Wanted| -> Vec<(i64, u64, u64)> {
            let sums = day.sums(10, span, starts, wanted);
            sums.map(|(hour, row, visits)| {
                (
                    hour,
                    visits,
                    if row.outcome.is_served() { visits } else { 0 },
                )
            })
            .collect()
        };
        let all = Wanted::default();
        // A day of a zone that begins at 22 o'clock, and a span that ends an hour later.
        assert_eq!(
            sums((240, 263), &[214, 240, 262, 286], &all),
            [(240, 22, 22), (262, 1, 1), (240, 44, 0), (262, 2, 0)]
        );
        assert_eq!(
            sums((250, 900), &[250], &all),
            [(250, 14, 14), (250, 28, 0)]
        );
        assert_eq!(sums((0, 240), &[0], &all), []);
        let some = Wanted {
            outcomes: vec![VisitOutcome::Origin],
            ..Wanted::default()
        };
        assert_eq!(sums((240, 264), &[240], &some), [(240, 48, 0)]);
        let nobody = Wanted {
            agents: Some(std::sync::Arc::new(|agent| agent == "ClaudeBot")),
            ..Wanted::default()
        };
        assert_eq!(sums((240, 264), &[240], &nobody), []);
    }
}
