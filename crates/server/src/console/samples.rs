//! Every page with sample data: whether it has its landmarks and title, escapes what people type and keeps to the
//! content security policy. `EDGE_DELIVERY_SAMPLES=folder` writes the pages there, to look at.

mod bulk;
mod connections;
mod deployments;
mod others;
mod sites;
mod traffic;
mod verification;

use super::{
    activity::{
        ActivityPage, ActivityRow,
        log::{KINDS, LogPage, LogRow},
    },
    agents::{AgentPage, AgentsPage, AgentsQuery, HeldRow, RegistryPage, StagedPart},
    connections::{
        AccountNames, AccountRow, AccountTable, ChecklistPart, ConnectPage, ConnectionPage,
        ConnectionRow, ConnectionsPage, Former, GuidePage, Line, Mend, Named, PermissionCell,
        Trouble, ZoneList, ZoneRow,
    },
    deployments::{
        ConflictPanel, DeploymentPage, DeploymentView, PlanPage, PlanStep, Standstill, StepRow, Way,
    },
    door::{FirstRunPage, SignInPage},
    failure::PlainProblemPage,
    overview::{AgentLine, Need, OverviewPage, Visited, way},
    parts::{Mark, ProblemPanel, Stamp, State, Wait, When, guide_section},
    settings::{DeliveryRow, KeyRow, SettingsPage},
    shell::{Banner, RailSite, Shell, told},
    sites::{
        DriftPanel, EdgePage, HostRow, NewSitePage, PolicyPart, RemovePage, SHOWS, SLASHES,
        SiteHead, SitePage, SiteRow, SiteSettingsPage, SitesPage, SyncPart, VariantRow,
    },
    variants::{
        ChecksPart, ComparePage, DifferencePart, Finding, HistoryPage, HistoryRow, LongText,
        PreviewPart, PreviewRow, RevisionRow, ScheduleRows, Theirs, VariantPage,
    },
    verification::{CheckQuery, Found, ListRow, VerificationPage},
    visit::{DiffLine, HeaderRow, Lane, VisitPage},
};
use crate::{
    problem::{CloudflareSaid, Code, FieldError, Problem},
    services::compare::{Comparison, Hunk, Line as DiffedLine, Piece},
};
use domain::{
    agents::{Registry, changes::Change},
    deployment::{DeploymentStatus, SiteStatus, StepStatus},
    plan::{Difference, OtherRoute, Resource, Warning},
    route_pattern::Relation,
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
        all_sites: Some("All 40 sites".to_owned()),
        banners: Vec::new(),
        more_banners: 0,
        support: Some("https://help.example/edge-delivery".to_owned()),
    }
}

/// The rail of somebody whose tokens end.
fn shell_with_banners(at: &str) -> Shell {
    let banner = |name: &str, title: &str, tone, mark, wants_token| Banner {
        id: "c1".to_owned(),
        name: name.to_owned(),
        title: title.to_owned(),
        tone,
        mark,
        wants_token,
    };
    Shell {
        banners: vec![
            banner(
                "Acme",
                "The token expires in 6 days",
                "warn",
                Mark::Clock,
                true,
            ),
            banner(NASTY, "The token has expired", "bad", Mark::Clock, true),
            banner(
                "Acme Labs",
                "The token lost a permission, or no longer reaches every account or zone",
                "warn",
                Mark::Half,
                false,
            ),
        ],
        more_banners: 2,
        ..shell(at)
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
        drift: (status == SiteStatus::Drifted).then(|| DriftPanel {
            seen: ago(2),
            changes: vec![("Route shop.example/*".to_owned(), NASTY.to_owned())],
            conflicts: vec![NASTY.to_owned()],
        }),
        not_deployed: if open == "settings" {
            vec![
                "KV deadline 400 ms instead of 300 ms".to_owned(),
                NASTY.to_owned(),
            ]
        } else {
            Vec::new()
        },
        is_rolled_back: false,
        taken_back: (status == SiteStatus::Drifted).then(|| "d1".to_owned()),
    }
}

fn named(id: &str, name: &str) -> Named {
    Named {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

fn zones() -> Vec<ZoneRow> {
    let zone = |name: &str, status: &str, state: State, reason: Option<&str>| ZoneRow {
        id: format!("z-{name}"),
        name: name.to_owned(),
        account: "Acme".to_owned(),
        status: status.to_owned(),
        plan: "free".to_owned(),
        state,
        reason: reason.map(str::to_owned),
        mend: (state.tone != "ok").then(|| Mend {
            label: "Open in Cloudflare",
            href: "https://dash.cloudflare.com/a1/blog.example".to_owned(),
            is_away: true,
        }),
        is_deployable: state.tone == "ok" || state.mark == Mark::Dotted,
        site: None,
    };
    let (yes, no) = (
        State::new("ok", Mark::Tick, "Yes"),
        State::new("idle", Mark::Bar, "No"),
    );
    let mut zones = vec![
        zone("shop.example", "active", yes, None),
        zone("docs.example", "active", yes, None),
        zone(
            "intl.example",
            "active",
            State::new("idle", Mark::Dotted, "Not asked"),
            Some("Workers Routes: not asked yet: it is when the zone is chosen."),
        ),
        zone(
            "blog.example",
            "pending",
            State::new("idle", Mark::Clock, "Not yet"),
            Some("The zone is pending: its registrar still names other name servers."),
        ),
        zone(
            "labs.example",
            "active",
            State::new("bad", Mark::Cross, "No"),
            Some("The token lacks Workers Routes: Edit on this zone."),
        ),
        zone(
            NASTY,
            "active, paused",
            no,
            Some("Paused in Cloudflare: no Worker runs."),
        ),
    ];
    zones[0].site = Some(named("s1", "shop.example"));
    zones
}

fn zone_list(rows: Vec<ZoneRow>, is_choice: bool) -> ZoneList {
    ZoneList {
        connection: "c1".to_owned(),
        base: if is_choice {
            "/sites/new?connection=c1&"
        } else {
            "/connections/c1?"
        }
        .to_owned(),
        is_choice,
        chosen: "z-docs.example".to_owned(),
        words: format!("{} zones, 3 deployable.", rows.len()),
        rows,
        read: Some(ago(4)),
        is_running: false,
        problem: None,
        q: String::new(),
        account: String::new(),
        account_name: None,
        accounts: vec![named("a1", "Acme"), named("a2", NASTY)],
        parts: vec![
            ("all", "All", "5,000".to_owned()),
            ("yes", "Deployable", "4,963".to_owned()),
            ("no", "Not", "37".to_owned()),
        ],
        show: "all",
        is_small: false,
        has_before: false,
        next: None,
        again: None,
    }
}

/// A page in the middle of thousands, searched, while they are read again.
fn many_zones(is_choice: bool) -> ZoneList {
    let rows = (0..25)
        .map(|number| {
            let mut row = zones()[number % 6].clone();
            row.id = format!("b{number:031}");
            row.name = format!("{}-{number}", row.name);
            row
        })
        .collect();
    ZoneList {
        is_running: true,
        q: NASTY.to_owned(),
        account: "a2".to_owned(),
        account_name: Some(NASTY.to_owned()),
        accounts: Vec::new(),
        show: "yes",
        has_before: true,
        next: Some("WyJ6b25lIl0".to_owned()),
        again: Some("/connections/c1?q=&show=yes&ask=yes".to_owned()),
        ..zone_list(rows, is_choice)
    }
}

fn activity() -> Vec<ActivityRow> {
    let row = |id: &str, title: &str, status: DeploymentStatus, minutes: i64| ActivityRow {
        id: id.to_owned(),
        title: title.to_owned(),
        by: "owner@shop.example".to_owned(),
        changes: "create KV namespace, content, Worker, 2 routes".to_owned(),
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

fn log() -> Vec<LogRow> {
    let row = |what: &str, link: Option<&str>, who: &str, address: &str, minutes: i64| LogRow {
        what: what.to_owned(),
        subject: "Acme".to_owned(),
        link: link.map(str::to_owned),
        detail: "token …wxyz, ready".to_owned(),
        who: who.to_owned(),
        address: address.to_owned(),
        when: ago(minutes),
        stamp: Stamp(ago(minutes).at),
    };
    vec![
        row(
            "Replaced the token",
            Some("/connections/c1"),
            "owner@shop.example",
            "192.0.2.7",
            3,
        ),
        row(
            "Checked the connection",
            Some("/connections/c1"),
            "background",
            "",
            60,
        ),
        row(
            NASTY,
            None,
            NASTY,
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            9_000,
        ),
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
        connections::overview(),
        connections::connections(),
        sites::sites(),
        sites::variants(),
        deployments::deployments(),
        bulk::bulk(),
        others::others(),
        traffic::traffic(),
        verification::verification(),
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
            " href=\"#",
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
