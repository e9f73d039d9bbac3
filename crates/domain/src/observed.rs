//! A snapshot of what concerns one site: the account and zone as last read, and what our records say we made.

use crate::ids::{NamespaceId, RouteId};
use serde::{Deserialize, Serialize};

/// The account's and zone's objects that matter to one site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The zone itself.
    pub zone: ObservedZone,
    /// Namespaces whose title is this site's, or whose id is the recorded one.
    pub namespaces: Vec<ObservedNamespace>,
    /// The script of this site's name.
    pub script: Option<ObservedScript>,
    /// Every route of the zone, ours or not.
    pub routes: Vec<ObservedRoute>,
    /// What our records say.
    pub recorded: Recorded,
}

/// The zone's facts that decide whether a Worker can run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedZone {
    /// `active`, `pending`, …; anything but `active` gets no traffic.
    pub status: String,
    /// Paused zones are DNS only.
    pub paused: bool,
}

/// A KV namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNamespace {
    /// Its id.
    pub id: NamespaceId,
    /// Its title.
    pub title: String,
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedScript {
    /// Its name.
    pub name: String,
    /// Its tags; ours carry the site and the hash of what was uploaded.
    pub tags: Vec<String>,
    /// The namespace its `VARIANTS` binding points at.
    pub namespace: Option<NamespaceId>,
    /// The version mark that the upload answered with, where the account tells it.
    #[serde(default)]
    pub etag: Option<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRoute {
    /// Its id.
    pub id: RouteId,
    /// Its pattern.
    pub pattern: String,
    /// The script it runs; none exempts the pattern from Workers.
    pub script: Option<String>,
    /// Whether the origin answers when the account's request limit is reached; `None` where the answer does not say.
    pub request_limit_fail_open: Option<bool>,
}

/// What our records say we made, or meant to make, for the site.
///
/// An intent is recorded before the first call that acts on it and cleared once the call's outcome is known. While it
/// stands, an object that bears the site's name is taken for ours: the answer to its making may have been lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// The namespace we made.
    pub namespace: Option<NamespaceId>,
    /// Whether the making of a namespace was begun and its outcome is not known.
    pub namespace_intended: bool,
    /// Whether the first content of that namespace was acknowledged.
    pub content_loaded: bool,
    /// Whether an upload of the script was begun and its outcome is not known.
    pub script_intended: bool,
    /// The `etag` of the script that we uploaded last.
    pub script_etag: Option<String>,
    /// Patterns of the routes that we made, or whose making was begun.
    pub routes_intended: Vec<String>,
    /// The stored Worker that a rollback brought back and that stays until the next deployment.
    pub pinned: Option<String>,
}
