//! What an alert says: the kind, about whom, and the figures.

use serde::{Deserialize, Serialize};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Agents that came regularly come no more.
    AgentStopped,
    /// Agents got the page that people get, since KV was slow or failed, too often.
    Errors,
    /// Visitors that are no agent we know came too often.
    UnknownBot,
    /// More visits than usual were not by whom they said.
    Contradicted,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::AgentStopped,
        Self::Errors,
        Self::UnknownBot,
        Self::Contradicted,
    ];

    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentStopped => "agent_stopped",
            Self::Errors => "errors",
            Self::UnknownBot => "unknown_bot",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What was found, with the figures that say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// Agents that came regularly come no more.
    AgentStopped {
        /// Their tokens, in order; one, unless many stopped at once.
        agents: Vec<String>,
        /// Whether nobody at all was counted in that time.
        is_all: bool,
        /// For how many hours at least nothing of them was counted when it was found.
        silent_hours: u32,
        /// Their visits in the seven days before the silence.
        visits_before: u64,
        /// On how many of these days one of them came.
        days_before: u32,
        /// The hour since 1970 of the last visit.
        last_hour: i64,
    },
    /// Errors, of all visits of the last hours.
    Errors {
        /// Visits.
        visits: u64,
        /// Those with an error.
        errors: u64,
        /// The whole hours that were looked at, and the one that is going on.
        hours: u32,
    },
    /// Visits of bots that are not known, in 24 hours.
    UnknownBot {
        /// Visits.
        visits: u64,
    },
    /// Visits in 24 hours that could be checked, against those of the seven days before.
    Contradicted {
        /// Verified and contradicted ones.
        checked: u64,
        /// Contradicted ones.
        contradicted: u64,
        /// Verified and contradicted ones before.
        checked_before: u64,
        /// Contradicted ones before.
        contradicted_before: u64,
    },
}

impl Finding {
    /// What it is about.
    pub const fn kind(&self) -> AlertKind {
        match self {
            Self::AgentStopped { .. } => AlertKind::AgentStopped,
            Self::Errors { .. } => AlertKind::Errors,
            Self::UnknownBot { .. } => AlertKind::UnknownBot,
            Self::Contradicted { .. } => AlertKind::Contradicted,
        }
    }

    /// Of whom it speaks, where a site can have several of its kind at once: the one agent that stopped; else empty.
    pub fn subject(&self) -> &str {
        match self {
            Self::AgentStopped {
                agents,
                is_all: false,
                ..
            } => match agents.as_slice() {
                [agent] => agent,
                _ => "",
            },
            _ => "",
        }
    }
}

/// `part` of `whole` in percent, rounded down; 0 of nothing.
pub(super) const fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    // Counts are far below 2^64 / 100.
    part.saturating_mul(100) / whole
}

impl Finding {
    /// Its share in percent, rounded down, where it is about one.
    pub const fn percent(&self) -> Option<u64> {
        match self {
            Self::Errors { visits, errors, .. } => Some(percent(*errors, *visits)),
            Self::Contradicted {
                checked,
                contradicted,
                ..
            } => Some(percent(*contradicted, *checked)),
            Self::AgentStopped { .. } | Self::UnknownBot { .. } => None,
        }
    }

    /// The share in percent that was usual before, rounded down, where it is compared with one.
    pub const fn percent_before(&self) -> Option<u64> {
        match self {
            Self::Contradicted {
                checked_before,
                contradicted_before,
                ..
            } => Some(percent(*contradicted_before, *checked_before)),
            _ => None,
        }
    }
}
