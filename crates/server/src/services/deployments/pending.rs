//! What an owner has changed here that no deployment has carried out yet, told from our records alone: the account is not
//! looked at. It is no drift, since nobody changed the account.

use crate::{app::App, problem::Outcome, reconcile::material};
use domain::{
    deployment::SiteStatus, desired::wanted_routes, edge::EdgeConfig,
    route_pattern::is_same_pattern,
};
use store::Site;

/// What the next deployment would change by the owner's wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Each in a few words.
    pub(crate) changes: Vec<String>,
    /// Whether the site stands on the Worker of an earlier deployment.
    pub(crate) is_rolled_back: bool,
}

/// Finds it out. A site that has nothing in its account waits for nothing: its state says that.
pub(crate) async fn pending(app: &App, site: &Site) -> Outcome<Pending> {
    let Some(applied) = &site.recorded.applied else {
        return Ok(Pending::default());
    };
    if matches!(site.status, SiteStatus::New | SiteStatus::Deploying) {
        return Ok(Pending::default());
    }
    let (present, wanted) = material::present(app, site).await?;
    let is_rolled_back = site
        .recorded
        .pinned
        .as_ref()
        .is_some_and(|pinned| *pinned != present);
    let mut changes = Vec::new();
    // What is read from tags alone is cut.
    if !present.starts_with(&applied.hash) {
        let there = material::config_of(app, &applied.hash).await?;
        changes.extend(worker_changes(there.as_ref(), &wanted, is_rolled_back));
    }
    changes.extend(route_changes(site));
    Ok(Pending {
        changes,
        is_rolled_back,
    })
}

fn worker_changes(
    there: Option<&EdgeConfig>,
    wanted: &EdgeConfig,
    is_rolled_back: bool,
) -> Vec<String> {
    let mut changes = Vec::new();
    if let Some(there) = there {
        if there.kv_deadline_ms() != wanted.kv_deadline_ms() {
            changes.push(format!(
                "KV deadline {} ms instead of {} ms",
                wanted.kv_deadline_ms(),
                there.kv_deadline_ms()
            ));
        }
        let has = |hosts: &[String], host: &String| hosts.contains(host);
        let more = wanted.hosts().iter();
        for host in more.filter(|host| !has(there.hosts(), host)) {
            changes.push(format!("host name {host} added"));
        }
        let fewer = there.hosts().iter();
        for host in fewer.filter(|host| !has(wanted.hosts(), host)) {
            changes.push(format!("host name {host} taken out"));
        }
    }
    if let Some(there) = there {
        let others = [
            (there.agents() != wanted.agents(), "who gets variants"),
            (there.paths() != wanted.paths(), "how paths are read"),
            (
                there.preview_key() != wanted.preview_key(),
                "another preview key",
            ),
            (there.key() != wanted.key(), "another key of the site"),
            (
                there.dataset() != wanted.dataset() || there.ingest() != wanted.ingest(),
                "where visits are kept",
            ),
        ];
        let others = others.iter().filter(|(is_other, _)| *is_other);
        changes.extend(others.map(|(_, words)| (*words).to_owned()));
    }
    if is_rolled_back {
        changes.push("the present Worker instead of the earlier one".to_owned());
    } else if changes.is_empty() {
        changes.push("another version of the Worker".to_owned());
    }
    changes
}

/// Routes that the site should have and that were not made, and the other way round.
fn route_changes(site: &Site) -> Vec<String> {
    let recorded = &site.recorded;
    let adopted = recorded.adopted.iter().filter(|route| route.is_taken);
    let there: Vec<&String> = recorded
        .routes
        .iter()
        .map(|route| &route.pattern)
        .chain(adopted.map(|route| &route.pattern))
        .collect();
    let wanted = wanted_routes(&site.hostnames, &site.settings.route_patterns);
    let missing = wanted
        .iter()
        .filter(|wanted| !there.iter().any(|it| is_same_pattern(it, &wanted.pattern)))
        .map(|wanted| format!("route {} made", wanted.pattern));
    let left_over = there
        .iter()
        .filter(|it| {
            !wanted
                .iter()
                .any(|wanted| is_same_pattern(it, &wanted.pattern))
        })
        .map(|it| format!("route {it} taken out"));
    missing.chain(left_over).collect()
}
