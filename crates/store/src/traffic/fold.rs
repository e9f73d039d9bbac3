//! Folding hours into days and days into blocks, once they are closed. It makes reading cheaper and changes no count.

use super::{SLACK, cube_from_row, put_cube};
use crate::{
    Result, Store,
    convert::Row,
    entities::traffic_cube::{Column, Entity},
    sites,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Folded, Level, Stretch},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use std::collections::BTreeSet;

/// A day or block that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfolded {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// What is to be made.
    pub stretch: Stretch,
}

impl Store {
    /// Some days and blocks of every workspace that ended before the hour `before` and are not folded, days first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic_to_fold_for_background(
        &self,
        before: i64,
        limit: u64,
    ) -> Result<Vec<Unfolded>> {
        for level in [Level::Day, Level::Block] {
            let Some(finer) = level.finer() else { continue };
            // The first hour of the stretch that is still going on.
            let open = Stretch::holding(level, before).start;
            let rows: Vec<(String, String, i64)> = Entity::find()
                .select_only()
                .columns([Column::WorkspaceId, Column::SiteId, Column::Start])
                .filter(Column::Level.eq(finer.number()))
                .filter(Column::Folded.eq(false))
                .filter(Column::Start.lt(open))
                .order_by_asc(Column::Start)
                .limit(limit)
                .into_tuple()
                .all(self.reader())
                .await?;
            let mut found = BTreeSet::new();
            for (workspace, site, start) in rows {
                let row = Row::new("traffic_cubes", &site);
                found.insert(Unfolded {
                    workspace: row.parse("workspace_id", &workspace)?,
                    site: row.parse("site_id", &site)?,
                    stretch: Stretch::holding(level, start),
                });
            }
            if !found.is_empty() {
                return Ok(found.into_iter().collect());
            }
        }
        Ok(Vec::new())
    }

    /// Counts a day from its hours, or a block from its days.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fold_traffic(&self, unfolded: Unfolded) -> Result<()> {
        let Unfolded {
            workspace,
            site,
            stretch,
        } = unfolded;
        let Some(finer) = stretch.level.finer() else {
            return Ok(());
        };
        let tx = self.begin().await?;
        if !sites::lock_for_counting(&tx, workspace, site).await? {
            return Ok(());
        }
        let parts = Entity::find()
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Level.eq(finer.number()))
            .filter(Column::Start.gte(stretch.start))
            .filter(Column::Start.lt(stretch.end()))
            .all(&tx)
            .await?;
        let has_parts = !parts.is_empty();
        let mut whole = Folded::default();
        for part in parts {
            let number = (part.start - stretch.start) / finer.hours();
            whole.add(u8::try_from(number).unwrap_or(0), &cube_from_row(part)?);
        }
        if has_parts {
            let whole = whole.bounded(stretch.level.paths_max(), SLACK);
            put_cube(&tx, workspace, site, stretch, &whole.sections()).await?;
            Entity::update_many()
                .col_expr(Column::Folded, Expr::value(true))
                .filter(Column::SiteId.eq(site.to_string()))
                .filter(Column::Level.eq(finer.number()))
                .filter(Column::Start.gte(stretch.start))
                .filter(Column::Start.lt(stretch.end()))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
