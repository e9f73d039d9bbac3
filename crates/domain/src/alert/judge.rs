//! How alerts open, last and end.

use super::{AlertKind, Finding, Recent, Rules, Watch, look};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An alert ends when its condition has been untrue for so many milliseconds: an hour.
pub const QUIET_MS: i64 = 60 * 60 * 1000;

/// An open alert's condition is true down to so many percent of the threshold that opened it.
pub const ENDS_AT_PERCENT: u128 = 80;

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// What was found, as of the last look at which it was so.
    pub finding: Finding,
    /// Since when it is so no more.
    pub clear_since: Option<Millis>,
}

/// Why an alert ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is so no more.
    Over,
    /// Somebody switched its rule off.
    RuleOff,
}

impl Ending {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::RuleOff => "rule_off",
        }
    }
}

/// What is to be done about alerts; `alert` is the place in the list of open ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new one opens.
    Open(Finding),
    /// It is so still, or again: these are its figures now.
    Last {
        /// Which.
        alert: usize,
        /// What is found now.
        finding: Finding,
    },
    /// It is so no more as of this look.
    Clear {
        /// Which.
        alert: usize,
    },
    /// It ends.
    End {
        /// Which.
        alert: usize,
        /// Why.
        ending: Ending,
    },
}

/// What is to be done after a look at the counts. Nothing, when nothing changed.
pub fn judge(rules: &Rules, recent: Recent<'_>, watch: Watch, open: &[OpenAlert]) -> Vec<Step> {
    let mut steps: Vec<Step> = open
        .iter()
        .enumerate()
        .filter_map(|(at, alert)| follow(rules, recent, watch, (at, alert)))
        .collect();
    steps.extend(news(rules, recent, watch, open).into_iter().map(Step::Open));
    steps
}

/// What becomes of one that is open.
fn follow(
    rules: &Rules,
    recent: Recent<'_>,
    watch: Watch,
    (alert, open): (usize, &OpenAlert),
) -> Option<Step> {
    let kind = open.finding.kind();
    if !rules.is_enabled(kind) {
        let ending = Ending::RuleOff;
        return Some(Step::End { alert, ending });
    }
    let now = match kind {
        AlertKind::AgentStopped => look::is_stopped_still(&open.finding, recent, watch),
        AlertKind::Errors => look::errors(&rules.errors, recent, watch, true),
        AlertKind::UnknownBot => look::unknown_bot(&rules.unknown_bot, recent, watch, true),
        AlertKind::Contradicted => {
            look::contradicted(&rules.contradicted, recent, watch, Some(&open.finding))
        }
    };
    match (now, open.clear_since) {
        (Some(finding), None) if finding == open.finding => None,
        (Some(finding), _) => Some(Step::Last { alert, finding }),
        (None, None) => Some(Step::Clear { alert }),
        (None, Some(since)) if watch.now.0 - since.0 >= QUIET_MS => Some(Step::End {
            alert,
            ending: Ending::Over,
        }),
        (None, Some(_)) => None,
    }
}

/// What is found that no open alert tells of.
fn news(rules: &Rules, recent: Recent<'_>, watch: Watch, open: &[OpenAlert]) -> Vec<Finding> {
    let is_told = |kind| open.iter().any(|alert| alert.finding.kind() == kind);
    let is_wanted = |kind| rules.is_enabled(kind) && !is_told(kind);
    let mut found = Vec::new();
    if rules.agent_stopped.enabled {
        found.extend(stopped(rules, recent, watch, open));
    }
    if is_wanted(AlertKind::Errors) {
        found.extend(look::errors(&rules.errors, recent, watch, false));
    }
    if is_wanted(AlertKind::UnknownBot) {
        found.extend(look::unknown_bot(&rules.unknown_bot, recent, watch, false));
    }
    if is_wanted(AlertKind::Contradicted) {
        found.extend(look::contradicted(&rules.contradicted, recent, watch, None));
    }
    found
}

/// Agents that stopped and of which nothing is told. While an alert about several is open, no other about several opens:
/// who stops then is told when that one has ended, if it is so still.
fn stopped(rules: &Rules, recent: Recent<'_>, watch: Watch, open: &[OpenAlert]) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    let mut is_about_all = false;
    let mut is_about_several = false;
    for alert in open {
        if let Finding::AgentStopped { agents, is_all, .. } = &alert.finding {
            told.extend(agents.iter().map(String::as_str));
            is_about_all |= is_all;
            is_about_several |= alert.finding.subject().is_empty();
        }
    }
    if is_about_all {
        return Vec::new();
    }
    let mut found = look::stopped(&rules.agent_stopped, recent, watch, &told);
    found.retain(|finding| !(is_about_several && finding.subject().is_empty()));
    found
}

#[cfg(test)]
mod tests;
