//! A PostgreSQL server of one's own: a new cluster in a temporary folder, reachable over a socket in that folder alone (so
//! that no port can be taken), without the care for crashes that tests do not need. It ends when the value is dropped, on
//! Ctrl-C, and when this program is killed.

use crate::{install, run};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// The variable by which tests learn the server's address.
pub(crate) const URL_VARIABLE: &str = "EDGE_DELIVERY_TEST_POSTGRES_URL";

/// How long the server may take until it answers; it takes about a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long it may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The user that runs the server when we are root, which PostgreSQL refuses to run as. Debian's package makes it.
const SERVER_USER: &str = "postgres";

/// What all our folders are called, followed by the id of the process that made them.
const FOLDER_PREFIX: &str = "edge-delivery-postgres-";

/// A command and its arguments.
#[derive(Debug, Args)]
pub(crate) struct WithPostgresArgs {
    /// The command; it finds the server's address in `EDGE_DELIVERY_TEST_POSTGRES_URL`.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs the command while a server runs.
pub(crate) fn run_with(args: &WithPostgresArgs) -> Result<()> {
    let Some((program, rest)) = args.command.split_first() else {
        bail!("no command");
    };
    install::postgres_programs()?;
    let server = Postgres::start()?;
    run::run(
        Command::new(program)
            .args(rest)
            .env(URL_VARIABLE, server.url()),
    )
}

/// The server that runs now, for [`end_on_signal`].
static CURRENT: Mutex<Option<(u32, PathBuf)>> = Mutex::new(None);

/// Ends the server that runs now and removes its folder. For the handler of Ctrl-C, after which nothing is dropped.
pub(crate) fn end_on_signal() {
    let current = CURRENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some((server, folder)) = current else {
        return;
    };
    interrupt(server);
    // It takes this file away last. The process itself would stay visible until somebody asks for its exit code.
    let begun = Instant::now();
    while folder.join("data/postmaster.pid").exists() && begun.elapsed() < STOP_LIMIT {
        thread::sleep(Duration::from_millis(20));
    }
    remove(&folder);
}

/// A running server.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    as_root: bool,
    is_durable: bool,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts its server. To be called from the main thread: on Linux the server ends with the thread
    /// that started it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed (the message says how to), or does not start (with what it said).
    pub(crate) fn start() -> Result<Self> {
        Self::start_one(false)
    }

    /// The same with PostgreSQL's own care for crashes: what it says is on the disk is on the disk.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn start_durable() -> Result<Self> {
        Self::start_one(true)
    }

    fn start_one(is_durable: bool) -> Result<Self> {
        let Some(programs) = programs() else {
            bail!("PostgreSQL is not installed: apt-get install postgresql");
        };
        remove_folders_of_the_dead();
        let folder = env::temp_dir().join(format!("{FOLDER_PREFIX}{}", std::process::id()));
        let mut postgres = Self {
            programs,
            folder,
            as_root: is_root()?,
            is_durable,
            server: None,
        };
        postgres.make_folder()?;
        postgres.make_cluster()?;
        postgres.start_server()?;
        postgres.wait_until_it_answers()?;
        Ok(postgres)
    }

    /// The administrator's address.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://{SERVER_USER}@localhost/postgres?host={}",
            self.folder.display()
        )
    }

    /// A command that runs as the server's user.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let mut command = if self.as_root {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                SERVER_USER,
                "--regid",
                SERVER_USER,
                "--init-groups",
            ]);
            command.args(ends_with_us()).arg("--").arg(program);
            command
        } else if !ends_with_us().is_empty() {
            let mut command = Command::new("setpriv");
            command.args(ends_with_us()).arg("--").arg(program);
            command
        } else {
            Command::new(program)
        };
        // The current folder may be closed to the server's user.
        command.current_dir(env::temp_dir()).stdin(Stdio::null());
        command
    }

    fn make_folder(&self) -> Result<()> {
        let made = self
            .command("mkdir")
            .args(["-m", "700"])
            .arg(&self.folder)
            .status()
            .context("cannot run setpriv and mkdir")?;
        if !made.success() {
            bail!("cannot make the folder {}", self.folder.display());
        }
        Ok(())
    }

    /// With the order of a language rather than of bytes where this PostgreSQL has one, since that is what most
    /// installations have: what relies on the order of bytes must say so.
    fn make_cluster(&self) -> Result<()> {
        let by_language = ["--locale-provider=icu", "--icu-locale=en-US"];
        let mut said = String::new();
        for more in [&by_language[..], &[]] {
            let output = self
                .command(self.programs.join("initdb"))
                .arg("-D")
                .arg(self.folder.join("data"))
                .args(["-U", SERVER_USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
                .args(["--locale=C.UTF-8"])
                .args(more)
                .output()
                .context("cannot run initdb")?;
            if output.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        bail!("initdb failed:\n{said}")
    }

    fn start_server(&mut self) -> Result<()> {
        let log = fs::File::create(self.log_file()).context("cannot make the server's log")?;
        let mut command = self.command(self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-k")
            .arg(&self.folder)
            .args(["-c", "listen_addresses="])
            .args(["-c", "max_connections=300"]);
        if !self.is_durable {
            command
                .args(["-c", "fsync=off"])
                .args(["-c", "synchronous_commit=off"])
                .args(["-c", "full_page_writes=off"]);
        }
        command.stdout(log.try_clone()?).stderr(log);
        let server = command.spawn().context("cannot start postgres")?;
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((server.id(), self.folder.clone()));
        self.server = Some(server);
        Ok(())
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let answers = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-U", SERVER_USER, "-d", "postgres", "-h"])
                .arg(&self.folder)
                .status()
                .context("cannot run pg_isready")?;
            if answers.success() {
                return Ok(());
            }
            let is_over = match &mut self.server {
                Some(server) => server.try_wait()?.is_some(),
                None => true,
            };
            if is_over || begun.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.log_file()).unwrap_or_default();
                bail!("PostgreSQL did not start:\n{log}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn log_file(&self) -> PathBuf {
        log_file(&self.folder)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            stop(server);
        }
        CURRENT
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        remove(&self.folder);
    }
}

/// The server's log: beside the folder, since that one is the server's user's.
fn log_file(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}

fn remove(folder: &Path) {
    // What cannot be removed now is removed by a later run.
    let _ = fs::remove_dir_all(folder);
    let _ = fs::remove_file(log_file(folder));
}

fn interrupt(server: u32) {
    let _ = Command::new("kill")
        .args(["-INT", &server.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// A fast shutdown; if that takes too long, a hard one.
fn stop(server: &mut Child) {
    interrupt(server.id());
    let begun = Instant::now();
    while begun.elapsed() < STOP_LIMIT {
        if !matches!(server.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = server.kill();
    let _ = server.wait();
}

/// Options of setpriv by which a program gets SIGINT when this one ends, however it ends. Nothing where there is no
/// setpriv, as outside of Linux.
fn ends_with_us() -> &'static [&'static str] {
    if is_there("setpriv") {
        &["--pdeathsig", "INT"]
    } else {
        &[]
    }
}

fn is_there(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn is_root() -> Result<bool> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .context("cannot run id")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// The folder of the server's programs: behind the `initdb` on PATH, else the newest of Debian's, which are not on it.
fn programs() -> Option<PathBuf> {
    let is_complete = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_isready"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let on_path = env::var_os("PATH").and_then(|path| {
        env::split_paths(&path)
            .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
            .filter_map(|program| program.parent().map(Path::to_owned))
            .find(is_complete)
    });
    on_path.or_else(|| {
        fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|version| {
                let version = version.ok()?;
                let number: u32 = version.file_name().to_str()?.parse().ok()?;
                let folder = version.path().join("bin");
                is_complete(&folder).then_some((number, folder))
            })
            .max()
            .map(|(_, folder)| folder)
    })
}

/// Removes what killed runs left: their servers ended by themselves, their folders did not.
fn remove_folders_of_the_dead() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER_PREFIX))
            .and_then(|rest| rest.trim_end_matches(".log").parse::<u32>().ok());
        let Some(process) = process else { continue };
        if Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists() {
            let _ = fs::remove_dir_all(entry.path());
            let _ = fs::remove_file(entry.path());
        }
    }
}
