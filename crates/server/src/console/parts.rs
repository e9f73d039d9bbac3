//! What pages are put together from: marks, states, times, numbers and problems as panels.

mod mark;
mod problem;
mod text;
mod time;

#[cfg(test)]
pub(crate) use self::problem::guide_section;
pub(crate) use self::{
    mark::{Mark, State},
    problem::{ProblemPanel, set_support},
    text::Coded,
    time::{Exact, Local, Seen, Stamp, Wait, When, day, local_day, moment, span},
};
pub(crate) use crate::words::{count, plural};
