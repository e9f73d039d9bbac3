//! The four conditions: what is found now, and whether what was found before is still so.

use super::{
    ContradictedRule, ENDS_AT_PERCENT, ErrorsRule, Finding, Recent, StoppedRule, USUAL_DAYS,
    UnknownBotRule, Watch,
};
use crate::{identity::Identity, traffic::HOUR_MS};
use std::collections::{BTreeMap, BTreeSet};

/// Agents that stop at once are told one by one up to so many; more of them in one alert.
pub const TOGETHER: usize = 3;

/// Hours of the looks at a day.
const DAY_HOURS: i64 = 24;

/// Hours of the days that tell what is usual.
const USUAL_HOURS: i64 = USUAL_DAYS as i64 * DAY_HOURS;

/// Whether `part` is at least `percent` of `whole`; for an alert that is open, less is enough.
fn is_share(part: u64, percent: u64, whole: u64, is_open: bool) -> bool {
    let wanted = u128::from(percent) * u128::from(whole) * ends_at(is_open);
    part > 0 && u128::from(part) * 100 * 100 >= wanted
}

/// Whether there are at least so many; for an alert that is open, fewer are enough.
fn is_many(visits: u64, wanted: u64, is_open: bool) -> bool {
    visits > 0 && u128::from(visits) * 100 >= u128::from(wanted) * ends_at(is_open)
}

const fn ends_at(is_open: bool) -> u128 {
    if is_open { ENDS_AT_PERCENT } else { 100 }
}

pub(super) fn errors(
    rule: &ErrorsRule,
    recent: Recent<'_>,
    watch: Watch,
    is_open: bool,
) -> Option<Finding> {
    let hours = watch.hour() - i64::from(rule.hours)..watch.hour() + 1;
    let (visits, errors) = (recent.visits(hours.clone()), recent.errors(hours));
    let is_so = is_share(errors, rule.percent, visits, is_open)
        // Of few visits the share says little; it says enough to keep an alert open.
        && (is_open || visits >= rule.visits);
    is_so.then_some(Finding::Errors {
        visits,
        errors,
        hours: rule.hours,
    })
}

pub(super) fn unknown_bot(
    rule: &UnknownBotRule,
    recent: Recent<'_>,
    watch: Watch,
    is_open: bool,
) -> Option<Finding> {
    let visits = recent.unknown(watch.hour() + 1 - DAY_HOURS..watch.hour() + 1);
    is_many(visits, rule.visits, is_open).then_some(Finding::UnknownBot { visits })
}

/// `open` is what was found when it opened: its *before* stays what the present is compared with.
pub(super) fn contradicted(
    rule: &ContradictedRule,
    recent: Recent<'_>,
    watch: Watch,
    open: Option<&Finding>,
) -> Option<Finding> {
    let begin = watch.hour() + 1 - DAY_HOURS;
    let of = |hours: std::ops::Range<i64>| {
        let contradicted = recent.of(hours.clone(), Identity::Contradicted);
        let checked = contradicted + recent.of(hours, Identity::Verified);
        (checked, contradicted)
    };
    let (checked, contradicted) = of(begin..watch.hour() + 1);
    let (checked_before, contradicted_before) = match open {
        Some(Finding::Contradicted {
            checked_before,
            contradicted_before,
            ..
        }) => (*checked_before, *contradicted_before),
        _ => of(begin - USUAL_HOURS..begin),
    };
    let is_open = open.is_some();
    let jumped = u128::from(contradicted) * u128::from(checked_before) * 100
        >= u128::from(rule.times)
            * u128::from(contradicted_before)
            * u128::from(checked)
            * ends_at(is_open);
    let is_so = is_many(contradicted, rule.visits, is_open)
        && is_share(contradicted, rule.percent, checked, is_open)
        && (is_open || checked_before >= rule.visits)
        && jumped;
    is_so.then_some(Finding::Contradicted {
        checked,
        contradicted,
        checked_before,
        contradicted_before,
    })
}

/// An agent that stopped.
struct Silent<'a> {
    agent: &'a str,
    hours: BTreeMap<i64, u64>,
}

/// What newly stopped, apart from the agents of which it is told already. One finding for all of them when many stopped
/// at once, or when nobody came at all.
pub(super) fn stopped(
    rule: &StoppedRule,
    recent: Recent<'_>,
    watch: Watch,
    told: &BTreeSet<&str>,
) -> Vec<Finding> {
    let quiet_from = watch.hour() - i64::from(rule.silent_hours);
    if watch.since.0 > quiet_from * HOUR_MS {
        return Vec::new();
    }
    let usual_from = quiet_from - USUAL_HOURS;
    let lately = recent.agents(quiet_from..watch.hour() + 1);
    let silent: Vec<Silent<'_>> = recent
        .agents(usual_from..quiet_from)
        .into_iter()
        .filter(|(agent, hours)| {
            let visits: u64 = hours.values().sum();
            !lately.contains_key(agent)
                && visits >= rule.visits
                && days(hours.keys(), usual_from) >= rule.days
        })
        .map(|(agent, hours)| Silent { agent, hours })
        .filter(|silent| !told.contains(silent.agent))
        .collect();
    let is_all = recent.visits(quiet_from..watch.hour() + 1) == 0;
    if silent.is_empty() {
        Vec::new()
    } else if is_all || silent.len() > TOGETHER {
        vec![finding(&silent, is_all, usual_from, watch)]
    } else {
        silent
            .iter()
            .map(|one| finding(std::slice::from_ref(one), false, usual_from, watch))
            .collect()
    }
}

/// On how many of the days from `usual_from` on one of these hours lies.
fn days<'a>(hours: impl Iterator<Item = &'a i64>, usual_from: i64) -> u32 {
    let days: BTreeSet<i64> = hours
        .map(|hour| (hour - usual_from).div_euclid(DAY_HOURS))
        .collect();
    u32::try_from(days.len()).unwrap_or(USUAL_DAYS)
}

fn finding(silent: &[Silent<'_>], is_all: bool, usual_from: i64, watch: Watch) -> Finding {
    let hours = || silent.iter().flat_map(|one| one.hours.keys());
    let last_hour = hours().max().copied().unwrap_or(usual_from);
    Finding::AgentStopped {
        agents: silent.iter().map(|one| one.agent.to_owned()).collect(),
        is_all,
        silent_hours: since(last_hour, watch),
        visits_before: silent.iter().flat_map(|one| one.hours.values()).sum(),
        days_before: days(hours(), usual_from),
        last_hour,
    }
}

/// Whole hours since the end of that one.
fn since(hour: i64, watch: Watch) -> u32 {
    u32::try_from(watch.hour() - hour - 1).unwrap_or(0)
}

/// Whether those who stopped still do not come: one that was told alone, at least half of several, and when nobody came,
/// anybody.
pub(super) fn is_stopped_still(
    stopped: &Finding,
    recent: Recent<'_>,
    watch: Watch,
) -> Option<Finding> {
    let Finding::AgentStopped {
        agents,
        is_all,
        visits_before,
        days_before,
        last_hour,
        ..
    } = stopped
    else {
        return None;
    };
    let after = last_hour + 1..watch.hour() + 1;
    let is_over = if *is_all {
        recent.visits(after) > 0
    } else {
        let lately = recent.agents(after);
        let back = agents
            .iter()
            .filter(|agent| lately.contains_key(agent.as_str()));
        back.count() * 2 >= agents.len()
    };
    (!is_over).then(|| Finding::AgentStopped {
        agents: agents.clone(),
        is_all: *is_all,
        silent_hours: since(*last_hour, watch),
        visits_before: *visits_before,
        days_before: *days_before,
        last_hour: *last_hour,
    })
}
