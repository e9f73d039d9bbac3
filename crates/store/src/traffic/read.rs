//! Reading counts: the coarsest pieces that there are, together exactly the hours that were asked for.

use super::{day_from_row, packed, packed::Columns};
use crate::{
    Result, Store,
    convert::Row,
    entities::{
        traffic_cube::{Column, Entity},
        traffic_day,
    },
    packing::Unpacker,
    visit_deletions,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    traffic::{Counting, Course, Cube, Day, Extent, Level, Needs, Stretch, Wanted, cover},
};
use futures::TryStreamExt;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};
use std::collections::HashSet;
use tokio::sync::mpsc;

/// How many rows may wait to be counted.
const PIECES_WAITING: usize = 2;

/// How many days may wait to be counted; they are small.
const DAYS_WAITING: usize = 64;

/// How many spans are asked for in one query.
const SPANS_AT_ONCE: usize = 200;

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
        let asked = Asked {
            workspace,
            site,
            pieces: cover(from, to, coarsest),
            needs: Needs::ALL,
        };
        let each = |counted: &mut Vec<CountedStretch>, piece: Piece| {
            let cube = packed::unpack(&piece.columns)?;
            let stretch = piece.stretch;
            counted.push(CountedStretch { stretch, cube });
            Ok(())
        };
        let mut counted = self.over_pieces(asked, Vec::new(), each).await?;
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
        let asked = Asked {
            workspace,
            site,
            pieces: cover(from, to, coarsest),
            needs: Needs::of(&wanted, extent),
        };
        let mut unpacker = Unpacker::new();
        let each = move |counting: &mut Counting, piece: Piece| {
            packed::count(counting, piece.stretch, &piece.columns, &mut unpacker)
        };
        self.over_pieces(asked, Counting::new(wanted, extent), each)
            .await
    }

    /// Reads pieces one by one, in no order, and gives each to `each`.
    async fn over_pieces<T: Send + 'static>(
        &self,
        asked: Asked,
        all: T,
        mut each: impl FnMut(&mut T, Piece) -> std::result::Result<(), String> + Send + 'static,
    ) -> Result<T> {
        let turn = self.counting.acquire().await;
        let _turn = turn.expect("nobody closes it");
        let site = asked.site.to_string();
        let each = move |all: &mut T, piece: Piece| {
            each(all, piece)
                .map_err(|error| Row::new("traffic_cubes", &site).corrupt("data", error))
        };
        one_by_one(PIECES_WAITING, all, each, async |sender| {
            self.read_pieces(asked, &sender).await
        })
        .await
    }

    /// Sends the coarsest pieces that there are, together exactly those that were asked for, as of one moment: folding
    /// moves counts from one piece to another. Ends early when nobody takes them.
    async fn read_pieces(&self, asked: Asked, sender: &mpsc::Sender<Piece>) -> Result<()> {
        let tx = self.snapshot().await?;
        if visit_deletions::pending(&tx, asked.site).await?.is_some() {
            return Ok(());
        }
        let mut open = asked.pieces.clone();
        for level in [Level::Block, Level::Day, Level::Hour] {
            let (here, finer): (Vec<Stretch>, Vec<Stretch>) =
                open.into_iter().partition(|stretch| stretch.level == level);
            open = finer;
            let found = asked.send(&tx, level, &here, sender).await?;
            // What is not folded yet is read from what it would be folded from.
            if level != Level::Hour {
                let is_missing = |stretch: &Stretch| !found.contains(&stretch.start);
                open.extend(here.into_iter().filter(is_missing).flat_map(parts));
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Adds the UTC days from `from` to before `to` (days since 1970) to a course.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic_course(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        (from, to): (i64, i64),
        course: Course,
    ) -> Result<Course> {
        if visit_deletions::pending(self.reader(), site)
            .await?
            .is_some()
        {
            return Ok(course);
        }
        let mut unpacker = Unpacker::new();
        let each = move |course: &mut Course, row: traffic_day::Model| {
            course.add(row.day, &day_from_row(&row, &mut unpacker)?);
            Ok(())
        };
        one_by_one(DAYS_WAITING, course, each, async |sender| {
            let mut rows = days(workspace, site, from, to)
                .stream(self.reader())
                .await?;
            while let Some(row) = rows.try_next().await? {
                if sender.send(row).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
        .await
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
        if visit_deletions::pending(self.reader(), site)
            .await?
            .is_some()
        {
            return Ok(Vec::new());
        }
        let rows = days(workspace, site, from, to)
            .order_by_asc(traffic_day::Column::Day)
            .all(self.reader())
            .await?;
        let mut unpacker = Unpacker::new();
        let mut day = |row: traffic_day::Model| Ok((row.day, day_from_row(&row, &mut unpacker)?));
        rows.into_iter().map(&mut day).collect()
    }

    /// The same of every site of a workspace, with the site, in no order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traffic_days_of_all(
        &self,
        workspace: WorkspaceId,
        from: i64,
        to: i64,
    ) -> Result<Vec<(SiteId, i64, Day)>> {
        let rows = traffic_day::Entity::find()
            .filter(traffic_day::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(traffic_day::Column::Day.gte(from))
            .filter(traffic_day::Column::Day.lt(to))
            .all(self.reader())
            .await?;
        let mut unpacker = Unpacker::new();
        let mut day = |row: traffic_day::Model| {
            let site = Row::new("traffic_days", &row.site_id).parse("site_id", &row.site_id)?;
            Ok((site, row.day, day_from_row(&row, &mut unpacker)?))
        };
        rows.into_iter().map(&mut day).collect()
    }
}

/// Hands what `read` sends, one by one, to `each`, on a thread that may work for milliseconds: so neither is what was
/// read in memory as a whole, nor does anybody else wait.
async fn one_by_one<R: Send + 'static, T: Send + 'static>(
    waiting: usize,
    mut all: T,
    mut each: impl FnMut(&mut T, R) -> Result<()> + Send + 'static,
    read: impl AsyncFnOnce(mpsc::Sender<R>) -> Result<()>,
) -> Result<T> {
    let (sender, mut receiver) = mpsc::channel::<R>(waiting);
    let working = tokio::task::spawn_blocking(move || {
        while let Some(one) = receiver.blocking_recv() {
            each(&mut all, one)?;
        }
        Ok(all)
    });
    let read = read(sender).await;
    let worked = working
        .await
        .unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(DbErr::Custom("the program is ending".to_owned()).into()),
        });
    read.and(worked)
}

fn days(workspace: WorkspaceId, site: SiteId, from: i64, to: i64) -> Select<traffic_day::Entity> {
    traffic_day::Entity::find()
        .filter(traffic_day::Column::SiteId.eq(site.to_string()))
        .filter(traffic_day::Column::WorkspaceId.eq(workspace.to_string()))
        .filter(traffic_day::Column::Day.gte(from))
        .filter(traffic_day::Column::Day.lt(to))
}

/// What is to be read.
struct Asked {
    workspace: WorkspaceId,
    site: SiteId,
    pieces: Vec<Stretch>,
    needs: Needs,
}

/// A row, with the columns that are needed.
struct Piece {
    stretch: Stretch,
    columns: Columns,
}

impl Asked {
    /// Sends those of these stretches, all of one level, that were counted; answers where they start. Neighbours are
    /// asked for together.
    async fn send(
        &self,
        tx: &DatabaseTransaction,
        level: Level,
        stretches: &[Stretch],
        sender: &mpsc::Sender<Piece>,
    ) -> Result<HashSet<i64>> {
        let mut found = HashSet::new();
        for spans in spans(level, stretches).chunks(SPANS_AT_ONCE) {
            let mut rows = self
                .select(level, spans)
                .into_tuple::<(i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>)>()
                .stream(tx)
                .await?;
            while let Some((start, data, cells, parts)) = rows.try_next().await? {
                found.insert(start);
                let piece = Piece {
                    stretch: Stretch { level, start },
                    columns: Columns {
                        data,
                        cells: cells.unwrap_or_default(),
                        parts: parts.unwrap_or_default(),
                    },
                };
                if sender.send(piece).await.is_err() {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    fn select(&self, level: Level, spans: &[(i64, i64)]) -> Select<Entity> {
        let mut any = Condition::any();
        for (from, to) in spans {
            let span = Condition::all()
                .add(Column::Start.gte(*from))
                .add(Column::Start.lt(*to));
            any = any.add(span);
        }
        let optional = |column: Column, is_needed: bool| {
            if is_needed {
                Expr::col((Entity, column))
            } else {
                Expr::value(Vec::<u8>::new())
            }
        };
        Entity::find()
            .select_only()
            .columns([Column::Start, Column::Data])
            .column_as(optional(Column::Cells, self.needs.cells), "cells")
            .column_as(optional(Column::Parts, self.needs.parts), "parts")
            .filter(Column::SiteId.eq(self.site.to_string()))
            .filter(Column::WorkspaceId.eq(self.workspace.to_string()))
            .filter(Column::Level.eq(level.number()))
            .filter(any)
    }
}

/// The finer stretches of one.
fn parts(stretch: Stretch) -> impl Iterator<Item = Stretch> {
    let finer = stretch.level.finer().unwrap_or(Level::Hour);
    (0..stretch.level.hours() / finer.hours())
        .map(move |number| Stretch::holding(finer, stretch.start + number * finer.hours()))
}

/// From when to before when these stretches are, neighbours together.
fn spans(level: Level, stretches: &[Stretch]) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut starts: Vec<i64> = stretches.iter().map(|stretch| stretch.start).collect();
    starts.sort_unstable();
    for start in starts {
        match spans.last_mut() {
            Some((_, end)) if *end == start => *end += level.hours(),
            _ => spans.push((start, start + level.hours())),
        }
    }
    spans
}
