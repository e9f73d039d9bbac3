//! Sample data for sites and variants.

use super::*;

pub(super) fn sites() -> Vec<(&'static str, String)> {
    let new = |connections: Vec<Named>, problem| NewSitePage {
        shell: shell("sites"),
        connection: "c1".to_owned(),
        zones: (!connections.is_empty()).then(|| zone_list(zones(), true)),
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
        (
            "site-new-large",
            html(&NewSitePage {
                zones: Some(many_zones(true)),
                ..new(vec![named("c1", "Acme")], None)
            }),
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
                patterns: "shop.example/blog/*".to_owned(),
                deadline: "300".to_owned(),
                undoes: true,
                agents: policy(),
                zone: "shop.example".to_owned(),
                connection: None,
                connections: vec![named("c2", NASTY)],
                connection_problem: None,
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

pub(super) fn variants() -> Vec<(&'static str, String)> {
    let page = |is_new: bool, problem: Option<ProblemPanel>| VariantPage {
        shell: shell("s1"),
        site: named("s1", "shop.example"),
        long: None,
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
        (
            "variant-long",
            html(&VariantPage {
                long: Some(LongText {
                    download: "/sites/s1/variants/download?format=html&path=%2Fa&revision=9f"
                        .to_owned(),
                    push: "edge-delivery variants push 'shop' FOLDER".to_owned(),
                    file: "products/oak-table.html".to_owned(),
                    call: "PUT /api/v1/sites/s1/variants/html/products/oak-table".to_owned(),
                }),
                ..page(false, None)
            }),
        ),
        ("variant-new", html(&page(true, None))),
        ("variant-refused", html(&page(true, Some(problem())))),
    ]
}

fn policy() -> PolicyPart {
    PolicyPart {
        purposes: vec![("training", "Agents that train models", 51, false)],
        single: vec![("GPTBot".to_owned(), "Trains models", true)],
        tokens: vec!["GPTBot".to_owned()],
        typed: NASTY.to_owned(),
        typed_serves: true,
        problem: None,
    }
}
