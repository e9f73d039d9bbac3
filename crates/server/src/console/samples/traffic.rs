//! Sample data for the traffic pages.

use super::*;
use crate::{
    console::{
        parts::{Local, Seen},
        traffic::{
            Answer, RecentPart, RecentRow, Shown, TrafficPage, UnknownPage, UnknownRow, figures,
        },
    },
    services::traffic::{Unlisted, sample},
};
use domain::agents::Registry;
use jiff::tz::TimeZone;

fn seen(minutes: i64) -> Seen {
    Seen {
        when: ago(minutes),
        zone: TimeZone::UTC,
    }
}

pub(super) fn traffic() -> Vec<(&'static str, String)> {
    let registry = Registry::built_in();
    let page = |shown: Shown, answer: Answer, rows: Vec<RecentRow>| {
        html(&TrafficPage {
            shell: shell("s1"),
            site: head("traffic", SiteStatus::InSync),
            shown,
            tokens: vec![NASTY.to_owned()],
            answer,
            notes: vec![NASTY.to_owned()],
            unlisted: vec![
                Unlisted {
                    name: NASTY.to_owned(),
                    nearest: Some(NASTY.to_owned()),
                },
                Unlisted {
                    name: NASTY.to_owned(),
                    nearest: None,
                },
            ],
            recent: Some(RecentPart {
                rows,
                newest_batch: 7,
            }),
            address: "https://shop.example".to_owned(),
        })
    };
    let filtered = Shown {
        agent: NASTY.to_owned(),
        path: NASTY.to_owned(),
        from: NASTY.to_owned(),
        ..Shown::default()
    };
    let visit = |identity, revision| RecentRow {
        at: seen(2),
        agent: NASTY.to_owned(),
        agent_href: "/sites/s1/traffic?agent=GPTBot".to_owned(),
        identity,
        path: NASTY.to_owned(),
        got: "variant",
        revision,
        details: "200, DE, AS64500, 3 ms".to_owned(),
    };
    let problem = ProblemPanel::new(Problem::field("from", "must be a day"));
    let (question, summary) = sample(&registry, NOW, NASTY);
    let mut pages = vec![
        (
            "site-traffic-problem",
            page(
                filtered.clone(),
                Answer::Problem(Box::new(problem)),
                Vec::new(),
            ),
        ),
        (
            "site-traffic-empty",
            page(
                Shown::default(),
                Answer::Nobody { can_report: true },
                Vec::new(),
            ),
        ),
        (
            "site-traffic-unheard",
            page(
                Shown::default(),
                Answer::Nobody { can_report: false },
                Vec::new(),
            ),
        ),
        (
            "site-traffic-no-match",
            page(
                filtered.clone(),
                Answer::Nobody { can_report: true },
                Vec::new(),
            ),
        ),
    ];
    let unknown = |rows: Vec<UnknownRow>, is_complete| {
        html(&UnknownPage {
            shell: shell("s1"),
            site: head("traffic", SiteStatus::InSync),
            from: Local {
                at: NOW,
                zone: TimeZone::UTC,
            },
            is_complete,
            all: rows.len().to_string(),
            rows,
        })
    };
    let bot = UnknownRow {
        user_agent: NASTY.to_owned(),
        visits: "512".to_owned(),
        served: "0".to_owned(),
        first: seen(9_000),
        last: seen(3),
    };
    pages.push(("site-traffic-unknown", unknown(vec![bot], false)));
    pages.push(("site-traffic-unknown-none", unknown(Vec::new(), true)));
    for (name, by) in [
        ("site-traffic", "purpose"),
        ("site-traffic-agents", "agent"),
        ("site-traffic-outcomes", "outcome"),
        ("site-traffic-identities", "identity"),
    ] {
        let shown = Shown {
            by: by.to_owned(),
            from: "30d".to_owned(),
            site: "s1".to_owned(),
            ..Shown::default()
        };
        let figures = figures(&registry, &shown, &question, &summary, NOW);
        let rows = vec![
            visit(
                ("v", "verified"),
                Some(("html 9f2c41ab".to_owned(), "/sites".to_owned())),
            ),
            visit(("c", "claimed"), None),
            visit(("x", "contradicted"), None),
        ];
        pages.push((name, page(shown, Answer::Some(Box::new(figures)), rows)));
    }
    pages
}
