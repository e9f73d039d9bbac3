//! Sample data for the traffic pages.

use super::*;
use crate::{
    console::traffic::{Answer, RecentPart, RecentRow, Shown, TrafficPage, figures},
    services::traffic::sample,
};
use domain::agents::Registry;

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
            recent: Some(RecentPart { rows }),
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
        at: ago(2),
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
