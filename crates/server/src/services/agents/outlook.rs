//! What another registry would mean for each site.

use domain::{
    agents::{
        Registry,
        changes::{Effect, effects},
    },
    ids::SiteId,
};
use store::Site;

/// A site at which somebody would get something else.
#[derive(Debug, Clone)]
pub(crate) struct SiteOutlook {
    /// The site.
    pub(crate) id: SiteId,
    /// Its name.
    pub(crate) name: String,
    /// Who, and what.
    pub(crate) effects: Vec<Effect>,
}

/// The sites at which somebody would get something else.
pub(crate) fn outlooks(sites: &[Site], old: &Registry, new: &Registry) -> Vec<SiteOutlook> {
    sites
        .iter()
        .map(|site| SiteOutlook {
            id: site.id,
            name: site.name.clone(),
            effects: effects(old, new, &site.settings.agents),
        })
        .filter(|outlook| !outlook.effects.is_empty())
        .collect()
}
