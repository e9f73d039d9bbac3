//! The answer to a question: totals, and the same visits by time, agent, purpose, path and identity.

use super::Estimate;
use domain::{
    agents::{Purpose, Registry},
    identity::Identity,
    traffic::{Cell, Counting, Course, CoursePoint, OTHER_PATHS},
    visit::VisitOutcome,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most paths of a list; what is beyond is counted, not named.
const PATHS_MAX: usize = 500;

/// Of how many paths it is looked up whether they have a variant: those with the most visits, and those that missed most.
const LOOKED_UP: usize = 1_000;

/// How many visits, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// All.
    pub(crate) visits: u64,
    /// By outcome, in the order of [`VisitOutcome::ALL`].
    pub(crate) outcomes: [u64; 4],
    /// By identity, in the order of [`Identity::ALL`].
    pub(crate) identities: [u64; 3],
    /// Milliseconds spent in the Worker.
    pub(crate) spent_ms: u64,
}

impl Counts {
    fn add(&mut self, cell: &Cell<'_>) {
        self.spent_ms += cell.sum.spent_ms;
        self.count(cell.outcome, cell.identity, cell.sum.visits);
    }

    pub(super) fn count(&mut self, outcome: VisitOutcome, identity: Identity, visits: u64) {
        self.visits += visits;
        for (count, one) in self.outcomes.iter_mut().zip(VisitOutcome::ALL) {
            if one == outcome {
                *count += visits;
            }
        }
        for (count, one) in self.identities.iter_mut().zip(Identity::ALL) {
            if one == identity {
                *count += visits;
            }
        }
    }

    /// Visits with this outcome.
    pub(crate) fn of(&self, outcome: VisitOutcome) -> u64 {
        let found = VisitOutcome::ALL.iter().position(|one| *one == outcome);
        found.map_or(0, |at| self.outcomes[at])
    }

    /// Visits with this identity.
    pub(crate) fn by(&self, identity: Identity) -> u64 {
        let found = Identity::ALL.iter().position(|one| *one == identity);
        found.map_or(0, |at| self.identities[at])
    }

    /// Visits that got a variant, or have it.
    pub(crate) fn served(&self) -> u64 {
        self.of(VisitOutcome::Variant) + self.of(VisitOutcome::NotModified)
    }
}

/// One point of the series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Point {
    /// Its first hour since 1970.
    pub(crate) start: i64,
    /// Its visits; how long they took is not known here.
    pub(crate) counts: Counts,
    /// By agent.
    pub(crate) agents: BTreeMap<String, u64>,
    /// Visits that Workers told of having lost.
    pub(crate) dropped: u64,
    /// All visits of the point that lies one span before.
    pub(crate) previous: u64,
}

/// The visits of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentCounts {
    /// Its token.
    pub(crate) agent: String,
    /// Its visits.
    pub(crate) counts: Counts,
    /// How many it had in the span right before.
    pub(crate) previous: u64,
    /// The hour since 1970 of its last visit; with a filter by path of a long span, the first hour of that day.
    pub(crate) last_seen: Option<i64>,
}

/// The visits of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathCounts {
    /// Its path; empty for all that are not named.
    pub(crate) path: String,
    /// Its visits.
    pub(crate) counts: Counts,
    /// Whether a variant of it is published now.
    pub(crate) has_variant: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The first hour since 1970 that counts.
    pub(crate) from_hour: i64,
    /// The first that does not.
    pub(crate) to_hour: i64,
    /// All visits.
    pub(crate) totals: Counts,
    /// All visits of the span of the same length right before.
    pub(crate) previous: Counts,
    /// Visits that Workers told of having lost.
    pub(crate) dropped: u64,
    /// How far the counts can be relied on, where Cloudflare keeps them.
    pub(crate) estimate: Option<Estimate>,
    /// By time.
    pub(crate) series: Vec<Point>,
    /// By agent, most visits first.
    pub(crate) agents: Vec<AgentCounts>,
    /// By purpose.
    pub(crate) purposes: Vec<(Option<Purpose>, Counts)>,
    /// By path, most visits first; the unnamed last.
    pub(crate) paths: Vec<PathCounts>,
    /// Pages that were asked for and have no variant, most visits first.
    pub(crate) missed: Vec<PathCounts>,
    /// How many visits these pages missed, those that are not named among them.
    pub(crate) missed_visits: u64,
    by_agent: HashMap<String, Counts>,
    by_path: HashMap<String, Counts>,
    previous_by_agent: HashMap<String, u64>,
    last_seen: HashMap<String, i64>,
}

/// What an agent comes for; `None` for one that the registry does not know.
pub(crate) fn purpose_of(registry: &Registry, agent: &str) -> Option<Purpose> {
    registry.agent(agent).map(|agent| agent.purpose)
}

impl Summary {
    pub(super) fn new(from_hour: i64, to_hour: i64, buckets: Vec<i64>) -> Self {
        let point = |start| Point {
            start,
            ..Point::default()
        };
        Self {
            from_hour,
            to_hour,
            totals: Counts::default(),
            previous: Counts::default(),
            dropped: 0,
            estimate: None,
            series: buckets.into_iter().map(point).collect(),
            agents: Vec::new(),
            purposes: Vec::new(),
            paths: Vec::new(),
            missed: Vec::new(),
            missed_visits: 0,
            by_agent: HashMap::new(),
            by_path: HashMap::new(),
            previous_by_agent: HashMap::new(),
            last_seen: HashMap::new(),
        }
    }

    /// Counts a cell of the counts by agent.
    pub(super) fn add_of_agent(&mut self, cell: &Cell<'_>) {
        self.totals.add(cell);
        if let Some(counts) = self.by_agent.get_mut(cell.agent) {
            counts.add(cell);
        } else {
            self.by_agent
                .entry(cell.agent.to_owned())
                .or_default()
                .add(cell);
        }
    }

    /// Counts a cell of the counts by path, which count the same visits.
    pub(super) fn add_of_path(&mut self, cell: &Cell<'_>) {
        if let Some(counts) = self.by_path.get_mut(cell.path) {
            counts.add(cell);
        } else {
            self.by_path
                .entry(cell.path.to_owned())
                .or_default()
                .add(cell);
        }
    }

    /// The first hour since 1970 of the span right before.
    pub(super) const fn previous_hour(&self) -> i64 {
        self.from_hour - (self.to_hour - self.from_hour)
    }

    /// The first hours of the points of the span right before, then of this one.
    pub(super) fn starts_with_previous(&self) -> Vec<i64> {
        let span = self.to_hour - self.from_hour;
        let points = || self.series.iter().map(|point| point.start);
        points().map(|start| start - span).chain(points()).collect()
    }

    /// Adds what agents did and what happened to pages.
    pub(super) fn add_counted(&mut self, counted: &Counting) {
        counted.by_agent().for_each(|cell| self.add_of_agent(&cell));
        counted.by_path().for_each(|cell| self.add_of_path(&cell));
    }

    /// Adds the course of [`Self::starts_with_previous`].
    pub(super) fn add_course(&mut self, course: &Course) {
        for point in course.points() {
            if point.start < self.from_hour {
                self.add_previous(point);
            } else {
                self.add_dropped(point.start, point.dropped);
                let Some(at) = self.point(point.start) else {
                    continue;
                };
                for (outcome, identity, visits) in point.pairs() {
                    at.counts.count(outcome, identity, visits);
                }
                let agents = point.agents();
                at.agents
                    .extend(agents.map(|(agent, visits)| (agent.to_owned(), visits)));
            }
        }
        for (agent, hour) in course.last_seen() {
            self.seen(agent, hour);
        }
    }

    fn add_previous(&mut self, point: CoursePoint<'_>) {
        let mut all = 0;
        for (outcome, identity, visits) in point.pairs() {
            self.previous.count(outcome, identity, visits);
            all += visits;
        }
        for (agent, visits) in point.agents() {
            add_to(&mut self.previous_by_agent, agent, visits);
        }
        let span = self.to_hour - self.from_hour;
        if let Some(at) = self.point(point.start + span) {
            at.previous += all;
        }
    }

    /// Counts visits of an hour, of this span or of the one before.
    pub(super) fn add_at(
        &mut self,
        hour: i64,
        agent: &str,
        (outcome, identity): (VisitOutcome, Identity),
        visits: u64,
    ) {
        if visits == 0 || hour < self.previous_hour() || hour >= self.to_hour {
            return;
        }
        if hour < self.from_hour {
            self.previous.count(outcome, identity, visits);
            add_to(&mut self.previous_by_agent, agent, visits);
            let span = self.to_hour - self.from_hour;
            if let Some(point) = self.point(hour + span) {
                point.previous += visits;
            }
            return;
        }
        self.seen(agent, hour);
        if let Some(point) = self.point(hour) {
            point.counts.count(outcome, identity, visits);
            match point.agents.get_mut(agent) {
                Some(count) => *count += visits,
                None => {
                    point.agents.insert(agent.to_owned(), visits);
                }
            }
        }
    }

    /// Remembers that an agent came in an hour of this span.
    pub(super) fn seen(&mut self, agent: &str, hour: i64) {
        if !(self.from_hour..self.to_hour).contains(&hour) {
            return;
        }
        match self.last_seen.get_mut(agent) {
            Some(last) => *last = hour.max(*last),
            None => {
                self.last_seen.insert(agent.to_owned(), hour);
            }
        }
    }

    /// Counts visits that Workers lost, as told in an hour of this span.
    pub(super) fn add_dropped(&mut self, hour: i64, dropped: u64) {
        if dropped > 0 && (self.from_hour..self.to_hour).contains(&hour) {
            self.dropped += dropped;
            if let Some(point) = self.point(hour) {
                point.dropped += dropped;
            }
        }
    }

    fn point(&mut self, hour: i64) -> Option<&mut Point> {
        let at = self.series.partition_point(|point| point.start <= hour);
        at.checked_sub(1).and_then(|at| self.series.get_mut(at))
    }

    /// What to know of the counts, in words.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.estimate
            .as_ref()
            .map(Estimate::notes)
            .unwrap_or_default()
    }

    /// The paths that matter: of these it must be known whether they have a variant.
    pub(super) fn paths_to_look_up(&self) -> Vec<String> {
        let mut found = HashSet::new();
        for weight in [Counts::all as fn(&Counts) -> u64, Counts::missed] {
            let mut ranked: Vec<(&String, u64)> = self
                .by_path
                .iter()
                .map(|(path, counts)| (path, weight(counts)))
                .filter(|(path, weight)| *weight > 0 && *path != OTHER_PATHS)
                .collect();
            ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            found.extend(
                ranked
                    .into_iter()
                    .take(LOOKED_UP)
                    .map(|(path, _)| path.clone()),
            );
        }
        found.into_iter().collect()
    }

    /// Makes the lists; `published` holds those of [`Self::paths_to_look_up`], `looked_up`, that have a variant.
    pub(super) fn finish(
        &mut self,
        registry: &Registry,
        looked_up: Vec<String>,
        published: &HashSet<String>,
    ) {
        let looked_up: HashSet<String> = looked_up.into_iter().collect();
        self.agents = self
            .by_agent
            .drain()
            .map(|(agent, counts)| AgentCounts {
                previous: self.previous_by_agent.get(&agent).copied().unwrap_or(0),
                last_seen: self.last_seen.get(&agent).copied(),
                agent,
                counts,
            })
            .collect();
        self.agents.sort_by(|a, b| {
            b.counts
                .visits
                .cmp(&a.counts.visits)
                .then(a.agent.cmp(&b.agent))
        });
        let mut purposes: BTreeMap<Option<Purpose>, Counts> = BTreeMap::new();
        for agent in &self.agents {
            purposes
                .entry(purpose_of(registry, &agent.agent))
                .or_default()
                .join(&agent.counts);
        }
        self.purposes = purposes.into_iter().collect();
        let mut paths: Vec<PathCounts> = self
            .by_path
            .drain()
            .map(|(path, counts)| PathCounts {
                has_variant: published.contains(&path),
                path,
                counts,
            })
            .collect();
        let is_other = |path: &PathCounts| path.path == OTHER_PATHS;
        paths.sort_by(|a, b| {
            (is_other(a), b.counts.visits, &a.path).cmp(&(is_other(b), a.counts.visits, &b.path))
        });
        let is_missed = |path: &&PathCounts| {
            looked_up.contains(&path.path) && !path.has_variant && path.counts.missed() > 0
        };
        let mut missed: Vec<PathCounts> = paths.iter().filter(is_missed).cloned().collect();
        missed.sort_by(|a, b| {
            b.counts
                .missed()
                .cmp(&a.counts.missed())
                .then(a.path.cmp(&b.path))
        });
        self.missed_visits = missed.iter().map(|path| path.counts.missed()).sum();
        missed.truncate(PATHS_MAX);
        self.missed = missed;
        self.paths = shortened(paths);
    }
}

fn add_to(counts: &mut HashMap<String, u64>, name: &str, visits: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += visits,
        None => {
            counts.insert(name.to_owned(), visits);
        }
    }
}

impl Counts {
    const fn all(&self) -> u64 {
        self.visits
    }

    /// Visits that got the page that people get.
    pub(crate) fn missed(&self) -> u64 {
        self.of(VisitOutcome::Origin)
    }

    fn join(&mut self, other: &Self) {
        self.visits += other.visits;
        self.spent_ms += other.spent_ms;
        for (count, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *count += more;
        }
        for (count, more) in self.identities.iter_mut().zip(other.identities) {
            *count += more;
        }
    }
}

/// The first paths, and one line for all others.
fn shortened(mut paths: Vec<PathCounts>) -> Vec<PathCounts> {
    if paths.len() <= PATHS_MAX {
        return paths;
    }
    let rest = paths.split_off(PATHS_MAX);
    let mut other = PathCounts {
        path: OTHER_PATHS.to_owned(),
        counts: Counts::default(),
        has_variant: false,
    };
    for path in &rest {
        other.counts.join(&path.counts);
    }
    paths.push(other);
    paths
}
