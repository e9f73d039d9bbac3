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
        to_come: vec![("publishes", Stamp(NOW))],
        changed: ago(30),
    };
    let published = State::new("ok", Mark::Tick, "Published");
    let live = State::new("ok", Mark::Tick, "Live");
    let site = |status, rows: Vec<VariantRow>, next: Option<&str>| SitePage {
        shell: shell("s1"),
        site: head("variants", status),
        sync: None,
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
                find: NASTY.to_owned(),
                all: 40,
                has_before: false,
                next: Some("abc".to_owned()),
            }),
        ),
        (
            "sites-empty",
            html(&SitesPage {
                shell: shell("sites"),
                rows: Vec::new(),
                has_connection: false,
                find: String::new(),
                all: 0,
                has_before: false,
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
            "site-syncing",
            html(&SitePage {
                sync: Some(SyncPart {
                    site: "s1".to_owned(),
                    state: State::new("run", Mark::Turning, "On the way to the edge"),
                    words: "4,000 of 10,000 changes, about 12 s left".to_owned(),
                    progress: Some((4_000, 10_000)),
                    asks: false,
                    until: None,
                }),
                ..site(SiteStatus::InSync, vec![variant("/", published, live)], None)
            }),
        ),
        (
            "site-asks",
            html(&SitePage {
                sync: Some(SyncPart {
                    site: "s1".to_owned(),
                    state: State::new("warn", Mark::Half, "Waits for you"),
                    words: "10,000 changes take more KV writes than a free Workers account has left today.".to_owned(),
                    progress: None,
                    asks: true,
                    until: None,
                }),
                ..site(SiteStatus::InSync, vec![variant("/", published, live)], None)
            }),
        ),
        ("site-alerts", html(&alerts(vec![alert()], true))),
        ("site-alerts-none", html(&alerts(Vec::new(), false))),
        (
            "site-edge",
            html(&EdgePage {
                shell: shell("s1"),
                site: head("variants", SiteStatus::InSync),
                state: State::new("run", Mark::Turning, "Not everywhere yet"),
                written: Some(ago(30)),
                pending: "3".to_owned(),
                has_pending: true,
                rows: vec![
                    HostRow {
                        host: "shop.example".to_owned(),
                        state: live,
                        manifest: Some(ago(30)),
                        words: "Knows 12 HTML pages and 3 Markdown pages.".to_owned(),
                    },
                    HostRow {
                        host: NASTY.to_owned(),
                        state: State::new("warn", Mark::Triangle, "No answer"),
                        manifest: None,
                        words: NASTY.to_owned(),
                    },
                ],
            }),
        ),
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
                workers_plan: "unknown".to_owned(),
                spreads: false,
                agents: policy(),
                slash: "strip".to_owned(),
                slashes: SLASHES,
                parameters: NASTY.to_owned(),
                offers_merge: true,
                previews: "2 preview links".to_owned(),
                allows_scripts: false,
                on_change: "mark".to_owned(),
                withholds: true,
                markdown: false,
                visits: "analytics_engine".to_owned(),
                reads_visits: false,
                zone: "shop.example".to_owned(),
                connection: None,
                connections: vec![named("c2", NASTY)],
                connection_problem: None,
                kept: KeptPart {
                    days: "30".to_owned(),
                    network: true,
                    counts: "25 months",
                    oldest: Some("2026-10-25".to_owned()),
                    is_deleting: true,
                    key_waits: true,
                },
                made_of: vec![
                    ("Worker", "edge-delivery-0190".to_owned()),
                    ("Route", "shop.example/*".to_owned()),
                ],
                problem: None,
            }),
        ),
        (
            "visits_delete",
            html(&DeleteVisitsPage {
                shell: shell("s1"),
                id: "s1".to_owned(),
                name: NASTY.to_owned(),
                cli_name: "'x'".to_owned(),
                oldest: Some("2026-10-25".to_owned()),
                is_elsewhere: true,
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

fn alerts(open: Vec<AlertPanel>, has_past: bool) -> AlertsPage {
    let row = PastRow {
        title: format!("{NASTY} stopped coming"),
        detail: NASTY.to_owned(),
        query: "?from=24h&outcome=error".to_owned(),
        opened: Stamp(NOW),
        ended: Stamp(NOW),
        state: State::new("ok", Mark::Tick, "Over"),
        seen_by: Some(NASTY.to_owned()),
    };
    AlertsPage {
        shell: shell("s1"),
        site: head("alerts", SiteStatus::InSync),
        open,
        past: if has_past { vec![row] } else { Vec::new() },
        has_before: has_past,
        next: has_past.then(|| "abc".to_owned()),
        rules: rule_parts(&domain::alert::Rules::default(), None),
        is_watched: has_past,
        is_elsewhere: has_past,
        has_webhook: has_past,
        problem: has_past.then(problem),
    }
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
        watch: Some(super::bulk::watch("changed")),
        preview: "<h1>Oak table, 180 cm</h1><p>Solid oak, oiled. Seats six to eight.</p>"
            .to_owned(),
        previews: (!is_new).then(|| PreviewPart {
            is_deployed: true,
            revision: "77f0b3c2".repeat(8),
            short: "77f0b3c2".to_owned(),
            hosts: vec!["shop.example".to_owned(), "www.shop.example".to_owned()],
            links: vec![
                PreviewRow {
                    id: "p1".to_owned(),
                    url: "https://shop.example/products/oak-table?ed-preview=1.h.77f0".to_owned(),
                    host: "shop.example".to_owned(),
                    short: "77f0b3c2".to_owned(),
                    author: NASTY.to_owned(),
                    ends: ago(-58),
                },
                PreviewRow {
                    id: "p2".to_owned(),
                    url: String::new(),
                    host: "www.shop.example".to_owned(),
                    short: "3c95e0d1".to_owned(),
                    author: "owner@shop.example".to_owned(),
                    ends: ago(-3),
                },
            ],
        }),
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
        note: NASTY.to_owned(),
        checks: checks(),
        schedule: ScheduleRows {
            publish: Some((Stamp(NOW), "77f0b3c2".to_owned(), NASTY.to_owned())),
            expire: Some((Stamp(NOW), NASTY.to_owned())),
            publish_typed: "2027-01-31T08:00".to_owned(),
            expire_typed: String::new(),
            now: "2026-11-24 10:00".to_owned(),
        },
        theirs: (!is_new).then(|| Theirs {
            short: "3c95e0d1".to_owned(),
            author: NASTY.to_owned(),
            saved: ago(3),
            difference: difference(false),
            content: NASTY.to_owned(),
        }),
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
        ("variant-compare", html(&compared("side"))),
        ("variant-compare-inline", html(&compared("inline"))),
        (
            "variant-compare-none",
            html(&ComparePage {
                difference: None,
                ..compared("side")
            }),
        ),
        ("variant-history", html(&history())),
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

fn checks() -> ChecksPart {
    ChecksPart {
        findings: vec![Finding {
            state: State::new("warn", Mark::Triangle, "Needs a yes"),
            code: "hidden_text",
            title: "Hidden text",
            detail: "holds text that a browser does not show".to_owned(),
            remedy: "Show the text, or leave it out.",
            line: 7,
            place: "line 7, column 3".to_owned(),
            excerpt: NASTY.to_owned(),
        }],
        needs_yes: true,
        text: format!("# Oak table\n{NASTY}"),
        is_cut: true,
        text_tokens: "120".to_owned(),
        source_tokens: "1,480".to_owned(),
    }
}

fn difference(is_inline: bool) -> DifferencePart {
    let piece = |text: &str, is_changed| Piece {
        text: text.to_owned(),
        is_changed,
    };
    let line = |kind, from, to, pieces| DiffedLine {
        kind,
        from,
        to,
        pieces,
    };
    let lines = vec![
        line(
            "same",
            Some(1),
            Some(1),
            vec![piece("<h1>Oak table</h1>", false)],
        ),
        line(
            "removed",
            Some(2),
            None,
            vec![piece("<p>18", true), piece(" euro", false)],
        ),
        line(
            "added",
            None,
            Some(2),
            vec![piece(NASTY, true), piece(" euro", false)],
        ),
    ];
    let comparison = Comparison {
        hunks: vec![Hunk { lines }],
        added: 1,
        removed: 1,
        is_cut: true,
    };
    DifferencePart::of(
        comparison,
        NASTY.to_owned(),
        "77f0b3c2".to_owned(),
        is_inline,
    )
}

fn compared(layout: &'static str) -> ComparePage {
    ComparePage {
        shell: shell("s1"),
        site: named("s1", "shop.example"),
        path: NASTY.to_owned(),
        format: "html",
        edit: "/sites/s1/variants/edit?format=html&path=%2F".to_owned(),
        revisions: vec![named("77f0", "77f0b3c2"), named("3c95", NASTY)],
        from: "3c95".to_owned(),
        to: "77f0".to_owned(),
        side: "source",
        layout,
        difference: Some(difference(layout == "inline")),
    }
}

fn history() -> HistoryPage {
    let row = |state, is_kept: bool| HistoryRow {
        state,
        at: is_kept.then_some(Stamp(NOW)),
        author: NASTY.to_owned(),
        note: Some(NASTY.to_owned()),
        due: Some(Stamp(NOW)),
        revision: Some(("77f0".to_owned(), "77f0b3c2".to_owned())),
        is_kept,
        is_published: is_kept,
    };
    HistoryPage {
        shell: shell("s1"),
        site: named("s1", "shop.example"),
        path: NASTY.to_owned(),
        format: "html",
        edit: Some("/sites/s1/variants/edit?format=html&path=%2F".to_owned()),
        state: State::new("ok", Mark::Tick, "Published"),
        before: Some(("3c95".to_owned(), "3c95e0d1".to_owned())),
        rows: vec![
            row(State::new("ok", Mark::Tick, "Published"), true),
            row(State::new("idle", Mark::Pencil, "Saved"), false),
        ],
        next: Some("abc".to_owned()),
    }
}
