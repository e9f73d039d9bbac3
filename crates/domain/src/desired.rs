//! What the account should hold for one site.

use crate::{
    ids::{AccountId, SiteId, ZoneId},
    names::Hostname,
};
use serde::{Deserialize, Serialize};

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
}

/// Either the site as it should be, or its absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// Deployed as described.
    Present(Desired),
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
