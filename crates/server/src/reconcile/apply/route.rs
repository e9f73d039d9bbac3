//! The routes of the zone.

use super::{StepError, Work, wrong_plan};
use crate::reconcile::cloudflare_ids::zone_id;
use cloudflare::NewRoute;
use domain::{desired::script_name, plan::Step};

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
    if let Err(error) = made {
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
            .retain(|pattern| !pattern.eq_ignore_ascii_case(&step.name));
    })
    .await?;
    Ok(note)
}
