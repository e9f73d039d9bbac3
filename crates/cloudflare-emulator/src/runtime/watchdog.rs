//! Ends our `workerd` processes when the emulator itself is killed and can no longer do it.
//!
//! A small shell reads the list of process ids from a pipe that only we hold. When we die, whatever the way, the pipe
//! closes and the shell ends what is on its last list, then removes the folder of sockets and configurations (secrets
//! are in them). On an orderly stop the list is empty by then, and the shell has nothing to do.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// It ignores the signals that Ctrl-C sends to the whole group: it must be the last to go.
const SCRIPT: &str = "trap '' INT TERM HUP QUIT; pids=; while read -r line; do pids=$line; done; \
                      [ -z \"$pids\" ] || { kill -9 $pids; rm -rf -- \"$0\"; } 2>/dev/null";

/// Knows the processes to be ended.
#[derive(Debug)]
pub(super) struct Watchdog(Mutex<State>);

#[derive(Debug)]
struct State {
    folder: PathBuf,
    pids: Vec<u32>,
    shell: Option<(Child, ChildStdin)>,
}

impl Watchdog {
    /// Minds nothing yet. `folder` goes with the processes.
    pub(crate) fn new(folder: &Path) -> Self {
        Self(Mutex::new(State {
            folder: folder.to_owned(),
            pids: Vec::new(),
            shell: None,
        }))
    }

    /// Minds `pid` from now on.
    pub(super) fn add(&self, pid: u32) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.pids.push(pid);
        state.tell();
    }

    /// Forgets `pid`, which has ended.
    pub(super) fn remove(&self, pid: u32) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.pids.retain(|other| *other != pid);
        state.tell();
    }
}

impl State {
    fn tell(&mut self) {
        if self.shell.is_none() && !self.pids.is_empty() {
            self.shell = start(&self.folder)
                .map_err(|error| tracing::warn!(%error, "no watchdog for workerd"))
                .ok();
        }
        let Some((_, stdin)) = self.shell.as_mut() else {
            return;
        };
        let line: Vec<_> = self.pids.iter().map(u32::to_string).collect();
        if writeln!(stdin, "{}", line.join(" ")).is_err() {
            // Killed by somebody: a new one is started at the next change.
            self.shell = None;
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some((mut child, stdin)) = self.shell.take() {
            drop(stdin);
            // It reads the end of the pipe and goes at once.
            let _ = child.wait();
        }
    }
}

fn start(folder: &Path) -> std::io::Result<(Child, ChildStdin)> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(SCRIPT)
        .arg(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let stdin = child
        .stdin
        .take()
        .ok_or_else(|| std::io::Error::other("no pipe"))?;
    Ok((child, stdin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_when_we_go_is_ended() {
        let mut left = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut done = Command::new("sleep").arg("1000").spawn().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let watchdog = Watchdog::new(folder.path());
        watchdog.add(left.id());
        watchdog.add(done.id());
        watchdog.remove(done.id());
        // As if we had been killed: the pipe closes while a process is still listed.
        drop(watchdog);
        assert!(!left.wait().unwrap().success());
        assert!(!folder.path().exists());
        assert!(done.try_wait().unwrap().is_none());
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
