//! `edge-delivery demo`: everything on this machine in one process — a sample site, a local Cloudflare in front of it
//! (with `workerd` as its only child), and `serve` connected to both — so that a newcomer needs no account anywhere.

mod check;
mod data;
mod origin;
mod state;
mod words;

use super::{
    emulator::{address, did_not_start, part_of},
    listening::Wanted,
    serve::{Running, bind, stop_signal},
};
use crate::config::{AUDIT_DAYS, Config, FirstAdministrator, KeySource, LogFormat, logging};
use anyhow::Context;
use cloudflare_emulator::{Emulator, Options};
use domain::secret::Secret;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};
use url::Url;

/// Who may sign in to the demo's console. Published words, so the demo listens on loopback alone unless it is told otherwise.
const EMAIL: &str = "demo@shop.localhost";
const PASSWORD: &str = "local-demo-password";

/// In the demo somebody wants to see that a change from outside is noticed.
const DEMO_OBSERVE_EVERY: Duration = Duration::from_secs(60);

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
        let listener = bind(Wanted {
            what: "the console",
            address: at(args.listen),
            flag: "--listen",
            also: OR_FREE_PORTS,
        })
        .await?;
        let origin = origin::Origin::start().await?;
        let cloudflare = Emulator::start(Options {
            listen: at(args.api_listen),
            edge_listen: at(args.edge_listen),
            state: state::load(&data, origin.address())?,
            record: None,
            workerd: None,
        })
        .await
        .map_err(|error| did_not_start(error, wanted_of_emulator))?;
        let config = config(listener.local_addr()?, &cloudflare, &data)?;
        logging::start(&config);
        let server = match Running::start_on(listener, config).await {
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

/// What can be done besides choosing a port.
const OR_FREE_PORTS: &str = " --any-port takes free ones. Through `cargo xtask demo`, flags go after --: cargo xtask demo -- --any-port";

/// The emulator names its own command's flags; here they have other names.
fn wanted_of_emulator(flag: &'static str, address: SocketAddr) -> Wanted<'static> {
    Wanted {
        what: part_of(flag),
        address,
        flag: match flag {
            "--listen" => "--api-listen",
            other => other,
        },
        also: OR_FREE_PORTS,
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
        page_check_every: Some(crate::config::PAGE_CHECK_EVERY),
        // The demo goes nowhere but to this machine, until somebody asks for it.
        verification_every: None,
        verification_mirror: None,
        alerts_every: Some(crate::config::ALERTS_EVERY),
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
        observe_every: Some(DEMO_OBSERVE_EVERY),
        audit_days: AUDIT_DAYS,
    })
}
