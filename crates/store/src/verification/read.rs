//! The lists as they are shown, and their versions as visits are judged by.

use super::{VerificationList, VersionSummary, VersionsStamp, list, version, version_from};
use crate::{
    Result, Store,
    convert::{Row, from_word},
};
use domain::{identity::Version, time::Millis};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

impl Store {
    /// Every list that was ever known, by its address.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verification_lists(&self) -> Result<Vec<VerificationList>> {
        // A fetch that ends in between would show its attempt without what came of it.
        let tx = self.snapshot().await?;
        // Without the contents, which may be long.
        let open: Vec<(String, i64, i64, String, i64)> = version::Entity::find()
            .select_only()
            .column(version::Column::Url)
            .column(version::Column::ValidFrom)
            .column(version::Column::ConfirmedAt)
            .column(version::Column::Origin)
            .column(version::Column::Entries)
            .filter(version::Column::ValidUntil.is_null())
            .into_tuple()
            .all(&tx)
            .await?;
        let mut current = HashMap::new();
        for (url, valid_from, confirmed_at, origin, entries) in open {
            let row = Row::new("verification_list_versions", &url);
            let summary = VersionSummary {
                valid_from: Millis(valid_from),
                confirmed_at: Millis(confirmed_at),
                origin: row.word("origin", &origin, from_word)?,
                entries: row.count("entries", entries)?,
            };
            current.insert(url, summary);
        }
        let rows = list::Entity::find()
            .order_by_asc(list::Column::Url)
            .all(&tx)
            .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|model| {
                let row = Row::new("verification_lists", &model.url);
                Ok(VerificationList {
                    kind: row.word("kind", &model.kind, from_word)?,
                    next_fetch_at: Millis(model.next_fetch_at),
                    failures: row.count("failures", model.failures)?,
                    last_attempt_at: model.last_attempt_at.map(Millis),
                    current: current.remove(&model.url),
                    last_error: model.last_error,
                    url: model.url,
                })
            })
            .collect()
    }

    /// Every version that ended at `since` or later, or has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_versions_since(&self, since: Millis) -> Result<Vec<Version>> {
        version::Entity::find()
            .filter(
                Condition::any()
                    .add(version::Column::ValidUntil.is_null())
                    .add(version::Column::ValidUntil.gte(since.0)),
            )
            .order_by_asc(version::Column::Url)
            .order_by_asc(version::Column::ValidFrom)
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| version_from(model).map(|stored| stored.version))
            .collect()
    }

    /// What the present versions are, whichever process stored them; tells whether what was read is still all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_versions_stamp(&self) -> Result<VersionsStamp> {
        let present = version::Entity::find()
            .select_only()
            .column(version::Column::Url)
            .column(version::Column::ValidFrom)
            .column(version::Column::ConfirmedAt)
            .filter(version::Column::ValidUntil.is_null())
            .order_by_asc(version::Column::Url)
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(VersionsStamp(present))
    }
}
