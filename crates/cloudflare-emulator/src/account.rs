//! The pretend world: accounts, zones and what is in them, as plain values. The API changes it, the edge reads it.
//!
//! One lock guards all of it. Whoever changes something that the edge must know of (scripts, bindings, routes,
//! zones) does so in [`SharedWorld::change`], which tells the subscribers; KV values are read from here at each
//! request and go through [`SharedWorld::write`], which tells nobody.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use crate::faults::Faults;

pub mod analytics;
pub mod kv;
pub mod script;
pub mod token;

pub use analytics::{DataPoint, Dataset};
pub use kv::{KvEntry, KvError, KvPage, KvWrite, Namespace};
pub use script::{Binding, Code, Content, Deployment, Module, Script, Version};
pub use token::{Level, Policy, Reach, Token, TokenKind, TokenStatus};

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// 32 hex digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The account's label under workers.dev; a new account has none and its first upload is refused (10063).
    pub subdomain: Option<String>,
    /// Whether its e-mail address is verified; else Workers refuses uploads (10034).
    pub email_verified: bool,
    /// Whether Workers and KV are available to it; else uploads and new namespaces are refused (10037).
    pub workers: bool,
    /// Whether Analytics Engine is enabled for it; else uploads with such a binding are refused (10089).
    pub analytics_engine: bool,
}

/// A zone: a domain and what answers for it.
#[derive(Clone, Debug)]
pub struct Zone {
    /// 32 hex digits.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// The domain, lower case.
    pub name: String,
    /// `initializing`, `pending`, `active` or `moved`.
    pub status: String,
    /// `free`, `pro`, `business` or `enterprise`.
    pub plan: String,
    /// A paused zone is DNS only: no Worker runs.
    pub paused: bool,
    /// Where the pages come from, such as `http://127.0.0.1:9000`; without it the edge has nothing to ask.
    pub origin: Option<url::Url>,
    /// The hostnames with a proxied DNS record, lower case; a Worker runs for no other. `*.name` stands for any label.
    pub proxied: Vec<String>,
}

impl Zone {
    /// Whether traffic to this hostname (lower case, no port) passes through Cloudflare's proxy.
    #[must_use]
    pub fn proxies(&self, host: &str) -> bool {
        self.proxied.iter().any(|p| {
            p.strip_prefix("*.").map_or(p == host, |rest| {
                host.strip_suffix(rest)
                    .is_some_and(|h| h.len() > 1 && h.ends_with('.'))
            })
        })
    }
}

/// A Workers route of a zone.
#[derive(Clone, Debug)]
pub struct Route {
    /// 32 hex digits.
    pub id: String,
    /// The zone that owns it.
    pub zone: String,
    /// Such as `shop.example/*`.
    pub pattern: String,
    /// The script that runs; none exempts the pattern from less specific routes.
    pub script: Option<String>,
    /// Whether requests go to the origin once the plan's requests are used up.
    pub request_limit_fail_open: bool,
}

/// Ways of the real service that are not sure or not wanted always.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Whether verify says of an expired or disabled token that it is so; otherwise it is answered like an unknown
    /// one. Both are reported of the real service.
    pub verify_tells: bool,
    /// Whether `request_limit_fail_open` of a new or changed route is kept. The real service does not document it.
    pub keep_request_limit_fail_open: bool,
    /// Whether calls are counted and refused as by the real service's global limit.
    pub rate_limits: bool,
    /// How long the edge goes on seeing a KV key as it was before a write, in milliseconds.
    pub kv_delay_ms: u64,
    /// How long the edge answers reads of KV from its cache, values and misses alike, in percent of what the real service
    /// does (`cacheTtl`, 60 s without one, 30 s at least); 0: it has no cache.
    pub kv_cache_percent: u64,
    /// How many KV writes an account has in a day (UTC); 0: no limit. The real free plan has 1,000.
    pub kv_writes_a_day: u64,
    /// Whether `X-Forwarded-For` of a request names its visitor, as if a load balancer stood in front of this edge. The real
    /// edge believes nobody; here every visitor comes from loopback.
    pub trusts_forwarded_for: bool,
    /// Of how many data points of an index Analytics Engine keeps one; 0 or 1: all.
    pub analytics_sample: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            verify_tells: true,
            keep_request_limit_fail_open: true,
            rate_limits: false,
            kv_delay_ms: 0,
            kv_cache_percent: 0,
            kv_writes_a_day: 0,
            trusts_forwarded_for: false,
            analytics_sample: 0,
        }
    }
}

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// In the order of the state file.
    pub accounts: Vec<Account>,
    /// In the order of the state file.
    pub zones: Vec<Zone>,
    /// In the order of the state file.
    pub tokens: Vec<Token>,
    /// KV namespaces by id.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Scripts by account id and name.
    pub scripts: BTreeMap<(String, String), Script>,
    /// Routes by id.
    pub routes: BTreeMap<String, Route>,
    /// Ways that can be chosen.
    pub switches: Switches,
    /// By account: a day since 1970, and how many KV writes there were.
    pub kv_written: BTreeMap<String, (u64, u64)>,
    /// Datasets of Analytics Engine by account id and name, from their first data point on.
    pub datasets: BTreeMap<(String, String), Dataset>,
}

impl World {
    /// Counts KV writes of an account, each pair of a bulk call as one; `false` when the day has not so many left, and
    /// then none is counted.
    pub fn count_kv_writes(&mut self, account: &str, writes: u64, now_ms: u64) -> bool {
        let most = self.switches.kv_writes_a_day;
        let today = now_ms / 86_400_000;
        let (day, written) = self
            .kv_written
            .entry(account.to_owned())
            .or_insert((today, 0));
        if *day != today {
            (*day, *written) = (today, 0);
        }
        if most > 0 && *written + writes > most {
            return false;
        }
        *written += writes;
        true
    }

    /// The account of this id.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.id == id)
    }

    /// The zone of this id.
    #[must_use]
    pub fn zone(&self, id: &str) -> Option<&Zone> {
        self.zones.iter().find(|z| z.id == id)
    }

    /// The zone that a hostname (any case, no port) belongs to: the longest zone name that it is or ends in.
    #[must_use]
    pub fn zone_of_host(&self, host: &str) -> Option<&Zone> {
        let host = host.to_ascii_lowercase();
        self.zones
            .iter()
            .filter(|z| {
                host.strip_suffix(&z.name)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
            .max_by_key(|z| z.name.len())
    }

    /// The script of this name.
    #[must_use]
    pub fn script(&self, account: &str, name: &str) -> Option<&Script> {
        self.scripts.get(&(account.to_owned(), name.to_owned()))
    }

    /// The script of this name, to change it.
    pub fn script_mut(&mut self, account: &str, name: &str) -> Option<&mut Script> {
        self.scripts.get_mut(&(account.to_owned(), name.to_owned()))
    }

    /// The routes of one zone, by id.
    pub fn routes_of<'a>(&'a self, zone: &'a str) -> impl Iterator<Item = &'a Route> + 'a {
        self.routes.values().filter(move |r| r.zone == zone)
    }

    /// The namespace of this id within an account; ids are told apart without their hyphens.
    #[must_use]
    pub fn namespace(&self, account: &str, id: &str) -> Option<&Namespace> {
        self.namespaces
            .get(&plain_id(id))
            .filter(|n| n.account == account)
    }

    /// The namespace of this id within an account, to change it.
    pub fn namespace_mut(&mut self, account: &str, id: &str) -> Option<&mut Namespace> {
        self.namespaces
            .get_mut(&plain_id(id))
            .filter(|n| n.account == account)
    }
}

/// An id as it is stored: lower case without hyphens, so that a UUID may be written either way.
#[must_use]
pub fn plain_id(id: &str) -> String {
    id.chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// What [`ScriptCheck::check`] answers with, in time.
pub type Checked<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Whoever can say whether a script starts. The runtime gives one; without it every upload is taken on trust.
pub trait ScriptCheck: Send + Sync {
    /// Whether this content starts; else the runtime's own words, which the uploader gets under code 10021.
    fn check<'a>(&'a self, name: &'a str, content: &'a Content) -> Checked<'a>;
}

/// The [`World`] behind its lock, with those who want to hear of changes.
pub struct SharedWorld {
    world: RwLock<World>,
    changes: watch::Sender<u64>,
    faults: Faults,
    latency_ms: AtomicU64,
    check: OnceLock<Arc<dyn ScriptCheck>>,
    api_addr: OnceLock<SocketAddr>,
}

impl SharedWorld {
    /// A shared world.
    #[must_use]
    pub fn new(world: World) -> Arc<Self> {
        Arc::new(Self {
            world: RwLock::new(world),
            changes: watch::Sender::new(0),
            faults: Faults::default(),
            latency_ms: AtomicU64::new(0),
            check: OnceLock::new(),
            api_addr: OnceLock::new(),
        })
    }

    /// To look. Never hold it across an await.
    pub fn read(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change what the edge reads afresh each time: KV values, tokens, switches. Never hold it across an await.
    pub fn write(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change scripts, bindings, routes, namespaces or zones: tells the subscribers when it succeeded.
    ///
    /// # Errors
    /// Those of `f`, and then nobody is told.
    pub fn change<T, E>(&self, f: impl FnOnce(&mut World) -> Result<T, E>) -> Result<T, E> {
        let done = f(&mut self.write())?;
        self.changes.send_modify(|n| *n += 1);
        Ok(done)
    }

    /// A number that grows with every change of scripts, bindings, routes, namespaces or zones.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The faults that tests have asked for.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How long each API call is held, in milliseconds.
    #[must_use]
    pub fn latency_ms(&self) -> u64 {
        self.latency_ms.load(Ordering::Relaxed)
    }

    /// Sets how long each API call is held.
    pub fn set_latency_ms(&self, ms: u64) {
        self.latency_ms.store(ms, Ordering::Relaxed);
    }

    /// Who checks uploads. The first one set stays.
    pub fn set_script_check(&self, check: Arc<dyn ScriptCheck>) {
        let _ = self.check.set(check);
    }

    /// Who checks uploads, if anybody does.
    #[must_use]
    pub fn script_check(&self) -> Option<&Arc<dyn ScriptCheck>> {
        self.check.get()
    }

    /// Where the API listens: a Worker must not reach it.
    #[must_use]
    pub fn api_addr(&self) -> Option<SocketAddr> {
        self.api_addr.get().copied()
    }

    pub(crate) fn set_api_addr(&self, addr: SocketAddr) {
        let _ = self.api_addr.set(addr);
    }
}
