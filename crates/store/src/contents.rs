//! The bytes of revisions: compressed, once per hash and workspace, kept as long as a revision names them.

use crate::{
    Result, StoreError,
    convert::Row,
    entities::{content, variant_revision, workspace},
};
use domain::{ids::WorkspaceId, variant::Revision};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType, OnConflict, Query},
};

/// zstd's level: 3 is its own default, and a page of 100 KB takes well under a millisecond.
const LEVEL: i32 = 3;

/// From this size on, compressing is moved off the threads that answer requests.
const LARGE: usize = 256 * 1024;

/// At most so many compressed bytes in one statement.
const STATEMENT_BYTES: usize = 8 * 1024 * 1024;

/// A content, ready to be stored.
pub(crate) struct Packed {
    pub(crate) revision: Revision,
    pub(crate) bytes: usize,
    compressed: Vec<u8>,
}

/// Hashes and compresses.
pub(crate) async fn pack(content: &[u8]) -> Packed {
    if content.len() < LARGE {
        return pack_now(content);
    }
    let content = content.to_vec();
    tokio::task::spawn_blocking(move || pack_now(&content))
        .await
        .expect("compressing does not panic")
}

fn pack_now(content: &[u8]) -> Packed {
    Packed {
        revision: Revision::of(content),
        bytes: content.len(),
        compressed: zstd::bulk::compress(content, LEVEL)
            .expect("the output buffer is made large enough for any input"),
    }
}

/// Stores the contents that are not there yet.
pub(crate) async fn put(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    contents: &[Packed],
) -> Result<()> {
    // Shared with others who store, waiting for those who remove: a content that is about to be named must not vanish.
    let owner = workspace::Entity::find_by_id(workspace.to_string())
        .lock_shared()
        .one(tx)
        .await?;
    if owner.is_none() {
        return Err(StoreError::Missing { what: "workspace" });
    }
    let mut rest = contents;
    while !rest.is_empty() {
        let mut size = 0;
        let count = rest
            .iter()
            .take(1000)
            .take_while(|content| {
                let fits = size == 0 || size + content.compressed.len() <= STATEMENT_BYTES;
                size += content.compressed.len().max(1);
                fits
            })
            .count();
        let (now, later) = rest.split_at(count);
        rest = later;
        let rows = now.iter().map(|packed| content::ActiveModel {
            workspace_id: Set(workspace.to_string()),
            revision: Set(packed.revision.to_string()),
            bytes: Set(i64::try_from(packed.bytes).unwrap_or(i64::MAX)),
            compressed: Set(packed.compressed.clone()),
        });
        content::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([content::Column::WorkspaceId, content::Column::Revision])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// The content of a revision.
pub(crate) async fn get(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
    revision: &Revision,
) -> Result<Option<Vec<u8>>> {
    let key = (workspace.to_string(), revision.to_string());
    let Some(model) = content::Entity::find_by_id(key).one(db).await? else {
        return Ok(None);
    };
    unpack(&model).map(Some)
}

pub(crate) fn unpack(model: &content::Model) -> Result<Vec<u8>> {
    let row = Row::new("contents", &model.revision);
    let bytes: usize = row.count("bytes", model.bytes)?;
    let content = zstd::bulk::decompress(&model.compressed, bytes)
        .map_err(|error| row.corrupt("compressed", error))?;
    if Revision::of(&content).as_str() != model.revision {
        return Err(row.corrupt("compressed", "its hash is another one"));
    }
    Ok(content)
}

/// Waits until nobody stores contents, and keeps them from it until the transaction ends. To be called before anything
/// else is locked. (Not `FOR UPDATE`: that would also stop every insert that refers to the workspace.)
pub(crate) async fn lock_for_removal(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
) -> Result<()> {
    workspace::Entity::find_by_id(workspace.to_string())
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?;
    Ok(())
}

/// Removes the contents that no revision names: of those given, or of all.
pub(crate) async fn remove_unused(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    revisions: Option<Vec<String>>,
) -> Result<()> {
    let used = Query::select()
        .expr(Expr::cust("1"))
        .from(variant_revision::Entity)
        .and_where(
            Expr::col((
                variant_revision::Entity,
                variant_revision::Column::WorkspaceId,
            ))
            .equals((content::Entity, content::Column::WorkspaceId)),
        )
        .and_where(
            Expr::col((variant_revision::Entity, variant_revision::Column::Revision))
                .equals((content::Entity, content::Column::Revision)),
        )
        .to_owned();
    let unused = content::Entity::delete_many()
        .filter(content::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(Expr::not_exists(used));
    match revisions {
        None => {
            unused.exec(tx).await?;
        }
        Some(revisions) => {
            for chunk in revisions.chunks(1000) {
                unused
                    .clone()
                    .filter(content::Column::Revision.is_in(chunk.iter().map(String::as_str)))
                    .exec(tx)
                    .await?;
            }
        }
    }
    Ok(())
}
