//! Running other programs, and ending them when this one is told to end.

use anyhow::{Context, bail};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Process ids of children that run now, and what to run when a signal ends this program.
static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn children() -> MutexGuard<'static, Vec<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// A line on standard error, so that standard output stays free for results.
pub(crate) fn say(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// On Ctrl-C or SIGTERM, ends the children that run, newest first, and then this program.
pub(crate) fn stop_children_on_signals() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        for pid in children().drain(..).rev() {
            end(pid);
        }
        crate::postgres::end_on_signal();
        std::process::exit(130);
    })
    .context("the signal handler could not be set")
}

fn end(pid: u32) {
    // The child may have ended by itself.
    let _ = Command::new("kill")
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
}

/// A command in the repository's folder.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    // `cargo xtask` tells us about our own package. Build scripts look at these names (ring's does), and would build
    // everything anew whenever a plain `cargo test` and a routine take turns.
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME"];
        if name
            .to_str()
            .is_some_and(|name| told.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end; a failure names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    let mut child = Running::start(command)?;
    let status = child
        .child
        .wait()
        .with_context(|| format!("`{shown}` was lost"))?;
    if status.success() {
        Ok(())
    } else {
        bail!("`{shown}` failed ({status})")
    }
}

/// Runs a command and gives its standard output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{shown}` could not be started"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not print text"))
}

fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where a program is on PATH.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether a program is on PATH.
pub(crate) fn is_installed(program: &str) -> bool {
    find_program(program).is_some()
}

/// A child that is ended when this value is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let shown = show(command);
        let child = command
            .spawn()
            .with_context(|| format!("`{shown}` could not be started"))?;
        children().push(child.id());
        Ok(Self { child })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.child.id();
        children().retain(|other| *other != pid);
        if matches!(self.child.try_wait(), Ok(None)) {
            end(pid);
            // It has ended now, or could never be waited for.
            let _ = self.child.wait();
        }
    }
}
