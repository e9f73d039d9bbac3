//! From our types of Cloudflare's ids to the client's: the client knows nothing of ours. Both hold 32 hex digits.

use cloudflare::{AccountId, NamespaceId, ScriptName, ZoneId};
use domain::{desired::script_name, ids, ids::SiteId};

const SAME_RULE: &str = "both types take exactly 32 hex digits";

/// An account.
pub(crate) fn account_id(id: &ids::AccountId) -> AccountId {
    id.as_str().parse().expect(SAME_RULE)
}

/// A zone.
pub(crate) fn zone_id(id: &ids::ZoneId) -> ZoneId {
    id.as_str().parse().expect(SAME_RULE)
}

/// A namespace.
pub(crate) fn namespace_id(id: &ids::NamespaceId) -> NamespaceId {
    id.as_str().parse().expect(SAME_RULE)
}

/// The script of a site.
pub(crate) fn script_id(site: SiteId) -> ScriptName {
    script_name(site)
        .parse()
        .expect("a site's script name keeps Cloudflare's rule")
}
