//! Several sites at once: one plan and one deployment each, so that one that fails stops no other. How many are worked on
//! at the same time is the driver's business, how many calls are made the client's.

use super::{edits, plan, start};
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    problem::{Outcome, Problem},
    services::{preflight::look_ahead, sites},
};
use domain::{
    deployment::DeploymentKind,
    ids::{SiteId, WorkspaceId},
    plan::{Difference, Plan},
};
use futures::future::join_all;
use std::collections::HashSet;
use store::{Deployment, Site};
use tokio::sync::Semaphore;

/// As many sites may be named at once.
pub(crate) const SITES_MAX: usize = 100;

/// As many accounts are looked at at the same time.
const PLANS_AT_ONCE: usize = 4;

/// A site, and what deploying it would put back over edits from outside.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The site.
    pub(crate) site: SiteId,
    /// Its name; its id where there is no such site.
    pub(crate) name: String,
    /// The edits, or why they cannot be told.
    pub(crate) edits: Outcome<Vec<Difference>>,
}

impl Looked {
    /// Whether it is known that there are edits.
    pub(crate) fn has_edits(&self) -> bool {
        self.edits.as_ref().is_ok_and(|edits| !edits.is_empty())
    }
}

/// What came of asking for one site's deployment.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The site.
    pub(crate) site: SiteId,
    /// Its name.
    pub(crate) name: String,
    /// What its deployment puts back; `None`: it could not be told.
    pub(crate) edits: Option<Vec<Difference>>,
    /// Its deployment, or why there is none.
    pub(crate) outcome: Outcome<Deployment>,
}

/// One site and its plan.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The site.
    pub(crate) site: Site,
    /// Its plan, or why it cannot be told.
    pub(crate) plan: Outcome<Plan>,
}

/// Reads ids of sites, each once.
pub(crate) fn site_ids<'a>(texts: impl IntoIterator<Item = &'a str>) -> Outcome<Vec<SiteId>> {
    let mut seen = HashSet::new();
    let mut ids: Vec<SiteId> = Vec::new();
    for text in texts {
        let id = text
            .parse()
            .map_err(|_| Problem::field("siteIds", "holds what is no site's id"))?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Err(Problem::field("siteIds", "names no site"));
    }
    if ids.len() > SITES_MAX {
        return Err(Problem::field(
            "siteIds",
            format!("names more than {SITES_MAX} sites"),
        ));
    }
    Ok(ids)
}

/// The plan of each site. Reads only.
pub(crate) async fn plan_many(app: &App, ws: WorkspaceId, ids: &[SiteId]) -> Outcome<Vec<Planned>> {
    let turns = Semaphore::new(PLANS_AT_ONCE);
    let looks = ids.iter().map(|id| async {
        let site = sites::get(app, ws, *id).await?;
        let _turn = turns
            .acquire()
            .await
            .map_err(|error| Problem::internal(&error))?;
        let plan = match plan(app, ws, &site).await {
            Ok((mut plan, _)) => {
                look_ahead(app, &site, &mut plan).await;
                Ok(plan)
            }
            Err(problem) => Err(problem),
        };
        Ok(Planned { site, plan })
    });
    join_all(looks).await.into_iter().collect()
}

/// Looks at each site's account for edits from outside, four at the same time.
pub(crate) async fn look_for_edits(app: &App, ws: WorkspaceId, ids: &[SiteId]) -> Vec<Looked> {
    let turns = Semaphore::new(PLANS_AT_ONCE);
    let looks = ids.iter().map(|id| async {
        let site = match sites::get(app, ws, *id).await {
            Ok(site) => site,
            Err(problem) => {
                return Looked {
                    site: *id,
                    name: id.to_string(),
                    edits: Err(problem),
                };
            }
        };
        let edits = match turns.acquire().await {
            Ok(_turn) => edits::edits_of(app, ws, &site).await,
            Err(error) => Err(Problem::internal(&error)),
        };
        Looked {
            site: site.id,
            name: site.name,
            edits,
        }
    });
    join_all(looks).await
}

/// Asks for a deployment of each site, and writes each down in the audit log. A site with edits from outside, or of which
/// it cannot be told, is deployed only where they `may` be overwritten.
pub(crate) async fn start_many(
    app: &App,
    actor: &Actor,
    looked: Vec<Looked>,
    by: &str,
    may: impl Fn(SiteId) -> bool,
) -> Vec<Asked> {
    let mut asked = Vec::with_capacity(looked.len());
    for Looked { site, name, edits } in looked {
        let refused = match &edits {
            _ if may(site) => None,
            Ok(edits) => (!edits.is_empty()).then(|| edits::refusal(&name, edits)),
            Err(problem) => Some(problem.clone()),
        };
        let outcome = match refused {
            Some(problem) => Err(problem),
            None => start(app, actor.workspace, site, DeploymentKind::Apply, by).await,
        };
        if let Ok(deployment) = &outcome {
            let event = Event::deployment(Kind::DeploymentRequested, deployment);
            audit::record(app, actor, event).await;
        }
        asked.push(Asked {
            site,
            name,
            edits: edits.ok(),
            outcome,
        });
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_once_and_bounded() {
        let one = "01970000-0000-7000-8000-000000000001";
        assert_eq!(site_ids([one, one]).expect("good").len(), 1);
        assert!(site_ids([]).is_err());
        assert!(site_ids(["x"]).is_err());
        let many: Vec<String> = (0..=SITES_MAX)
            .map(|number| format!("01970000-0000-7000-8000-{number:012}"))
            .collect();
        assert!(site_ids(many.iter().map(String::as_str)).is_err());
    }
}
