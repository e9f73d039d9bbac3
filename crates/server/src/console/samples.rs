//! Every page with sample data: whether it has its landmarks and title, escapes what people type and keeps to the
//! content security policy. `EDGE_DELIVERY_SAMPLES=folder` writes the pages there, to look at.

mod connections;
mod deployments;
mod others;
mod sites;

use super::{
    activity::{ActivityPage, ActivityRow},
    agents::AgentsPage,
    connections::{
        ConnectPage, ConnectionPage, ConnectionRow, ConnectionsPage, Former, Named, PermissionCell,
        PermissionRow, Trouble, ZoneRow,
    },
    deployments::{DeploymentPage, DeploymentView, PlanPage, PlanStep, StepRow},
    door::{FirstRunPage, SignInPage},
    failure::PlainProblemPage,
    overview::{Need, OverviewPage, way},
    parts::{CheckRow, Mark, ProblemPanel, Stamp, State, When},
    settings::{DeliveryRow, KeyRow, SettingsPage},
    shell::{Banner, RailSite, Shell, told},
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
        others::others(),
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
