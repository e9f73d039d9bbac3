//! Counts of visits. Hours are counted from batches; closed days are folded from their hours and blocks from their days,
//! so that a year is read in about a hundred pieces. Whoever counts an hour anew throws away what it was folded into.

mod fold;
mod packed;
mod read;

use crate::{
    Result, Store,
    convert::Row,
    entities::{
        traffic_cube::{self, ActiveModel, Column, Entity},
        traffic_day, visit_batch,
    },
    packing::{Unpacker, compress},
    sites, visit_deletions,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Cube, Day, Level, Sections, Stretch},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use std::collections::BTreeMap;

use packed::Columns;

pub use fold::Unfolded;
pub use read::CountedStretch;

/// The first byte of what is compressed of a day.
const VERSION: u8 = 1;

/// zstd's default.
const COMPRESSION: i32 = 3;

/// The most bytes of a day when decompressed.
const UNPACKED_MAX: usize = 16 * 1024 * 1024;

/// How many times more paths than it will name an hour may hold, so that one that becomes known late can still grow.
pub(crate) const SLACK: usize = 2;

/// What is to be counted in one hour of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
    /// The hour since 1970.
    pub hour: i64,
    /// The visits.
    pub cube: Cube,
    /// Visits that Workers gave up, as they told in this hour.
    pub dropped: u32,
}

impl Store {
    /// Counts what was read from these batches and marks them as counted, all or nothing. `false` when one of them was
    /// counted by somebody else meanwhile, or is gone with its site, or the visits of a site are being deleted: then nothing
    /// is counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roll_up(&self, batches: &[i64], additions: &[Addition]) -> Result<bool> {
        let tx = self.begin().await?;
        let mut by_site: BTreeMap<(WorkspaceId, SiteId), Vec<&Addition>> = BTreeMap::new();
        for addition in additions {
            by_site
                .entry((addition.workspace, addition.site))
                .or_default()
                .push(addition);
        }
        let mut present = Vec::new();
        for ((workspace, site), additions) in &by_site {
            if sites::lock_for_counting(&tx, *workspace, *site).await? {
                // Its visits are being deleted: what came meanwhile is counted after that.
                if visit_deletions::pending(&tx, *site).await?.is_some() {
                    return Ok(false);
                }
                present.push((*workspace, *site, additions));
            }
        }
        let mut marked = 0;
        let mut expected = 0;
        for chunk in batches.chunks(1_000) {
            expected += chunk.len() as u64;
            let done = visit_batch::Entity::update_many()
                .col_expr(visit_batch::Column::RolledUp, Expr::value(true))
                .filter(visit_batch::Column::Id.is_in(chunk.iter().copied()))
                .filter(visit_batch::Column::RolledUp.eq(false))
                .exec(&tx)
                .await?;
            marked += done.rows_affected;
        }
        if marked != expected {
            return Ok(false);
        }
        for (workspace, site, additions) in present {
            count(&tx, workspace, site, additions).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Adds to hours and days. The site is locked.
async fn count(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    additions: &[&Addition],
) -> Result<()> {
    let mut days: BTreeMap<i64, Vec<&Addition>> = BTreeMap::new();
    for addition in additions {
        let stretch = Stretch::holding(Level::Hour, addition.hour);
        let mut cube = cube(tx, site, stretch).await?.unwrap_or_default();
        cube.merge(&addition.cube);
        let cube = cube.bounded(stretch.level.paths_max(), SLACK);
        put_cube(tx, workspace, site, stretch, &cube.sections()).await?;
        unfold(tx, site, addition.hour).await?;
        days.entry(addition.hour.div_euclid(24))
            .or_default()
            .push(addition);
    }
    for (day, additions) in days {
        let mut counts = day_of(tx, site, day).await?.unwrap_or_default();
        for addition in additions {
            let hour = usize::try_from(addition.hour.rem_euclid(24)).unwrap_or(0);
            counts.add_dropped(hour, addition.dropped);
            for cell in addition.cube.cells() {
                let visits = u32::try_from(cell.sum.visits).unwrap_or(u32::MAX);
                counts.add(hour, cell.agent, cell.outcome, cell.identity, visits);
            }
        }
        put_day(tx, workspace, site, day, &counts).await?;
    }
    Ok(())
}

/// Throws away the day and the block that count this hour.
pub(crate) async fn unfold(tx: &DatabaseTransaction, site: SiteId, hour: i64) -> Result<()> {
    let coarser = [Level::Day, Level::Block].map(|level| Stretch::holding(level, hour));
    let mut stale = Condition::any();
    for stretch in coarser {
        stale = stale.add(
            Condition::all()
                .add(Column::Level.eq(stretch.level.number()))
                .add(Column::Start.eq(stretch.start)),
        );
    }
    let deleted = Entity::delete_many()
        .filter(Column::SiteId.eq(site.to_string()))
        .filter(stale)
        .exec(tx)
        .await?;
    if deleted.rows_affected == 0 {
        return Ok(());
    }
    let [day, block] = coarser;
    for (level, stretch) in [(Level::Hour, day), (Level::Day, block)] {
        Entity::update_many()
            .col_expr(Column::Folded, Expr::value(false))
            .filter(Column::SiteId.eq(site.to_string()))
            .filter(Column::Level.eq(level.number()))
            .filter(Column::Start.gte(stretch.start))
            .filter(Column::Start.lt(stretch.end()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

pub(crate) async fn cube(
    db: &impl ConnectionTrait,
    site: SiteId,
    stretch: Stretch,
) -> Result<Option<Cube>> {
    let row = Entity::find_by_id((site.to_string(), stretch.level.number(), stretch.start))
        .one(db)
        .await?;
    row.map(cube_from_row).transpose()
}

fn cube_from_row(row: traffic_cube::Model) -> Result<Cube> {
    let columns = Columns {
        data: row.data,
        cells: row.cells.unwrap_or_default(),
        parts: row.parts.unwrap_or_default(),
    };
    packed::unpack(&columns)
        .map_err(|error| Row::new("traffic_cubes", &row.site_id).corrupt("data", error))
}

/// Stores a cube, with as many paths as its level may name.
pub(crate) async fn put_cube(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    stretch: Stretch,
    sections: &Sections,
) -> Result<()> {
    let columns = packed::pack(sections);
    let row = ActiveModel {
        site_id: Set(site.to_string()),
        level: Set(stretch.level.number()),
        start: Set(stretch.start),
        workspace_id: Set(workspace.to_string()),
        data: Set(columns.data),
        folded: Set(false),
        cells: Set(Some(columns.cells)),
        parts: Set(Some(columns.parts)),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::SiteId, Column::Level, Column::Start])
                .update_columns([Column::Data, Column::Folded, Column::Cells, Column::Parts])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

pub(crate) async fn day_of(
    db: &impl ConnectionTrait,
    site: SiteId,
    day: i64,
) -> Result<Option<Day>> {
    let row = traffic_day::Entity::find_by_id((site.to_string(), day))
        .one(db)
        .await?;
    row.map(|row| day_from_row(&row, &mut Unpacker::new()))
        .transpose()
}

pub(crate) async fn put_day(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    day: i64,
    counts: &Day,
) -> Result<()> {
    let row = traffic_day::ActiveModel {
        site_id: Set(site.to_string()),
        day: Set(day),
        workspace_id: Set(workspace.to_string()),
        data: Set(packed_day(counts)),
    };
    traffic_day::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([traffic_day::Column::SiteId, traffic_day::Column::Day])
                .update_column(traffic_day::Column::Data)
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn packed_day(day: &Day) -> Vec<u8> {
    let plain =
        postcard::to_extend(day, vec![VERSION]).expect("counts are numbers, words and lists");
    compress(&plain, COMPRESSION)
}

fn day_from_row(row: &traffic_day::Model, unpacker: &mut Unpacker) -> Result<Day> {
    let corrupt = |detail: String| Row::new("traffic_days", &row.site_id).corrupt("data", detail);
    let plain = unpacker.unpack(&row.data, UNPACKED_MAX).map_err(corrupt)?;
    match plain.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| corrupt(error.to_string()))
        }
        _ => Err(corrupt("of an unknown version".to_owned())),
    }
}
