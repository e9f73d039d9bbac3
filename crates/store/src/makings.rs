//! Runs of making variants from live pages: each is leased by one process, and goes on where it stood when that one dies,
//! since what became of each page is written down as it happens (`makings/work.rs`).

mod work;

use crate::{
    Listed, Page, Result, Store, StoreError,
    convert::{Row, from_word, to_word},
    database::bind_parameters_max,
    entities::{making, making_page},
    sites,
};
use domain::{
    ids::{MakingId, SiteId, WorkspaceId},
    time::Millis,
    variant::Format,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MakingStatus {
    /// It waits for a process.
    Queued,
    /// A process does it.
    Running,
    /// Every page had its turn.
    Done,
    /// It was stopped.
    Cancelled,
    /// It could not go on.
    Failed,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStatus {
    /// Nothing yet.
    Waiting,
    /// A draft was saved.
    Made,
    /// The newest revision says just this already.
    Unchanged,
    /// No variant could be made.
    Refused,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Making {
    /// The id.
    pub id: MakingId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Whose pages.
    pub site: SiteId,
    /// What is made.
    pub format: Format,
    /// How far it is.
    pub status: MakingStatus,
    /// The path of the sitemap that names the pages; `None`: they were named one by one, or the sitemap has been read.
    pub sitemap: Option<String>,
    /// Whether robots.txt is looked past, as the owner may.
    pub ignore_robots: bool,
    /// The pause between two pages, in milliseconds.
    pub delay_ms: u32,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub created_at: Millis,
    /// When a process began.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// Whether it is to stop.
    pub cancel_requested: bool,
    /// Why it failed, in the caller's form.
    pub problem: Option<String>,
}

/// How many pages became what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MakingCounts {
    /// Those that wait.
    pub waiting: u64,
    /// Drafts that were saved.
    pub made: u64,
    /// Those that said just this already.
    pub unchanged: u64,
    /// Those of which nothing could be made.
    pub refused: u64,
}

/// A page of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakingPage {
    /// Its place in the order.
    pub position: i64,
    /// Its path.
    pub path: String,
    /// What became of it.
    pub status: PageStatus,
    /// Why it was refused.
    pub detail: Option<String>,
}

/// What became of a page, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOutcome {
    /// Its place in the order.
    pub position: i64,
    /// What became of it.
    pub status: PageStatus,
    /// Why it was refused.
    pub detail: Option<String>,
}

impl Store {
    /// Stores a new run with the pages that are known so far.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the site is gone.
    pub async fn create_making(&self, making: &Making, paths: &[String]) -> Result<()> {
        let tx = self.begin().await?;
        if !sites::lock(&tx, making.workspace, making.site).await? {
            return Err(StoreError::Missing { what: "site" });
        }
        making::Entity::insert(to_row(making))
            .exec_without_returning(&tx)
            .await?;
        add_pages(&tx, making.workspace, making.id, 0, paths).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The pages that the sitemap named; from now on the run has them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_making_pages(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
        paths: &[String],
    ) -> Result<()> {
        let tx = self.begin().await?;
        making_page::Entity::delete_many()
            .filter(making_page::Column::MakingId.eq(id.to_string()))
            .exec(&tx)
            .await?;
        add_pages(&tx, workspace, id, 0, paths).await?;
        making::Entity::update_many()
            .col_expr(making::Column::Sitemap, Expr::value(None::<String>))
            .filter(making::Column::Id.eq(id.to_string()))
            .filter(making::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// A run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn making(&self, workspace: WorkspaceId, id: MakingId) -> Result<Option<Making>> {
        of(workspace)
            .filter(making::Column::Id.eq(id.to_string()))
            .one(self.reader())
            .await?
            .map(|row| from_row(&row))
            .transpose()
    }

    /// The newest runs of a site, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn makings(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        limit: u64,
    ) -> Result<Vec<Making>> {
        of(workspace)
            .filter(making::Column::SiteId.eq(site.to_string()))
            .order_by_desc(making::Column::CreatedAt)
            .order_by_desc(making::Column::Id)
            .limit(limit)
            .all(self.reader())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// How many pages of a run became what.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn making_counts(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
    ) -> Result<MakingCounts> {
        let rows: Vec<(String, i64)> = pages_of(workspace, id)
            .select_only()
            .column(making_page::Column::Status)
            .expr(Expr::col(making_page::Column::Position).count())
            .group_by(making_page::Column::Status)
            .into_tuple()
            .all(self.reader())
            .await?;
        let mut counts = MakingCounts::default();
        let named = id.to_string();
        let row = Row::new("making_pages", &named);
        for (status, count) in &rows {
            let count = row.count("count", *count)?;
            match row.word("status", status, from_word)? {
                PageStatus::Waiting => counts.waiting = count,
                PageStatus::Made => counts.made = count,
                PageStatus::Unchanged => counts.unchanged = count,
                PageStatus::Refused => counts.refused = count,
            }
        }
        Ok(counts)
    }

    /// The pages of a run in their order; those of one status, if there is one.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`], or when the database fails.
    pub async fn making_pages(
        &self,
        workspace: WorkspaceId,
        id: MakingId,
        page: &Page,
        status: Option<PageStatus>,
    ) -> Result<Listed<MakingPage>> {
        let mut query = pages_of(workspace, id)
            .order_by_asc(making_page::Column::Position)
            .limit(page.rows() + 1);
        if let Some(status) = status {
            query = query.filter(making_page::Column::Status.eq(to_word(status)));
        }
        if let Some(after) = page.start::<i64>()? {
            query = query.filter(making_page::Column::Position.gt(after));
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| row.position).try_map(|model| {
            let row = Row::new("making_pages", &model.making_id);
            Ok(MakingPage {
                position: model.position,
                status: row.word("status", &model.status, from_word)?,
                path: model.path,
                detail: model.detail,
            })
        })
    }

    /// How many runs of a site have not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_makings(&self, workspace: WorkspaceId, site: SiteId) -> Result<u64> {
        Ok(of(workspace)
            .filter(making::Column::SiteId.eq(site.to_string()))
            .filter(making::Column::Status.is_in([
                to_word(MakingStatus::Queued),
                to_word(MakingStatus::Running),
            ]))
            .count(self.reader())
            .await?)
    }
}

async fn add_pages(
    tx: &sea_orm::DatabaseTransaction,
    workspace: WorkspaceId,
    id: MakingId,
    first: i64,
    paths: &[String],
) -> Result<()> {
    let mut position = first;
    for chunk in paths.chunks(bind_parameters_max(tx) / 6) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|path| {
                position += 1;
                making_page::ActiveModel {
                    making_id: Set(id.to_string()),
                    position: Set(position),
                    workspace_id: Set(workspace.to_string()),
                    path: Set(path.clone()),
                    status: Set(to_word(PageStatus::Waiting)),
                    detail: Set(None),
                }
            })
            .collect();
        making_page::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn of(workspace: WorkspaceId) -> Select<making::Entity> {
    making::Entity::find().filter(making::Column::WorkspaceId.eq(workspace.to_string()))
}

fn pages_of(workspace: WorkspaceId, id: MakingId) -> Select<making_page::Entity> {
    making_page::Entity::find()
        .filter(making_page::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(making_page::Column::MakingId.eq(id.to_string()))
}

fn to_row(making: &Making) -> making::ActiveModel {
    making::ActiveModel {
        id: Set(making.id.to_string()),
        workspace_id: Set(making.workspace.to_string()),
        site_id: Set(making.site.to_string()),
        format: Set(making.format.as_str().to_owned()),
        status: Set(to_word(making.status)),
        sitemap: Set(making.sitemap.clone()),
        ignore_robots: Set(making.ignore_robots),
        delay_ms: Set(i64::from(making.delay_ms)),
        requested_by: Set(making.requested_by.clone()),
        created_at: Set(making.created_at.0),
        started_at: Set(making.started_at.map(|at| at.0)),
        finished_at: Set(making.finished_at.map(|at| at.0)),
        cancel_requested: Set(making.cancel_requested),
        problem: Set(making.problem.clone()),
        lease_owner: Set(None),
        lease_until: Set(None),
    }
}

fn from_row(model: &making::Model) -> Result<Making> {
    let row = Row::new("makings", &model.id);
    Ok(Making {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        site: row.parse("site_id", &model.site_id)?,
        format: row.parse("format", &model.format)?,
        status: row.word("status", &model.status, from_word)?,
        sitemap: model.sitemap.clone(),
        ignore_robots: model.ignore_robots,
        delay_ms: row.count("delay_ms", model.delay_ms)?,
        requested_by: model.requested_by.clone(),
        created_at: Millis(model.created_at),
        started_at: model.started_at.map(Millis),
        finished_at: model.finished_at.map(Millis),
        cancel_requested: model.cancel_requested,
        problem: model.problem.clone(),
    })
}
