//! The first content of a namespace: everything that is published, and the index.

use super::{StepError, Work, wrong_plan};
use crate::reconcile::content::Push;

pub(super) async fn load(work: &mut Work<'_>) -> Result<Option<String>, StepError> {
    let namespace = work
        .site
        .recorded
        .namespace
        .clone()
        .ok_or_else(|| wrong_plan("content without a namespace"))?;
    let (workspace, site, id) = (work.site.workspace, work.site.id, work.deployment);
    let total = work.material()?.desired.published;
    let known = work.app.store.index_hash(workspace, site).await?;
    let (app, api) = (work.app, work.api.clone());
    let mut push = Push::new(app, &api, &work.site, &namespace, known);
    push.listener = Some((id, total));
    let ended = push.run().await;
    let done = push.done;
    work.calls += done.calls;
    if let Some(hash) = &done.index_hash {
        app.store
            .set_index_hash(workspace, site, Some(hash))
            .await?;
    }
    ended?;
    work.record(|recorded| recorded.content_loaded = true)
        .await?;
    Ok(Some(match done.written {
        1 => "1 variant and the index written".to_owned(),
        count => format!("{count} variants and the index written"),
    }))
}
