//! `edge-delivery demo`: everything on this machine in one process — a sample site, a local Cloudflare in front of it
//! (with `workerd` as its only child), and `serve` connected to both — so that a newcomer needs no account anywhere.

mod check;
mod data;
mod origin;
mod state;
mod words;

use super::{
    emulator::address,
    serve::{Running, stop_signal},
};
use crate::config::{Config, FirstAdministrator, KeySource, LogFormat, logging};
use anyhow::{Context, anyhow};
use cloudflare_emulator::{Emulator, Options, StartError};
use domain::secret::Secret;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};
use url::Url;

/// Who may sign in to the demo's console. Published words, so the demo listens on loopback alone unless it is told otherwise.
const EMAIL: &str = "demo@shop.localhost";
const PASSWORD: &str = "local-demo-password";

/// Run everything on this machine: console, local Cloudflare and a sample site.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Address and port of the console and the API of Edge Delivery
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
    /// Address and port of the local Cloudflare's API
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8788", value_parser = address)]
    api_listen: SocketAddr,
    /// Address and port of the local Cloudflare's edge
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787", value_parser = address)]
    edge_listen: SocketAddr,
    /// Take free ports instead
    #[arg(long)]
    any_port: bool,
    /// Run the whole story once (connect, deploy, publish, visit, remove), print each step with its result, and end
    #[arg(long)]
    check: bool,
    /// Keep the database and the key in this folder; without it they are removed at the end
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Print what is there as one JSON object (with --check: one object a step)
    #[arg(long)]
    json: bool,
}

/// Runs the command: until SIGINT or SIGTERM, or with `--check` until the story ends.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let demo = Demo::start(&args).await?;
    let outcome = if args.check {
        tokio::select! {
            passed = check::run(&demo, args.json) => passed,
            stopped = stop_signal() => stopped.map(|()| false),
        }
    } else {
        words::greet(&demo, args.json)?;
        stop_signal().await.map(|()| true)
    };
    demo.stop().await;
    Ok(if outcome? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The running demo.
struct Demo {
    origin: origin::Origin,
    cloudflare: Emulator,
    server: Running,
    data: data::DataDirectory,
}

impl Demo {
    async fn start(args: &DemoArgs) -> anyhow::Result<Self> {
        let at = |wanted: SocketAddr| match args.any_port {
            true => SocketAddr::new(wanted.ip(), 0),
            false => wanted,
        };
        let data = data::DataDirectory::open(args.data_dir.as_deref())?;
        let origin = origin::Origin::start().await?;
        let cloudflare = Emulator::start(Options {
            listen: at(args.api_listen),
            edge_listen: at(args.edge_listen),
            state: state::load(&data, origin.address())?,
            record: None,
            workerd: None,
        })
        .await
        .map_err(in_the_demos_words)?;
        let config = config(at(args.listen), &cloudflare, &data)?;
        logging::start(&config);
        let server = match Running::start(config).await {
            Ok(server) => server,
            Err(error) => {
                cloudflare.stop().await;
                return Err(error);
            }
        };
        Ok(Self {
            origin,
            cloudflare,
            server,
            data,
        })
    }

    async fn stop(self) {
        self.server.stop().await;
        self.cloudflare.stop().await;
        self.origin.stop().await;
    }

    fn console(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn api(&self) -> String {
        format!("http://{}", self.cloudflare.api_addr())
    }

    fn edge(&self) -> String {
        format!("http://{}", self.cloudflare.edge_addr())
    }
}

/// The emulator names its own command's flags; here they have other names.
fn in_the_demos_words(error: StartError) -> anyhow::Error {
    match error {
        StartError::Listen { addr, flag, source } => {
            let (what, flag) = match flag {
                "--listen" => ("API", "--api-listen"),
                _ => ("edge", "--edge-listen"),
            };
            anyhow!(
                "the local Cloudflare's {what} cannot listen on {addr}: {source}. Stop the program that has port {}, or \
                 choose another port with {flag} {}:PORT (--any-port takes free ones)",
                addr.port(),
                addr.ip()
            )
        }
        other => anyhow::Error::new(other).context("the local Cloudflare did not start"),
    }
}

/// The settings of `serve`: all given here, so that nothing in the environment (a real account's address, a real key)
/// gets into the demo. `EDGE_DELIVERY_LOG` alone is read.
fn config(
    listen: SocketAddr,
    cloudflare: &Emulator,
    data: &data::DataDirectory,
) -> anyhow::Result<Config> {
    let database = data.path().join("edge-delivery.db");
    let url = |text: String| Url::parse(&text).with_context(|| format!("{text} is no address"));
    Ok(Config {
        check_every: Some(crate::config::CHECK_EVERY),
        support_url: None,
        webhook_allow_private: false,
        listen,
        public_url: None,
        database_url: Secret::new(format!("sqlite://{}", database.display())),
        key: KeySource::File(data.path().join("edge-delivery.key")),
        cloudflare_base_url: url(format!("http://{}/client/v4", cloudflare.api_addr()))?,
        edge_url: Some(url(format!("http://{}", cloudflare.edge_addr()))?),
        log: std::env::var("EDGE_DELIVERY_LOG").unwrap_or_else(|_| "error".to_owned()),
        log_format: LogFormat::Text,
        admin: Some(FirstAdministrator {
            email: EMAIL.to_owned(),
            password: Secret::new(PASSWORD),
        }),
        trusted_proxies: Vec::new(),
    })
}
