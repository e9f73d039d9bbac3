//! The stretches of time that are counted: hours since 1970 (UTC), days of 24 of them, blocks of 32 days.

use serde::{Deserialize, Serialize};

/// How long a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// One hour.
    Hour,
    /// 24 hours from midnight UTC.
    Day,
    /// 32 days; a multiple of 32 days since 1970 begins it.
    Block,
}

impl Level {
    /// Every level, finest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Block];

    /// How many hours.
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Block => 24 * 32,
        }
    }

    /// The number in the database.
    pub const fn number(self) -> i16 {
        match self {
            Self::Hour => 0,
            Self::Day => 1,
            Self::Block => 2,
        }
    }

    /// The level below.
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::Hour => None,
            Self::Day => Some(Self::Hour),
            Self::Block => Some(Self::Day),
        }
    }

    /// The most paths that a cube of this level names.
    pub const fn paths_max(self) -> usize {
        match self {
            Self::Hour => 1_000,
            Self::Day => 2_000,
            Self::Block => 4_000,
        }
    }
}

/// One stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stretch {
    /// How long it is.
    pub level: Level,
    /// Its first hour since 1970.
    pub start: i64,
}

impl Stretch {
    /// The stretch of this level that holds an hour.
    pub const fn holding(level: Level, hour: i64) -> Self {
        Self {
            level,
            start: hour.div_euclid(level.hours()) * level.hours(),
        }
    }

    /// The first hour after it.
    pub const fn end(self) -> i64 {
        self.start + self.level.hours()
    }
}

/// The fewest stretches, none above `coarsest`, that together are exactly the hours from `from` to before `to`.
pub fn cover(from: i64, to: i64, coarsest: Level) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut hour = from;
    while hour < to {
        let stretch = [Level::Block, Level::Day, Level::Hour]
            .map(|level| Stretch::holding(level, hour))
            .into_iter()
            .filter(|stretch| stretch.level <= coarsest)
            .find(|stretch| stretch.start == hour && stretch.end() <= to)
            .expect("an hour is a stretch of its own");
        stretches.push(stretch);
        hour = stretch.end();
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cover_is_exact_and_short(from in 400_000_i64..600_000, hours in 0_i64..20_000) {
            let stretches = cover(from, from + hours, Level::Block);
            let mut at = from;
            for stretch in &stretches {
                prop_assert_eq!(stretch.start, at);
                prop_assert_eq!(stretch.start % stretch.level.hours(), 0);
                at = stretch.end();
            }
            prop_assert_eq!(at, from + hours);
            prop_assert!(stretches.len() <= 2 * 23 + 2 * 31 + 26);
        }
    }
}
