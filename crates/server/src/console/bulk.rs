//! Many variants at once: importing a file, deleting all below a path, making drafts from live pages, and looking at the live
//! page beside its variant.

mod clear;
mod import;
mod live;
mod make;
pub(crate) mod uploads;

pub(super) use live::panel_of;

use super::{
    parts::{Mark, ProblemPanel, State, When},
    shell::Shell,
    sites::SiteHead,
};
use crate::app::AppState;
use askama::Template;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use uploads::UPLOAD_MAX;

/// The pages of this kind.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/sites/{id}/variants/import/{upload}", get(import::show))
        .route("/sites/{id}/variants/import/{upload}/go", post(import::go))
        .route(
            "/sites/{id}/variants/import/{upload}/bad-lines",
            get(import::bad_lines),
        )
        .route(
            "/sites/{id}/variants/clear",
            get(clear::ask).post(clear::clear),
        )
        .route(
            "/sites/{id}/variants/make",
            get(make::new).post(make::begin),
        )
        .route("/sites/{id}/variants/live", get(live::show))
        .route("/sites/{id}/variants/page", post(live::decide))
        .route("/makings/{id}", get(make::show))
        .route("/makings/{id}/cancel", post(make::cancel))
        .merge(
            Router::new()
                .route(
                    "/sites/{id}/variants/import",
                    get(import::new).post(import::check),
                )
                .layer(DefaultBodyLimit::max(UPLOAD_MAX)),
        )
}

/// The choice of a file.
#[derive(Debug, Template)]
#[template(path = "pages/import.html")]
pub(crate) struct ImportPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// What became of the file, once there is one.
    pub(crate) result: Option<ImportResult>,
    /// Why it did not work.
    pub(crate) problem: Option<ProblemPanel>,
}

/// What became of a file.
#[derive(Debug, Clone)]
pub(crate) struct ImportResult {
    /// The address of this result.
    pub(crate) address: String,
    /// Whether it is saved; else it was only checked.
    pub(crate) is_saved: bool,
    /// The file's name.
    pub(crate) file: String,
    /// Variants that are new or changed.
    pub(crate) changed: String,
    /// Whether there are any.
    pub(crate) has_changed: bool,
    /// Variants that are published just so already.
    pub(crate) unchanged: String,
    /// Bad lines.
    pub(crate) refused: String,
    /// Files of a ZIP that stand for no page.
    pub(crate) skipped: Option<String>,
    /// The first of the bad lines.
    pub(crate) rows: Vec<RefusedRow>,
    /// How many more there are.
    pub(crate) more: Option<String>,
    /// Whether the bad lines can be downloaded as they came.
    pub(crate) has_bad_lines: bool,
}

/// A bad line.
#[derive(Debug, Clone)]
pub(crate) struct RefusedRow {
    /// Its number.
    pub(crate) line: String,
    /// The path or name.
    pub(crate) path: String,
    /// Why.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// The question before many are deleted.
#[derive(Debug, Template)]
#[template(path = "pages/clear.html")]
pub(crate) struct ClearPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// What the paths begin with, as typed.
    pub(crate) prefix: String,
    /// How many there are: the number and in words; none: nothing was asked yet.
    pub(crate) found: Option<(u64, String)>,
    /// Why it was not done.
    pub(crate) problem: Option<ProblemPanel>,
}

/// The form for making drafts, and the runs so far.
#[derive(Debug, Template)]
#[template(path = "pages/make.html")]
pub(crate) struct MakePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// The paths, as typed.
    pub(crate) paths: String,
    /// The sitemap, as typed.
    pub(crate) sitemap: String,
    /// Whether a sitemap names the pages.
    pub(crate) by_sitemap: bool,
    /// Whether Markdown is made.
    pub(crate) is_markdown: bool,
    /// Whether robots.txt is looked past.
    pub(crate) ignore_robots: bool,
    /// The runs, newest first.
    pub(crate) runs: Vec<RunRow>,
    /// Why it was not begun.
    pub(crate) problem: Option<ProblemPanel>,
}

/// A run in the list.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    /// Its id.
    pub(crate) id: String,
    /// How far it is.
    pub(crate) state: State,
    /// `120 pages, html`.
    pub(crate) what: String,
    /// `118 made, 2 refused`.
    pub(crate) came: String,
    /// Who asked.
    pub(crate) by: String,
    /// When.
    pub(crate) when: When,
}

/// One run.
#[derive(Debug, Template)]
#[template(path = "pages/making.html")]
pub(crate) struct MakingPageView {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site's id.
    pub(crate) site: String,
    /// The site's name.
    pub(crate) site_name: String,
    /// The run.
    pub(crate) run: RunRow,
    /// Whether it goes on.
    pub(crate) is_running: bool,
    /// Whether it is to stop.
    pub(crate) is_stopping: bool,
    /// Pages that had their turn.
    pub(crate) done: u64,
    /// All pages.
    pub(crate) total: u64,
    /// What became of the pages.
    pub(crate) pages: Vec<MadeRow>,
    /// The format.
    pub(crate) format: &'static str,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
    /// Why it failed.
    pub(crate) problem: Option<ProblemPanel>,
}

/// A page of a run.
#[derive(Debug, Clone)]
pub(crate) struct MadeRow {
    /// Its path.
    pub(crate) path: String,
    /// What became of it.
    pub(crate) state: State,
    /// Why it was refused.
    pub(crate) detail: String,
    /// Whether there is a draft to open.
    pub(crate) has_draft: bool,
}

/// A variant beside the live page.
#[derive(Debug, Template)]
#[template(path = "pages/live.html")]
pub(crate) struct LivePageView {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site's id.
    pub(crate) site: String,
    /// The site's name.
    pub(crate) site_name: String,
    /// The page's path.
    pub(crate) path: String,
    /// The variant's format.
    pub(crate) format: &'static str,
    /// The newest revision as HTML; none: nothing is saved.
    pub(crate) saved: Option<String>,
    /// The main content of the live page as HTML, or why there is none.
    pub(crate) live: Result<String, String>,
    /// Whether both say the same.
    pub(crate) is_same: bool,
    /// What the daily check knows.
    pub(crate) watch: Option<WatchPanel>,
}

/// What the daily check knows of the page behind a variant.
#[derive(Debug, Clone)]
pub(crate) struct WatchPanel {
    /// `fine`, `changed`, `withheld` or `unchecked`.
    pub(crate) word: &'static str,
    /// The same as a state.
    pub(crate) state: State,
    /// Since when, or when it was looked at.
    pub(crate) since: Option<When>,
    /// In words.
    pub(crate) detail: String,
    /// Whether the variant is served whatever the page is.
    pub(crate) serve_anyway: bool,
}
