//! What is to happen to a variant at a set time. A schedule is carried out in one transaction under the site's lock, which
//! clears it: whoever is killed meanwhile has done nothing, and of two processes one finds it done.

use super::{
    Deed, HistoryKind, Variant,
    history::{self, Event},
    publish_in, read, the, unpublish_in,
};
use crate::{Result, Store, convert::Row, entities::variant, sites};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// At most so many are looked at for one that is due.
const CANDIDATES: u64 = 32;

/// A publication to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledPublication {
    /// Exactly this revision.
    pub revision: Revision,
    /// When.
    pub at: Millis,
    /// Who set it.
    pub author: String,
}

/// The end of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// When.
    pub at: Millis,
    /// Who set it.
    pub author: String,
}

/// The whole schedule of a variant, as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSchedule {
    /// What is to be published when.
    pub publish: Option<(Revision, Millis)>,
    /// When it is to be taken off the edge.
    pub expire: Option<Millis>,
}

/// A part of a schedule whose time had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOut {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// The format.
    pub format: Format,
    /// The path.
    pub path: String,
    /// [`HistoryKind::PublishedOnSchedule`], [`HistoryKind::Expired`] or [`HistoryKind::ScheduleVoid`].
    pub kind: HistoryKind,
    /// Who set it.
    pub author: String,
    /// The time that was set.
    pub due: Millis,
}

impl Store {
    /// Puts this schedule in the place of the one that a variant has; `None` when there is no such variant or revision. What
    /// changes by it is in the history.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_schedule(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        (format, path): (Format, &str),
        new: &NewSchedule,
        deed: Deed<'_>,
    ) -> Result<Option<Variant>> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Ok(None);
        }
        let Some(row) = the(workspace, site, format, path).one(&tx).await? else {
            return Ok(None);
        };
        if let Some((revision, _)) = &new.publish {
            let key = (
                site.to_string(),
                format.as_str().to_owned(),
                path.to_owned(),
                revision.to_string(),
            );
            let known = crate::entities::variant_revision::Entity::find_by_id(key);
            if known.one(&tx).await?.is_none() {
                return Ok(None);
            }
        }
        for event in changes(&row, new, deed) {
            history::record(&tx, workspace, site, (format, path), &event).await?;
        }
        let (same_publication, same_expiry) = (has_publication(&row, new), has_expiry(&row, new));
        let mut row = row.into_active_model();
        let author = deed.author.unwrap_or_default();
        if !same_publication {
            let publish = new.publish.as_ref();
            row.scheduled_revision = Set(publish.map(|(revision, _)| revision.to_string()));
            row.scheduled_at = Set(publish.map(|(_, at)| at.0));
            row.scheduled_by = Set(publish.map(|_| author.to_owned()));
        }
        if !same_expiry {
            row.expires_at = Set(new.expire.map(|at| at.0));
            row.expires_by = Set(new.expire.map(|_| author.to_owned()));
        }
        if !(same_publication && same_expiry) {
            row.update(&tx).await?;
        }
        let row = the(workspace, site, format, path).one(&tx).await?;
        tx.commit().await?;
        row.map(read::variant).transpose()
    }

    /// Carries out one part of a schedule whose time has come, of any workspace; `None` when nothing is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn carry_out_schedule_for_background(
        &self,
        now: Millis,
    ) -> Result<Option<CarriedOut>> {
        // Without locks first, and from the readers: most of the time there is nothing.
        let candidates = variant::Entity::find()
            .filter(is_due(now))
            .order_by_asc(variant::Column::ScheduledAt)
            .limit(CANDIDATES)
            .all(self.reader())
            .await?;
        for candidate in candidates {
            let row = Row::new("variants", &candidate.path);
            let workspace = row.parse("workspace_id", &candidate.workspace_id)?;
            let site = row.parse("site_id", &candidate.site_id)?;
            let format = row.parse("format", &candidate.format)?;
            let tx = self.begin().await?;
            if !sites::lock(&tx, workspace, site).await? {
                continue;
            }
            let still = the(workspace, site, format, &candidate.path)
                .filter(is_due(now))
                .one(&tx)
                .await?;
            let Some(variant) = still else { continue };
            let done = carry_out(&tx, (workspace, site, format), variant, now).await?;
            tx.commit().await?;
            return Ok(Some(done));
        }
        Ok(None)
    }

    /// The next times of a site's schedules, earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upcoming_schedules(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u64,
    ) -> Result<Vec<Variant>> {
        let mut found = Vec::new();
        for column in [variant::Column::ScheduledAt, variant::Column::ExpiresAt] {
            let rows = super::of(workspace, site)
                .filter(column.is_not_null())
                .order_by_asc(column)
                .limit(limit)
                .all(self.reader())
                .await?;
            for row in rows {
                found.push(read::variant(row)?);
            }
        }
        let next = |variant: &Variant| {
            let publication = variant.scheduled.as_ref().map(|it| it.at);
            let expiry = variant.expires.as_ref().map(|it| it.at);
            publication.into_iter().chain(expiry).min()
        };
        found.sort_by(|a, b| (next(a), &a.path, a.format).cmp(&(next(b), &b.path, b.format)));
        found.dedup();
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }
}

fn is_due(now: Millis) -> Condition {
    Condition::any()
        .add(variant::Column::ScheduledAt.lte(now.0))
        .add(variant::Column::ExpiresAt.lte(now.0))
}

fn has_publication(row: &variant::Model, new: &NewSchedule) -> bool {
    let known = row.scheduled_revision.as_deref().zip(row.scheduled_at);
    let wanted = new.publish.as_ref();
    known == wanted.map(|(revision, at)| (revision.as_str(), at.0))
}

fn has_expiry(row: &variant::Model, new: &NewSchedule) -> bool {
    row.expires_at == new.expire.map(|at| at.0)
}

/// What a new schedule changes, for the history.
fn changes<'a>(row: &'a variant::Model, new: &'a NewSchedule, deed: Deed<'a>) -> Vec<Event<'a>> {
    let event = |kind, revision, due: Option<i64>| Event {
        kind,
        revision,
        author: deed.author,
        note: None,
        at: deed.at,
        due: due.map(Millis),
    };
    let mut events = Vec::new();
    if !has_publication(row, new) {
        events.push(match &new.publish {
            Some((revision, at)) => event(
                HistoryKind::PublicationScheduled,
                Some(revision.as_str()),
                Some(at.0),
            ),
            None => event(
                HistoryKind::PublicationCancelled,
                row.scheduled_revision.as_deref(),
                row.scheduled_at,
            ),
        });
    }
    if !has_expiry(row, new) {
        events.push(match new.expire {
            Some(at) => event(HistoryKind::ExpiryScheduled, None, Some(at.0)),
            None => event(HistoryKind::ExpiryCancelled, None, row.expires_at),
        });
    }
    events
}

/// Does what comes first of what is due, and clears it.
async fn carry_out(
    tx: &DatabaseTransaction,
    (workspace, site, format): (WorkspaceId, SiteId, Format),
    row: variant::Model,
    now: Millis,
) -> Result<CarriedOut> {
    let path = row.path.clone();
    let publishes = match (row.scheduled_at, row.expires_at) {
        (Some(publish), Some(expire)) => publish <= now.0 && publish <= expire,
        (publish, _) => publish.is_some_and(|at| at <= now.0),
    };
    let (due, author) = if publishes {
        (row.scheduled_at, row.scheduled_by.clone())
    } else {
        (row.expires_at, row.expires_by.clone())
    };
    let due = Millis(due.unwrap_or(now.0));
    let author = author.unwrap_or_default();
    let revision = Row::new("variants", &path)
        .parse_option::<Revision>("scheduled_revision", row.scheduled_revision.as_ref())?;
    let was_published = row.published_revision.clone();
    let mut row = row.into_active_model();
    if publishes {
        row.scheduled_revision = Set(None);
        row.scheduled_at = Set(None);
        row.scheduled_by = Set(None);
    } else {
        row.expires_at = Set(None);
        row.expires_by = Set(None);
    }
    row.update(tx).await?;
    let deed = Deed::by(&author, now);
    let (kind, done, note) = match (publishes, &revision) {
        (true, Some(it)) if was_published.as_deref() == Some(it.as_str()) => (
            HistoryKind::PublishedOnSchedule,
            false,
            "it was published already",
        ),
        (true, Some(it)) => {
            let deed = deed.of_kind(HistoryKind::PublishedOnSchedule);
            let done = publish_in(tx, workspace, site, (format, &path), it, deed).await?;
            (deed.kind, done, "the revision is no longer kept")
        }
        (true, None) => (
            HistoryKind::PublishedOnSchedule,
            false,
            "it names no revision",
        ),
        (false, _) => {
            let deed = deed.of_kind(HistoryKind::Expired);
            let done = unpublish_in(tx, workspace, site, (format, &path), deed).await?;
            (deed.kind, done, "nothing was published")
        }
    };
    if !done {
        let event = Event {
            kind: HistoryKind::ScheduleVoid,
            revision: revision
                .as_ref()
                .filter(|_| publishes)
                .map(Revision::as_str),
            author: Some(&author),
            note: Some(note),
            at: now,
            due: Some(due),
        };
        history::record(tx, workspace, site, (format, &path), &event).await?;
    }
    Ok(CarriedOut {
        workspace,
        site,
        format,
        path,
        kind: if done {
            kind
        } else {
            HistoryKind::ScheduleVoid
        },
        author,
        due,
    })
}
