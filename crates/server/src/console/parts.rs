//! What pages are put together from: marks, states, times, numbers and problems as panels.

mod mark;
mod problem;
mod text;
mod time;

pub(crate) use self::{
    mark::{Mark, State},
    problem::{CheckRow, ProblemPanel, set_support},
    text::{Coded, count, plural},
    time::{Stamp, When, span},
};
