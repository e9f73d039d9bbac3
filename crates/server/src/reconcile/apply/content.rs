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
    let id = work.deployment;
    let total = work.material()?.desired.published;
    let (app, api) = (work.app, work.api.clone());
    let mut push = Push::new(app, &api, &work.site, &namespace, 0);
    push.listener = Some((id, total));
    let ended = push.run().await;
    let done = push.done;
    work.calls += done.calls;
    ended?;
    work.record(|recorded| recorded.content_loaded = true)
        .await?;
    let mut words = match done.written {
        1 => "1 variant and the index written".to_owned(),
        count => format!("{count} variants and the index written"),
    };
    if let Some(pause) = done.pause {
        words.push_str(&format!(
            "; {} more wait for the account's KV writes of another day",
            pause.writes
        ));
    }
    Ok(Some(words))
}
