//! Runs the uploaded scripts in `workerd`, the open-source Workers runtime.
//!
//! All scripts run in one process. When a script or a binding changes, a second process is started with the new
//! configuration; once it listens, new requests go to it, and the old one is ended when its last request is done and
//! what it promised to do afterwards (`waitUntil`) had its time. So a change is live within about a quarter of a second
//! and costs no request. A process that dies is replaced at once, one that no longer
//! answers within a few seconds.

pub mod config;
mod drain;
mod generation;
pub mod locate;
mod process;
mod pulse;
pub mod spec;
mod watchdog;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use config::{Config, SocketPaths};
use drain::Draining;
use generation::Generation;
pub use generation::Lease;
use process::{Minders, Process, ProcessError};
use spec::{WorkerId, WorkerSpec};

/// How long a start may take; it takes about 150 ms.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long one script may take to start when it is checked. Cloudflare allows it one second of CPU time.
const CHECK_LIMIT: Duration = Duration::from_secs(5);
/// Uploads that come close together are taken in one go.
const DEBOUNCE: Duration = Duration::from_millis(15);
/// How long a request waits for a script that was just uploaded, or for a process that just died.
const WORKER_WAIT: Duration = Duration::from_secs(5);
/// The longest pause before the next try when workerd does not come up.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a stop waits for the processes to be gone.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What the runtime needs of the rest: what to run, and somebody at the other end of the scripts' sockets.
pub trait Surroundings: Send + Sync + 'static {
    /// All uploaded scripts, in a stable order.
    fn workers(&self) -> Vec<WorkerSpec>;

    /// Makes sure that the sockets at which `workers` reach KV and the outside are listened at.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    fn listen(&self, paths: &SocketPaths, workers: &[WorkerSpec]) -> io::Result<()>;
}

/// Why a script cannot be run. Its texts are workerd's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .messages.join("\n"))]
pub struct ScriptError {
    /// The validator's messages, without the service's name.
    pub messages: Vec<String>,
    /// The script registers no handler at all (code 10068 rather than 10021).
    pub no_handlers: bool,
}

/// Why no Worker can take a request.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The script does not run.
    #[error("this Worker does not start: {0}")]
    Script(#[from] ScriptError),
    /// workerd is not up.
    #[error("workerd is not running")]
    Down,
}

/// The running scripts.
#[derive(Debug)]
pub struct Runtime {
    inner: Arc<Inner>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    paths: SocketPaths,
    folder: tempfile::TempDir,
    minders: Minders,
    current: watch::Sender<Arc<Generation>>,
    checks: Semaphore,
}

impl Runtime {
    /// Starts running what `surroundings` say, and follows each tick of `changes`. Comes back when what is there now
    /// is running or has been refused.
    ///
    /// # Errors
    /// When the folder for sockets cannot be made.
    pub async fn start(
        program: PathBuf,
        surroundings: Arc<dyn Surroundings>,
        changes: watch::Receiver<u64>,
    ) -> io::Result<Self> {
        // Ours alone: the sockets lead to KV, and configurations hold secrets.
        let folder = tempfile::Builder::new()
            .prefix("cfe-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir()?;
        let minders = Minders::new(folder.path());
        let inner = Arc::new(Inner {
            program,
            paths: SocketPaths::new(folder.path()),
            folder,
            minders,
            current: watch::Sender::new(Arc::new(Generation::none())),
            checks: Semaphore::new(1),
        });
        let stop = CancellationToken::new();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let supervisor = Supervisor {
            inner: Arc::clone(&inner),
            surroundings,
            changes,
            draining: Draining::default(),
        };
        let asked_to_stop = stop.clone();
        tokio::spawn(async move { supervisor.run(ready, asked_to_stop).await });
        let _ = is_ready.await;
        Ok(Self { inner, stop })
    }

    /// Starts `worker` alone for a moment, to learn whether it would run.
    ///
    /// # Errors
    /// What workerd says against it. When workerd itself cannot be started, the script is not blamed.
    pub async fn check(&self, worker: &WorkerSpec) -> Result<(), ScriptError> {
        let Ok(_turn) = self.inner.checks.acquire().await else {
            return Ok(());
        };
        let config = Config::new(std::slice::from_ref(worker), &self.inner.paths);
        match Process::start(
            &self.inner.program,
            &config,
            &self.inner.minders,
            CHECK_LIMIT,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(ProcessError::Late(_)) => Err(ScriptError {
                messages: vec!["Script startup exceeded CPU time limit.".to_owned()],
                no_handlers: false,
            }),
            Err(ProcessError::Refused(messages)) => {
                Err(refusals(&messages).remove(&0).unwrap_or(ScriptError {
                    messages,
                    no_handlers: false,
                }))
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a script could not be checked"
                );
                Ok(())
            }
        }
    }

    /// A running process that has `worker`; waits a little for one. The process is kept while the lease lives.
    ///
    /// # Errors
    /// When the script does not start or there is no process.
    pub async fn worker(&self, worker: &WorkerId) -> Result<Lease, Unavailable> {
        let mut current = self.inner.current.subscribe();
        let found = current.wait_for(|generation| {
            !generation.has_ended()
                && (generation.has(worker) || generation.refused(worker).is_some())
        });
        match tokio::time::timeout(WORKER_WAIT, found).await {
            Ok(Ok(generation)) => match generation.refused(worker) {
                Some(error) => Err(error.clone().into()),
                None => Generation::lease(&generation, worker).ok_or(Unavailable::Down),
            },
            _ => Err(Unavailable::Down),
        }
    }

    /// The id of the process that takes new requests.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.inner.current.borrow().pid()
    }

    /// The folder with the sockets.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.inner.folder.path()
    }

    /// Ends all processes and waits until they are gone.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.inner.minders.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.inner.minders.tasks.wait())
            .await
            .is_err()
        {
            tracing::error!("workerd did not end within {STOP_LIMIT:?}");
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Supervisor {
    inner: Arc<Inner>,
    surroundings: Arc<dyn Surroundings>,
    changes: watch::Receiver<u64>,
    draining: Draining,
}

impl Supervisor {
    async fn run(mut self, ready: tokio::sync::oneshot::Sender<()>, stop: CancellationToken) {
        let mut ready = Some(ready);
        let mut failures = 0_u32;
        loop {
            self.changes.borrow_and_update();
            let followed = tokio::select! {
                () = stop.cancelled() => break,
                followed = self.follow() => followed,
            };
            failures = match followed {
                Ok(()) => 0,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "workerd did not start"
                    );
                    failures + 1
                }
            };
            if let Some(ready) = ready.take() {
                let _ = ready.send(());
            }
            let current = Arc::clone(&self.inner.current.borrow());
            let pause = LONGEST_PAUSE
                .min(Duration::from_millis(50) * 2_u32.saturating_pow(failures.min(10)));
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        stop.cancelled().await;
                        break;
                    }
                    tokio::time::sleep(DEBOUNCE).await;
                }
                () = current.ended(), if failures == 0 => {}
                () = current.hangs(), if failures == 0 => {
                    tracing::error!(pid = current.pid(), "workerd no longer answers: it is ended and started again");
                    current.end();
                    current.ended().await;
                }
                () = tokio::time::sleep(pause), if failures > 0 => {}
            }
        }
        self.draining.end_all();
        self.inner
            .current
            .send_replace(Arc::new(Generation::none()))
            .end();
    }

    /// Brings up a new process when what is wanted differs from what runs, or when nothing runs any more.
    async fn follow(&mut self) -> Result<(), ProcessError> {
        let mut workers = self.surroundings.workers();
        let wanted = Config::new(&workers, &self.inner.paths);
        let current = Arc::clone(&self.inner.current.borrow());
        if current.wanted() == Some(&wanted) && !current.has_ended() {
            return Ok(());
        }
        self.surroundings.listen(&self.inner.paths, &workers)?;
        let mut refused = HashMap::new();
        let process = loop {
            if workers.is_empty() {
                break None;
            }
            let config = Config::new(&workers, &self.inner.paths);
            match Process::start(
                &self.inner.program,
                &config,
                &self.inner.minders,
                START_LIMIT,
            )
            .await
            {
                Ok(process) => break Some(process),
                Err(ProcessError::Refused(messages)) => {
                    let blamed = refusals(&messages);
                    if blamed.is_empty() {
                        return Err(ProcessError::Refused(messages));
                    }
                    workers = without(workers, blamed, &mut refused);
                }
                Err(error) => return Err(error),
            }
        };
        tracing::debug!(
            pid = process.as_ref().map(|process| process.pid),
            scripts = workers.len(),
            "workerd is up"
        );
        let next = Arc::new(Generation::new(wanted, process, refused));
        let old = self.inner.current.send_replace(next);
        self.draining.add(old);
        Ok(())
    }
}

/// `workers` less those that were `blamed`, which go to `refused`.
fn without(
    workers: Vec<WorkerSpec>,
    mut blamed: HashMap<usize, ScriptError>,
    refused: &mut HashMap<WorkerId, ScriptError>,
) -> Vec<WorkerSpec> {
    let mut kept = Vec::with_capacity(workers.len());
    for (index, worker) in workers.into_iter().enumerate() {
        match blamed.remove(&index) {
            Some(error) => {
                tracing::error!(script = worker.id.name, %error, "a script does not start");
                refused.insert(worker.id, error);
            }
            None => kept.push(worker),
        }
    }
    kept
}

/// Sorts workerd's messages (`service w3: Uncaught …`, continued by indented lines) by the script they blame.
fn refusals(messages: &[String]) -> HashMap<usize, ScriptError> {
    let mut blamed: HashMap<usize, ScriptError> = HashMap::new();
    let mut last = None;
    for message in messages {
        let parsed = message
            .strip_prefix("service w")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(index, text)| Some((index.parse::<usize>().ok()?, text)));
        match parsed {
            Some((index, text)) => {
                let error = blamed.entry(index).or_insert(ScriptError {
                    messages: Vec::new(),
                    no_handlers: false,
                });
                if text.starts_with("No event handlers were registered") {
                    error.no_handlers = error.messages.is_empty();
                    last = None;
                    if !error.messages.is_empty() {
                        continue;
                    }
                }
                error.messages.push(text.to_owned());
                last = Some(index);
            }
            None => {
                if let Some(error) = last.and_then(|index| blamed.get_mut(&index))
                    && message.starts_with(' ')
                {
                    error.messages.push(message.clone());
                }
            }
        }
    }
    blamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_by_script() {
        let lines = [
            "service w0: Uncaught Error: boom",
            "  at w0:1:7",
            "service w0: No event handlers were registered. This script does nothing.",
            "service w12: No event handlers were registered. This script does nothing.",
            "something else",
        ];
        let blamed = refusals(&lines.map(str::to_owned));
        assert_eq!(blamed.len(), 2);
        assert_eq!(blamed[&0].messages, ["Uncaught Error: boom", "  at w0:1:7"]);
        assert!(!blamed[&0].no_handlers);
        assert!(blamed[&12].no_handlers);
    }
}
