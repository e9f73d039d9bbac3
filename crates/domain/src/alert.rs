//! Alerts: what about a site's traffic should be told without somebody looking. Four rules over counts, and how an alert
//! opens, lasts and ends.
//!
//! Everything is a function of counted hours, of what is open already and of a time that is given in. An alert opens once,
//! is brought up to date while it lasts, and ends when its condition has been untrue for [`QUIET_MS`]. What opened it is
//! needed no longer to keep it open: it ends below [`ENDS_AT_PERCENT`] of its threshold, and is compared with what was usual
//! when it opened, so that it neither flaps around a threshold nor becomes its own measure.

mod finding;
mod judge;
mod look;
mod recent;
mod rules;

pub use finding::{AlertKind, Finding};
pub use judge::{ENDS_AT_PERCENT, Ending, OpenAlert, QUIET_MS, Step, judge};
pub use look::TOGETHER;
pub use recent::{Recent, Watch};
pub use rules::{
    ContradictedRule, ErrorsRule, InvalidRule, Rules, StoppedRule, USUAL_DAYS, UnknownBotRule,
};
