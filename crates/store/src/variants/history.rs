//! What happened to a variant, newest first. Three tables tell it, so that a save or a publication costs no row more than it
//! needs anyway: the first save of each revision, publications, and events for the rest.

use super::NewRevision;
use crate::{
    Listed, Page, Result, Store,
    contents::Packed,
    convert::{Row, from_word, to_word},
    entities::{publication, variant_event, variant_revision},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What happened to a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// A revision was saved for the first time.
    Saved,
    /// A content that the variant had before was saved again, or the newest with another note.
    SavedAgain,
    /// A revision was published.
    Published,
    /// A revision that was published before was published again.
    RolledBack,
    /// A revision was published at its set time.
    PublishedOnSchedule,
    /// The state of an earlier moment came back, with the rollback of a deployment.
    Restored,
    /// It was taken off the edge.
    Unpublished,
    /// It was taken off the edge at its set time.
    Expired,
    /// The site's paths are read otherwise than before, and it stands under another one.
    Moved,
    /// It was deleted while it was published.
    Deleted,
    /// A time was set for a publication.
    PublicationScheduled,
    /// A time was set for taking it off.
    ExpiryScheduled,
    /// The publication that was set is not to happen.
    PublicationCancelled,
    /// The taking off that was set is not to happen.
    ExpiryCancelled,
    /// A set time came, and there was nothing to do.
    ScheduleVoid,
}

impl HistoryKind {
    /// The word in the database and in answers.
    pub fn as_str(self) -> String {
        to_word(self)
    }
}

/// Who does something to a variant, and when.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    pub(crate) kind: HistoryKind,
    is_kind_given: bool,
    /// Who; `None`: not known.
    pub(crate) author: Option<&'a str>,
    /// When.
    pub(crate) at: Millis,
}

impl<'a> Deed<'a> {
    /// Done by somebody.
    pub const fn by(author: &'a str, at: Millis) -> Self {
        Self {
            kind: HistoryKind::Published,
            is_kind_given: false,
            author: Some(author),
            at,
        }
    }

    /// What it is in the history, where it is more than what the call says by itself.
    #[must_use]
    pub const fn of_kind(self, kind: HistoryKind) -> Self {
        Self {
            kind,
            is_kind_given: true,
            ..self
        }
    }

    /// The same, unless it was said.
    #[must_use]
    pub(crate) const fn or_kind(self, kind: HistoryKind) -> Self {
        if self.is_kind_given {
            self
        } else {
            self.of_kind(kind)
        }
    }
}

impl From<Millis> for Deed<'_> {
    /// Done by somebody who is not known.
    fn from(at: Millis) -> Self {
        Self {
            kind: HistoryKind::Published,
            is_kind_given: false,
            author: None,
            at,
        }
    }
}

/// One line of a variant's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What.
    pub kind: HistoryKind,
    /// Which revision, where it is about one.
    pub revision: Option<Revision>,
    /// Whether that revision is still kept.
    pub is_kept: bool,
    /// When; `None` for publications of before this was kept.
    pub at: Option<Millis>,
    /// Who; `None` when that is not known.
    pub author: Option<String>,
    /// What was said about it.
    pub note: Option<String>,
    /// The time that was set.
    pub due: Option<Millis>,
    /// The order of what happened in the same millisecond, and the cursor's second half.
    order: (u8, i64, String),
}

impl HistoryEntry {
    fn key(&self) -> (i64, (u8, i64, String)) {
        (self.at.map_or(i64::MIN, |at| at.0), self.order.clone())
    }
}

impl Store {
    /// What happened to a variant, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn variant_history(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        page: &Page,
    ) -> Result<Listed<HistoryEntry>> {
        // One variant's history is short: a page has a handful of revisions, seldom hundreds.
        let mut all = self.saves(workspace, site, format, path).await?;
        let kept: HashSet<Revision> = all.iter().filter_map(|one| one.revision.clone()).collect();
        all.extend(self.publications_of(workspace, site, format, path).await?);
        all.extend(self.events_of(workspace, site, format, path).await?);
        for one in &mut all {
            one.is_kept = one.revision.as_ref().is_some_and(|it| kept.contains(it));
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.key()));
        if let Some(last) = page.start::<(i64, (u8, i64, String))>()? {
            all.retain(|one| one.key() < last);
        }
        Ok(Listed::cut(all, page, HistoryEntry::key))
    }

    async fn saves(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Vec<HistoryEntry>> {
        use variant_revision::{Column, Entity};
        Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Format.eq(format.as_str()))
            .filter(Column::Path.eq(path))
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| {
                let row = Row::new("variant_revisions", &model.path);
                Ok(HistoryEntry {
                    kind: HistoryKind::Saved,
                    revision: Some(row.parse("revision", &model.revision)?),
                    is_kept: true,
                    at: Some(Millis(model.created_at)),
                    author: Some(model.author),
                    note: model.note,
                    due: None,
                    order: (0, 0, model.revision),
                })
            })
            .collect()
    }

    async fn publications_of(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Vec<HistoryEntry>> {
        use publication::{Column, Entity};
        Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Format.eq(format.as_str()))
            .filter(Column::Path.eq(path))
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| {
                let row = Row::new("publications", &model.path);
                let kind = match (&model.kind, &model.revision) {
                    (Some(word), _) => row.word("kind", word, from_word)?,
                    (None, Some(_)) => HistoryKind::Published,
                    (None, None) => HistoryKind::Unpublished,
                };
                Ok(HistoryEntry {
                    kind,
                    revision: row.parse_option("revision", model.revision.as_ref())?,
                    is_kept: false,
                    at: model.at.map(Millis),
                    author: model.author,
                    note: None,
                    due: None,
                    order: (2, model.id, String::new()),
                })
            })
            .collect()
    }

    async fn events_of(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Vec<HistoryEntry>> {
        use variant_event::{Column, Entity};
        Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Format.eq(format.as_str()))
            .filter(Column::Path.eq(path))
            .all(self.reader())
            .await?
            .into_iter()
            .map(|model| {
                let row = Row::new("variant_events", &model.path);
                Ok(HistoryEntry {
                    kind: row.word("kind", &model.kind, from_word)?,
                    revision: row.parse_option("revision", model.revision.as_ref())?,
                    is_kept: false,
                    at: Some(Millis(model.at)),
                    author: model.author,
                    note: model.note,
                    due: model.due.map(Millis),
                    order: (1, model.id, String::new()),
                })
            })
            .collect()
    }
}

/// What is not to be seen in the other two tables.
pub(super) struct Event<'a> {
    pub(super) kind: HistoryKind,
    pub(super) revision: Option<&'a str>,
    pub(super) author: Option<&'a str>,
    pub(super) note: Option<&'a str>,
    pub(super) at: Millis,
    pub(super) due: Option<Millis>,
}

/// Writes an event, within the transaction that does what it tells of.
pub(super) async fn record(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    (format, path): (Format, &str),
    event: &Event<'_>,
) -> Result<()> {
    variant_event::Entity::insert(variant_event::ActiveModel {
        workspace_id: Set(workspace.to_string()),
        site_id: Set(site.to_string()),
        format: Set(format.as_str().to_owned()),
        path: Set(path.to_owned()),
        at: Set(event.at.0),
        kind: Set(event.kind.as_str()),
        revision: Set(event.revision.map(str::to_owned)),
        author: Set(event.author.map(str::to_owned)),
        note: Set(event.note.map(str::to_owned)),
        due: Set(event.due.map(|due| due.0)),
        ..Default::default()
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

/// Before a save: a content that the variant had before leaves no new revision, so it is told here. The newest content
/// saved once more is nothing, unless something is said about it.
pub(super) async fn record_saved_again(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    new: &NewRevision<'_>,
    packed: &Packed,
    latest: Option<&str>,
) -> Result<()> {
    let is_latest = latest == Some(packed.revision.as_str());
    if latest.is_none() || (is_latest && new.note.is_none()) {
        return Ok(());
    }
    let known = variant_revision::Entity::find_by_id((
        new.site.to_string(),
        new.format.as_str().to_owned(),
        new.path.to_owned(),
        packed.revision.to_string(),
    ))
    .one(tx)
    .await?;
    if known.is_none() {
        return Ok(());
    }
    let event = Event {
        kind: HistoryKind::SavedAgain,
        revision: Some(packed.revision.as_str()),
        author: Some(new.author),
        note: new.note,
        at: new.at,
        due: None,
    };
    record(tx, workspace, new.site, (new.format, new.path), &event).await
}
