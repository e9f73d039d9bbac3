//! Brings published content into a site's KV namespace: contents first, then the index that names them, deletions
//! last, so that the index never names what is not there. What the account acknowledged is in the ledger; only the
//! difference is written. Where the ledger may be wrong, the keys are listed first.
//!
//! A process may die anywhere here. What was acknowledged and not stored is written again, or found by listing; that the
//! index is behind is stored before the first write ([`store::SyncState::is_changed`]).

mod batch;
mod index;
mod listing;
pub(crate) mod quota;

use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use cloudflare::Api;
use domain::ids::{DeploymentId, NamespaceId};
use store::{Site, SyncPause, SyncState};

/// The most keys of one bulk call (Cloudflare API notes §6.4, official).
const BATCH_KEYS: u32 = 10_000;

/// The most bytes of one bulk write, as sent: the API allows 100 MB (§6.4, official).
pub(crate) const BATCH_BYTES: usize = 100_000_000;

/// The fewest bytes to which batches shrink when large ones do not arrive.
const BATCH_BYTES_MIN: usize = 1_000_000;

/// How long after the last comparison the keys are listed again, in milliseconds: a day.
pub(crate) const LISTED_FOR_MS: i64 = 24 * 60 * 60 * 1000;

/// When the outcome of a write is not known: up to so many keys are listed, which costs a call a thousand; where there are
/// more, it is cheaper to write the batch again.
const LISTED_RATHER_THAN_REPEATED: u64 = 10_000;

/// What a run has done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pushed {
    /// Variants written.
    pub(crate) written: u64,
    /// Keys deleted.
    pub(crate) deleted: u64,
    /// Calls to Cloudflare.
    pub(crate) calls: u32,
    /// Why the rest waits.
    pub(crate) pause: Option<SyncPause>,
}

/// One run for one site.
pub(crate) struct Push<'a> {
    /// The program.
    pub(crate) app: &'a App,
    /// With the site's token.
    pub(crate) api: &'a Api,
    /// Whose content.
    pub(crate) site: &'a Site,
    /// Where to.
    pub(crate) namespace: &'a NamespaceId,
    /// The most bytes of one bulk write.
    pub(crate) bytes_max: usize,
    /// Whom to tell of progress: a deployment, and how many variants there are.
    pub(crate) listener: Option<(DeploymentId, u64)>,
    /// What was done so far; also right when the run fails.
    pub(crate) done: Pushed,
}

impl<'a> Push<'a> {
    /// A run that has done nothing yet, after so many failures in a row.
    pub(crate) fn new(
        app: &'a App,
        api: &'a Api,
        site: &'a Site,
        namespace: &'a NamespaceId,
        failures: u32,
    ) -> Self {
        let bytes = BATCH_BYTES >> (2 * failures).min(16);
        Self {
            app,
            api,
            site,
            namespace,
            bytes_max: Ord::max(bytes, BATCH_BYTES_MIN),
            listener: None,
            done: Pushed::default(),
        }
    }

    /// Writes everything that is published and not acknowledged, then the index, then deletes what is no longer
    /// published. A run that must wait for the account's quota ends well, with [`Pushed::pause`].
    pub(crate) async fn run(&mut self) -> Outcome<()> {
        let ended = self.run_to_the_end().await;
        let ended = match ended {
            Err(Stop::Quota) => {
                let pause = quota::spent(self).await?;
                self.done.pause = Some(pause);
                Ok(())
            }
            Err(Stop::Problem(problem)) => Err(*problem),
            Ok(()) => Ok(()),
        };
        let (store, pause) = (&self.app.store, self.done.pause.as_ref());
        store
            .end_sync_run(self.site.workspace, self.site.id, pause)
            .await?;
        ended
    }

    async fn run_to_the_end(&mut self) -> Result<(), Stop> {
        let (store, workspace, site) = (&self.app.store, self.site.workspace, self.site.id);
        let mut state = store.sync_state(workspace, site).await?;
        if self.must_list(&state).await? {
            listing::compare(self, &mut state).await?;
        }
        let waiting = store.pending_counts(workspace, site).await?;
        if waiting.writes + waiting.deletes > 0 {
            let total = waiting.writes + waiting.deletes;
            store
                .begin_sync_run(workspace, site, self.app.clock.now(), total)
                .await?;
        }
        let share = quota::share(self, waiting).await?;
        self.done.pause = share.pause;
        let written = batch::write(self, share.writes).await;
        state.is_changed |= self.done.written > 0;
        if let Err(Stop::Problem(problem)) = written {
            return Err(Stop::Problem(problem));
        }
        // Also when Cloudflare says that the day is spent: what did get there is named, by the writes that were kept for that.
        index::write(self, &state).await?;
        written?;
        batch::delete(self, share.deletes).await?;
        index::delete_retired(self).await?;
        Ok(())
    }

    async fn must_list(&self, state: &SyncState) -> Outcome<bool> {
        let Some(listed_at) = state.listed_at else {
            return Ok(true);
        };
        if self.app.clock.now().0 - listed_at.0 >= LISTED_FOR_MS {
            return Ok(true);
        }
        if !state.is_unsure {
            return Ok(false);
        }
        let status = self
            .app
            .store
            .kv_status(self.site.workspace, self.site.id)
            .await?;
        Ok(status.pending + status.live + status.failed <= LISTED_RATHER_THAN_REPEATED)
    }
}

/// Why a run goes no further.
#[derive(Debug)]
enum Stop {
    /// Cloudflare says that the account's writes of the day are spent.
    Quota,
    /// Anything else.
    Problem(Box<Problem>),
}

impl<E: Into<Problem>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Problem(Box::new(error.into()))
    }
}

impl Stop {
    /// What a refused call of KV means.
    fn of(error: cloudflare::Error) -> Self {
        if quota::is_spent(&error) {
            Self::Quota
        } else {
            Self::from(error)
        }
    }
}
