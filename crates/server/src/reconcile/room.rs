//! Memory for bodies of bulk writes, shared by all sites of this process.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Megabytes of bodies that are put together or on their way at the same time.
const MEGABYTES: u32 = 110;

/// Lets bodies in as long as there is room; one body always gets in.
#[derive(Debug)]
pub(crate) struct BulkRoom(Semaphore);

impl BulkRoom {
    /// Empty room.
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(MEGABYTES as usize))
    }

    /// Waits until there is room for so many megabytes.
    pub(crate) async fn need(&self, megabytes: u64) -> Option<SemaphorePermit<'_>> {
        let wanted = u32::try_from(megabytes).unwrap_or(MEGABYTES);
        // The semaphore is never closed.
        self.0.acquire_many(wanted.clamp(1, MEGABYTES)).await.ok()
    }
}
