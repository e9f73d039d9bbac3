//! The routes of the zone.

use super::{StepError, Work, wrong_plan};
use crate::reconcile::cloudflare_ids::zone_id;
use cloudflare::NewRoute;
use domain::{
    desired::script_name,
    ids::RouteId,
    observed::{AdoptedRoute, RecordedRoute},
    plan::Step,
    route_pattern::is_same_pattern,
};

pub(super) async fn create(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let was_intended = work.site.recorded.routes_intended.contains(&step.name);
    work.record(|recorded| {
        if !recorded.routes_intended.contains(&step.name) {
            recorded.routes_intended.push(step.name.clone());
        }
    })
    .await?;
    let route = NewRoute {
        pattern: step.name.clone(),
        script: Some(script_name(work.site.id)),
        request_limit_fail_open: true,
    };
    work.calls += 1;
    let made = work
        .api
        .create_route(&zone_id(&work.site.zone), &route)
        .await;
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            return Err(work
                .refused(error, |recorded| {
                    if !was_intended {
                        recorded
                            .routes_intended
                            .retain(|pattern| *pattern != step.name);
                    }
                })
                .await);
        }
    };
    // Without it the next look finds the route by its pattern.
    if let Ok(id) = made.as_str().parse() {
        work.record(|recorded| {
            recorded
                .routes
                .retain(|known| !is_same_pattern(&known.pattern, &step.name));
            recorded.routes.push(RecordedRoute {
                id,
                pattern: step.name.clone(),
                retaken: None,
            });
        })
        .await?;
    }
    Ok(None)
}

/// Points a route at our Worker (adopting it, or giving a route of ours its pattern again) or gives an adopted one back.
/// How an adopted route was is recorded before the call; the record goes when the route was given back.
pub(super) async fn change(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let change = step
        .route
        .clone()
        .ok_or_else(|| wrong_plan("a change of a route without what to change"))?;
    let id: cloudflare::RouteId = step
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| wrong_plan("a change of a route without an id"))?;
    let known: RouteId = id
        .as_str()
        .parse()
        .map_err(|_| wrong_plan("a route's id that is none"))?;
    let ours = script_name(work.site.id);
    let is_ours = |script: &Option<String>| script.as_ref() == Some(&ours);
    let (is_adoption, is_return) = (
        is_ours(&change.to) && !is_ours(&change.from),
        !is_ours(&change.to),
    );
    let former = work.site.recorded.adopted.clone();
    let recorded = &work.site.recorded;
    // A route that we made stays ours, whoever repointed it meanwhile: it is deleted at the removal, not given back.
    let was_made = recorded.routes.iter().any(|made| made.id == known)
        && recorded.adopted.iter().all(|adopted| adopted.id != known);
    let is_adoption = is_adoption && !was_made;
    if is_adoption {
        let adopted = AdoptedRoute {
            id: known.clone(),
            pattern: step.name.clone(),
            script: change.from.clone(),
            request_limit_fail_open: change.from_fail_open,
            at: work.app.clock.now(),
            is_taken: false,
        };
        work.record(|recorded| {
            recorded.adopted.retain(|other| other.id != adopted.id);
            recorded.adopted.push(adopted);
        })
        .await?;
    }
    let route = NewRoute {
        pattern: step.name.clone(),
        script: change.to,
        request_limit_fail_open: change.fail_open,
    };
    work.calls += 1;
    let zone = zone_id(&work.site.zone);
    if let Err(error) = work.api.update_route(&zone, &id, &route).await {
        return Err(work
            .refused(error, |recorded| recorded.adopted = former)
            .await);
    }
    work.record(|recorded| {
        if is_return {
            recorded.adopted.retain(|other| other.id != known);
            recorded
                .routes_intended
                .retain(|pattern| !is_same_pattern(pattern, &step.name));
        } else if is_adoption {
            // It is given back, not deleted, from now on.
            recorded.routes.retain(|other| other.id != known);
        }
    })
    .await?;
    Ok(None)
}

pub(super) async fn delete(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let id = step
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| wrong_plan("a deletion without an id"))?;
    work.calls += 1;
    let note = match work.api.delete_route(&zone_id(&work.site.zone), &id).await {
        Ok(()) => None,
        Err(error) if error.is_not_found() => Some("It was gone already.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    work.record(|recorded| {
        recorded
            .routes_intended
            .retain(|pattern| !is_same_pattern(pattern, &step.name));
        recorded
            .routes
            .retain(|known| Some(known.id.as_str()) != step.id.as_deref());
    })
    .await?;
    Ok(note)
}
