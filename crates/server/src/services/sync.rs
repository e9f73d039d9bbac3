//! How far a site's published content is at the edge.

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::{
        content::quota::{FREE_A_DAY, left_today, next_day, usage},
        health::{self, Manifest},
    },
    services::{site_keys, sites},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
};
use store::{KvStatus, Site, SyncPause, SyncRun};

/// What is on its way, what is there, what was refused, and what holds it up.
#[derive(Debug, Clone)]
pub(crate) struct SyncReport {
    /// The counts.
    pub(crate) counts: KvStatus,
    /// The run that is going on.
    pub(crate) run: Option<SyncRun>,
    /// When that run will be done if it goes on as it does, in seconds.
    pub(crate) eta_s: Option<u64>,
    /// Why nothing goes on.
    pub(crate) pause: Option<SyncPause>,
    /// The revision of the manifest that was written last.
    pub(crate) manifest: Option<Millis>,
    /// The account's KV writes.
    pub(crate) quota: Quota,
}

/// The account's KV writes of the day, as far as they are ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Writes of ours today.
    pub(crate) writes: u64,
    /// What is left today; `None`: not limited, as far as is known.
    pub(crate) left: Option<u64>,
    /// When the next day begins.
    pub(crate) resets_at: Millis,
    /// How many days what waits would take on a free plan, today counted.
    pub(crate) days_on_free_plan: u64,
}

/// The counts alone.
pub(crate) async fn status(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<KvStatus> {
    Ok(app.store.kv_status(ws, site).await?)
}

/// All of it.
pub(crate) async fn report(app: &App, site: &Site) -> Outcome<SyncReport> {
    let now = app.clock.now();
    let counts = status(app, site.workspace, site.id).await?;
    let state = app.store.sync_state(site.workspace, site.id).await?;
    let waiting = app.store.pending_counts(site.workspace, site.id).await?;
    let is_leased = app
        .store
        .sync_is_leased(site.workspace, site.id, now)
        .await?;
    // A run whose process died is over.
    let run = state.run.filter(|_| is_leased);
    let usage = usage(app, site.workspace, &site.account).await?;
    Ok(SyncReport {
        run,
        eta_s: run.and_then(|run| eta(&run, now)),
        // Nothing waits any more: there is nothing to be said about it.
        pause: state.pause.filter(|_| waiting.writes > 0),
        manifest: state.manifest,
        quota: Quota {
            writes: usage.writes,
            left: left_today(site.settings.workers_plan, usage),
            resets_at: next_day(now),
            days_on_free_plan: waiting.writes.div_ceil(FREE_A_DAY),
        },
        counts,
    })
}

/// By what is done so far; unknown until something is.
fn eta(run: &SyncRun, now: Millis) -> Option<u64> {
    let took = u64::try_from(now.0 - run.started_at.0).ok()?;
    let left = run.total.saturating_sub(run.done);
    (run.done > 0).then(|| (took * left / run.done).div_ceil(1000))
}

/// Asks for a run now, even if the last one failed a moment ago. Content gets to the edge by itself, too.
pub(crate) async fn hurry(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    if !app.store.want_sync(ws, site, app.clock.now()).await? {
        return Err(Problem::not_found("site", &site.to_string()));
    }
    app.signals.wake_sync();
    Ok(())
}

/// What the edge says itself: which manifest each host's Worker uses, asked just now.
#[derive(Debug, Clone)]
pub(crate) struct AtTheEdge {
    /// The revision of the manifest that was written last.
    pub(crate) written: Option<Millis>,
    /// What is on its way still.
    pub(crate) pending: u64,
    /// Each host.
    pub(crate) hosts: Vec<HostAtTheEdge>,
}

/// One host.
#[derive(Debug, Clone)]
pub(crate) struct HostAtTheEdge {
    /// The host name.
    pub(crate) host: String,
    /// What its Worker answered; `None`: nobody did, or somebody else.
    pub(crate) manifest: Option<Manifest>,
}

impl AtTheEdge {
    /// Whether this host uses the manifest that was written last, or a newer one.
    pub(crate) fn has(&self, host: &HostAtTheEdge) -> bool {
        let revision = host
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.revision);
        self.written.is_some() && revision >= self.written
    }

    /// Whether everything that is published is live on every host that was asked.
    pub(crate) fn is_live(&self) -> bool {
        self.pending == 0 && !self.hosts.is_empty() && self.hosts.iter().all(|host| self.has(host))
    }
}

/// Asks the Worker of each host.
pub(crate) async fn ask_the_edge(app: &App, ws: WorkspaceId, id: SiteId) -> Outcome<AtTheEdge> {
    let site = sites::get(app, ws, id).await?;
    let key = site_keys::of_worker(app, &site).await?.ok_or_else(|| {
        Problem::new(
            Code::InvalidState,
            "The site's own key cannot be opened, so its Worker cannot be asked.",
        )
        .cause("The database was restored with another key, or the row was changed.")
        .remedy("Deploy the site: the next upload of the Worker brings a new key.")
    })?;
    let counts = status(app, ws, id).await?;
    let state = app.store.sync_state(ws, id).await?;
    let asked = site
        .hostnames
        .iter()
        .take(health::HOSTS_MAX)
        .map(async |host| HostAtTheEdge {
            host: host.to_string(),
            manifest: health::manifest(app, host, &key, &site.id.to_string()).await,
        });
    Ok(AtTheEdge {
        written: state.manifest,
        pending: counts.pending + counts.failed,
        hosts: futures::future::join_all(asked).await,
    })
}
