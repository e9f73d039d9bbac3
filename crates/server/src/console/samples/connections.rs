//! Sample data for the overview and connections.

use super::*;

pub(super) fn overview() -> Vec<(&'static str, String)> {
    let page = |way, needs| OverviewPage {
        shell: shell_with_banners("overview"),
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
        expires: Some(ago(-60 * 24 * 92)),
        checked: ago(8),
        warning: Some("The token expires in 6 days".to_owned()),
        sites: "2 sites".to_owned(),
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
