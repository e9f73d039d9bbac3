//! The KV namespace.

use super::{StepError, Work, wrong_plan};
use crate::reconcile::cloudflare_ids::account_id;
use domain::plan::Step;

pub(super) async fn create(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let was_intended = work.site.recorded.namespace_intended;
    work.record(|recorded| recorded.namespace_intended = true)
        .await?;
    let account = account_id(&work.site.account);
    work.calls += 1;
    let made = match work.api.create_namespace(&account, &step.name).await {
        Ok(made) => made,
        Err(error) => {
            return Err(work
                .refused(error, |recorded| recorded.namespace_intended = was_intended)
                .await);
        }
    };
    let id = made
        .id
        .as_str()
        .parse()
        .map_err(|_| wrong_plan("Cloudflare answered with an id that is none"))?;
    work.record(|recorded| {
        recorded.namespace = Some(id);
        recorded.content_loaded = false;
        recorded.namespace_intended = false;
    })
    .await?;
    // It is new, so it is empty: no list of its keys is needed.
    let (store, now) = (&work.app.store, work.app.clock.now());
    store
        .keys_listed(work.site.workspace, work.site.id, now, &[])
        .await?;
    Ok(None)
}

pub(super) async fn rename(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let id = step
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| wrong_plan("a new title without an id"))?;
    let account = account_id(&work.site.account);
    work.calls += 1;
    work.api.rename_namespace(&account, &id, &step.name).await?;
    Ok(None)
}

pub(super) async fn delete(work: &mut Work<'_>, step: &Step) -> Result<Option<String>, StepError> {
    let id = step
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| wrong_plan("a deletion without an id"))?;
    let account = account_id(&work.site.account);
    work.calls += 1;
    let note = match work.api.delete_namespace(&account, &id).await {
        Ok(()) => None,
        Err(error) if error.is_not_found() => Some("It was gone already.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    work.record(|recorded| {
        recorded.namespace = None;
        recorded.namespace_intended = false;
        recorded.content_loaded = false;
    })
    .await?;
    Ok(note)
}
