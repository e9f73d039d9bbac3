//! Sample data for the lists that agents are verified by.

use super::*;

pub(super) fn verification() -> Vec<(&'static str, String)> {
    let row = |state, meaning, entries: &str| ListRow {
        operator: "OpenAI".to_owned(),
        agents: "GPTBot, OAI-SearchBot".to_owned(),
        url: "https://openai.example/gptbot.json".to_owned(),
        state,
        meaning,
        entries: entries.to_owned(),
        confirmed: (!entries.is_empty()).then(|| ago(90)),
        is_shipped: false,
        error: None,
        attempted: Some(ago(90)),
    };
    let fresh = State::new("ok", Mark::Tick, "Up to date");
    let view = |found, problem| VerificationPage {
        shell: shell("agents"),
        ranges: vec![
            row(
                fresh,
                "Visits are verified or contradicted by it",
                "22 prefixes",
            ),
            ListRow {
                is_shipped: true,
                error: Some(format!(
                    "entry 3 ({NASTY:?}) is neither an address nor a prefix"
                )),
                ..row(
                    State::new("warn", Mark::Clock, "Old"),
                    "Visits from it are verified; others are only claimed",
                    "1 prefix",
                )
            },
            row(
                State::new("idle", Mark::Dotted, "Not read yet"),
                "Visits are only claimed",
                "",
            ),
        ],
        keys: vec![row(fresh, "Signed visits are verified by it", "2 keys")],
        is_kept_up: true,
        is_under_way: true,
        agents: vec!["GPTBot".to_owned(), "ClaudeBot".to_owned()],
        asked: CheckQuery {
            agent: "ClaudeBot".to_owned(),
            address: NASTY.to_owned(),
        },
        found,
        problem,
    };
    let found = Found {
        state: State::new("bad", Mark::Cross, "Contradicted"),
        words: format!("ClaudeBot from {NASTY}: the address is not in it."),
    };
    vec![
        ("agents-verification", html(&view(Some(found), None))),
        (
            "agents-verification-refused",
            html(&view(None, Some(problem()))),
        ),
    ]
}
