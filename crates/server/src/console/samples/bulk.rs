//! Sample data for what is done with many variants at once.

use super::*;
use crate::console::bulk::{
    ClearPage, ImportPage, ImportResult, LivePageView, MadeRow, MakePage, MakingPageView,
    RefusedRow, RunRow, WatchPanel,
};

pub(super) fn watch(word: &'static str) -> WatchPanel {
    WatchPanel {
        word,
        state: State::new("warn", Mark::Triangle, "Page changed"),
        since: Some(ago(90)),
        detail: format!("The page’s main text is another one. {NASTY}"),
        serve_anyway: false,
    }
}

fn run() -> RunRow {
    RunRow {
        id: "m1".to_owned(),
        state: State::new("run", Mark::Turning, "Running"),
        what: "120 pages, html".to_owned(),
        came: "40 made, 2 unchanged, 1 refused".to_owned(),
        by: NASTY.to_owned(),
        when: ago(1),
    }
}

pub(super) fn bulk() -> Vec<(&'static str, String)> {
    let import = |result, problem| {
        html(&ImportPage {
            shell: shell("s1"),
            site: head("variants", SiteStatus::InSync),
            result,
            problem,
        })
    };
    let checked = ImportResult {
        address: "/sites/s1/variants/import/u1".to_owned(),
        is_saved: false,
        file: NASTY.to_owned(),
        changed: "1,204".to_owned(),
        has_changed: true,
        unchanged: "18".to_owned(),
        refused: "2".to_owned(),
        skipped: Some("3".to_owned()),
        rows: vec![
            RefusedRow {
                line: "7".to_owned(),
                path: NASTY.to_owned(),
                detail: "has `..` in its name, which leads out of the folder".to_owned(),
                remedy: "Name files by their place in the folder.".to_owned(),
            };
            2
        ],
        more: Some("40".to_owned()),
        has_bad_lines: true,
    };
    let clear = |found, problem| {
        html(&ClearPage {
            shell: shell("s1"),
            site: head("variants", SiteStatus::InSync),
            prefix: NASTY.to_owned(),
            found,
            problem,
        })
    };
    let made = |path: &str, state, detail: &str, has_draft| MadeRow {
        path: path.to_owned(),
        state,
        detail: detail.to_owned(),
        has_draft,
    };
    let live = |saved: Option<String>, live| {
        html(&LivePageView {
            shell: shell("s1"),
            site: "s1".to_owned(),
            site_name: "shop.example".to_owned(),
            path: "/guides/returns".to_owned(),
            format: "html",
            is_same: false,
            watch: saved.as_ref().map(|_| watch("withheld")),
            saved,
            live,
        })
    };
    vec![
        ("import", import(None, None)),
        ("import-refused", import(None, Some(problem()))),
        ("import-checked", import(Some(checked.clone()), None)),
        (
            "import-saved",
            import(
                Some(ImportResult {
                    is_saved: true,
                    rows: Vec::new(),
                    more: None,
                    has_bad_lines: false,
                    refused: "0".to_owned(),
                    ..checked
                }),
                None,
            ),
        ),
        ("clear", clear(None, None)),
        (
            "clear-none",
            clear(Some((0, "0 variants".to_owned())), None),
        ),
        (
            "clear-asked",
            clear(Some((1_204, "1,204 variants".to_owned())), Some(problem())),
        ),
        (
            "make",
            html(&MakePage {
                shell: shell("s1"),
                site: head("variants", SiteStatus::InSync),
                paths: format!("/pricing\n{NASTY}"),
                sitemap: String::new(),
                by_sitemap: false,
                is_markdown: false,
                ignore_robots: false,
                runs: vec![run()],
                problem: Some(problem()),
            }),
        ),
        (
            "making",
            html(&MakingPageView {
                shell: shell("s1"),
                site: "s1".to_owned(),
                site_name: "shop.example".to_owned(),
                run: run(),
                is_running: true,
                is_stopping: false,
                done: 43,
                total: 120,
                pages: vec![
                    made(
                        "/pricing",
                        State::new("ok", Mark::Tick, "Draft made"),
                        "",
                        true,
                    ),
                    made(
                        NASTY,
                        State::new("bad", Mark::Cross, "Refused"),
                        NASTY,
                        false,
                    ),
                ],
                format: "html",
                next: Some("abc".to_owned()),
                problem: None,
            }),
        ),
        (
            "live",
            live(
                Some(format!("<h1>Returns</h1>{NASTY}")),
                Ok("<h1>Returns</h1>".to_owned()),
            ),
        ),
        ("live-none", live(None, Err(NASTY.to_owned()))),
    ]
}
