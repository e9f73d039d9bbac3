//! A snapshot of what concerns one site: the account and zone as last read, and what our records say we made.

use crate::{
    ids::{AccountId, NamespaceId, RouteId},
    time::Millis,
};
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
    /// Which of the Workers that those routes name exist in the account; `None`: not known.
    #[serde(default)]
    pub workers: Option<Vec<String>>,
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
    /// Who holds it now.
    #[serde(default)]
    pub account: Option<ZoneAccount>,
}

/// The account that holds a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name, where the answer says it.
    #[serde(default)]
    pub name: Option<String>,
}

/// A KV namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNamespace {
    /// Its id.
    pub id: NamespaceId,
    /// Its title.
    pub title: String,
    /// Whether it holds our marker key with this site's id; `None`: not looked at, since something else says whose it is.
    #[serde(default)]
    pub is_marked: Option<bool>,
}

/// A script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedScript {
    /// Its name.
    pub name: String,
    /// Its tags; ours carry the site and the hash of what was uploaded.
    pub tags: Vec<String>,
    /// The namespace its `VARIANTS` binding points at.
    pub namespace: Option<NamespaceId>,
    /// Cloudflare's hash of its text, where the account tells it.
    #[serde(default)]
    pub etag: Option<String>,
    /// The version that runs, where the account tells it: every change of text, bindings or secrets makes a new one.
    #[serde(default)]
    pub version: Option<String>,
    /// What it was last deployed with: `api`, `dash`, `wrangler`, …
    #[serde(default)]
    pub last_deployed_from: Option<String>,
    /// All bindings; `None`: not known.
    #[serde(default)]
    pub bindings: Option<Vec<ObservedBinding>>,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub compatibility_date: Option<String>,
    /// Such as `nodejs_compat`; `None`: not known.
    #[serde(default)]
    pub compatibility_flags: Option<Vec<String>>,
    /// What is set of the script beside its versions; `None`: not known.
    #[serde(default)]
    pub options: Option<ScriptOptions>,
}

impl ObservedScript {
    /// What tells one upload from another.
    pub fn mark(&self) -> ScriptMark {
        ScriptMark {
            etag: self.etag.clone(),
            version: self.version.clone(),
        }
    }
}

/// What tells one upload of a script from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptMark {
    /// [`ObservedScript::etag`].
    pub etag: Option<String>,
    /// [`ObservedScript::version`].
    pub version: Option<String>,
}

/// A binding of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedBinding {
    /// Cloudflare's word: `kv_namespace`, `secret_text`, `json`, …
    pub kind: String,
    /// The variable.
    pub name: String,
    /// What identifies its value: the namespace's id, the dataset's name, or the hash that our configuration carries. Never the value.
    #[serde(default)]
    pub stamp: Option<String>,
}

/// What is set of a script beside its versions. We set none of it; an owner may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptOptions {
    /// Whether requests are logged to somewhere else.
    pub logpush: bool,
    /// Whether Cloudflare keeps its logs.
    pub observability: bool,
    /// The Workers that get a record of each request.
    pub tail_consumers: Vec<String>,
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
    /// What that upload was.
    pub upload: Option<UploadIntent>,
    /// The `etag` of the script that we uploaded last, as the account showed it then.
    pub script_etag: Option<String>,
    /// What else was seen of that upload. Differences from it are somebody else's.
    pub applied: Option<AppliedScript>,
    /// Patterns of the routes that we made, or whose making was begun.
    pub routes_intended: Vec<String>,
    /// The routes that we made, by their ids.
    pub routes: Vec<RecordedRoute>,
    /// The routes that we took over because somebody chose so, and how they were.
    pub adopted: Vec<AdoptedRoute>,
    /// The stored Worker that a rollback brought back and that stays until the next deployment.
    pub pinned: Option<String>,
}

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadIntent {
    /// The hash of script and configuration.
    pub hash: String,
    /// The hash of the configuration.
    pub config_hash: String,
    /// What stood there before. As long as it still does, the upload had no effect.
    pub before: Option<ScriptMark>,
    /// How many uploads before this one were not answered, so that their effect may still come.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub unanswered: u32,
    /// The id of the key for previews that it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_key: Option<String>,
    /// The id of the site's own key that it brings; none: its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The dataset of Analytics Engine that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde wants a function of a reference"
)]
const fn is_nought(count: &u32) -> bool {
    *count == 0
}

/// What was seen of an upload of ours right after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedScript {
    /// The hash of script and configuration, at least its first 16 digits.
    pub hash: String,
    /// The hash of the configuration, where it is known.
    #[serde(default)]
    pub config_hash: Option<String>,
    /// [`ObservedScript::version`].
    #[serde(default)]
    pub version: Option<String>,
    /// [`ObservedScript::compatibility_flags`].
    #[serde(default)]
    pub compatibility_flags: Option<Vec<String>>,
    /// [`ObservedScript::options`].
    #[serde(default)]
    pub options: Option<ScriptOptions>,
    /// How many unanswered uploads of ours may still make a version like this one.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub unanswered: u32,
    /// The id of the key for previews that it has, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_key: Option<String>,
    /// The id of the site's own key that it has; none: its first, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The dataset of Analytics Engine that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

/// A route that we made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRoute {
    /// Its id.
    pub id: RouteId,
    /// The pattern that we gave it.
    pub pattern: String,
    /// When the choice was made by which it was last taken back from somebody who had repointed it. It stays ours: it is
    /// deleted at the removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retaken: Option<Millis>,
}

/// A route of somebody else's that runs our Worker because somebody chose so, and how it was before. It is given back
/// like that, never deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedRoute {
    /// Its id.
    pub id: RouteId,
    /// Its pattern.
    pub pattern: String,
    /// The Worker that it ran; `None`: none.
    pub script: Option<String>,
    /// Whether it failed open, where the account told.
    #[serde(default)]
    pub request_limit_fail_open: Option<bool>,
    /// When it was taken over.
    pub at: Millis,
    /// Whether it was seen to run our Worker; until then this is an intent.
    pub is_taken: bool,
}
