//! Files that were uploaded and checked, and wait for their import. They are kept for an hour by the process that took them; when it
//! is gone, the file is chosen once more.

use crate::services::imports::{Counts, RefusedLine};
use domain::{ids::SiteId, time::Millis};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::{NamedTempFile, SpooledTempFile};
use uuid::Uuid;

/// The most bytes of an upload.
pub(crate) const UPLOAD_MAX: usize = 1024 * 1024 * 1024;

/// How long one is kept, in seconds, and how many.
const KEPT_SECONDS: i64 = 3_600;
const KEPT: usize = 8;

/// A file that was uploaded.
#[derive(Debug)]
pub(crate) struct Upload {
    /// For which site.
    pub(crate) site: SiteId,
    /// What it was called.
    pub(crate) name: String,
    /// The file; it is gone with this.
    pub(crate) file: NamedTempFile,
    /// When it came.
    pub(crate) at: Millis,
    /// What was found, last.
    pub(crate) found: Mutex<Found>,
}

/// What a check or an import found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many of each.
    pub(crate) counts: Counts,
    /// The first bad lines.
    pub(crate) refused: Vec<RefusedLine>,
    /// The bad lines as they came.
    pub(crate) bad_lines: Option<SpooledTempFile>,
    /// Whether it was saved.
    pub(crate) is_saved: bool,
}

/// What this process keeps.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<Uuid, Arc<Upload>>>);

impl Uploads {
    /// Keeps one, and lets those go that are too old or too many.
    pub(crate) fn keep(&self, upload: Upload) -> Uuid {
        let (id, now) = (Uuid::new_v4(), upload.at);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, it| it.at.plus_seconds(KEPT_SECONDS) > now);
        while kept.len() >= KEPT {
            let oldest = kept.iter().min_by_key(|(_, it)| it.at).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            kept.remove(&oldest);
        }
        kept.insert(id, Arc::new(upload));
        id
    }

    /// The one of that id, for that site.
    pub(crate) fn get(&self, site: SiteId, id: Uuid) -> Option<Arc<Upload>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&id).filter(|it| it.site == site).cloned()
    }
}
