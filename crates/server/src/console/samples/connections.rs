//! Sample data for the overview and connections.

use super::*;

pub(super) fn overview() -> Vec<(&'static str, String)> {
    let page = |way, needs| OverviewPage {
        shell: shell_with_banners("overview"),
        way,
        summary: "3 sites, 2 connections".to_owned(),
        needs,
        sites: site_rows()
            .into_iter()
            .zip([
                Visited {
                    visits: "1,284".to_owned(),
                    served: "76 %".to_owned(),
                    line: "0,20 4,12 8,2 12,9".to_owned(),
                },
                Visited::default(),
                Visited::default(),
            ])
            .collect(),
        visits: "1,284".to_owned(),
        agents: vec![AgentLine {
            name: NASTY.to_owned(),
            about: NASTY.to_owned(),
            visits: "702".to_owned(),
        }],
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

/// A check that ended with a refusal.
fn findings() -> ChecklistPart {
    let line = |group, state, title: &str, note: &str| Line {
        group,
        state,
        title: title.to_owned(),
        level: "Edit",
        note: note.to_owned(),
        outcome: state.word.to_owned(),
        is_missing: state.word == "no",
    };
    let (yes, no) = (
        State::new("ok", Mark::Tick, "yes"),
        State::new("bad", Mark::Cross, "no"),
    );
    ChecklistPart {
        is_running: false,
        hint: Some("x7Qa".to_owned()),
        cleaned: "Left out: quotes".to_owned(),
        done: 2,
        took: "2.4 s".to_owned(),
        said: String::new(),
        lines: vec![
            line(Some("Account permissions"), yes, "Workers Scripts", ""),
            line(None, no, "Workers KV Storage", NASTY),
        ],
    }
}

pub(super) fn connections() -> Vec<(&'static str, String)> {
    let former = |of: &str| Former {
        hint: "a1B2".to_owned(),
        of: of.to_owned(),
        delete_url: "https://dash.cloudflare.com/profile/api-tokens".to_owned(),
    };
    let list = |rows: Vec<ConnectionRow>| ConnectionsPage {
        shell: shell("connections"),
        gone: (!rows.is_empty()).then(|| former(NASTY)),
        is_postgres: true,
        rows,
    };
    let row = ConnectionRow {
        id: "c1".to_owned(),
        name: NASTY.to_owned(),
        state: domain::connection::ConnectionStatus::Ready.into(),
        hint: "x7Qa".to_owned(),
        accounts: "Acme, Acme Labs".to_owned(),
        zones: "7".to_owned(),
        expires: Some((
            Some("92 days".to_owned()),
            Stamp(Millis(NOW.0 + 92 * 86_400_000)),
        )),
        checked: ago(8),
        warning: Some("The token expires in 6 days".to_owned()),
        sites: "2 sites".to_owned(),
    };
    let connect = |problem: Option<ProblemPanel>, replaces| ConnectPage {
        shell: shell("connections"),
        replaces,
        name: NASTY.to_owned(),
        list: problem.as_ref().map(|_| findings()),
        problem,
        user_form: "https://dash.cloudflare.com/profile/api-tokens?name=Edge+Delivery".to_owned(),
        account_form: "https://dash.cloudflare.com/?to=/:account/api-tokens".to_owned(),
    };
    let one = |zones, permissions| ConnectionPage {
        shell: Shell {
            told: told("connected"),
            ..shell("connections")
        },
        id: "c1".to_owned(),
        name: "Acme".to_owned(),
        state: domain::connection::ConnectionStatus::Incomplete.into(),
        troubles: vec![
            Trouble {
                tone: "warn",
                mark: Mark::Half,
                title: "The token lost a permission, or no longer reaches every account or zone"
                    .to_owned(),
                detail: "Sites keep serving what is published.",
                remedy: "Edit the token in Cloudflare and check again.",
            },
            Trouble {
                tone: "idle",
                mark: Mark::Turning,
                title: "The token has been in use for over 90 days".to_owned(),
                detail: "A token that changes now and then is worth less to whoever finds it.",
                remedy: "Roll it in Cloudflare.",
            },
        ],
        notes: vec![format!("The site {NASTY} is in the zone shop.example.")],
        former: Some(former("Acme")),
        leaving: Some(ago(2)),
        next_check: Some(ago(-340)),
        is_postgres: false,
        checked: ago(1),
        hint: "x7Qa".to_owned(),
        kind: "User token",
        stored: Stamp(NOW),
        expires: Some((
            Some("92 days".to_owned()),
            Stamp(NOW.plus_seconds(92 * 86_400)),
        )),
        accounts: AccountNames::new(vec!["Acme".to_owned(), NASTY.to_owned()], 1),
        sites_words: "2 sites".to_owned(),
        sites: vec![named("s1", "shop.example"), named("s2", NASTY)],
        zones,
        permissions,
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
        (
            "connection",
            html(&one(zone_list(zones(), false), account_table(2))),
        ),
        (
            "connection-large",
            html(&one(many_zones(false), account_table(20))),
        ),
        (
            "connection-no-zones",
            html(&one(no_zones(), account_table(1))),
        ),
        (
            "guide",
            html(&GuidePage {
                shell: shell("connections"),
                user_form: "https://dash.cloudflare.com/profile/api-tokens?name=Edge+Delivery"
                    .to_owned(),
                account_form: "https://dash.cloudflare.com/?to=/:account/api-tokens".to_owned(),
            }),
        ),
    ]
}

#[test]
fn every_problem_with_a_token_has_its_section_in_the_guide() {
    let pages = connections();
    let page = |name: &str| {
        let found = pages.iter().find(|(page, _)| *page == name);
        found.map(|(_, html)| html.as_str()).unwrap_or_default()
    };
    let mut sections = 0;
    for code in Code::ALL {
        let mut problem = Problem::new(*code, "It was refused.");
        problem.cloudflare = Some(CloudflareSaid {
            status: Some(429),
            code: None,
            message: String::new(),
            ray_id: None,
            endpoint: String::new(),
        });
        let Some(section) = guide_section(&problem) else {
            continue;
        };
        sections += 1;
        for place in ["guide", "connect"] {
            let id = format!("id=\"{section}\"");
            assert!(page(place).contains(&id), "{place}: no {id} for {code:?}");
        }
    }
    assert_eq!(sections, 9);
}

#[test]
fn the_guide_says_all_that_it_promises() {
    let pages = connections();
    for place in ["guide", "connect"] {
        let (_, html) = pages
            .iter()
            .find(|(page, _)| *page == place)
            .expect("the page is there");
        // As a person reads it: without markup, and with one space between words.
        let mut text = String::new();
        for piece in html.split('<') {
            text.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            // Why, and what becomes of it.
            "uploads a Worker, makes a KV namespace",
            "encrypted and stored in this program’s database",
            // The steps.
            "Log in to Cloudflare’s dashboard, dash.cloudflare.com",
            "profile icon at the top right, then My Profile, then API Tokens on the left, then Create Token",
            "Find Edit Cloudflare Workers and press Use template",
            "remove every other row",
            "not what it may do beyond this",
            "Account Resources: Include, All accounts",
            "Zone Resources: Include, All zones",
            "Edge Delivery System",
            "a week or so for trying things out; for production a longer time, or none at all",
            "Continue to summary, read the permissions once more, Create Token, and copy it at once",
            "a lost one cannot be looked up, only replaced by a new one",
            // Do, and do not.
            "password manager, or in an environment variable",
            "Name the accounts and zones instead of including all",
            "Let a token that is only for trying things out expire",
            "Replace the one in production now and then",
            "Delete tokens at Cloudflare that nothing uses any more",
            "Give it to anybody else",
            "Commit it to Git",
            "Use one token in several programs",
            "Grant more than the five permissions",
            // The errors.
            "copied with something too many, or something is missing",
            "It has expired",
            "made without the permissions",
            "One or more of the five are missing",
            "Account Resources or Zone Resources leave out",
            "compare every row with the checklist",
            "open its connection here and press Replace token",
            // Token or key.
            "takes an API Token and refuses an API Key",
            "Only the permissions you choose",
            "The whole account",
            "None possible",
            "Never",
            "Outdated",
            // Help, and in short.
            "creating an API token",
            "Workers and KV can be opened in your account’s dashboard",
            "Contact support",
            "Workers Scripts: EditWorkers KV Storage: EditAccount Settings: Read",
            "Workers Routes: EditZone: Read",
            "Let test tokens expire",
        ] {
            assert!(text.contains(words), "{place} does not say: {words}");
        }
    }
}

fn account_table(many: usize) -> AccountTable {
    let columns = vec![
        ("Workers Scripts", "Edit"),
        ("Workers KV Storage", "Edit"),
        ("Account Settings", "Read"),
        ("Workers Routes", "Edit"),
        ("Zone", "Read"),
    ];
    let cell = |(index, column): (usize, &(&'static str, &str))| PermissionCell {
        name: column.0,
        state: if index == 3 {
            State::new("warn", Mark::Triangle, "partly")
        } else {
            State::new("ok", Mark::Tick, "yes")
        },
        words: if index == 3 { "5 of 7 zones" } else { "yes" }.to_owned(),
    };
    let rows = (0..many)
        .map(|number| AccountRow {
            id: format!("a{number:031}"),
            name: if number == 0 {
                NASTY.to_owned()
            } else {
                format!("Acme {number}")
            },
            is_used: number != 1,
            sites: if number == 0 {
                vec![named("s1", "shop.example"), named("s2", NASTY)]
            } else {
                Vec::new()
            },
            zones: 7,
            cells: columns.iter().enumerate().map(cell).collect(),
            evidence: if number == 2 {
                vec![("Workers KV Storage", format!("403, 10000 {NASTY}"))]
            } else {
                Vec::new()
            },
        })
        .collect();
    AccountTable {
        connection: "c1".to_owned(),
        columns,
        rows,
        words: "300 accounts, 299 used.".to_owned(),
        is_choice: many > 1,
        is_searched: many > 2,
        search: NASTY.to_owned(),
        page: 2,
        pages: if many > 2 { 15 } else { 1 },
        problem: (many > 2).then(|| {
            let mut panel = problem();
            "accounts".clone_into(&mut panel.key);
            panel
        }),
    }
}

fn no_zones() -> ZoneList {
    let mut panel = problem();
    "zones".clone_into(&mut panel.key);
    ZoneList {
        problem: Some(panel),
        read: None,
        is_small: true,
        ..zone_list(Vec::new(), false)
    }
}
