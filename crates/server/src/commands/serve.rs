//! `edge-delivery serve`: the console, the API and the background work.

use crate::{
    app::{App, AppState},
    auth, background,
    config::{Config, ConfigArgs, logging},
    http, reconcile,
};
use anyhow::Context;
use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How long answers may take to finish once the server was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How often old sessions and failures are swept out.
const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long messages to the webhook stay in its log: 30 days.
const KEEP_DELIVERIES_SECONDS: i64 = 30 * 86_400;
/// How often figures are tidied, as their collector wants.
const TIDY_FIGURES_EVERY: Duration = Duration::from_secs(5);

/// Run the console, the API and the background work.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
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
}

impl Running {
    /// Takes the port, opens database and vault, and starts to answer and to work.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the database or the vault does not open.
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        // The port first: when it is taken, nothing else has happened.
        let listener = bind(config.listen).await?;
        let address = listener.local_addr()?;
        let app = App::open(config).await?;
        if let Some(admin) = &app.config.admin {
            auth::people::create_from_environment(&app, admin).await?;
        }
        if auth::people::is_first_run(&app).await? {
            announce_first_run(&app, address);
        }
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

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        let port = listen.port();
        match error.kind() {
            ErrorKind::AddrInUse => anyhow::anyhow!(
                "port {port} on {} is taken by another program. Stop that one, or choose another port with --listen {}:PORT (EDGE_DELIVERY_LISTEN)",
                listen.ip(), listen.ip()
            ),
            ErrorKind::PermissionDenied => anyhow::anyhow!(
                "port {port} may not be used by this user. Choose one above 1023 with --listen {}:PORT (EDGE_DELIVERY_LISTEN)",
                listen.ip()
            ),
            ErrorKind::AddrNotAvailable => anyhow::anyhow!(
                "{} is not an address of this machine. Choose another with --listen ADDRESS:{port} (EDGE_DELIVERY_LISTEN)",
                listen.ip()
            ),
            _ => anyhow::Error::new(error).context(format!("cannot listen on {listen} (--listen, EDGE_DELIVERY_LISTEN)")),
        }
    })
}

/// Says how the first administrator is made.
fn announce_first_run(app: &App, address: SocketAddr) {
    let code = auth::first_run::code(app);
    tracing::warn!(
        "first run: open http://{address}{} and make the first administrator; the code is {} (asked for unless the page is reached over loopback)",
        auth::FIRST_RUN,
        code.expose(),
    );
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
                if let Err(problem) = auth::attempts::forget_old(&app).await {
                    tracing::warn!(%problem, "old sign-in failures could not be deleted");
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
