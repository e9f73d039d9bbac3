//! The client from outside: against broken answers on a mock, and against the emulator.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has nothing better to do"
)]

mod analytics_engine;
mod broken_answers;
mod canary;
mod local;
mod long_lists;
mod repetitions;
mod rights;
mod stories;
mod support;
