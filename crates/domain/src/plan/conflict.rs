//! What stands in the way, and the ways out.

use super::Resource;
use crate::{
    desired::Desired,
    ids::RouteId,
    names::Hostname,
    observed::{Observed, ObservedRoute},
};
use serde::{Deserialize, Serialize};

/// Something foreign in the way: the plan is not applied while there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// What it is, for programs.
    #[serde(default)]
    pub code: ConflictCode,
    /// What kind of thing is in the way.
    pub resource: Resource,
    /// Its name or pattern.
    pub name: String,
    /// Cloudflare's id of it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The host name that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Hostname>,
    /// Who holds it, for example a Worker's name.
    pub owner: String,
    /// What it means.
    pub detail: String,
    /// Ways out, in words.
    pub remedies: Vec<String>,
    /// The ways out that can be chosen here.
    #[serde(default)]
    pub choices: Vec<WayOut>,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictCode {
    /// The pattern of one of our routes is a foreign route's.
    #[default]
    Taken,
    /// A route of ours runs another Worker by now.
    Repointed,
    /// Our route would take requests from a foreign Worker.
    TakesOver,
    /// A Worker of our name that is not ours.
    ForeignScript,
    /// Our Worker was replaced by another of its name.
    ReplacedScript,
    /// A namespace of our title that is not ours.
    ForeignNamespace,
    /// The zone is in another account by now.
    ZoneMoved,
}

/// A way out of a conflict that can be chosen in the console and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayOut {
    /// Take the route over, to be given back when the site is removed.
    Adopt,
    /// Let our route take the requests that both match.
    Accept,
    /// Cover a part of the host name only.
    NarrowerPattern,
    /// Leave the host name out of the site.
    LeaveOutHost,
    /// Make the site anew: it gets other names.
    NewSite,
}

/// The ways out that most conflicts have, in words.
pub(super) fn leave_out(host: &Hostname, remedies: &mut Vec<String>) {
    remedies.push(format!(
        "Or cover a part of {host} only: give the site narrower route patterns for it."
    ));
    remedies.push(format!("Or take {host} out of the site."));
}

/// The choices that go with those words.
pub(super) const ROUTE_WAYS: [WayOut; 2] = [WayOut::NarrowerPattern, WayOut::LeaveOutHost];

/// Who holds a route, and how that is said.
fn holder(route: &ObservedRoute) -> (String, String) {
    match &route.script {
        None => (
            "no Worker".to_owned(),
            "exempts that pattern from Workers".to_owned(),
        ),
        Some(script) => (script.clone(), format!("belongs to the Worker {script}")),
    }
}

/// A foreign route has the pattern that one of ours should have.
pub(super) fn taken(host: &Hostname, route: &ObservedRoute) -> Conflict {
    let pattern = &route.pattern;
    let (owner, held) = holder(route);
    let mut remedies = vec![
        format!(
            "Adopt the route: it runs the site's Worker{} until the site is removed, and is given back then.",
            match &route.script {
                None => String::new(),
                Some(script) => format!(" in the place of {script}"),
            }
        ),
        "Or delete that route in the Cloudflare dashboard (Workers Routes of the zone), then plan again."
            .to_owned(),
    ];
    leave_out(host, &mut remedies);
    Conflict {
        code: ConflictCode::Taken,
        resource: Resource::Route,
        name: pattern.clone(),
        id: Some(route.id.to_string()),
        host: Some(host.clone()),
        detail: format!(
            "The route {pattern} already exists and {held}. Edge Delivery does not change what it did not make."
        ),
        owner,
        remedies,
        choices: [&[WayOut::Adopt], &ROUTE_WAYS[..]].concat(),
    }
}

/// A route of ours runs something else by now.
pub(super) fn repointed(host: &Hostname, route: &ObservedRoute, was_adopted: bool) -> Conflict {
    let pattern = &route.pattern;
    let (owner, now) = match &route.script {
        None => ("no Worker".to_owned(), "runs no Worker now".to_owned()),
        Some(script) => (script.clone(), format!("runs the Worker {script} now")),
    };
    let whose = if was_adopted {
        "that this site had adopted"
    } else {
        "that Edge Delivery made"
    };
    let mut remedies = vec![
        format!(
            "Adopt the route to repair it: it runs the site's Worker again, and {} when the site is removed.",
            match &route.script {
                _ if !was_adopted => "is deleted".to_owned(),
                None => "is without a Worker again".to_owned(),
                Some(script) => format!("{script} again"),
            }
        ),
        "Or point it at the site's Worker again, or delete it, in the Cloudflare dashboard (Workers Routes of the zone), then plan again."
            .to_owned(),
    ];
    leave_out(host, &mut remedies);
    Conflict {
        code: ConflictCode::Repointed,
        resource: Resource::Route,
        name: pattern.clone(),
        id: Some(route.id.to_string()),
        host: Some(host.clone()),
        detail: format!(
            "Somebody repointed the route {pattern}, {whose}: it {now}. Edge Delivery does not take it back silently."
        ),
        owner,
        remedies,
        choices: [&[WayOut::Adopt], &ROUTE_WAYS[..]].concat(),
    }
}

/// Our route would take requests from a foreign Worker.
pub(super) fn takes_over(
    host: &Hostname,
    ours: &str,
    shared: &str,
    id: &RouteId,
    pattern: &str,
    script: &str,
) -> Conflict {
    let mut remedies = vec![format!(
        "Accept it, if {script} need not run for {shared}: the site's own page is still what people get."
    )];
    leave_out(host, &mut remedies);
    Conflict {
        code: ConflictCode::TakesOver,
        resource: Resource::Route,
        name: pattern.to_owned(),
        id: Some(id.to_string()),
        host: Some(host.clone()),
        owner: script.to_owned(),
        detail: format!(
            "The Worker {script} runs for {shared} by its route {pattern}. The route {ours} is more specific: with it {script} would no longer run there, for people either."
        ),
        remedies,
        choices: [&[WayOut::Accept], &ROUTE_WAYS[..]].concat(),
    }
}

/// A Worker of our name that we did not upload.
pub(super) fn foreign_script(name: &str, was_ours: bool, from: Option<&str>) -> Conflict {
    let from = from.map_or_else(String::new, |from| format!(" (last deployed from: {from})"));
    let (code, detail) = if was_ours {
        (
            ConflictCode::ReplacedScript,
            format!(
                "Somebody put another Worker in the place of the one that Edge Delivery had uploaded{from}. Its text is nowhere else, so it is not overwritten."
            ),
        )
    } else {
        (
            ConflictCode::ForeignScript,
            format!(
                "The account holds a Worker of this name that Edge Delivery did not upload{from}."
            ),
        )
    };
    Conflict {
        code,
        resource: Resource::Script,
        name: name.to_owned(),
        id: None,
        host: None,
        owner: "somebody else in this account".to_owned(),
        detail,
        remedies: vec![
            "Rename or delete that Worker in the Cloudflare dashboard, then plan again.".to_owned(),
            "Or make the site anew: a new site gets another Worker name.".to_owned(),
        ],
        choices: vec![WayOut::NewSite],
    }
}

/// A namespace of our title that we did not make.
pub(super) fn foreign_namespace(title: &str, id: &str) -> Conflict {
    Conflict {
        code: ConflictCode::ForeignNamespace,
        resource: Resource::KvNamespace,
        name: title.to_owned(),
        id: Some(id.to_owned()),
        host: None,
        owner: "somebody else in this account".to_owned(),
        detail: format!("The account holds a KV namespace {title:?} that Edge Delivery did not make. Titles are unique in an account, and Edge Delivery does not write into what it did not make."),
        remedies: vec![
            "Rename or delete that namespace in the Cloudflare dashboard (Storage & databases, Workers KV), then plan again."
                .to_owned(),
            "Or make the site anew: a new site gets another title.".to_owned(),
        ],
        choices: vec![WayOut::NewSite],
    }
}

/// The zone is not in the account that the site was made for.
pub(super) fn zone_moved(desired: &Desired, observed: &Observed) -> Option<Conflict> {
    let now = observed.zone.account.as_ref()?;
    if now.id == desired.account {
        return None;
    }
    let zone = &desired.zone_name;
    let owner = now.name.clone().unwrap_or_else(|| now.id.to_string());
    Some(Conflict {
        code: ConflictCode::ZoneMoved,
        resource: Resource::Zone,
        name: zone.clone(),
        id: Some(desired.zone.to_string()),
        host: None,
        detail: format!(
            "The zone {zone} moved to the account {owner} ({}). The site's Worker and KV namespace are in the account {}, and a route reaches Workers of its zone's account only.",
            now.id, desired.account
        ),
        owner,
        remedies: vec![
            "Remove this site with a token that still reaches the former account: its Worker and namespace are taken out there."
                .to_owned(),
            format!("Then make the site anew for {zone}: it is deployed to the account that holds the zone now."),
            "Or move the zone back, then plan again.".to_owned(),
        ],
        choices: vec![WayOut::NewSite],
    })
}
