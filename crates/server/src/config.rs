//! Settings: from the environment or flags of the same meaning, checked together at the start.
//!
//! Environment variables are the contract; `--help` of every command names them. Whatever is wrong is told in one list.
//! Secrets (`EDGE_DELIVERY_KEY`, `EDGE_DELIVERY_ADMIN_PASSWORD`) have no flag, because every process of the machine can
//! read arguments.
//!
//! Files are kept in the *data directory*: `$STATE_DIRECTORY` (systemd sets it), else `./data`. The database defaults to
//! `edge-delivery.db` there; the key file to `edge-delivery.key` beside a SQLite database, else in the data directory.

mod addresses;
mod database;
mod key;
pub(crate) mod logging;
mod time_span;
mod watching;

pub(crate) use self::{addresses::is_loopback, key::KeySource, logging::LogFormat};

use clap::Args;
use domain::secret::Secret;
use ipnet::IpNet;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use url::Url;

/// The address of Cloudflare's API (the default of `CLOUDFLARE_API_BASE_URL`).
const CLOUDFLARE_API: &str = "https://api.cloudflare.com/client/v4";

/// How often each site's account is looked at unless told.
pub(crate) const OBSERVE_EVERY: Duration = Duration::from_secs(15 * 60);

/// How often each connection is checked again unless told.
pub(crate) const CHECK_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How often each published page is looked at unless told.
pub(crate) const PAGE_CHECK_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// How often the lists that agents are verified by are fetched unless told.
pub(crate) const VERIFICATION_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How often each site's counts are looked at for alerts unless told.
pub(crate) const ALERTS_EVERY: Duration = Duration::from_secs(5 * 60);

/// What `--help` of a command says about settings that have no flag.
const COMMAND_HELP: &str = "\
From the environment alone:
  EDGE_DELIVERY_KEY  the key that seals stored tokens, instead of a key file:
                     exactly 32 bytes as base64 or 64 hex digits

Files are kept in $STATE_DIRECTORY, else in ./data.";

/// What `serve --help` says about settings that have no flag.
const SERVE_HELP: &str = "\
From the environment alone:
  EDGE_DELIVERY_KEY             the key that seals stored tokens, instead of a key file:
                                exactly 32 bytes as base64 or 64 hex digits
  EDGE_DELIVERY_ADMIN_PASSWORD  the first administrator's password,
                                with EDGE_DELIVERY_ADMIN_EMAIL

Files are kept in $STATE_DIRECTORY, else in ./data.";

/// The settings of every command that works on the database. A flag goes before the environment variable of the same
/// meaning. The variables are read here, not by clap: it would add what they hold to usage lines and to `--help`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = COMMAND_HELP)]
pub(crate) struct ConfigArgs {
    /// Database: sqlite://FILE or postgres://… [default: sqlite://data/edge-delivery.db]
    /// [env: EDGE_DELIVERY_DATABASE_URL]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) database_url: Option<String>,
    /// File with the key that seals stored tokens [default: edge-delivery.key beside the database]
    /// [env: EDGE_DELIVERY_KEY_FILE]
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub(crate) key_file: Option<PathBuf>,
    /// Cloudflare's API, https, or http on loopback [default: https://api.cloudflare.com/client/v4]
    /// [env: CLOUDFLARE_API_BASE_URL]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) cloudflare_api_base_url: Option<String>,
    /// Where proofs and visits go instead of DNS and https, with the site's Host [env: EDGE_DELIVERY_EDGE_URL]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) edge_url: Option<String>,
    /// What is logged: a level, or directives such as info,edge_delivery=debug [default: info]
    /// [env: EDGE_DELIVERY_LOG]
    #[arg(long, value_name = "FILTER", help_heading = "Settings")]
    pub(crate) log: Option<String>,
    /// How log lines look: text or json [default: text] [env: EDGE_DELIVERY_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT", help_heading = "Settings")]
    pub(crate) log_format: Option<String>,
}

/// The settings of `serve`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeConfigArgs {
    /// Address and port of the console and the API [default: 127.0.0.1:8080] [env: EDGE_DELIVERY_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Settings")]
    pub(crate) listen: Option<String>,
    /// Address under which people reach the console, for example https://edge.example.com
    /// [env: EDGE_DELIVERY_PUBLIC_URL]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) public_url: Option<String>,
    /// E-mail address of the first administrator; the password comes from EDGE_DELIVERY_ADMIN_PASSWORD
    /// [env: EDGE_DELIVERY_ADMIN_EMAIL]
    #[arg(long, value_name = "EMAIL", help_heading = "Settings")]
    pub(crate) admin_email: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    /// [env: EDGE_DELIVERY_TRUSTED_PROXIES]
    #[arg(long, value_name = "NETWORKS", help_heading = "Settings")]
    pub(crate) trusted_proxies: Option<String>,
    /// How often each site's account is looked at for changes from outside: 15m, 1h, or off [default: 15m]
    /// [env: EDGE_DELIVERY_OBSERVE_EVERY]
    #[arg(long, value_name = "TIME", help_heading = "Settings")]
    pub(crate) observe_every: Option<String>,
    /// How often each connection is checked again: 6h, 30m, …, or off [default: 6h] [env: EDGE_DELIVERY_CHECK_EVERY]
    #[arg(long, value_name = "TIME", help_heading = "Settings")]
    pub(crate) check_every: Option<String>,
    /// How often each published page is looked at, whether it changed and is there: 24h, 12h, or off [default: 24h]
    /// [env: EDGE_DELIVERY_PAGE_CHECK_EVERY]
    #[arg(long, value_name = "TIME", help_heading = "Settings")]
    pub(crate) page_check_every: Option<String>,
    /// How many days the audit log is kept [default: 400] [env: EDGE_DELIVERY_AUDIT_DAYS]
    #[arg(long, value_name = "DAYS", help_heading = "Settings")]
    pub(crate) audit_days: Option<String>,
    /// Where "Contact support" leads: an https address, or mailto:somebody@example.com [env: EDGE_DELIVERY_SUPPORT_URL]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) support_url: Option<String>,
    /// Let the webhook go to private addresses and by http, for a receiver in your own network: 1 [default: 0]
    /// [env: EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE]
    #[arg(long, value_name = "SWITCH", help_heading = "Settings")]
    pub(crate) webhook_allow_private: Option<String>,
    /// How often the lists that agents are verified by are fetched from their operators: 6h, 1h, …, or off [default: 6h]
    /// [env: EDGE_DELIVERY_VERIFICATION_EVERY]
    #[arg(long, value_name = "TIME", help_heading = "Settings")]
    pub(crate) verification_every: Option<String>,
    /// Where copies of those lists are fetched instead, https or http on loopback: MIRROR/openai.com/gptbot.json, …
    /// [env: EDGE_DELIVERY_VERIFICATION_MIRROR]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) verification_mirror: Option<String>,
    /// How often each site's traffic is looked at for what its owner is to be told of: 5m, 1h, or off [default: 5m]
    /// [env: EDGE_DELIVERY_ALERTS_EVERY]
    #[arg(long, value_name = "TIME", help_heading = "Settings")]
    pub(crate) alerts_every: Option<String>,
    #[command(flatten)]
    pub(crate) common: ConfigArgs,
}

/// What is read from the environment alone.
#[derive(Debug, Clone, Default)]
struct Environment {
    key: Option<Secret>,
    admin_password: Option<Secret>,
    state_directory: Option<String>,
}

/// An environment variable as text; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    // Bytes that are no text become U+FFFD, which no setting takes: the check names the variable.
    Some(value.to_string_lossy().into_owned())
}

impl Environment {
    fn read() -> Self {
        let read = variable;
        Self {
            key: read("EDGE_DELIVERY_KEY").map(Secret::new),
            admin_password: read("EDGE_DELIVERY_ADMIN_PASSWORD").map(Secret::new),
            state_directory: read("STATE_DIRECTORY"),
        }
    }
}

/// The first administrator, as the environment names them.
#[derive(Debug, Clone)]
pub(crate) struct FirstAdministrator {
    /// E-mail address, lower case.
    pub(crate) email: String,
    /// The password.
    pub(crate) password: Secret,
}

/// The checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where `serve` listens.
    pub(crate) listen: SocketAddr,
    /// Where people reach it.
    pub(crate) public_url: Option<Url>,
    /// The database; it may hold a password.
    pub(crate) database_url: Secret,
    /// The vault's key.
    pub(crate) key: KeySource,
    /// Cloudflare's API, without a slash at the end of the path.
    pub(crate) cloudflare_base_url: Url,
    /// The edge, when it is not found by DNS.
    pub(crate) edge_url: Option<Url>,
    /// The log's filter.
    pub(crate) log: String,
    /// The log's form.
    pub(crate) log_format: LogFormat,
    /// The first administrator, made when there is none.
    pub(crate) admin: Option<FirstAdministrator>,
    /// Proxies that are believed about the peer's address.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How often each site's account is looked at; none: only when somebody asks.
    pub(crate) observe_every: Option<Duration>,
    /// How many days the audit log is kept.
    pub(crate) audit_days: u16,
    /// How often connections are checked again; none: only when somebody asks.
    pub(crate) check_every: Option<Duration>,
    /// How often published pages are looked at; none: never.
    pub(crate) page_check_every: Option<Duration>,
    /// Where people get help.
    pub(crate) support_url: Option<Url>,
    /// Whether the webhook may go to private addresses, and by http.
    pub(crate) webhook_allow_private: bool,
    /// How often the verification lists are fetched; none: only when somebody asks.
    pub(crate) verification_every: Option<Duration>,
    /// Where copies of them are fetched instead of from the operators.
    pub(crate) verification_mirror: Option<Url>,
    /// How often each site's counts are looked at for alerts; none: never.
    pub(crate) alerts_every: Option<Duration>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings cannot be used:{}", listed(.0))]
pub(crate) struct ConfigErrors(Vec<String>);

fn listed(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  - {problem}"))
        .collect()
}

impl ConfigArgs {
    /// Checks the settings of a command beside `serve`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in one list.
    pub(crate) fn command_config(self) -> Result<Config, ConfigErrors> {
        // The first administrator is not a command's business.
        let environment = Environment {
            admin_password: None,
            ..Environment::read()
        };
        let args = ServeConfigArgs {
            common: self.with_environment(),
            ..ServeConfigArgs::default()
        };
        args.checked(environment)
    }

    fn with_environment(self) -> Self {
        Self {
            database_url: self
                .database_url
                .or_else(|| variable("EDGE_DELIVERY_DATABASE_URL")),
            key_file: self.key_file.or_else(|| {
                std::env::var_os("EDGE_DELIVERY_KEY_FILE")
                    .filter(|file| !file.is_empty())
                    .map(PathBuf::from)
            }),
            cloudflare_api_base_url: self
                .cloudflare_api_base_url
                .or_else(|| variable("CLOUDFLARE_API_BASE_URL")),
            edge_url: self.edge_url.or_else(|| variable("EDGE_DELIVERY_EDGE_URL")),
            log: self.log.or_else(|| variable("EDGE_DELIVERY_LOG")),
            log_format: self
                .log_format
                .or_else(|| variable("EDGE_DELIVERY_LOG_FORMAT")),
        }
    }
}

impl ServeConfigArgs {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in one list.
    pub(crate) fn config(self) -> Result<Config, ConfigErrors> {
        let args = Self {
            listen: self.listen.or_else(|| variable("EDGE_DELIVERY_LISTEN")),
            public_url: self
                .public_url
                .or_else(|| variable("EDGE_DELIVERY_PUBLIC_URL")),
            admin_email: self
                .admin_email
                .or_else(|| variable("EDGE_DELIVERY_ADMIN_EMAIL")),
            trusted_proxies: self
                .trusted_proxies
                .or_else(|| variable("EDGE_DELIVERY_TRUSTED_PROXIES")),
            observe_every: self
                .observe_every
                .or_else(|| variable("EDGE_DELIVERY_OBSERVE_EVERY")),
            check_every: self
                .check_every
                .or_else(|| variable("EDGE_DELIVERY_CHECK_EVERY")),
            page_check_every: self
                .page_check_every
                .or_else(|| variable("EDGE_DELIVERY_PAGE_CHECK_EVERY")),
            support_url: self
                .support_url
                .or_else(|| variable("EDGE_DELIVERY_SUPPORT_URL")),
            webhook_allow_private: self
                .webhook_allow_private
                .or_else(|| variable("EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE")),
            verification_every: self
                .verification_every
                .or_else(|| variable("EDGE_DELIVERY_VERIFICATION_EVERY")),
            verification_mirror: self
                .verification_mirror
                .or_else(|| variable("EDGE_DELIVERY_VERIFICATION_MIRROR")),
            alerts_every: self
                .alerts_every
                .or_else(|| variable("EDGE_DELIVERY_ALERTS_EVERY")),
            audit_days: self
                .audit_days
                .or_else(|| variable("EDGE_DELIVERY_AUDIT_DAYS")),
            common: self.common.with_environment(),
        };
        args.checked(Environment::read())
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "secrets are taken over, not copied"
    )]
    fn checked(self, environment: Environment) -> Result<Config, ConfigErrors> {
        let mut errors = Vec::new();
        let data = database::data_directory(environment.state_directory.as_deref());
        let listen = addresses::listen(self.listen.as_deref(), &mut errors);
        let public_url = addresses::public_url(self.public_url.as_deref(), &mut errors);
        let database_url = database::url(self.common.database_url.as_deref(), &data, &mut errors);
        let key = key::source(
            environment.key.as_ref(),
            self.common.key_file.as_deref(),
            &database::directory_for_key(&database_url, &data),
            &mut errors,
        );
        let cloudflare_base_url = addresses::cloudflare_api(
            self.common
                .cloudflare_api_base_url
                .as_deref()
                .unwrap_or(CLOUDFLARE_API),
            &mut errors,
        );
        let edge_url = addresses::edge_url(self.common.edge_url.as_deref(), &mut errors);
        let (log, log_format) = logging::settings(
            self.common.log.as_deref(),
            self.common.log_format.as_deref(),
            &mut errors,
        );
        let admin = administrator(
            self.admin_email.as_deref(),
            environment.admin_password.as_ref(),
            &mut errors,
        );
        let trusted_proxies =
            addresses::trusted_proxies(self.trusted_proxies.as_deref(), &mut errors);
        let observe_every = time_span::time_span(
            ("EDGE_DELIVERY_OBSERVE_EVERY", "--observe-every"),
            self.observe_every.as_deref(),
            OBSERVE_EVERY,
            &mut errors,
        );
        let check_every = time_span::time_span(
            ("EDGE_DELIVERY_CHECK_EVERY", "--check-every"),
            self.check_every.as_deref(),
            CHECK_EVERY,
            &mut errors,
        );
        let page_check_every = time_span::time_span(
            ("EDGE_DELIVERY_PAGE_CHECK_EVERY", "--page-check-every"),
            self.page_check_every.as_deref(),
            PAGE_CHECK_EVERY,
            &mut errors,
        );
        let audit_days = audit_days(self.audit_days.as_deref(), &mut errors);
        let support_url = watching::support_url(self.support_url.as_deref(), &mut errors);
        let webhook_allow_private = watching::switch(
            "EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE",
            self.webhook_allow_private.as_deref(),
            &mut errors,
        );
        let verification_every = time_span::time_span(
            ("EDGE_DELIVERY_VERIFICATION_EVERY", "--verification-every"),
            self.verification_every.as_deref(),
            VERIFICATION_EVERY,
            &mut errors,
        );
        let verification_mirror =
            addresses::mirror(self.verification_mirror.as_deref(), &mut errors);
        let alerts_every = time_span::time_span(
            ("EDGE_DELIVERY_ALERTS_EVERY", "--alerts-every"),
            self.alerts_every.as_deref(),
            ALERTS_EVERY,
            &mut errors,
        );
        match (listen, key, cloudflare_base_url) {
            (Some(listen), Some(key), Some(cloudflare_base_url)) if errors.is_empty() => {
                Ok(Config {
                    listen,
                    public_url,
                    database_url: Secret::new(database_url),
                    key,
                    cloudflare_base_url,
                    edge_url,
                    log,
                    log_format,
                    admin,
                    trusted_proxies,
                    observe_every,
                    audit_days,
                    check_every,
                    page_check_every,
                    support_url,
                    webhook_allow_private,
                    verification_every,
                    verification_mirror,
                    alerts_every,
                })
            }
            _ => Err(ConfigErrors(errors)),
        }
    }
}

/// A year and a little, unless told otherwise.
pub(crate) const AUDIT_DAYS: u16 = 400;

fn audit_days(text: Option<&str>, errors: &mut Vec<String>) -> u16 {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return AUDIT_DAYS;
    };
    match text.parse() {
        Ok(days) if (1..=3650).contains(&days) => days,
        _ => {
            errors.push("EDGE_DELIVERY_AUDIT_DAYS must be a number of days, 1 to 3650".into());
            AUDIT_DAYS
        }
    }
}

fn administrator(
    email: Option<&str>,
    password: Option<&Secret>,
    errors: &mut Vec<String>,
) -> Option<FirstAdministrator> {
    match (email.filter(|email| !email.is_empty()), password) {
        (None, None) => None,
        (Some(_), None) => {
            errors.push("EDGE_DELIVERY_ADMIN_EMAIL is set, EDGE_DELIVERY_ADMIN_PASSWORD is not: set both or neither".into());
            None
        }
        (None, Some(_)) => {
            errors.push("EDGE_DELIVERY_ADMIN_PASSWORD is set, EDGE_DELIVERY_ADMIN_EMAIL is not: set both or neither".into());
            None
        }
        (Some(email), Some(password)) => {
            let email = match crate::auth::passwords::normal_email(email) {
                Ok(email) => Some(email),
                Err(why) => {
                    errors.push(format!("EDGE_DELIVERY_ADMIN_EMAIL {why}"));
                    None
                }
            };
            if let Err(why) = crate::auth::passwords::acceptable(password.expose()) {
                errors.push(format!("EDGE_DELIVERY_ADMIN_PASSWORD {why}"));
                return None;
            }
            email.map(|email| FirstAdministrator {
                email,
                password: password.clone(),
            })
        }
    }
}

impl Config {
    /// How to connect to the database. Makes the folder of a SQLite file when it is missing.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn store_options(&self) -> anyhow::Result<store::StoreOptions> {
        database::make_directory(self.database_url.expose())?;
        Ok(store::StoreOptions {
            url: self.database_url.expose().to_owned(),
            max_connections: database::MAX_CONNECTIONS,
        })
    }

    /// Refuses a SQLite file that is not there: a command that is not meant to make one would report on an empty database.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it cannot be told; the text says how to name another.
    pub(crate) fn require_database(&self) -> anyhow::Result<()> {
        match self.sqlite_file() {
            Some(file) => database::require_file(&file),
            None => Ok(()),
        }
    }

    /// The database's file, if it is SQLite.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        database::sqlite_path(self.database_url.expose())
    }

    /// Whether browsers reach the console over TLS: then cookies are `Secure`.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https")
    }
}

#[cfg(test)]
mod tests;
