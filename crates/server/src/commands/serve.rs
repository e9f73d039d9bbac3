//! `edge-delivery serve`: the console, the API and the background work.

use super::listening::Wanted;
use crate::{
    app::{App, AppState},
    audit, auth, background,
    config::{Config, ServeConfigArgs, logging},
    http, ingest, reconcile,
    services::verification,
};
use anyhow::Context;
use std::{
    fs::File,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long answers may take to finish once the server was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How often old sessions and failures are swept out.
const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long messages to the webhook stay in its log: 30 days.
const KEEP_DELIVERIES_SECONDS: i64 = 30 * 86_400;
/// Alerts that ended are kept as long as the audit log unless told otherwise.
const KEEP_ALERTS_SECONDS: i64 = 400 * 86_400;
/// How often figures are tidied, as their collector wants.
const TIDY_FIGURES_EVERY: Duration = Duration::from_secs(5);

/// Run the console, the API and the background work.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ServeConfigArgs,
}

/// Runs the command: until SIGINT or SIGTERM.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.config()?;
    logging::start(&config);
    let running = Running::start(config).await?;
    // On standard error, whatever the log's settings are: whoever starts the program reads the address here.
    let _ = writeln!(std::io::stderr(), "listening on http://{}", running.address);
    stop_signal().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its parts.
    pub(crate) app: AppState,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    /// Tells `restore` that the database is in use.
    _in_use: Option<File>,
}

impl Running {
    /// Takes the port, opens database and vault, and starts to answer and to work.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the database or the vault does not open.
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        // The port first: when it is taken, nothing else has happened.
        let listener = bind(Wanted {
            what: "`serve`",
            address: config.listen,
            flag: "--listen",
            also: " EDGE_DELIVERY_LISTEN does the same.",
        })
        .await?;
        Self::start_on(listener, config).await
    }

    /// The same on a port that was taken already.
    ///
    /// # Errors
    ///
    /// When the database or the vault does not open.
    pub(super) async fn start_on(listener: TcpListener, config: Config) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let app = App::open(config).await?;
        let in_use = mark_in_use(&app.config);
        verification::prepare(&app).await?;
        if let Some(admin) = &app.config.admin {
            auth::people::create_from_environment(&app, admin).await?;
        }
        if auth::people::is_first_run(&app).await? {
            announce_first_run(&app, address);
        }
        ingest::announce(&app, address).await?;
        ingest::register_missing(&app).await?;
        // The collector must be there before the first figure.
        http::watch::figures();
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let router = http::router(&app, &shutdown);
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let served = axum::serve(
                listener,
                router.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
            if let Err(error) = served {
                tracing::error!(%error, "the server stopped");
            }
        });
        tasks.spawn(housekeeping(app.clone(), shutdown.clone()));
        tasks.spawn(reconcile::run(app.clone(), shutdown.clone()));
        tasks.spawn(background::run(app.clone(), shutdown.clone()));
        tasks.spawn(auth::passwords::warm_up());
        Ok(Self {
            address,
            app,
            shutdown,
            tasks,
            _in_use: in_use,
        })
    }

    /// Stops: answers that are on their way get some time to finish.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        let finished = tokio::time::timeout(STOP_WITHIN, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await;
        if finished.is_err() {
            tracing::warn!(
                "some requests did not finish within {} s",
                STOP_WITHIN.as_secs()
            );
        }
        self.tasks.shutdown().await;
    }
}

/// Takes the port.
pub(super) async fn bind(wanted: Wanted<'_>) -> anyhow::Result<TcpListener> {
    TcpListener::bind(wanted.address)
        .await
        .map_err(|error| wanted.refused(&error))
}

/// Locks a SQLite database's file, shared with others that serve it. SQLite's own locks are of another kind and do not
/// meet this one. Where files cannot be locked, `restore` has nothing to go by.
fn mark_in_use(config: &Config) -> Option<File> {
    let file = File::open(config.sqlite_file()?).ok()?;
    file.try_lock_shared().ok()?;
    Some(file)
}

/// Says how the first administrator is made.
fn announce_first_run(app: &App, address: SocketAddr) {
    let code = auth::first_run::code(app);
    let console = console_url(app.config.public_url.as_ref(), address);
    tracing::warn!(
        "first run: open {console}{} and make the first administrator; the code is {} (asked for unless the page is reached over loopback)",
        auth::FIRST_RUN,
        code.expose(),
    );
}

/// Where people open the console, without a slash at the end.
fn console_url(public: Option<&Url>, mut address: SocketAddr) -> String {
    if let Some(url) = public {
        return url.origin().ascii_serialization();
    }
    // Every address of the machine is none that can be opened; this one can, on the machine itself.
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}")
}

/// Sweeps out what is over.
async fn housekeeping(app: AppState, shutdown: CancellationToken) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut tidy = tokio::time::interval(TIDY_FIGURES_EVERY);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tidy.tick() => if let Some(figures) = http::watch::figures() { figures.run_upkeep() },
            _ = sweep.tick() => {
                if let Err(error) = app.store.delete_expired_sessions(app.clock.now()).await {
                    tracing::warn!(%error, "old sessions could not be deleted");
                }
                let long_ago = app.clock.now().plus_seconds(-KEEP_DELIVERIES_SECONDS);
                if let Err(error) = app.store.delete_deliveries_before(long_ago).await {
                    tracing::warn!(%error, "old messages to the webhook could not be deleted");
                }
                if let Err(error) = app.store.delete_alerts_before(app.clock.now().plus_seconds(-KEEP_ALERTS_SECONDS)).await {
                    tracing::warn!(%error, "old alerts could not be deleted");
                }
                if let Err(problem) = auth::attempts::forget_old(&app).await {
                    tracing::warn!(%problem, "old sign-in failures could not be deleted");
                }
                if let Err(problem) = verification::forget_old(&app).await {
                    tracing::warn!(%problem, "old verification lists could not be deleted");
                }
                if let Err(problem) = audit::forget_old(&app).await {
                    tracing::warn!(%problem, "old lines of the audit log could not be deleted");
                }
            }
        }
    }
}

/// Waits until the program is told to stop.
///
/// # Errors
///
/// When the system does not let us listen for signals.
pub(crate) async fn stop_signal() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate =
            signal(SignalKind::terminate()).context("signals cannot be received")?;
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => outcome.context("signals cannot be received"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c()
        .await
        .context("signals cannot be received")
}

#[cfg(test)]
mod tests {
    use super::console_url;

    #[test]
    fn the_console_is_opened_where_it_can_be() {
        let public = "https://edge.example.com/".parse().ok();
        let at = |address: &str| address.parse().expect("an address");
        assert_eq!(
            console_url(public.as_ref(), at("0.0.0.0:8080")),
            "https://edge.example.com"
        );
        assert_eq!(
            console_url(None, at("0.0.0.0:8080")),
            "http://127.0.0.1:8080"
        );
        assert_eq!(console_url(None, at("10.0.0.1:80")), "http://10.0.0.1:80");
    }
}
