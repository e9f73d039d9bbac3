//! Where counts are read: from our database, or from Analytics Engine, whichever the Worker that runs brings visits to.

use super::engine::{Engine, Estimate};
use crate::{app::App, problem::Outcome};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Day, Level},
    visit::VisitStore,
};
use store::{CountedStretch, Site};

/// The source for one question.
#[derive(Debug)]
pub(super) enum Source {
    Console(WorkspaceId, SiteId),
    Engine(Box<Engine>),
}

/// Where the site's visits are now: a changed setting counts from its deployment on.
pub(crate) fn store_of(site: &Site) -> VisitStore {
    match &site.recorded.applied {
        Some(applied) if applied.dataset.is_some() => VisitStore::AnalyticsEngine,
        Some(_) => VisitStore::Console,
        None => site.settings.visit_store,
    }
}

impl Source {
    /// The site's source, for the hours of a question and the beginning of a path that it may name.
    pub(super) async fn of(
        app: &App,
        site: Site,
        path: Option<&str>,
        span: (i64, i64),
    ) -> Outcome<Self> {
        Ok(match store_of(&site) {
            VisitStore::Console => Self::Console(site.workspace, site.id),
            VisitStore::AnalyticsEngine => {
                Self::Engine(Box::new(Engine::open(app, site, path, span).await?))
            }
        })
    }

    /// How far its counts can be relied on; `None`: they are exact.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        match self {
            Self::Console(..) => None,
            Self::Engine(engine) => Some(engine.estimate()),
        }
    }

    /// As `Store::traffic`.
    pub(super) async fn traffic(
        &self,
        app: &App,
        from: i64,
        to: i64,
        coarsest: Level,
    ) -> Outcome<Vec<CountedStretch>> {
        match self {
            Self::Console(ws, site) => {
                Ok(app.store.traffic(*ws, *site, from, to, coarsest).await?)
            }
            Self::Engine(engine) => engine.traffic(app, from, to, coarsest).await,
        }
    }

    /// As `Store::traffic_days`.
    pub(super) async fn days(&self, app: &App, from: i64, to: i64) -> Outcome<Vec<(i64, Day)>> {
        match self {
            Self::Console(ws, site) => Ok(app.store.traffic_days(*ws, *site, from, to).await?),
            Self::Engine(engine) => engine.days(app, from, to).await,
        }
    }
}
