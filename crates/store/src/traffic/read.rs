//! Reading counts: the coarsest pieces that there are, together exactly the hours that were asked for.

use super::{cube_from_row, packed, unpack};
use crate::{
    Result, Store,
    convert::Row,
    entities::{
        traffic_cube::{Column, Entity, Model},
        traffic_day,
    },
    packing::Unpacker,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Counting, Cube, Day, Extent, Level, Stretch, Wanted, cover},
};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use std::collections::HashSet;

/// The counts of one stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedStretch {
    /// When.
    pub stretch: Stretch,
    /// How many.
    pub cube: Cube,
}

impl Store {
    /// The counts of the hours from `from` to before `to`, in pieces that do not overlap and leave nothing out; none is
    /// longer than `coarsest`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        from: i64,
        to: i64,
        coarsest: Level,
    ) -> Result<Vec<CountedStretch>> {
        let rows = self.cubes(workspace, site, (from, to), coarsest).await?;
        let mut counted = Vec::with_capacity(rows.len());
        for row in &rows {
            counted.push(CountedStretch {
                stretch: stretch_of(row),
                cube: cube_from_row(row)?,
            });
        }
        counted.sort_by_key(|counted| counted.stretch.start);
        Ok(counted)
    }

    /// What is wanted of the counts of the hours from `from` to before `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic_counts(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        (from, to): (i64, i64),
        wanted: Wanted,
        extent: Extent,
    ) -> Result<Counting> {
        // A block tells its days apart, a day its hours.
        let coarsest = match extent.series_by {
            Some(Level::Hour) => Level::Day,
            _ => Level::Block,
        };
        let rows = self.cubes(workspace, site, (from, to), coarsest).await?;
        // Milliseconds of work: not on the threads that answer requests.
        let counting = tokio::task::spawn_blocking(move || {
            let mut counting = Counting::new(wanted, extent);
            let mut unpacker = Unpacker::new();
            for row in &rows {
                packed::count(&mut counting, stretch_of(row), &row.data, &mut unpacker).map_err(
                    |error| Row::new("traffic_cubes", &row.site_id).corrupt("data", error),
                )?;
            }
            Ok(counting)
        });
        counting
            .await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only at the end of the program.
                Err(_) => Ok(Counting::new(Wanted::default(), Extent::default())),
            })
    }

    /// The rows of the hours from `from` to before `to`.
    async fn cubes(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        (from, to): (i64, i64),
        coarsest: Level,
    ) -> Result<Vec<Model>> {
        // All of it as of one moment: folding moves counts from one piece to another.
        let tx = self.snapshot().await?;
        let wanted = cover(from, to, coarsest);
        let mut rows = Vec::new();
        let mut open: Vec<Stretch> = wanted.clone();
        for level in [Level::Block, Level::Day] {
            let asked: Vec<Stretch> = open
                .iter()
                .copied()
                .filter(|stretch| stretch.level == level)
                .collect();
            let found = pieces(&tx, workspace, site, level, &asked).await?;
            let known: HashSet<i64> = found.iter().map(|row| row.start).collect();
            rows.extend(found);
            open.retain(|stretch| stretch.level != level);
            // What is not folded yet is read from what it would be folded from.
            for missing in asked
                .iter()
                .filter(|stretch| !known.contains(&stretch.start))
            {
                open.extend(parts(*missing));
            }
        }
        let hours: Vec<Stretch> = open;
        rows.extend(pieces(&tx, workspace, site, Level::Hour, &hours).await?);
        tx.commit().await?;
        Ok(rows)
    }

    /// The UTC days from `from` to before `to` (days since 1970) in which something came, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic_days(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, Day)>> {
        traffic_day::Entity::find()
            .filter(traffic_day::Column::SiteId.eq(site.to_string()))
            .filter(traffic_day::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(traffic_day::Column::Day.gte(from))
            .filter(traffic_day::Column::Day.lt(to))
            .order_by_asc(traffic_day::Column::Day)
            .all(self.reader())
            .await?
            .into_iter()
            .map(|row| {
                let day = unpack(&row.data, Row::new("traffic_days", &row.site_id))?;
                Ok((row.day, day))
            })
            .collect()
    }
}

fn stretch_of(row: &Model) -> Stretch {
    let is_its = |level: &Level| level.number() == row.level;
    let level = Level::ALL.into_iter().find(is_its).unwrap_or(Level::Hour);
    Stretch::holding(level, row.start)
}

fn parts(stretch: Stretch) -> impl Iterator<Item = Stretch> {
    let finer = stretch.level.finer().unwrap_or(Level::Hour);
    (0..stretch.level.hours() / finer.hours())
        .map(move |number| Stretch::holding(finer, stretch.start + number * finer.hours()))
}

/// Those of these stretches, all of one level, that were counted. Neighbours are asked for together.
async fn pieces(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    level: Level,
    stretches: &[Stretch],
) -> Result<Vec<Model>> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut starts: Vec<i64> = stretches.iter().map(|stretch| stretch.start).collect();
    starts.sort_unstable();
    for start in starts {
        match spans.last_mut() {
            Some((_, end)) if *end == start => *end += level.hours(),
            _ => spans.push((start, start + level.hours())),
        }
    }
    let mut rows = Vec::new();
    for chunk in spans.chunks(200) {
        let mut any = Condition::any();
        for (from, to) in chunk {
            any = any.add(
                Condition::all()
                    .add(Column::Start.gte(*from))
                    .add(Column::Start.lt(*to)),
            );
        }
        rows.extend(
            Entity::find()
                .filter(Column::SiteId.eq(site.to_string()))
                .filter(Column::WorkspaceId.eq(workspace.to_string()))
                .filter(Column::Level.eq(level.number()))
                .filter(any)
                .all(tx)
                .await?,
        );
    }
    Ok(rows)
}
