//! The course of visits over time, from counts of days.

use super::{
    Day, Wanted,
    kind::{PAIRS, of_pair, pair},
};
use crate::{identity::Identity, visit::VisitOutcome};
use hashbrown::HashMap;

/// Counts by point, agent, outcome and identity. Days are added one by one, in any order.
#[derive(Debug)]
pub struct Course {
    wanted: Wanted,
    /// The first hours since 1970 of the points, in order.
    starts: Vec<i64>,
    /// The first hour that counts no more.
    end: i64,
    points: Vec<Point>,
    index: HashMap<String, usize>,
    agents: Vec<Agent>,
}

#[derive(Debug, Clone, Default)]
struct Point {
    pairs: [u64; PAIRS],
    /// By the number of the agent; those after the last one that came are left out.
    agents: Vec<u64>,
    dropped: u64,
}

#[derive(Debug)]
struct Agent {
    name: String,
    last: Option<i64>,
}

/// What happened between the beginnings of two points.
#[derive(Debug, Clone, Copy)]
pub struct CoursePoint<'a> {
    /// The first hour since 1970.
    pub start: i64,
    /// Visits that the Worker could not deliver, whoever came, as reported in these hours.
    pub dropped: u64,
    course: &'a Course,
    point: &'a Point,
}

impl Course {
    /// Nothing yet. A point begins at each of `starts`, hours since 1970 in order; the last one ends before `end`.
    /// Of what is wanted, paths do not matter.
    pub fn new(wanted: Wanted, starts: Vec<i64>, end: i64) -> Self {
        Self {
            wanted,
            points: vec![Point::default(); starts.len()],
            starts,
            end,
            index: HashMap::new(),
            agents: Vec::new(),
        }
    }

    /// Counts a day, so many days after 1970.
    pub fn add(&mut self, day: i64, counts: &Day) {
        let hours_of_points = self.hours_of_points(day);
        for row in counts.rows() {
            if !self.wanted.admits(&row.agent, row.outcome, row.identity) {
                continue;
            }
            let number = self.number(&row.agent);
            let pair = usize::from(pair(row.outcome, row.identity));
            for (point, hours) in &hours_of_points {
                let counted = row.hours.get(hours.clone()).unwrap_or_default();
                let Some(last) = counted.iter().rposition(|visits| *visits > 0) else {
                    continue;
                };
                let visits = counted.iter().map(|visits| u64::from(*visits)).sum();
                self.points[*point].add(number, pair, visits);
                let last = day * 24 + place(hours.start + last);
                let seen = &mut self.agents[number].last;
                *seen = (*seen).max(Some(last));
            }
        }
        for (point, hours) in hours_of_points {
            let dropped = counts.dropped().get(hours).unwrap_or_default();
            let dropped: u64 = dropped.iter().map(|visits| u64::from(*visits)).sum();
            self.points[point].dropped += dropped;
        }
    }

    /// Which points have hours of a day, and which hours of it.
    fn hours_of_points(&self, day: i64) -> Vec<(usize, std::ops::Range<usize>)> {
        let (first, after) = (day * 24, day * 24 + 24);
        let from = self.starts.partition_point(|start| *start <= first);
        let to = self.starts.partition_point(|start| *start < after);
        let hour = |hour: i64| usize::try_from(hour.clamp(first, after) - first).unwrap_or(0);
        (from.saturating_sub(1)..to)
            .map(|point| {
                let end = self.starts.get(point + 1).copied().unwrap_or(self.end);
                (point, hour(self.starts[point])..hour(end))
            })
            .filter(|(_, hours)| !hours.is_empty())
            .collect()
    }

    fn number(&mut self, agent: &str) -> usize {
        if let Some(number) = self.index.get(agent) {
            return *number;
        }
        let number = self.agents.len();
        self.index.insert(agent.to_owned(), number);
        self.agents.push(Agent {
            name: agent.to_owned(),
            last: None,
        });
        number
    }

    /// The points, in order.
    pub fn points(&self) -> impl Iterator<Item = CoursePoint<'_>> {
        let starts = self.starts.iter().zip(&self.points);
        starts.map(|(start, point)| CoursePoint {
            start: *start,
            dropped: point.dropped,
            course: self,
            point,
        })
    }

    /// The agents that came, each with the hour since 1970 of its last visit.
    pub fn last_seen(&self) -> impl Iterator<Item = (&str, i64)> {
        let agents = self.agents.iter();
        agents.filter_map(|agent| Some((agent.name.as_str(), agent.last?)))
    }
}

impl Point {
    fn add(&mut self, agent: usize, pair: usize, visits: u64) {
        self.pairs[pair] = self.pairs[pair].saturating_add(visits);
        if self.agents.len() <= agent {
            self.agents.resize(agent + 1, 0);
        }
        self.agents[agent] = self.agents[agent].saturating_add(visits);
    }
}

impl<'a> CoursePoint<'a> {
    /// Visits by outcome and identity.
    pub fn pairs(self) -> impl Iterator<Item = (VisitOutcome, Identity, u64)> + use<'a> {
        (0..).zip(&self.point.pairs).filter_map(|(pair, visits)| {
            let (outcome, identity) = of_pair(pair)?;
            (*visits > 0).then_some((outcome, identity, *visits))
        })
    }

    /// Visits by agent.
    pub fn agents(self) -> impl Iterator<Item = (&'a str, u64)> {
        let agents = self.course.agents.iter().zip(&self.point.agents);
        agents
            .filter(|(_, visits)| **visits > 0)
            .map(|(agent, visits)| (agent.name.as_str(), *visits))
    }
}

fn place(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn two_by_the_hour() -> Day {
        let mut day = Day::default();
        for hour in 0..24 {
            day.add(hour, "GPTBot", VisitOutcome::Variant, Identity::Verified, 1);
            day.add(hour, "GPTBot", VisitOutcome::Origin, Identity::Claimed, 2);
        }
        day.add_dropped(23, 5);
        day
    }

    fn pairs(wanted: &Wanted, starts: &[i64], end: i64) -> Vec<(i64, Vec<u64>, u64)> {
        let mut course = Course::new(wanted.clone(), starts.to_vec(), end);
        course.add(10, &two_by_the_hour());
        let points = course.points();
        points
            .map(|point| {
                let visits = point.pairs().map(|(.., visits)| visits).collect();
                (point.start, visits, point.dropped)
            })
            .collect()
    }

    #[test]
    fn hours_of_a_point_are_counted_together() {
        let all = Wanted::default();
        // A day of a zone that begins at 22 o'clock, and a span that ends an hour later.
        assert_eq!(
            pairs(&all, &[214, 238, 262], 263),
            [
                (214, vec![], 0),
                (238, vec![22, 44], 0),
                (262, vec![1, 2], 0)
            ]
        );
        assert_eq!(pairs(&all, &[250], 900), [(250, vec![14, 28], 5)]);
        assert_eq!(pairs(&all, &[0], 240), [(0, vec![], 0)]);
        assert_eq!(pairs(&all, &[264], 900), [(264, vec![], 0)]);
        assert_eq!(pairs(&all, &[], 900), []);
        let some = Wanted {
            outcomes: vec![VisitOutcome::Origin],
            ..Wanted::default()
        };
        assert_eq!(pairs(&some, &[240], 264), [(240, vec![48], 5)]);
        let nobody = Wanted {
            agents: Some(Arc::new(|agent| agent == "ClaudeBot")),
            ..Wanted::default()
        };
        assert_eq!(pairs(&nobody, &[240], 264), [(240, vec![], 5)]);
    }

    #[test]
    fn the_last_visit_is_the_last_that_counts() {
        let mut course = Course::new(Wanted::default(), vec![240, 245], 250);
        course.add(10, &two_by_the_hour());
        assert_eq!(course.last_seen().collect::<Vec<_>>(), [("GPTBot", 249)]);
        course.add(9, &two_by_the_hour());
        assert_eq!(course.last_seen().collect::<Vec<_>>(), [("GPTBot", 249)]);
    }

    proptest! {
        #[test]
        fn every_hour_counts_once(
            visits in prop::collection::vec((240_i64..312, 0..4_usize, 0..3_usize, 0..3_u8, 1..9_u32), 0..60),
            mut starts in prop::collection::vec(230_i64..320, 1..8),
            length in 1_i64..40,
        ) {
            starts.sort_unstable();
            starts.dedup();
            let end = starts[starts.len() - 1] + length;
            let mut days = vec![Day::default(); 3];
            let mut expected = vec![([0; PAIRS], [0; 3]); starts.len()];
            for (hour, outcome, identity, agent, count) in visits {
                let (outcome, identity) = (VisitOutcome::ALL[outcome], Identity::ALL[identity]);
                let day = usize::try_from(hour / 24 - 10).expect("of three");
                days[day].add(usize::try_from(hour % 24).expect("small"), &format!("Bot{agent}"), outcome, identity, count);
                let point = starts.iter().rposition(|start| *start <= hour);
                if let Some(point) = point.filter(|_| hour < end) {
                    expected[point].0[usize::from(pair(outcome, identity))] += u64::from(count);
                    expected[point].1[usize::from(agent)] += u64::from(count);
                }
            }
            let mut course = Course::new(Wanted::default(), starts, end);
            for (number, day) in [12, 11, 10].into_iter().zip(days.iter().rev()) {
                course.add(number, day);
            }
            for (point, (pairs, agents)) in course.points().zip(expected) {
                let mut counted = [0; PAIRS];
                point.pairs().for_each(|(outcome, identity, visits)| counted[usize::from(pair(outcome, identity))] = visits);
                prop_assert_eq!(counted, pairs);
                let mut counted = [0; 3];
                point.agents().for_each(|(agent, visits)| counted[usize::from(agent.as_bytes()[3] - b'0')] = visits);
                prop_assert_eq!(counted, agents);
            }
        }
    }
}
