//! What the account should hold for one site.

use crate::{
    edge::HEALTH_PATH,
    ids::{AccountId, RouteId, SiteId, ZoneId},
    names::Hostname,
    route_pattern::RoutePattern,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The title of a site's KV namespace.
pub fn namespace_title(site: SiteId) -> String {
    format!("edge-delivery {site}")
}

/// The name of a site's script. 46 characters of `[a-z0-9-]`, within Cloudflare's rule for names
/// (Cloudflare API notes §4, official).
pub fn script_name(site: SiteId) -> String {
    format!("edge-delivery-{}", site.simple())
}

/// The tag that marks a script as this site's.
pub fn site_tag(site: SiteId) -> String {
    format!("site-{}", site.simple())
}

/// The tag that every script of ours carries.
pub const OWNER_TAG: &str = "edge-delivery";

/// The tag that says which script text and configuration were uploaded; `hash` is in hex and cut to 16 digits.
pub fn hash_tag(hash: &str) -> String {
    format!("hash-{}", hash.get(..16).unwrap_or(hash))
}

/// The route pattern that covers a host name.
pub fn route_pattern(host: &Hostname) -> String {
    format!("{host}/*")
}

/// A route that a site should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRoute {
    /// The host name that it covers, or a part of it.
    pub host: Hostname,
    /// Its pattern.
    pub pattern: String,
    /// Why it is there.
    pub purpose: RoutePurpose,
}

/// Why a route is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutePurpose {
    /// The whole host name.
    Whole,
    /// A part of the host name that the owner chose.
    Part,
    /// The Worker's health question, where no other route covers it.
    Health,
}

/// The routes of a site: one for each host name, or those that the owner chose in its place together with one for the
/// Worker's health question, without which nobody could tell whether it runs.
pub fn wanted_routes(
    hostnames: &[Hostname],
    parts: &BTreeMap<Hostname, Vec<String>>,
) -> Vec<WantedRoute> {
    let mut routes = Vec::new();
    for host in hostnames {
        let mut add = |pattern: String, purpose| {
            routes.push(WantedRoute {
                host: host.clone(),
                pattern,
                purpose,
            });
        };
        match parts.get(host).filter(|patterns| !patterns.is_empty()) {
            None => add(route_pattern(host), RoutePurpose::Whole),
            Some(patterns) => {
                for pattern in patterns {
                    add(pattern.clone(), RoutePurpose::Part);
                }
                let health = format!("{host}{HEALTH_PATH}*");
                if !patterns.iter().any(|pattern| holds(pattern, &health)) {
                    add(health, RoutePurpose::Health);
                }
            }
        }
    }
    routes
}

fn holds(pattern: &str, other: &str) -> bool {
    match (pattern.parse::<RoutePattern>(), other.parse()) {
        (Ok(pattern), Ok(other)) => pattern.holds(&other),
        _ => false,
    }
}

/// What somebody decided about a foreign route. It holds for that route as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteChoice {
    /// What was decided.
    pub kind: RouteChoiceKind,
    /// The route.
    pub route: RouteId,
    /// Its pattern.
    pub pattern: String,
    /// The Worker that it ran.
    pub script: Option<String>,
    /// When it was decided.
    pub at: Millis,
}

/// What can be decided about a foreign route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteChoiceKind {
    /// It shall run our Worker until the site is removed.
    Adopt,
    /// Ours may take the requests that both match, so that its Worker runs there no longer.
    Accept,
}

/// What one site should look like at Cloudflare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The site.
    pub site: SiteId,
    /// The account that holds the zone.
    pub account: AccountId,
    /// The zone.
    pub zone: ZoneId,
    /// The zone's name.
    pub zone_name: String,
    /// The hosts that the Worker covers; empty: nothing should exist (removal).
    pub hostnames: Vec<Hostname>,
    /// SHA-256 of the script text and its configuration, in hex.
    pub script_hash: String,
    /// Bytes of the script text.
    pub script_bytes: usize,
    /// How many variants are published.
    pub published: u64,
    /// SHA-256 of the configuration alone.
    #[serde(default)]
    pub config_hash: String,
    /// What of the Worker differs from the last one that we uploaded, where that is known: `a new agents table`, …
    #[serde(default)]
    pub news: Vec<String>,
    /// The patterns that the owner chose for a host name in the place of all its pages.
    #[serde(default)]
    pub patterns: BTreeMap<Hostname, Vec<String>>,
    /// What was decided about foreign routes.
    #[serde(default)]
    pub choices: Vec<RouteChoice>,
    /// The id of the key that signs previews.
    #[serde(default)]
    pub preview_key: Option<String>,
    /// The dataset of Analytics Engine that the Worker writes visits to; none: it has no such binding.
    #[serde(default)]
    pub dataset: Option<String>,
}

impl Desired {
    /// The routes that the site should have.
    pub fn routes(&self) -> Vec<WantedRoute> {
        wanted_routes(&self.hostnames, &self.patterns)
    }
}

/// Either the site as it should be, or its absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// Deployed as described.
    Present(Box<Desired>),
    /// Nothing of this site in the account.
    Absent {
        /// The site.
        site: SiteId,
    },
}

impl Goal {
    /// The site that this is about.
    pub const fn site(&self) -> SiteId {
        match self {
            Self::Present(desired) => desired.site,
            Self::Absent { site } => *site,
        }
    }
}
