//! When an alert opens: a rule per kind, with thresholds that a site's owner may set.

use super::AlertKind;
use serde::{Deserialize, Serialize};

/// The days before that tell what is usual.
pub const USUAL_DAYS: u32 = 7;

/// A threshold that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be between {min} and {max}")]
pub struct InvalidRule {
    /// The field, as in `errors.percent`.
    pub field: &'static str,
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// An agent that came regularly comes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StoppedRule {
    /// Whether it is watched for.
    pub enabled: bool,
    /// No visit for so many hours: 12 to 168.
    pub silent_hours: u32,
    /// After visits on at least so many of the seven days before: 1 to 7.
    pub days: u32,
    /// With at least so many visits in these days.
    pub visits: u64,
}

impl Default for StoppedRule {
    fn default() -> Self {
        Self {
            enabled: true,
            silent_hours: 48,
            days: 5,
            visits: 20,
        }
    }
}

/// Agents got errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ErrorsRule {
    /// Whether it is watched for.
    pub enabled: bool,
    /// At least this share of the visits, in percent: 1 to 100.
    pub percent: u64,
    /// Of at least so many visits.
    pub visits: u64,
    /// In so many hours and the one that is going on: 1 to 24.
    pub hours: u32,
}

impl Default for ErrorsRule {
    fn default() -> Self {
        Self {
            enabled: true,
            percent: 5,
            visits: 50,
            hours: 1,
        }
    }
}

/// A bot that is not known came often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UnknownBotRule {
    /// Whether it is watched for.
    pub enabled: bool,
    /// At least so many visits in 24 hours.
    pub visits: u64,
}

impl Default for UnknownBotRule {
    fn default() -> Self {
        Self {
            enabled: true,
            visits: 500,
        }
    }
}

/// More visits than usual are not by whom they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ContradictedRule {
    /// Whether it is watched for.
    pub enabled: bool,
    /// At least this share of the visits that could be checked, in percent: 1 to 100.
    pub percent: u64,
    /// And at least so many times the share of the seven days before: 1 to 100.
    pub times: u64,
    /// With at least so many contradicted visits in 24 hours. So many that could be checked must be there from before,
    /// too, or there is nothing to compare with.
    pub visits: u64,
}

impl Default for ContradictedRule {
    fn default() -> Self {
        Self {
            enabled: true,
            percent: 10,
            times: 2,
            visits: 20,
        }
    }
}

/// What a site is watched for. What is left out has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Rules {
    /// An agent that came regularly comes no more.
    pub agent_stopped: StoppedRule,
    /// Agents got errors.
    pub errors: ErrorsRule,
    /// A bot that is not known came often.
    pub unknown_bot: UnknownBotRule,
    /// More visits than usual are not by whom they say.
    pub contradicted: ContradictedRule,
}

/// The most that a number of visits may be set to.
const VISITS_MAX: u64 = 1_000_000_000;

impl Rules {
    /// Whether a kind is watched for.
    pub const fn is_enabled(&self, kind: AlertKind) -> bool {
        match kind {
            AlertKind::AgentStopped => self.agent_stopped.enabled,
            AlertKind::Errors => self.errors.enabled,
            AlertKind::UnknownBot => self.unknown_bot.enabled,
            AlertKind::Contradicted => self.contradicted.enabled,
        }
    }

    /// How many hours back counts are needed.
    pub const fn hours_needed(&self) -> i64 {
        let usual = USUAL_DAYS as i64 * 24;
        let stopped = self.agent_stopped.silent_hours as i64;
        let most = if stopped > 24 { stopped } else { 24 };
        usual + most + 1
    }

    /// Checks every threshold.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), InvalidRule> {
        let checks = [
            (
                "agentStopped.silentHours",
                u64::from(self.agent_stopped.silent_hours),
                12,
                168,
            ),
            (
                "agentStopped.days",
                u64::from(self.agent_stopped.days),
                1,
                u64::from(USUAL_DAYS),
            ),
            (
                "agentStopped.visits",
                self.agent_stopped.visits,
                1,
                VISITS_MAX,
            ),
            ("errors.percent", self.errors.percent, 1, 100),
            ("errors.visits", self.errors.visits, 1, VISITS_MAX),
            ("errors.hours", u64::from(self.errors.hours), 1, 24),
            ("unknownBot.visits", self.unknown_bot.visits, 1, VISITS_MAX),
            ("contradicted.percent", self.contradicted.percent, 1, 100),
            ("contradicted.times", self.contradicted.times, 1, 100),
            (
                "contradicted.visits",
                self.contradicted.visits,
                1,
                VISITS_MAX,
            ),
        ];
        for (field, value, min, max) in checks {
            if !(min..=max).contains(&value) {
                return Err(InvalidRule { field, min, max });
            }
        }
        Ok(())
    }
}
