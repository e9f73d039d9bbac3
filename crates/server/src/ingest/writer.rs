//! Writes batches. One task does; whatever waits when it is free goes into one transaction, so that a flood costs few of
//! them and a single batch no wait.

use super::door::KnownKeys;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use store::PackedBatch;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How many batches may wait; what comes beyond is refused until there is room.
const WAITING_MAX: usize = 2_048;

/// The most batches of one transaction.
const TOGETHER_MAX: usize = 512;

/// How long a failed database is left alone.
const PAUSE: Duration = Duration::from_millis(500);

struct Waiting {
    batch: PackedBatch,
    /// Told whether it is on the disk.
    done: oneshot::Sender<bool>,
}

/// The way to the writer.
pub(crate) struct Ingest {
    /// Keys that were good a moment ago.
    pub(super) keys: KnownKeys,
    queue: mpsc::Sender<Waiting>,
    /// Taken by the writer.
    waiting: Mutex<Option<mpsc::Receiver<Waiting>>>,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").finish_non_exhaustive()
    }
}

impl Default for Ingest {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        Self {
            keys: KnownKeys::default(),
            queue,
            waiting: Mutex::new(Some(waiting)),
        }
    }
}

impl Ingest {
    /// Returns when the batch is on the disk, or was there before.
    ///
    /// # Errors
    ///
    /// `rate_limited` when too much waits or the database fails: the batch is to be sent again.
    pub(super) async fn write(&self, batch: PackedBatch) -> Outcome<()> {
        let (done, outcome) = oneshot::channel();
        self.queue
            .try_send(Waiting { batch, done })
            .map_err(|_| later(1))?;
        match outcome.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(later(5)),
        }
    }
}

fn later(seconds: u64) -> Problem {
    Problem::new(
        Code::RateLimited,
        "The visits cannot be stored just now; none was taken.",
    )
    .cause("More visits come than the database writes, or the database fails.")
    .remedy("Send the batch again as Retry-After says; it counts once.")
    .with_retry_after(seconds)
}

/// Runs until `stop`, and then writes what waits.
pub(crate) async fn run(app: &App, stop: CancellationToken) {
    let waiting = app
        .ingest
        .waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(mut waiting) = waiting else { return };
    let mut together = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut together, TOGETHER_MAX) => if count == 0 { return },
            () = stop.cancelled() => return,
        }
        write(app, std::mem::take(&mut together)).await;
    }
}

async fn write(app: &App, together: Vec<Waiting>) {
    let (batches, told): (Vec<_>, Vec<_>) = together
        .into_iter()
        .map(|waiting| (waiting.batch, waiting.done))
        .unzip();
    let written = app.store.append_visits(&batches, app.clock.now()).await;
    if let Err(error) = &written {
        tracing::warn!(%error, batches = batches.len(), "visits could not be stored; their Workers send them again");
    }
    for done in told {
        // Whoever hung up sends again.
        let _ = done.send(written.is_ok());
    }
    match written {
        Ok(new) => {
            metrics::counter!("edge_delivery_ingest_repeats_total")
                .increment(batches.len() as u64 - new);
            app.signals.wake_counting();
        }
        Err(_) => tokio::time::sleep(PAUSE).await,
    }
}
