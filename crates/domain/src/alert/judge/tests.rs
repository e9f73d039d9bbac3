//! Tables of what opens and what does not, and whole lives of alerts under random traffic.

use super::*;
use crate::{
    alert::TOGETHER,
    identity::Identity,
    traffic::{Day, HOUR_MS},
    visit::{UNKNOWN_AGENT, VisitOutcome},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The hour that is going on.
const HOUR: i64 = 500_000;

/// Counted hours, as the store has them.
#[derive(Debug, Clone, Default)]
struct Counts(BTreeMap<i64, Day>);

impl Counts {
    /// `visits` so many hours ago.
    fn add(
        mut self,
        hours_ago: i64,
        agent: &str,
        outcome: VisitOutcome,
        identity: Identity,
        visits: u32,
    ) -> Self {
        let hour = HOUR - hours_ago;
        let at = usize::try_from(hour.rem_euclid(24)).expect("small");
        let day = self.0.entry(hour.div_euclid(24)).or_default();
        day.add(at, agent, outcome, identity, visits);
        self
    }

    /// Variants for a verified agent.
    fn served(self, hours_ago: i64, agent: &str, visits: u32) -> Self {
        self.add(
            hours_ago,
            agent,
            VisitOutcome::Variant,
            Identity::Verified,
            visits,
        )
    }

    fn false_names(self, hours_ago: i64, visits: u32) -> Self {
        self.add(
            hours_ago,
            "GPTBot",
            VisitOutcome::Variant,
            Identity::Contradicted,
            visits,
        )
    }

    /// An agent that comes each day for eight days, until so many hours ago.
    fn regular(self, agent: &str, until: i64, visits: u32) -> Self {
        (0..8).fold(self, |counts, day| {
            counts.served(until + day * 24, agent, visits)
        })
    }

    fn days(&self) -> Vec<(i64, Day)> {
        self.0
            .iter()
            .map(|(day, counts)| (*day, counts.clone()))
            .collect()
    }
}

fn watch() -> Watch {
    Watch {
        now: Millis(HOUR * HOUR_MS + 1_000),
        since: Millis(0),
    }
}

fn opened(counts: &Counts) -> Vec<Finding> {
    found_by(&Rules::default(), counts, watch())
}

fn found_by(rules: &Rules, counts: &Counts, watch: Watch) -> Vec<Finding> {
    let days = counts.days();
    judge(rules, Recent(&days), watch, &[])
        .into_iter()
        .map(|step| match step {
            Step::Open(finding) => finding,
            other => panic!("nothing was open: {other:?}"),
        })
        .collect()
}

fn kinds(counts: &Counts) -> Vec<AlertKind> {
    opened(counts).iter().map(Finding::kind).collect()
}

/// Somebody else who comes all the time.
fn others() -> Counts {
    (0..240).fold(Counts::default(), |counts, hour| {
        counts.served(hour, "ClaudeBot", 1)
    })
}

#[test]
fn an_agent_that_came_regularly_and_comes_no_more_is_told() {
    let cases: Vec<(&str, Counts, bool)> = vec![
        (
            "silent for two days",
            others().regular("GPTBot", 49, 3),
            true,
        ),
        ("an hour too few", others().regular("GPTBot", 48, 3), false),
        ("comes still", others().regular("GPTBot", 0, 3), false),
        ("too few visits", others().regular("GPTBot", 49, 2), false),
        (
            "on too few days",
            others().served(60, "GPTBot", 50).served(90, "GPTBot", 50),
            false,
        ),
        (
            "somebody goes on under its name",
            others().regular("GPTBot", 49, 3).false_names(1, 9),
            true,
        ),
        (
            "it was never itself",
            (0..8).fold(others(), |counts, day| counts.false_names(49 + day * 24, 9)),
            false,
        ),
        (
            "nobody in particular",
            others().regular(UNKNOWN_AGENT, 49, 9),
            false,
        ),
        (
            "it stopped long ago",
            others().regular("GPTBot", 49 + 5 * 24, 9),
            false,
        ),
    ];
    for (what, counts, is_told) in cases {
        let wanted: &[AlertKind] = if is_told {
            &[AlertKind::AgentStopped]
        } else {
            &[]
        };
        assert_eq!(kinds(&counts), wanted, "{what}");
    }
    let told = opened(&others().regular("GPTBot", 49, 3));
    assert_eq!(
        told,
        [Finding::AgentStopped {
            agents: vec!["GPTBot".to_owned()],
            is_all: false,
            silent_hours: 48,
            visits_before: 21,
            days_before: 7,
            last_hour: HOUR - 49,
        }]
    );
    assert_eq!(told[0].subject(), "GPTBot");
}

#[test]
fn silence_while_nobody_looked_says_nothing() {
    let counts = others().regular("GPTBot", 49, 3);
    let mut watch = watch();
    watch.since = Millis((HOUR - 48) * HOUR_MS);
    assert_eq!(found_by(&Rules::default(), &counts, watch).len(), 1);
    watch.since = Millis((HOUR - 48) * HOUR_MS + 1);
    assert_eq!(found_by(&Rules::default(), &counts, watch), []);
}

#[test]
fn many_that_stop_at_once_are_one_alert() {
    let stop = |count: usize, counts: Counts| {
        (0..count).fold(counts, |counts, number| {
            counts.regular(&format!("Bot{number}"), 50, 4)
        })
    };
    assert_eq!(opened(&stop(TOGETHER, others())).len(), TOGETHER);
    let found = opened(&stop(TOGETHER + 1, others()));
    let [
        Finding::AgentStopped {
            agents,
            is_all,
            visits_before,
            ..
        },
    ] = found.as_slice()
    else {
        panic!("{found:?}");
    };
    assert_eq!((agents.len(), is_all, *visits_before), (4, &false, 4 * 28));
    assert_eq!(found[0].subject(), "");

    let found = opened(&stop(1, Counts::default()));
    let [Finding::AgentStopped { is_all: true, .. }] = found.as_slice() else {
        panic!("nobody came at all: {found:?}");
    };
}

#[test]
fn errors_are_told_above_their_share_of_enough_visits() {
    let lately = |hours_ago: i64, served: u32, failed: u32| {
        Counts::default().served(hours_ago, "GPTBot", served).add(
            hours_ago,
            "GPTBot",
            VisitOutcome::Error,
            Identity::Verified,
            failed,
        )
    };
    for (what, counts, is_told) in [
        ("5 of 100", lately(0, 95, 5), true),
        ("4 of 100", lately(0, 96, 4), false),
        ("40 of 49", lately(0, 9, 40), false),
        ("the hour before", lately(1, 20, 30), true),
        ("two hours before", lately(2, 20, 30), false),
        ("none at all", Counts::default(), false),
    ] {
        let wanted: &[AlertKind] = if is_told { &[AlertKind::Errors] } else { &[] };
        assert_eq!(kinds(&counts), wanted, "{what}");
    }
    let [found] = opened(&lately(0, 30, 30)).try_into().expect("one");
    assert_eq!(found.percent(), Some(50));
}

#[test]
fn unknown_bots_are_told_above_a_count() {
    let came = |hours_ago, visits| {
        Counts::default().add(
            hours_ago,
            UNKNOWN_AGENT,
            VisitOutcome::Origin,
            Identity::Claimed,
            visits,
        )
    };
    for (what, counts, is_told) in [
        ("500", came(23, 500), true),
        ("499", came(0, 499), false),
        ("a day ago", came(24, 5_000), false),
        (
            "known ones",
            Counts::default().served(0, "GPTBot", 5_000),
            false,
        ),
    ] {
        let wanted: &[AlertKind] = if is_told {
            &[AlertKind::UnknownBot]
        } else {
            &[]
        };
        assert_eq!(kinds(&counts), wanted, "{what}");
    }
}

#[test]
fn false_names_are_told_when_they_become_more() {
    let usual = |served: u32, contradicted: u32| {
        Counts::default()
            .served(100, "GPTBot", served)
            .false_names(100, contradicted)
            .served(0, "GPTBot", 60)
    };
    for (what, counts, is_told) in [
        ("25 % after 5 %", usual(95, 5).false_names(0, 20), true),
        ("25 % after 12 %", usual(88, 12).false_names(0, 20), true),
        ("25 % after 13 %", usual(87, 13).false_names(0, 20), false),
        ("too few", usual(95, 5).false_names(0, 19), false),
        (
            "nothing to compare with",
            Counts::default().served(0, "GPTBot", 20).false_names(0, 20),
            false,
        ),
        (
            "too little to compare with",
            usual(19, 0).false_names(0, 20),
            false,
        ),
        ("none before", usual(20, 0).false_names(0, 20), true),
        (
            "below the share",
            usual(1_000, 1).served(0, "GPTBot", 400).false_names(0, 40),
            false,
        ),
    ] {
        let wanted: &[AlertKind] = if is_told {
            &[AlertKind::Contradicted]
        } else {
            &[]
        };
        assert_eq!(kinds(&counts), wanted, "{what}");
    }
    let claimed = usual(95, 5).false_names(0, 20).add(
        0,
        "CCBot",
        VisitOutcome::Variant,
        Identity::Claimed,
        10_000,
    );
    let [found] = opened(&claimed)
        .try_into()
        .expect("what cannot be checked does not count");
    assert_eq!(
        (found.percent(), found.percent_before()),
        (Some(25), Some(5))
    );
}

#[test]
fn what_is_switched_off_is_not_told_and_ends() {
    let counts = others().regular("GPTBot", 49, 3).add(
        0,
        UNKNOWN_AGENT,
        VisitOutcome::Error,
        Identity::Claimed,
        900,
    );
    assert_eq!(kinds(&counts).len(), 3);
    let mut off = Rules::default();
    off.agent_stopped.enabled = false;
    off.errors.enabled = false;
    off.unknown_bot.enabled = false;
    assert_eq!(found_by(&off, &counts, watch()), []);
    let open: Vec<_> = opened(&counts)
        .into_iter()
        .map(|finding| OpenAlert {
            finding,
            clear_since: None,
        })
        .collect();
    let days = counts.days();
    let steps = judge(&off, Recent(&days), watch(), &open);
    let ending = Ending::RuleOff;
    assert_eq!(steps, [0, 1, 2].map(|alert| Step::End { alert, ending }));
    assert_eq!(
        judge(&Rules::default(), Recent(&days), watch(), &open),
        [],
        "nothing changed"
    );
}

#[test]
fn thresholds_have_ranges() {
    assert_eq!(Rules::default().check(), Ok(()));
    for (field, json) in [
        (
            "agentStopped.silentHours",
            r#"{"agentStopped":{"silentHours":11}}"#,
        ),
        (
            "agentStopped.silentHours",
            r#"{"agentStopped":{"silentHours":4294967295}}"#,
        ),
        ("agentStopped.days", r#"{"agentStopped":{"days":8}}"#),
        ("agentStopped.visits", r#"{"agentStopped":{"visits":0}}"#),
        ("errors.percent", r#"{"errors":{"percent":101}}"#),
        (
            "errors.visits",
            r#"{"errors":{"visits":18446744073709551615}}"#,
        ),
        ("errors.hours", r#"{"errors":{"hours":0}}"#),
        ("unknownBot.visits", r#"{"unknownBot":{"visits":0}}"#),
        ("contradicted.percent", r#"{"contradicted":{"percent":0}}"#),
        ("contradicted.times", r#"{"contradicted":{"times":0}}"#),
        ("contradicted.visits", r#"{"contradicted":{"visits":0}}"#),
    ] {
        let rules: Rules = serde_json::from_str(json).expect(json);
        assert_eq!(rules.check().expect_err(json).field, field);
    }
    let read: Rules = serde_json::from_str(r#"{"errors":{"percent":20}}"#).expect("a part");
    assert_eq!((read.errors.percent, read.errors.visits), (20, 50));
    assert!(serde_json::from_str::<Rules>(r#"{"error":{}}"#).is_err());
}

/// Alerts as they are kept between looks.
#[derive(Debug, Default)]
struct Kept {
    open: Vec<OpenAlert>,
    /// When each of a kind and subject opened and ended.
    opened: Vec<(Millis, AlertKind, String)>,
    ended: Vec<(Millis, AlertKind, String)>,
}

impl Kept {
    fn look(&mut self, rules: &Rules, counts: &Counts, watch: Watch) {
        let days = counts.days();
        let key = |finding: &Finding| (watch.now, finding.kind(), finding.subject().to_owned());
        let mut gone = Vec::new();
        for step in judge(rules, Recent(&days), watch, &self.open) {
            match step {
                Step::Open(finding) => {
                    self.opened.push(key(&finding));
                    self.open.push(OpenAlert {
                        finding,
                        clear_since: None,
                    });
                }
                Step::Last { alert, finding } => {
                    self.open[alert] = OpenAlert {
                        finding,
                        clear_since: None,
                    };
                }
                Step::Clear { alert } => self.open[alert].clear_since = Some(watch.now),
                Step::End { alert, .. } => {
                    self.ended.push(key(&self.open[alert].finding));
                    gone.push(alert);
                }
            }
        }
        gone.sort_unstable();
        for alert in gone.into_iter().rev() {
            self.open.remove(alert);
        }
    }
}

/// A moment some minutes after the hour `HOUR` began, and nothing older than it is unwatched.
fn minutes(after: i64) -> Watch {
    Watch {
        now: Millis(HOUR * HOUR_MS + after * 60_000),
        since: Millis(0),
    }
}

#[test]
fn an_alert_opens_once_lasts_and_ends_after_an_hour() {
    let rules = Rules::default();
    let mut kept = Kept::default();
    // An agent returns after 50 hours, once.
    let silent = others().regular("GPTBot", 49, 3);
    for look in 0..12 {
        kept.look(&rules, &silent, minutes(look * 5));
    }
    assert_eq!((kept.opened.len(), kept.open.len()), (1, 1));
    let hour_on = Counts::default();
    let mut back = others().regular("GPTBot", 49, 3).served(-1, "GPTBot", 1);
    back.0.extend(hour_on.0);
    for look in 12..24 {
        kept.look(&rules, &back, minutes(look * 5));
        assert_eq!(kept.open.len(), 1, "for an hour it may be over");
    }
    kept.look(&rules, &back, minutes(24 * 5));
    assert_eq!(
        (kept.open.len(), kept.ended.len(), kept.opened.len()),
        (0, 1, 1)
    );
}

#[test]
fn a_jump_does_not_become_its_own_measure() {
    // For ten days a third of the visits is under false names; 2 % were before.
    let rules = Rules::default();
    let mut counts = Counts::default();
    for hour in 0..200 {
        counts = counts.served(hour, "GPTBot", 98).false_names(hour, 2);
    }
    let mut kept = Kept::default();
    for hour in 1..=240 {
        counts = counts.served(-hour, "GPTBot", 60).false_names(-hour, 30);
        kept.look(&rules, &counts, minutes(hour * 60));
    }
    assert_eq!((kept.opened.len(), kept.ended.len()), (1, 0));
    for hour in 241..=300 {
        counts = counts.served(-hour, "GPTBot", 98).false_names(-hour, 2);
        kept.look(&rules, &counts, minutes(hour * 60));
    }
    assert_eq!((kept.opened.len(), kept.ended.len()), (1, 1));
}

#[test]
fn half_of_several_must_come_back() {
    let names: Vec<String> = (0..6).map(|number| format!("Bot{number}")).collect();
    let silent = |counts: Counts| {
        names
            .iter()
            .fold(counts, |counts, name| counts.regular(name, 50, 4))
    };
    let rules = Rules::default();
    let mut kept = Kept::default();
    kept.look(&rules, &silent(others()), minutes(0));
    assert_eq!(kept.open.len(), 1);
    let two = silent(others())
        .served(0, &names[0], 1)
        .served(0, &names[1], 1);
    kept.look(&rules, &two, minutes(5));
    assert_eq!(kept.open[0].clear_since, None);
    let three = two.served(0, &names[2], 1);
    kept.look(&rules, &three, minutes(10));
    assert!(kept.open[0].clear_since.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes: at most one of a kind and subject is open, nothing ends sooner than an hour after it opened, and
    /// nothing opens twice without having ended between.
    #[test]
    fn alerts_do_not_flap(
        hours in prop::collection::vec((0..120_u32, 0..40_u32, 0..60_u32, 0..40_u32), 40..120),
    ) {
        let rules = Rules::default();
        let mut counts = Counts::default();
        let mut kept = Kept::default();
        for (hour, (served, failed, unknown, contradicted)) in (0..).zip(&hours) {
            counts = counts
                .served(-hour, "GPTBot", *served)
                .add(-hour, "ClaudeBot", VisitOutcome::Error, Identity::Claimed, *failed)
                .add(-hour, UNKNOWN_AGENT, VisitOutcome::Origin, Identity::Claimed, *unknown)
                .false_names(-hour, *contradicted);
            for quarter in 0..4 {
                kept.look(&rules, &counts, minutes(hour * 60 + quarter * 15));
                let mut open: Vec<_> = kept
                    .open
                    .iter()
                    .map(|alert| (alert.finding.kind(), alert.finding.subject().to_owned()))
                    .collect();
                let all = open.len();
                open.sort();
                open.dedup();
                prop_assert_eq!(open.len(), all, "two of one kind and subject");
            }
        }
        for (at, kind, subject) in &kept.ended {
            let opened = kept.opened.iter().filter(|(_, k, s)| (k, s) == (kind, subject));
            let last = opened.map(|(opened, _, _)| *opened).filter(|opened| opened < at).max();
            prop_assert!(at.0 - last.expect("it opened").0 >= QUIET_MS);
        }
        for kind in AlertKind::ALL {
            let count = |list: &[(Millis, AlertKind, String)]| {
                list.iter().filter(|(_, known, _)| *known == kind).count()
            };
            let open = kept.open.iter().filter(|alert| alert.finding.kind() == kind).count();
            prop_assert_eq!(count(&kept.opened), count(&kept.ended) + open);
        }
    }

    /// No site with fewer visits than the smallest of the least counts is ever told anything.
    #[test]
    fn small_sites_are_left_alone(
        visits in prop::collection::vec((0..240_i64, 0..4_usize, 0..3_usize), 0..19),
    ) {
        let mut counts = Counts::default();
        for (hours_ago, outcome, identity) in visits {
            counts = counts.add(hours_ago, "GPTBot", VisitOutcome::ALL[outcome], Identity::ALL[identity], 1);
        }
        prop_assert_eq!(opened(&counts), []);
    }
}
