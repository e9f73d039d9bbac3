//! Signed previews: each site's key, and the links that are open. A link alone opens nothing: it is made again from its row
//! by whoever has the key.

use crate::{
    Result, Store, StoreError,
    convert::Row,
    entities::{preview_key, preview_link},
    sites,
};
use domain::{
    ids::{PreviewId, SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select,
    sea_query::OnConflict,
};

/// The key that signs a site's previews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewKey {
    /// Its name, of which the key does not follow.
    pub id: String,
    /// The key, sealed by the vault.
    pub sealed: Vec<u8>,
}

/// A link to a signed preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewLink {
    /// The id.
    pub id: PreviewId,
    /// The site.
    pub site: SiteId,
    /// The format.
    pub format: Format,
    /// The page's path, normalised.
    pub path: String,
    /// The revision.
    pub revision: Revision,
    /// The host name that it is bound to.
    pub host: String,
    /// Its part of the draft's key in KV.
    pub draft: String,
    /// Who made it.
    pub author: String,
    /// When.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
}

impl Store {
    /// The key of a site's previews.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_key(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Option<PreviewKey>> {
        let row = preview_key::Entity::find_by_id(site.to_string())
            .filter(preview_key::Column::WorkspaceId.eq(workspace.to_string()))
            .one(self.reader())
            .await?;
        Ok(row.map(|row| PreviewKey {
            id: row.key_id,
            sealed: row.sealed_key,
        }))
    }

    /// Stores a site's first key for previews; of several that try at once, one wins. Says whether it did.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn set_first_preview_key(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        key: &PreviewKey,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        let rows = preview_key::Entity::insert(key_row(workspace, site, key))
            .on_conflict(
                OnConflict::column(preview_key::Column::SiteId)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(rows == 1)
    }

    /// Puts another key in the place of a site's and forgets every link, since none is good under the new one; answers with
    /// those that were still open.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn replace_preview_key(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        key: &PreviewKey,
        at: Millis,
    ) -> Result<Vec<PreviewLink>> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        preview_key::Entity::insert(key_row(workspace, site, key))
            .on_conflict(
                OnConflict::column(preview_key::Column::SiteId)
                    .update_columns([preview_key::Column::KeyId, preview_key::Column::SealedKey])
                    .to_owned(),
            )
            .exec_without_returning(&tx)
            .await?;
        let open = open(workspace, site, at).all(&tx).await?;
        preview_link::Entity::delete_many()
            .filter(preview_link::Column::SiteId.eq(site.to_string()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        self.forget_deleted_bytes().await?;
        open.into_iter().map(from_row).collect()
    }

    /// Stores a link, unless the site has `most` open ones; says whether it did. Those that ended are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn add_preview_link(
        &self,
        workspace: WorkspaceId,
        link: &PreviewLink,
        most: u64,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, workspace, link.site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        preview_link::Entity::delete_many()
            .filter(preview_link::Column::SiteId.eq(link.site.to_string()))
            .filter(preview_link::Column::ExpiresAt.lte(link.created_at.0))
            .exec(&tx)
            .await?;
        let has = open(workspace, link.site, link.created_at)
            .count(&tx)
            .await?;
        if has < most {
            let row = preview_link::ActiveModel {
                id: Set(link.id.to_string()),
                workspace_id: Set(workspace.to_string()),
                site_id: Set(link.site.to_string()),
                format: Set(link.format.as_str().to_owned()),
                path: Set(link.path.clone()),
                revision: Set(link.revision.to_string()),
                host: Set(link.host.clone()),
                draft: Set(link.draft.clone()),
                author: Set(link.author.clone()),
                created_at: Set(link.created_at.0),
                expires_at: Set(link.expires_at.0),
            };
            preview_link::Entity::insert(row)
                .exec_without_returning(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(has < most)
    }

    /// A site's links that are open at this time, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_links(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        at: Millis,
    ) -> Result<Vec<PreviewLink>> {
        open(workspace, site, at)
            .order_by_desc(preview_link::Column::CreatedAt)
            .order_by_desc(preview_link::Column::Id)
            .all(self.reader())
            .await?
            .into_iter()
            .map(from_row)
            .collect()
    }

    /// Forgets a link; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_preview_link(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        id: PreviewId,
    ) -> Result<bool> {
        let done = preview_link::Entity::delete_many()
            .filter(preview_link::Column::Id.eq(id.to_string()))
            .filter(preview_link::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(preview_link::Column::SiteId.eq(site.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }
}

fn open(workspace: WorkspaceId, site: SiteId, at: Millis) -> Select<preview_link::Entity> {
    preview_link::Entity::find()
        .filter(preview_link::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(preview_link::Column::SiteId.eq(site.to_string()))
        .filter(preview_link::Column::ExpiresAt.gt(at.0))
}

fn key_row(workspace: WorkspaceId, site: SiteId, key: &PreviewKey) -> preview_key::ActiveModel {
    preview_key::ActiveModel {
        site_id: Set(site.to_string()),
        workspace_id: Set(workspace.to_string()),
        key_id: Set(key.id.clone()),
        sealed_key: Set(key.sealed.clone()),
    }
}

fn from_row(model: preview_link::Model) -> Result<PreviewLink> {
    let row = Row::new("preview_links", &model.id);
    Ok(PreviewLink {
        id: row.parse("id", &model.id)?,
        site: row.parse("site_id", &model.site_id)?,
        format: row.parse("format", &model.format)?,
        revision: row.parse("revision", &model.revision)?,
        path: model.path,
        host: model.host,
        draft: model.draft,
        author: model.author,
        created_at: Millis(model.created_at),
        expires_at: Millis(model.expires_at),
    })
}
