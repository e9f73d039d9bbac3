//! Sample data for plans, deployments and activity.

use super::*;

pub(super) fn deployments() -> Vec<(&'static str, String)> {
    let plan = |conflicts: Vec<Conflict>, steps: Vec<PlanStep>, problem| PlanPage {
        shell: shell("s1"),
        site: head("plan", SiteStatus::Drifted),
        steps_words: "2 steps".to_owned(),
        warnings: vec![Warning {
            code: "zone_paused".to_owned(),
            detail: NASTY.to_owned(),
        }],
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
    let conflict = Conflict {
        resource: Resource::Route,
        name: "shop.example/*".to_owned(),
        owner: NASTY.to_owned(),
        detail: "A host name can have one Worker for a pattern.".to_owned(),
        remedies: vec!["Leave out this host name.".to_owned()],
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
            receipt: vec![("Route", "shop.example/*".to_owned())],
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
            "deployment-failed",
            html(&deployment(DeploymentStatus::Failed, StepStatus::Failed)),
        ),
        (
            "activity",
            html(&ActivityPage {
                shell: shell("activity"),
                rows: activity(),
                next: Some("x".to_owned()),
            }),
        ),
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
