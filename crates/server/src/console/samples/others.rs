//! Sample data for everything else.

use super::*;

pub(super) fn others() -> Vec<(&'static str, String)> {
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
    let delivery = |event: &str, state, words: &str| DeliveryRow {
        event: event.to_owned(),
        state,
        words: words.to_owned(),
        attempts: 1,
        made: ago(40),
    };
    let settings = |made: Option<(String, String)>| SettingsPage {
        has_webhook: made.is_some(),
        webhook_url: NASTY.to_owned(),
        webhook_secret: made
            .is_some()
            .then(|| "local-demo-webhook-secret-00000000000000000000".to_owned()),
        webhook_problem: None,
        webhook_test: made.is_some().then(|| {
            delivery(
                "webhook.test",
                State::new("bad", Mark::Cross, "Given up"),
                "The receiver: it answered 500.",
            )
        }),
        webhook_allows_private: false,
        deliveries: vec![
            delivery(
                "connection.expiring",
                State::new("ok", Mark::Tick, "Delivered"),
                "The receiver answered 204.",
            ),
            delivery(
                "connection.expired",
                State::new("warn", Mark::Clock, "To be sent again"),
                NASTY,
            ),
        ],
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
        ("agents", html(&agents(AgentsQuery::default()))),
        (
            "agents-user",
            html(&agents(AgentsQuery {
                purpose: "user".to_owned(),
                find: NASTY.to_owned(),
                ua: NASTY.to_owned(),
                ..AgentsQuery::default()
            })),
        ),
        ("agent", html(&agent("GPTBot"))),
        ("agent-excluded", html(&agent("Googlebot"))),
        ("agent-robots", html(&agent("Google-Extended"))),
        ("agent-registry", html(&agent_registry(false))),
        ("agent-registry-staged", html(&agent_registry(true))),
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

fn agents(query: AgentsQuery) -> AgentsPage {
    AgentsPage::new(shell("agents"), &Registry::built_in(), query, &[])
        .unwrap_or_else(|problem| panic!("{}", problem.detail))
}

fn agent(token: &str) -> AgentPage {
    AgentPage::new(shell("agents"), &Registry::built_in(), token, &[])
        .unwrap_or_else(|problem| panic!("{}", problem.detail))
}

fn agent_registry(is_staged: bool) -> RegistryPage {
    let held = |id: &str| HeldRow {
        id: id.to_owned(),
        version: NASTY.to_owned(),
        agents: 131,
        by: NASTY.to_owned(),
        when: Some(ago(5)),
    };
    let change = |what: &[&str]| Change {
        token: "NewBot".to_owned(),
        operator: NASTY.to_owned(),
        kind: "training",
        what: what.iter().map(|text| (*text).to_owned()).collect(),
    };
    RegistryPage {
        shell: shell("agents"),
        active: held(""),
        is_built_in: !is_staged,
        staged: is_staged.then(|| StagedPart {
            held: held("r2"),
            digest: "ab".repeat(32),
            changes: vec![
                ("Added", vec![change(&[])]),
                ("Changed", vec![change(&["operator: A → B"])]),
            ],
            sites: vec![(NASTY.to_owned(), "NewBot".to_owned(), String::new())],
        }),
        former: vec![held("r1")],
        problem: is_staged.then(problem),
        faults: vec![NASTY.to_owned(), NASTY.to_owned()],
    }
}
