//! The last 24 hours of all sites at a glance.

use super::Counts;
use crate::{app::App, problem::Outcome};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::HOUR_MS,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many hours are looked at.
const HOURS: usize = 24;

/// What came to all sites.
#[derive(Debug, Default)]
pub(crate) struct Glance {
    /// By site; sites to which nobody came are not in it.
    pub(crate) sites: HashMap<SiteId, SiteGlance>,
    /// All visits.
    pub(crate) visits: u64,
    /// By agent, most visits first.
    pub(crate) agents: Vec<(String, u64)>,
}

/// What came to one site.
#[derive(Debug, Default)]
pub(crate) struct SiteGlance {
    /// How many, and what became of them; how long they took is not known here.
    pub(crate) counts: Counts,
    /// By hour, the oldest first.
    pub(crate) hours: [u64; HOURS],
}

/// Looks at the last 24 hours, the present one among them. Sites that are `elsewhere` keep their visits in Analytics Engine:
/// what is here of them is old.
pub(crate) async fn glance(
    app: &App,
    ws: WorkspaceId,
    elsewhere: &HashSet<SiteId>,
) -> Outcome<Glance> {
    let end = app.clock.now().0.div_euclid(HOUR_MS) + 1;
    let begin = end - 24;
    let days = app
        .store
        .traffic_days_of_all(ws, begin.div_euclid(24), (end + 23).div_euclid(24))
        .await?;
    let mut glance = Glance::default();
    let mut agents: BTreeMap<String, u64> = BTreeMap::new();
    for (site, day, counts) in days {
        if elsewhere.contains(&site) {
            continue;
        }
        for row in counts.rows() {
            for (hour, visits) in (day * 24..).zip(row.hours) {
                let at = usize::try_from(hour - begin).ok().filter(|at| *at < HOURS);
                let (Some(at), 1..) = (at, visits) else {
                    continue;
                };
                let visits = u64::from(visits);
                let of_site = glance.sites.entry(site).or_default();
                of_site.counts.count(row.outcome, row.identity, visits);
                of_site.hours[at] += visits;
                glance.visits += visits;
                *agents.entry(row.agent.clone()).or_default() += visits;
            }
        }
    }
    glance.agents = agents.into_iter().collect();
    glance
        .agents
        .sort_by_key(|(_, visits)| std::cmp::Reverse(*visits));
    Ok(glance)
}
