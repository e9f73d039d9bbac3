//! Finding sites by what people remember of them.

use super::{from_rows, of};
use crate::{
    Listed, Page, Result, Site, Store,
    entities::{site, site_hostname},
};
use domain::ids::WorkspaceId;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashSet;

impl Store {
    /// How many sites there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_sites(&self, workspace: WorkspaceId) -> Result<u64> {
        Ok(of(workspace).count(self.reader()).await?)
    }

    /// The sites whose name, or one of whose host names, holds this text, upper and lower case alike; oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn find_sites(
        &self,
        workspace: WorkspaceId,
        text: &str,
        page: &Page,
    ) -> Result<Listed<Site>> {
        // Compared here: the two databases fold letters by different rules.
        let text = text.to_lowercase();
        let hosts: Vec<(String, String)> = site_hostname::Entity::find()
            .filter(site_hostname::Column::WorkspaceId.eq(workspace.to_string()))
            .select_only()
            .columns([
                site_hostname::Column::SiteId,
                site_hostname::Column::Hostname,
            ])
            .into_tuple()
            .all(self.reader())
            .await?;
        let by_host: HashSet<&str> = hosts
            .iter()
            .filter(|(_, host)| host.contains(&text))
            .map(|(id, _)| id.as_str())
            .collect();
        let mut names = of(workspace)
            .select_only()
            .columns([site::Column::Id, site::Column::Name])
            .order_by_asc(site::Column::Id);
        if let Some(after) = page.start::<String>()? {
            names = names.filter(site::Column::Id.gt(after));
        }
        let names: Vec<(String, String)> = names.into_tuple().all(self.reader()).await?;
        let found: Vec<String> = names
            .into_iter()
            .filter(|(id, name)| {
                by_host.contains(id.as_str()) || name.to_lowercase().contains(&text)
            })
            .map(|(id, _)| id)
            .take(usize::try_from(page.rows() + 1).unwrap_or(usize::MAX))
            .collect();
        let rows = of(workspace)
            .filter(site::Column::Id.is_in(found))
            .order_by_asc(site::Column::Id)
            .all(self.reader())
            .await?;
        let listed = Listed::cut(rows, page, |row| row.id.clone());
        Ok(Listed {
            items: from_rows(self.reader(), listed.items).await?,
            next: listed.next,
        })
    }
}
