//! Outdated processes on their way out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::generation::Generation;

/// How long requests in flight may still take.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// How long `waitUntil` work may still take after the last request.
const WAIT_UNTIL_LIMIT: Duration = Duration::from_secs(10);
/// How many outdated processes may wait for their `waitUntil` work.
const MOST: usize = 3;

/// The outdated generations, oldest first.
#[derive(Debug, Default)]
pub(super) struct Draining(VecDeque<(Arc<Generation>, AbortHandle)>);

impl Draining {
    /// Ends `generation` when its work is done.
    pub(super) fn add(&mut self, generation: Arc<Generation>) {
        self.0.retain(|(_, task)| !task.is_finished());
        if generation.has_ended() || !generation.has_served() {
            // A request that got hold of it in this very moment is sent again by the edge.
            generation.end();
            return;
        }
        let end = EndOnDrop(Arc::clone(&generation));
        let task = tokio::spawn(async move {
            if tokio::time::timeout(REQUEST_LIMIT, end.0.idle())
                .await
                .is_ok()
            {
                tokio::time::sleep(WAIT_UNTIL_LIMIT).await;
            }
        });
        self.0.push_back((generation, task.abort_handle()));
        while self.0.len() > MOST {
            let Some(index) = self
                .0
                .iter()
                .position(|(generation, _)| !generation.is_busy())
            else {
                return;
            };
            if let Some((_, task)) = self.0.remove(index) {
                task.abort();
            }
        }
    }

    /// Ends all of them now.
    pub(super) fn end_all(&mut self) {
        for (generation, task) in self.0.drain(..) {
            task.abort();
            generation.end();
        }
    }
}

struct EndOnDrop(Arc<Generation>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}
