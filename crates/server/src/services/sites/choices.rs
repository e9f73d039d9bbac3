//! What an owner decides about foreign routes. A decision is for one route as it is now: it is taken only while the
//! plan shows the conflict, and holds no longer once that route is changed by somebody.

use super::get;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::deployments,
};
use domain::{
    desired::{RouteChoice, RouteChoiceKind, wanted_routes},
    ids::{RouteId, SiteId, WorkspaceId},
    plan::{Conflict, Resource, WayOut},
    route_pattern::{RoutePattern, is_same_pattern},
};
use store::Site;

/// Decides: adopts the foreign route of that pattern, or accepts that ours takes requests from it. Nothing changes at
/// Cloudflare before the next deployment.
pub(crate) async fn choose(
    app: &App,
    ws: WorkspaceId,
    id: SiteId,
    kind: RouteChoiceKind,
    (resource, name): (&str, &str),
    by: &str,
) -> Outcome<Site> {
    route_alone(resource)?;
    let site = get(app, ws, id).await?;
    let (plan, observed) = deployments::plan(app, ws, &site).await?;
    let way = match kind {
        RouteChoiceKind::Adopt => WayOut::Adopt,
        RouteChoiceKind::Accept => WayOut::Accept,
    };
    let fits = |conflict: &&Conflict| {
        conflict.resource == Resource::Route
            && conflict.choices.contains(&way)
            && is_same_pattern(&conflict.name, name)
    };
    let conflict = plan.conflicts.iter().find(fits).ok_or_else(|| {
        Problem::new(
            Code::InvalidState,
            "The plan shows no such conflict about a route of that pattern.",
        )
        .cause("The account has changed since, the choice was made already, or the pattern is another one.")
        .remedy("Read the plan again: each conflict names its route and the choices that it leaves.")
    })?;
    let seen = observed
        .routes
        .iter()
        .find(|seen| Some(seen.id.as_str()) == conflict.id.as_deref())
        .ok_or_else(|| Problem::not_found("route", &conflict.name))?;
    let (route, script): (RouteId, _) = (seen.id.clone(), seen.script.clone());
    tracing::info!(
        site.id = %id,
        route.id = %route,
        route.pattern = conflict.name,
        route.worker = script.as_deref().unwrap_or("none"),
        choice = ?kind,
        by,
        "a choice about a foreign route"
    );
    // The site may have been changed while the account was read.
    let mut site = get(app, ws, id).await?;
    site.settings
        .route_choices
        .retain(|choice| choice.kind != kind || choice.route != route);
    site.settings.route_choices.push(RouteChoice {
        kind,
        route,
        pattern: conflict.name.clone(),
        script,
        at: app.clock.now(),
    });
    app.store.update_site(ws, &site).await?;
    Ok(site)
}

/// Only a route can be adopted: it points at something, and can be pointed back. What a namespace or a Worker holds
/// would be overwritten, and could not be given back (docs/decisions/0006).
fn route_alone(resource: &str) -> Outcome<()> {
    let why = match resource {
        "route" => return Ok(()),
        "script" => {
            "A Worker would be overwritten, and its secrets are told to nobody, so it could not be given back."
        }
        "kv_namespace" => {
            "A namespace would be written into and emptied at the removal, so it could not be given back."
        }
        _ => {
            return Err(Problem::field(
                "resource",
                "is not route, the one thing that can be adopted",
            ));
        }
    };
    Err(Problem::new(
        Code::InvalidState,
        format!("Only a route can be adopted. {why}"),
    )
    .cause("What was adopted must be given back as it was when the site is removed.")
    .remedy("Rename or delete it in the Cloudflare dashboard, then plan again.")
    .remedy("Or make the site anew: a new site gets other names."))
}

/// Takes a decision back that no deployment has carried out yet.
pub(crate) async fn withdraw(
    app: &App,
    ws: WorkspaceId,
    id: SiteId,
    name: &str,
    by: &str,
) -> Outcome<Site> {
    let mut site = get(app, ws, id).await?;
    let is_taken = site
        .recorded
        .adopted
        .iter()
        .any(|adopted| is_same_pattern(&adopted.pattern, name));
    if is_taken {
        return Err(Problem::new(
            Code::InvalidState,
            "This route was adopted already, by a deployment.",
        )
        .cause("It runs the site's Worker now.")
        .remedy("Take its host name out of the site, or give it narrower route patterns, and deploy: then it is given back.")
        .remedy("Or undo that deployment, or remove the site."));
    }
    let before = site.settings.route_choices.len();
    site.settings
        .route_choices
        .retain(|choice| !is_same_pattern(&choice.pattern, name));
    if site.settings.route_choices.len() == before {
        return Err(Problem::new(
            Code::InvalidState,
            "Nothing was chosen about a route of that pattern.",
        )
        .cause("It was taken back already, or the pattern is another one.")
        .remedy("Read the site: `routeChoices` lists what was chosen."));
    }
    tracing::info!(site.id = %id, route.pattern = name, by, "a choice about a foreign route was taken back");
    app.store.update_site(ws, &site).await?;
    Ok(site)
}

/// Decisions that are about none of the site's routes any more: should the route be wanted again, the question is asked
/// again.
pub(super) fn forget_unneeded(site: &mut Site) {
    let hostnames = &site.hostnames;
    site.settings
        .route_patterns
        .retain(|host, _| hostnames.contains(host));
    let wanted: Vec<RoutePattern> = wanted_routes(hostnames, &site.settings.route_patterns)
        .iter()
        .filter_map(|route| route.pattern.parse().ok())
        .collect();
    site.settings.route_choices.retain(|choice| {
        choice.pattern.parse::<RoutePattern>().is_ok_and(|theirs| {
            wanted.iter().any(|ours| match choice.kind {
                RouteChoiceKind::Adopt => ours.is_same(&theirs),
                RouteChoiceKind::Accept => ours.overlap(&theirs).is_some(),
            })
        })
    });
}
