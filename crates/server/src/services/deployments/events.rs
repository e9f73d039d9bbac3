//! What happens to a deployment, as it happens.

use crate::app::App;
use domain::ids::{DeploymentId, WorkspaceId};
use futures::Stream;
use std::{sync::Arc, time::Duration};
use store::DeploymentEvent;

/// How often to look for what other processes wrote.
const TICK: Duration = Duration::from_secs(1);

/// The events after `seq`, stored ones first, then new ones as they come; ends after the final status. A deployment that
/// is not there ends at once.
pub(crate) fn event_stream(
    app: Arc<App>,
    ws: WorkspaceId,
    id: DeploymentId,
    seq: i64,
) -> impl Stream<Item = DeploymentEvent> + Send + 'static {
    async_stream::stream! {
        let mut seq = seq;
        // Before the first look, so that nothing falls in between.
        let mut changes = app.signals.deployment_changes();
        loop {
            // The status first: when it is final, the events read afterwards are all there will be.
            let is_over = match app.store.deployment(ws, id).await {
                Ok(Some(deployment)) => deployment.status.is_final(),
                Ok(None) => true,
                Err(error) => {
                    tracing::warn!(%error, "a deployment could not be read for its followers");
                    break;
                }
            };
            match app.store.events_after(ws, id, seq).await {
                Ok(events) => {
                    for event in events {
                        seq = event.seq;
                        yield event;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "events could not be read for their followers");
                    break;
                }
            }
            if is_over {
                break;
            }
            loop {
                tokio::select! {
                    heard = changes.recv() => match heard {
                        Ok(changed) if changed != id => {}
                        // Ours, or so many that some were lost.
                        _ => break,
                    },
                    () = tokio::time::sleep(TICK) => break,
                }
            }
        }
    }
}
