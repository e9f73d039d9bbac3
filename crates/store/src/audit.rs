//! The audit log: who did what, when, from where. Lines are added and read; nothing changes one, and only age removes it.

use crate::{
    Result, Store,
    convert::{Row, to_json},
    entities::audit_event,
    paging::{Listed, Page},
};
use domain::{ids::WorkspaceId, time::Millis};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Something that somebody did. It never holds a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// The workspace in which it happened.
    pub workspace: WorkspaceId,
    /// When.
    pub at: Millis,
    /// What kind of actor it was: `person`, `access_key`, …
    pub who_kind: String,
    /// Who it was, as people know them.
    pub who: String,
    /// From where; `None` when it did not come over the network.
    pub address: Option<String>,
    /// What was done: `connection.replaced`, …
    pub kind: String,
    /// What kind of thing it was done to: `connection`, `site`, …
    pub subject_kind: String,
    /// That thing's id; empty where there is none.
    pub subject_id: String,
    /// Its name at that time.
    pub subject_name: String,
    /// What else there is to know: an object.
    pub detail: serde_json::Value,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number: later lines have greater ones.
    pub id: i64,
    /// What happened.
    pub event: AuditEvent,
}

/// Which lines are wanted; `None` takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// This kind alone; a word without a dot takes every kind that begins with it (`connection`).
    pub kind: Option<String>,
    /// What was done to the thing with this id.
    pub subject: Option<String>,
}

/// Adds a line, perhaps within a transaction.
pub(crate) async fn insert(db: &impl ConnectionTrait, event: &AuditEvent) -> Result<()> {
    let row = audit_event::ActiveModel {
        id: NotSet,
        workspace_id: Set(event.workspace.to_string()),
        at: Set(event.at.0),
        who_kind: Set(event.who_kind.clone()),
        who: Set(event.who.clone()),
        address: Set(event.address.clone()),
        kind: Set(event.kind.clone()),
        subject_kind: Set(event.subject_kind.clone()),
        subject_id: Set(event.subject_id.clone()),
        subject_name: Set(event.subject_name.clone()),
        detail: Set(to_json(&event.detail)),
    };
    audit_event::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

impl Store {
    /// Adds a line.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_audit_event(&self, event: &AuditEvent) -> Result<()> {
        insert(self.writer(), event).await
    }

    /// A page of the log, newest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`] for a cursor that was not given out.
    pub async fn list_audit_events(
        &self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Listed<AuditEntry>> {
        let mut query = audit_event::Entity::find()
            .filter(audit_event::Column::WorkspaceId.eq(workspace.to_string()));
        if let Some(before) = page.start::<i64>()? {
            query = query.filter(audit_event::Column::Id.lt(before));
        }
        query = match filter.kind.as_deref() {
            None => query,
            Some(kind) if kind.contains('.') => query.filter(audit_event::Column::Kind.eq(kind)),
            Some(group) => query.filter(audit_event::Column::Kind.starts_with(format!("{group}."))),
        };
        if let Some(subject) = &filter.subject {
            query = query.filter(audit_event::Column::SubjectId.eq(subject));
        }
        let rows = query
            .order_by_desc(audit_event::Column::Id)
            .limit(page.rows() + 1)
            .all(self.reader())
            .await?;
        Listed::cut(rows, page, |row| row.id).try_map(from_row)
    }

    /// Forgets what happened before `at`, in every workspace; says how many lines there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_audit_events_before(&self, at: Millis) -> Result<u64> {
        let done = audit_event::Entity::delete_many()
            .filter(audit_event::Column::At.lt(at.0))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }
}

fn from_row(model: audit_event::Model) -> Result<AuditEntry> {
    let id = model.id.to_string();
    let row = Row::new("audit_events", &id);
    Ok(AuditEntry {
        id: model.id,
        event: AuditEvent {
            workspace: row.parse("workspace_id", &model.workspace_id)?,
            at: Millis(model.at),
            who_kind: model.who_kind,
            who: model.who,
            address: model.address,
            kind: model.kind,
            subject_kind: model.subject_kind,
            subject_id: model.subject_id,
            subject_name: model.subject_name,
            detail: row.json("detail", &model.detail)?,
        },
    })
}
