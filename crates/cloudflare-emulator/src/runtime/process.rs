//! One `workerd` process: started, known to listen, minded until it ends.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::spec::WorkerId;
use super::watchdog::Watchdog;

/// What every process of one emulator shares: who ends it when we cannot, and who waits for its end.
#[derive(Clone, Debug)]
pub(super) struct Minders {
    /// Where configurations are written.
    pub(crate) folder: PathBuf,
    /// Ends the processes when we are killed.
    pub watchdog: Arc<Watchdog>,
    /// Finishes when the last process has ended.
    pub tasks: TaskTracker,
}

/// How many lines of a process's messages are kept while it starts.
const MESSAGE_LINES: usize = 200;

impl Minders {
    /// For processes whose files are in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            watchdog: Arc::new(Watchdog::new(folder)),
            tasks: TaskTracker::new(),
        }
    }
}

/// Why workerd did not come up.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// Folder, file or program could not be used.
    #[error("workerd could not be started")]
    Io(#[from] io::Error),
    /// It refused its configuration.
    #[error("workerd refused a script: {}", .0.join("; "))]
    Refused(
        /// Its messages, such as `service w0: Uncaught SyntaxError: …`.
        Vec<String>,
    ),
    /// It neither listened nor ended.
    #[error("workerd did not listen within {0:?}")]
    Late(Duration),
}

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    /// Its process id.
    pub pid: u32,
    /// The port of each script.
    pub ports: HashMap<WorkerId, u16>,
    ended: watch::Receiver<bool>,
    end: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Starts `program` with `config` and waits at most `limit` until all its sockets listen on
    /// 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot be started, refuses the configuration, or takes too long.
    pub(super) async fn start(
        program: &Path,
        config: &Config,
        minders: &Minders,
        limit: Duration,
    ) -> Result<Self, ProcessError> {
        let folder = tempfile::Builder::new()
            .prefix("workerd-")
            .tempdir_in(&minders.folder)?;
        let main = config.write(folder.path())?;
        let mut child = command(program, &main, config).spawn()?;
        let pid = child.id().unwrap_or_default();
        let listed = Listed::new(&minders.watchdog, pid);
        let (finished, ended) = watch::channel(false);
        let (end, asked_to_end) = oneshot::channel();
        let control = child.stdout.take();
        let messages = Messages::kept();
        let reading = child
            .stderr
            .take()
            .map(|stderr| tokio::spawn(messages.clone().read(stderr)));
        let ports = tokio::time::timeout(limit, listen_events(control, config.sockets.len())).await;
        let ports = match ports {
            Ok(Ok(Some(ports))) => ports,
            other => {
                stop(&mut child).await;
                // The pipe is closed now, so the last message is read soon.
                if let Some(reading) = reading {
                    let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
                }
                return Err(match other {
                    Ok(Err(error)) => ProcessError::Io(error),
                    Ok(Ok(_)) => ProcessError::Refused(messages.take()),
                    Err(_) => ProcessError::Late(limit),
                });
            }
        };
        // All has been read, and secrets are in it.
        drop(folder);
        messages.switch_to_log();
        let ports = config
            .sockets
            .iter()
            .filter_map(|(id, socket)| Some((id.clone(), *ports.get(socket)?)))
            .collect();
        minders.tasks.spawn(async move {
            tokio::select! {
                status = child.wait() => tracing::warn!(pid, ?status, "workerd ended by itself"),
                // Also when the sender is dropped.
                _ = asked_to_end => stop(&mut child).await,
            }
            drop(listed);
            let _ = finished.send(true);
        });
        Ok(Self {
            pid,
            ports,
            ended,
            end: Some(end),
        })
    }

    /// Turns true when the process has ended, however it did.
    #[must_use]
    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
    }
}

/// The control messages go to descriptor 3, so that no script's output can be taken for one; `sh` only arranges the
/// descriptors and then becomes workerd.
fn command(program: &Path, main: &Path, config: &Config) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg("exec \"$0\" \"$@\" 3>&1 1>&2")
        .arg(program)
        .arg("serve")
        .args(config.is_experimental.then_some("--experimental"))
        .arg(main);
    for (_, socket) in &config.sockets {
        command.arg(format!("--socket-addr={socket}=127.0.0.1:0"));
    }
    command
        .arg("--control-fd=3")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A process id on the watchdog's list.
struct Listed(Arc<Watchdog>, u32);

impl Listed {
    fn new(watchdog: &Arc<Watchdog>, pid: u32) -> Self {
        watchdog.add(pid);
        Self(Arc::clone(watchdog), pid)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

async fn stop(child: &mut Child) {
    let _ = child.kill().await;
}

#[derive(serde::Deserialize)]
struct ControlEvent {
    event: String,
    socket: String,
    port: u16,
}

/// Reads until all sockets listen; none when the process closed the pipe before.
async fn listen_events(
    control: Option<impl AsyncRead + Unpin>,
    expected: usize,
) -> io::Result<Option<HashMap<String, u16>>> {
    let mut ports = HashMap::new();
    let Some(control) = control else {
        return Ok(None);
    };
    let mut lines = BufReader::new(control).lines();
    while ports.len() < expected {
        let Some(line) = lines.next_line().await? else {
            return Ok(None);
        };
        if let Ok(event) = serde_json::from_str::<ControlEvent>(&line)
            && event.event == "listen"
        {
            ports.insert(event.socket, event.port);
        }
    }
    Ok(Some(ports))
}

/// What the process writes: kept while it starts, logged afterwards.
#[derive(Clone)]
struct Messages(Arc<Mutex<Option<Vec<String>>>>);

impl Messages {
    fn kept() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    async fn read(self, from: impl AsyncRead + Unpin) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        loop {
            line.clear();
            match from.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.push(String::from_utf8_lossy(&line).trim_end().to_owned()),
            }
        }
    }

    fn push(&self, line: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_mut() {
            Some(lines) if lines.len() < MESSAGE_LINES => lines.push(line),
            Some(_) => {}
            None => tracing::info!(target: "workerd", "{line}"),
        }
    }

    fn switch_to_log(&self) {
        for line in self.take() {
            tracing::info!(target: "workerd", "{line}");
        }
    }

    fn take(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_default()
    }
}
