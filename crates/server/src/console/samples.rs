//! Every page with sample data: whether it has its landmarks and title, escapes what people type and keeps to the
//! content security policy. `EDGE_DELIVERY_SAMPLES=folder` writes the pages there, to look at.

use super::{
    activity::{ActivityPage, ActivityRow},
    agents::AgentsPage,
    connections::{
        ConnectPage, ConnectionPage, ConnectionRow, ConnectionsPage, Named, PermissionCell,
        PermissionRow, ZoneRow,
    },
    deployments::{DeploymentPage, DeploymentView, PlanPage, PlanStep, StepRow},
    door::{FirstRunPage, SignInPage},
    failure::PlainProblemPage,
    overview::{Need, OverviewPage, way},
    parts::{CheckRow, Mark, ProblemPanel, Stamp, State, When},
    settings::{KeyRow, SettingsPage},
    shell::{RailSite, Shell, told},
    sites::{
        NewSitePage, RemovePage, SHOWS, SiteHead, SitePage, SiteRow, SiteSettingsPage, SitesPage,
        VariantRow,
    },
    variants::{RevisionRow, VariantPage},
    visit::{DiffLine, HeaderRow, Lane, VisitPage},
};
use crate::problem::{CloudflareSaid, Code, FieldError, Problem};
use domain::{
    deployment::{DeploymentStatus, SiteStatus, StepStatus},
    plan::{Conflict, Resource, Warning},
    time::Millis,
};

/// What somebody may type; it must never reach a page as markup.
const NASTY: &str = "<script>alert('x')</script>\"&";
const NOW: Millis = Millis(1_795_500_000_000);

fn ago(minutes: i64) -> When {
    When {
        at: NOW.plus_seconds(-60 * minutes),
        now: NOW,
    }
}

fn shell(at: &str) -> Shell {
    let site = |id: &str, name: &str, status: SiteStatus| RailSite {
        id: id.to_owned(),
        name: name.to_owned(),
        state: status.into(),
    };
    Shell {
        email: "owner@shop.example".to_owned(),
        sites: vec![
            site("s1", "shop.example", SiteStatus::InSync),
            site("s2", "docs.example", SiteStatus::Drifted),
            site("s3", "press.example", SiteStatus::Deploying),
            site("s4", NASTY, SiteStatus::Failed),
        ],
        at: at.to_owned(),
        told: None,
    }
}

fn problem() -> ProblemPanel {
    let mut problem = Problem::new(
        Code::InsufficientPermissions,
        "The token is valid, but it may not write KV in Acme: Workers KV Storage, Edit is missing.",
    )
    .cause("The permission is set to Read, or is not there.")
    .cause(format!("Account Resources leave out {NASTY}."))
    .remedy(
        "In Cloudflare, edit the token: Account, Workers KV Storage, Edit. Save, and check again.",
    )
    .with_cloudflare(CloudflareSaid {
        status: Some(403),
        code: Some(10_000),
        message: "Authentication error".to_owned(),
        ray_id: Some("8e7a3f2b1c4d5e6f-FRA".to_owned()),
        endpoint: "POST /accounts/{account}/storage/kv/namespaces".to_owned(),
    });
    problem.errors.push(FieldError {
        field: "path".to_owned(),
        detail: "has a segment `.` or `..`".to_owned(),
    });
    problem.permissions = Some(serde_json::json!([
        {"name": "Workers Scripts", "scope": "account", "level": "edit", "granted": "yes", "detail": ""},
        {"name": "Workers KV Storage", "scope": "account", "level": "edit", "granted": "no", "detail": "Acme: found Read"},
        {"name": "Account Settings", "scope": "account", "level": "read", "granted": "yes", "detail": ""},
        {"name": "Workers Routes", "scope": "zone", "level": "edit", "granted": "unknown", "detail": "No zone to ask"},
        {"name": "Zone", "scope": "zone", "level": "read", "granted": "yes", "detail": ""}
    ]));
    ProblemPanel::new(problem)
}

fn head(open: &'static str, status: SiteStatus) -> SiteHead {
    SiteHead {
        id: "s1".to_owned(),
        name: "shop.example".to_owned(),
        cli_name: "shop.example".to_owned(),
        state: status.into(),
        line: vec!["1,248 variants, 1,246 live at the edge".to_owned()],
        observed: Some(ago(2)),
        variants: "1,248".to_owned(),
        can_visit: status != SiteStatus::New,
        running: None,
        open,
    }
}

fn named(id: &str, name: &str) -> Named {
    Named {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

fn zones() -> Vec<ZoneRow> {
    let zone = |name: &str, status: &str, reason: Option<&str>| ZoneRow {
        id: format!("z-{name}"),
        name: name.to_owned(),
        account: "Acme".to_owned(),
        status: status.to_owned(),
        plan: "Free".to_owned(),
        reason: reason.map(str::to_owned),
        site: None,
    };
    let mut zones = vec![
        zone("shop.example", "active", None),
        zone("docs.example", "active", None),
        zone(
            "blog.example",
            "pending",
            Some("The zone is pending: the registrar still names other name servers."),
        ),
        zone(
            "labs.example",
            "active",
            Some("The token lacks Workers Routes, Edit for this zone."),
        ),
        zone(
            NASTY,
            "active, paused",
            Some("Paused in Cloudflare: no Worker runs."),
        ),
    ];
    zones[0].site = Some(named("s1", "shop.example"));
    zones
}

fn activity() -> Vec<ActivityRow> {
    let row = |id: &str, title: &str, status: DeploymentStatus, minutes: i64| ActivityRow {
        id: id.to_owned(),
        title: title.to_owned(),
        by: "owner@shop.example".to_owned(),
        state: status.into(),
        steps: "5 of 5".to_owned(),
        took: "5.24 s".to_owned(),
        when: ago(minutes),
    };
    vec![
        row("d3", "Deploy press.example", DeploymentStatus::Running, 0),
        row("d2", "Deploy shop.example", DeploymentStatus::Live, 14),
        row("d1", NASTY, DeploymentStatus::Failed, 3_000),
    ]
}

fn site_rows() -> Vec<SiteRow> {
    [
        ("s1", "shop.example", SiteStatus::InSync),
        ("s2", "docs.example", SiteStatus::Drifted),
        ("s4", NASTY, SiteStatus::Failed),
    ]
    .into_iter()
    .map(|(id, name, status)| SiteRow {
        id: id.to_owned(),
        name: name.to_owned(),
        state: status.into(),
        hostnames: "shop.example, www.shop.example".to_owned(),
        variants: "1,248".to_owned(),
        published: "1,246".to_owned(),
        observed: Some(ago(4)),
    })
    .collect()
}

fn overview() -> Vec<(&'static str, String)> {
    let page = |way, needs| OverviewPage {
        shell: shell("overview"),
        way,
        summary: "3 sites, 2 connections".to_owned(),
        needs,
        sites: site_rows(),
        activity: activity(),
    };
    let needs = vec![
        Need {
            state: State::new("bad", Mark::Cross, "failed"),
            title: "news.example: the deployment stopped at step 4".to_owned(),
            words: "The route news.example/* belongs to somebody else. People and agents get the site as before.".to_owned(),
            href: "/deployments/d1".to_owned(),
            action: "See why",
        },
        Need {
            state: State::new("warn", Mark::Half, "drifted"),
            title: "docs.example has drifted".to_owned(),
            words: NASTY.to_owned(),
            href: "/sites/s2/plan".to_owned(),
            action: "See the plan",
        },
    ];
    vec![
        ("overview", html(&page(None, needs))),
        (
            "overview-first",
            html(&page(Some(way(false, None, false, false)), Vec::new())),
        ),
    ]
}

fn connections() -> Vec<(&'static str, String)> {
    let list = |rows| ConnectionsPage {
        shell: shell("connections"),
        rows,
    };
    let row = ConnectionRow {
        id: "c1".to_owned(),
        name: NASTY.to_owned(),
        state: domain::connection::ConnectionStatus::Ready.into(),
        hint: "x7Qa".to_owned(),
        accounts: "Acme, Acme Labs".to_owned(),
        zones: "7".to_owned(),
        expires: Some(ago(-60 * 24 * 92)),
        checked: ago(8),
    };
    let connect = |problem: Option<ProblemPanel>, replaces| ConnectPage {
        shell: shell("connections"),
        replaces,
        name: NASTY.to_owned(),
        checks: problem
            .as_ref()
            .map(|panel| CheckRow::of(&panel.problem))
            .unwrap_or_default(),
        problem,
        user_form: "https://dash.cloudflare.com/profile/api-tokens?name=Edge+Delivery".to_owned(),
        account_form: "https://dash.cloudflare.com/?to=/:account/api-tokens".to_owned(),
    };
    let cell = |state: State, words: &str| PermissionCell {
        state,
        words: words.to_owned(),
        detail: (words != "yes").then(|| "403, 10000 Authentication error".to_owned()),
    };
    let yes = State::new("ok", Mark::Tick, "yes");
    let permission = |scope, name, level| PermissionRow {
        scope,
        name,
        level,
        cells: vec![
            cell(yes, "yes"),
            cell(State::new("warn", Mark::Triangle, "partly"), "5 of 7 zones"),
        ],
    };
    let one = ConnectionPage {
        shell: Shell {
            told: told("connected"),
            ..shell("connections")
        },
        id: "c1".to_owned(),
        name: "Acme".to_owned(),
        state: domain::connection::ConnectionStatus::Incomplete.into(),
        trouble: Some((
            "A permission was lost",
            "Since the last check the token may no longer edit Workers KV Storage.",
        )),
        checked: ago(1),
        hint: "x7Qa".to_owned(),
        kind: "User token",
        made: Stamp(NOW),
        expires: Some((ago(-60 * 24 * 92), Stamp(NOW.plus_seconds(92 * 86_400)))),
        accounts: vec!["Acme".to_owned(), NASTY.to_owned()],
        sites_words: "2 sites".to_owned(),
        sites: vec![named("s1", "shop.example"), named("s2", NASTY)],
        zones_words: "5 zones, 2 deployable. Read just now.".to_owned(),
        zones: zones(),
        zones_problem: None,
        columns: vec!["Acme".to_owned(), "Acme Labs".to_owned()],
        permissions: vec![
            permission("Account", "Workers Scripts", "Edit"),
            permission("Zone", "Workers Routes", "Edit"),
        ],
        tokens_page: "https://dash.cloudflare.com/profile/api-tokens".to_owned(),
        problem: None,
    };
    vec![
        ("connections", html(&list(vec![row]))),
        ("connections-empty", html(&list(Vec::new()))),
        ("connect", html(&connect(None, None))),
        ("connect-refused", html(&connect(Some(problem()), None))),
        (
            "connect-replace",
            html(&connect(None, Some(named("c1", NASTY)))),
        ),
        ("connection", html(&one)),
    ]
}

fn sites() -> Vec<(&'static str, String)> {
    let new = |connections: Vec<Named>, problem| NewSitePage {
        shell: shell("sites"),
        connection: "c1".to_owned(),
        zones: zones(),
        chosen: "z-docs.example".to_owned(),
        name: NASTY.to_owned(),
        hostnames: "docs.example\nwww.docs.example".to_owned(),
        hostnames_wrong: None,
        problem,
        connections,
    };
    let variant = |path: &str, state: State, edge: State| VariantRow {
        path: path.to_owned(),
        format: "html",
        state,
        revision: "9f2c41ab".to_owned(),
        edge,
        changed: ago(30),
    };
    let published = State::new("ok", Mark::Tick, "Published");
    let live = State::new("ok", Mark::Tick, "Live");
    let site = |status, rows: Vec<VariantRow>, next: Option<&str>| SitePage {
        shell: shell("s1"),
        site: head("variants", status),
        find: String::new(),
        show: String::new(),
        has_before: false,
        shows: SHOWS,
        rows,
        next: next.map(str::to_owned),
    };
    vec![
        (
            "sites",
            html(&SitesPage {
                shell: shell("sites"),
                rows: site_rows(),
                has_connection: true,
                next: Some("abc".to_owned()),
            }),
        ),
        (
            "sites-empty",
            html(&SitesPage {
                shell: shell("sites"),
                rows: Vec::new(),
                has_connection: false,
                next: None,
            }),
        ),
        (
            "site-new",
            html(&new(vec![named("c1", "Acme"), named("c2", NASTY)], None)),
        ),
        ("site-new-none", html(&new(Vec::new(), None))),
        (
            "site-new-refused",
            html(&new(vec![named("c1", "Acme")], Some(problem()))),
        ),
        (
            "site",
            html(&site(
                SiteStatus::InSync,
                vec![
                    variant("/", published, live),
                    variant(
                        "/pricing",
                        published,
                        State::new("run", Mark::Turning, "On its way"),
                    ),
                    variant(
                        "/guides/returns",
                        State::new("idle", Mark::Pencil, "Draft"),
                        State::new("idle", Mark::Ring, "Not yet"),
                    ),
                    variant(
                        NASTY,
                        State::new("idle", Mark::Bar, "Unpublished"),
                        State::new("idle", Mark::Bar, "Taken off"),
                    ),
                ],
                Some("abc"),
            )),
        ),
        ("site-empty", html(&site(SiteStatus::New, Vec::new(), None))),
        (
            "site-settings",
            html(&SiteSettingsPage {
                shell: shell("s1"),
                site: head("settings", SiteStatus::InSync),
                name: NASTY.to_owned(),
                hostnames: "shop.example\nwww.shop.example".to_owned(),
                deadline: "300".to_owned(),
                zone: "shop.example".to_owned(),
                made_of: vec![
                    ("Worker", "edge-delivery-0190".to_owned()),
                    ("Route", "shop.example/*".to_owned()),
                ],
                problem: None,
            }),
        ),
        (
            "remove",
            html(&RemovePage {
                shell: shell("s1"),
                id: "s1".to_owned(),
                name: NASTY.to_owned(),
                cli_name: "'x'".to_owned(),
                hostnames: "shop.example".to_owned(),
                variants_words: "12 variants".to_owned(),
                problem: None,
            }),
        ),
    ]
}

fn variants() -> Vec<(&'static str, String)> {
    let page = |is_new: bool, problem: Option<ProblemPanel>| VariantPage {
        shell: shell("s1"),
        site: named("s1", "shop.example"),
        is_new,
        path: if is_new {
            NASTY.to_owned()
        } else {
            "/products/oak-table".to_owned()
        },
        path_wrong: problem
            .as_ref()
            .and_then(|panel| panel.wrong("path"))
            .map(str::to_owned),
        format: "html",
        other_format: "markdown",
        other: None,
        state: State::new("ok", Mark::Tick, "Published"),
        edge: State::new("run", Mark::Turning, "On its way to the edge"),
        is_published: true,
        base: "9f2c41ab".repeat(8),
        content: format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Oak table</title>\n</head>\n<body>\n  <h1>Oak table, 180 cm</h1>\n  <p>Solid oak, oiled. {NASTY}</p>\n</textarea>\n</body>\n</html>\n"
        ),
        size: "6,902 bytes".to_owned(),
        preview: "<h1>Oak table, 180 cm</h1><p>Solid oak, oiled. Seats six to eight.</p>"
            .to_owned(),
        revisions: vec![
            RevisionRow {
                revision: "77f0b3c2".repeat(8),
                short: "77f0b3c2".to_owned(),
                state: State::new("ok", Mark::Tick, "Published"),
                bytes: "6,902".to_owned(),
                author: "owner@shop.example".to_owned(),
                note: None,
                saved: ago(60),
                is_published: true,
                is_open: true,
            },
            RevisionRow {
                revision: "3c95e0d1".repeat(8),
                short: "3c95e0d1".to_owned(),
                state: State::new("idle", Mark::Ring, "Not published"),
                bytes: "6,800".to_owned(),
                author: NASTY.to_owned(),
                note: Some(NASTY.to_owned()),
                saved: ago(6_000),
                is_published: false,
                is_open: false,
            },
        ],
        problem,
    };
    vec![
        ("variant", html(&page(false, None))),
        ("variant-new", html(&page(true, None))),
        ("variant-refused", html(&page(true, Some(problem())))),
    ]
}

fn deployments() -> Vec<(&'static str, String)> {
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

fn others() -> Vec<(&'static str, String)> {
    let lane = |name: &str, is_agent: bool| Lane {
        name: name.to_owned(),
        kind: if is_agent { "AI agent" } else { "person" }.to_owned(),
        is_agent,
        state: State::new(
            "ok",
            Mark::Tick,
            if is_agent {
                "The variant"
            } else {
                "The page, untouched"
            },
        ),
        status: "200".to_owned(),
        bytes: "6,902".to_owned(),
        took: "38 ms".to_owned(),
        is_html: true,
        body: format!("<h1>Pricing</h1><p>Three plans. {NASTY}</p>"),
        is_cut: !is_agent,
        headers: vec![
            HeaderRow {
                name: "content-type".to_owned(),
                value: "text/html; charset=utf-8".to_owned(),
                is_ours: false,
            },
            HeaderRow {
                name: "x-edge-delivery".to_owned(),
                value: NASTY.to_owned(),
                is_ours: is_agent,
            },
        ],
        problem: None,
    };
    let visit = |lanes: Vec<Lane>, problem| VisitPage {
        shell: shell("s1"),
        site: named("s1", "shop.example"),
        hosts: vec!["shop.example".to_owned(), "www.shop.example".to_owned()],
        host: "shop.example".to_owned(),
        path: NASTY.to_owned(),
        visitors: vec![named("gptbot", "GPTBot"), named("chrome", "Chrome")],
        first: "gptbot".to_owned(),
        second: "chrome".to_owned(),
        finding: (!lanes.is_empty()).then(|| {
            (
                State::new("ok", Mark::Tick, "as it should be"),
                "The agent gets the variant, the person gets the page",
                "The agent’s answer is 41,311 bytes shorter.".to_owned(),
            )
        }),
        difference: vec![
            DiffLine {
                class: "minus",
                sign: "-",
                text: "We use cookies. Accept or choose.".to_owned(),
            },
            DiffLine {
                class: "plus",
                sign: "+",
                text: NASTY.to_owned(),
            },
        ],
        command: "curl -A GPTBot https://shop.example/".to_owned(),
        lanes,
        problem,
    };
    let settings = |made| SettingsPage {
        shell: shell("settings"),
        keys: vec![KeyRow {
            id: "k1".to_owned(),
            name: NASTY.to_owned(),
            hint: "a1B2".to_owned(),
            made: ago(9_000),
            used: Some(ago(3)),
            is_revoked: false,
        }],
        made,
        password_problem: None,
        facts: vec![
            ("Version", "0.1.0".to_owned()),
            ("Database", "SQLite".to_owned()),
        ],
        problem: None,
    };
    let door = |problem| SignInPage {
        host: "console.shop.example".to_owned(),
        email: NASTY.to_owned(),
        next: "/sites".to_owned(),
        problem,
    };
    vec![
        (
            "visit",
            html(&visit(
                vec![lane("GPTBot", true), lane("Chrome", false)],
                None,
            )),
        ),
        ("visit-none", html(&visit(Vec::new(), None))),
        ("visit-failed", html(&visit(Vec::new(), Some(problem())))),
        ("agents", html(&AgentsPage::new(shell("agents"), ""))),
        (
            "agents-user",
            html(&AgentsPage::new(shell("agents"), "user")),
        ),
        ("settings", html(&settings(None))),
        (
            "settings-made",
            html(&settings(Some((
                "ci".to_owned(),
                "ed_local-demo-key-00000000000000000000000000000".to_owned(),
            )))),
        ),
        ("sign-in", html(&door(None))),
        ("sign-in-refused", html(&door(Some(problem())))),
        (
            "first-run",
            html(&FirstRunPage {
                needs_code: true,
                email: NASTY.to_owned(),
                problem: None,
            }),
        ),
        ("problem", html(&PlainProblemPage { panel: problem() })),
    ]
}

fn html(page: &dyn askama::DynTemplate) -> String {
    page.dyn_render().expect("a page renders")
}

/// The value of `attribute` in the first `element`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    Some(&text[from..from + text[from..].find(end)?])
}

#[test]
fn every_page_is_sound() {
    let pages: Vec<(&str, String)> = [
        overview(),
        connections(),
        sites(),
        variants(),
        deployments(),
        others(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let folder = std::env::var_os("EDGE_DELIVERY_SAMPLES").map(std::path::PathBuf::from);
    for (name, page) in &pages {
        let title = between(page, "<title>", " · Edge Delivery</title>").unwrap_or_default();
        assert!(!title.trim().is_empty(), "{name}: no title");
        assert_eq!(page.matches("<h1").count(), 1, "{name}: one h1");
        for landmark in [
            "<html lang=\"en\">",
            "<main ",
            "id=\"main\"",
            "href=\"#main\"",
            "role=\"status\"",
        ] {
            assert!(page.contains(landmark), "{name}: no {landmark}");
        }
        assert!(!page.contains("<script>alert"), "{name}: unescaped input");
        assert_eq!(
            page.matches("<script").count(),
            1,
            "{name}: only the console's own script"
        );
        for forbidden in [" style=", " onclick=", "<style", "javascript:"] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        for form in page.split("<form").skip(1) {
            assert!(
                form.starts_with(' ')
                    && (form.contains("method=\"post\"") || form.contains("method=\"get\"")),
                "{name}: a form without a method"
            );
        }
        // Every id is there once, and every reference has its target.
        let ids: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{name}: id {id} twice");
        }
        for attribute in [
            " for=\"",
            " aria-describedby=\"",
            " aria-labelledby=\"",
            " data-copy=\"",
            " data-reveal=\"",
        ] {
            for reference in page
                .split(attribute)
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                assert!(
                    ids.contains(&reference),
                    "{name}: {attribute}{reference} points nowhere"
                );
            }
        }
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).expect("a folder for the samples");
            std::fs::write(folder.join(format!("{name}.html")), page).expect("a sample is written");
        }
    }
}
