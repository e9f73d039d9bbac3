//! Counts of visits: by the hour, folded into days and blocks of 32 days, so that a year is read in about a hundred
//! pieces.
//!
//! A [`Cube`] counts the visits of one stretch of time by agent, path, outcome, identity and format. It names a bounded
//! number of paths, the most visited ones; the rest is counted under one *other*, [`OTHER_PATHS`]. A [`Day`] counts
//! without paths, hour by hour, so that days and weeks can be drawn in any time zone of whole hours.
//!
//! What is written down of a cube are [`Sections`]; [`Counting`] answers from those that it needs, [`Course`] from days.

mod counting;
mod course;
mod cube;
mod day;
mod folded;
mod kind;
mod sections;
mod stretch;

pub use counting::{AdmitsAgent, Counting, Extent, Needs, Reading, Wanted};
pub use course::{Course, CoursePoint};
pub use cube::{Cell, Cube, Sum};
pub use day::{Day, DayRow};
pub use folded::Folded;
pub use sections::{Chunk, Damaged, Sections};
pub use stretch::{Level, Stretch, cover};

/// The path under which those visits are counted whose own path is not named.
pub const OTHER_PATHS: &str = "";

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
