//! Sample data for plans, deployments and activity.

use super::*;
use crate::{
    console::deployments::{
        DeployingRow, DeployingsPage, DeployingsView, PlanRow, PlansPage, ProofRow, ProofView,
        UndonePanel, drift_rows,
    },
    services::{deployments::Config, receipt::Item},
};
use domain::ids::SiteId;

fn log_page(rows: Vec<LogRow>, next: Option<String>) -> LogPage {
    LogPage {
        shell: shell("activity"),
        rows,
        kind: "connection".to_owned(),
        kinds: KINDS,
        days: 400,
        next,
    }
}

fn difference() -> Difference {
    Difference {
        resource: Resource::Script,
        name: NASTY.to_owned(),
        what: "compatibility date".to_owned(),
        ours: Some("2026-04-01".to_owned()),
        theirs: Some("2024-01-01".to_owned()),
        last_applied: Some("2026-04-01".to_owned()),
        by: Some("dash".to_owned()),
        repaired: true,
    }
}

pub(super) fn deployments() -> Vec<(&'static str, String)> {
    let plan = |conflicts: Vec<ConflictPanel>, steps: Vec<PlanStep>, problem| PlanPage {
        shell: shell("s1"),
        site: head("plan", SiteStatus::Drifted),
        steps_words: "2 steps".to_owned(),
        warnings: vec![Warning {
            code: "zone_paused".to_owned(),
            detail: NASTY.to_owned(),
        }],
        drift: drift_rows(&[difference()], SiteId::from_uuid(uuid::Uuid::from_u128(1))),
        is_repair: true,
        other_routes: vec![OtherRoute {
            pattern: "*.shop.example/*".to_owned(),
            script: Some(NASTY.to_owned()),
            ours: "www.shop.example/*".to_owned(),
            relation: Relation::Broader,
            shared: "www.shop.example/*".to_owned(),
            ours_wins: true,
            detail: NASTY.to_owned(),
        }],
        refused: None,
        deployments: activity(),
        conflicts,
        steps,
        problem,
    };
    let steps = vec![
        PlanStep {
            title: "Create KV namespace".to_owned(),
            name: "edge-delivery 0190".to_owned(),
            before: "nothing".to_owned(),
            after: "an empty namespace".to_owned(),
            reason: "Holds the published variants.".to_owned(),
            reversible: true,
        },
        PlanStep {
            title: "Create route".to_owned(),
            name: "shop.example/*".to_owned(),
            before: "nothing".to_owned(),
            after: NASTY.to_owned(),
            reason: "Last, so that it points to something that works.".to_owned(),
            reversible: true,
        },
    ];
    let way = |value, title: &str, has_patterns| Way {
        value,
        title: title.to_owned(),
        words: NASTY.to_owned(),
        has_patterns,
    };
    let conflict = ConflictPanel {
        title: format!("The route {NASTY} belongs to somebody else"),
        detail: "A host name can have one Worker for a pattern.".to_owned(),
        name: NASTY.to_owned(),
        host: "shop.example".to_owned(),
        ways: vec![
            way("adopt", "Adopt the route", false),
            way("narrower_pattern", "Use narrower routes of our own", true),
        ],
        remedies: vec!["Or change that route in the dashboard.".to_owned()],
        has_new_site: true,
    };
    let step = |title: &str, status: StepStatus, took: &str| StepRow {
        state: status.into(),
        is_waiting: status == StepStatus::Waiting,
        title: title.to_owned(),
        name: "shop.example/*".to_owned(),
        words: "fails open".to_owned(),
        took: took.to_owned(),
        problem: (status == StepStatus::Failed).then(problem),
    };
    let deployment = |status: DeploymentStatus, last: StepStatus| DeploymentPage {
        shell: shell("s1"),
        view: DeploymentView {
            id: "d1".to_owned(),
            title: "Deploy shop.example".to_owned(),
            site_name: "shop.example".to_owned(),
            site_link: Some("/sites/s1".to_owned()),
            state: status.into(),
            progress: "3 of 4 steps, 14 calls".to_owned(),
            took: Some("7.72 s".to_owned()),
            begun: ago(0),
            by: NASTY.to_owned(),
            is_running: !status.is_final(),
            is_stopping: false,
            can_continue: status == DeploymentStatus::Failed,
            can_undo: status.is_final(),
            can_roll_back: false,
            is_live: status == DeploymentStatus::Live,
            has_variants: false,
            finding: (status == DeploymentStatus::Live).then(|| {
                (
                    "Live".to_owned(),
                    "People get the same site as before.".to_owned(),
                )
            }),
            waiting: (!status.is_final()).then_some(Wait {
                until: Millis(NOW.0 + 17_000),
                now: NOW,
            }),
            standstill: (status == DeploymentStatus::Failed).then(|| Standstill {
                title: "Stopped at: Upload Worker".to_owned(),
                in_place: vec![("KV namespace", NASTY.to_owned())],
                left: vec!["Create route shop.example/*".to_owned()],
                can_undo: true,
            }),
            problem: None,
            proof: Some(ProofView {
                title: "People get the same site as before.".to_owned(),
                state: State::new("ok", Mark::Tick, "proved"),
                note: NASTY.to_owned(),
                rows: vec![ProofRow {
                    page: NASTY.to_owned(),
                    visitor: "Chrome".to_owned(),
                    kind: "person".to_owned(),
                    status: "200 → 500".to_owned(),
                    bytes: "48213".to_owned(),
                    revision: Some("5ad0c71e0e77".to_owned()),
                    state: State::new("bad", Mark::Cross, "failed"),
                    words: NASTY.to_owned(),
                }],
            }),
            continue_after: None,
            undone: (status == DeploymentStatus::Undone).then(|| UndonePanel {
                by: Some("d2".to_owned()),
                is_over: true,
                has_failed_proof: true,
                has_failed: true,
                causes: vec![NASTY.to_owned()],
            }),
            restored: Some("Published revisions: 3 brought back, 1 taken back.".to_owned()),
            config: Some(Config {
                hostnames: vec!["shop.example".to_owned(), NASTY.to_owned()],
                kv_deadline_ms: 300,
                routes: vec!["shop.example/*".to_owned()],
            }),
            receipt: vec![Item {
                resource: Resource::Route,
                name: "shop.example/*".to_owned(),
                id: "e0000000000000000000000000000001".to_owned(),
                remove_with: "DELETE /zones/b0/workers/routes/e0".to_owned(),
            }],
            steps: vec![
                step("Create KV namespace", StepStatus::Done, "0.31 s"),
                step("Write content", StepStatus::Done, "0.44 s"),
                step("Create Worker", last, "1.02 s"),
                step(
                    "Create route",
                    if last == StepStatus::Done {
                        last
                    } else {
                        StepStatus::Waiting
                    },
                    "waiting",
                ),
            ],
            warnings: vec![NASTY.to_owned()],
        },
    };
    vec![
        ("plan", html(&plan(Vec::new(), steps.clone(), None))),
        ("plan-conflict", html(&plan(vec![conflict], steps, None))),
        ("plan-in-sync", html(&plan(Vec::new(), Vec::new(), None))),
        (
            "plan-failed",
            html(&plan(Vec::new(), Vec::new(), Some(problem()))),
        ),
        (
            "deployment-running",
            html(&deployment(DeploymentStatus::Running, StepStatus::Running)),
        ),
        (
            "deployment-live",
            html(&deployment(DeploymentStatus::Live, StepStatus::Done)),
        ),
        (
            "deployment-undone",
            html(&deployment(DeploymentStatus::Undone, StepStatus::Done)),
        ),
        (
            "deployment-failed",
            html(&deployment(DeploymentStatus::Failed, StepStatus::Failed)),
        ),
        (
            "plans",
            html(&PlansPage {
                shell: shell("sites"),
                rows: vec![PlanRow {
                    id: "s1".to_owned(),
                    name: NASTY.to_owned(),
                    state: State::new("warn", Mark::Half, "would change"),
                    steps: vec![NASTY.to_owned(), "Create route shop.example/*".to_owned()],
                    notes: vec![NASTY.to_owned()],
                    edits: vec![difference()],
                    can_deploy: true,
                }],
                ids: "s1".to_owned(),
                words: "1 site".to_owned(),
                has_edits: true,
            }),
        ),
        (
            "plans-nothing",
            html(&PlansPage {
                shell: shell("sites"),
                rows: Vec::new(),
                ids: String::new(),
                words: "0 sites".to_owned(),
                has_edits: false,
            }),
        ),
        (
            "deployings",
            html(&DeployingsPage {
                shell: shell("sites"),
                view: DeployingsView {
                    query: "d=a,b".to_owned(),
                    words: "1 of 2 done".to_owned(),
                    is_running: true,
                    left: vec![("s2".to_owned(), NASTY.to_owned())],
                    rows: vec![
                        DeployingRow {
                            id: "a".to_owned(),
                            name: NASTY.to_owned(),
                            state: DeploymentStatus::Failed.into(),
                            done: 2,
                            all: 4,
                            took: "7.7 s".to_owned(),
                            problem: Some(NASTY.to_owned()),
                        },
                        DeployingRow {
                            id: "b".to_owned(),
                            name: "shop.example".to_owned(),
                            state: DeploymentStatus::Queued.into(),
                            done: 0,
                            all: 0,
                            took: String::new(),
                            problem: None,
                        },
                    ],
                },
            }),
        ),
        (
            "activity",
            html(&ActivityPage {
                shell: shell("activity"),
                rows: activity(),
                next: Some("x".to_owned()),
            }),
        ),
        ("log", html(&log_page(log(), Some("x".to_owned())))),
        ("log-empty", html(&log_page(Vec::new(), None))),
        (
            "activity-empty",
            html(&ActivityPage {
                shell: shell("activity"),
                rows: Vec::new(),
                next: None,
            }),
        ),
    ]
}
