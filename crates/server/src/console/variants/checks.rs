//! What the checks found in a text, and what an agent reads of it: a part of the editor's page, made anew while somebody
//! types.

use crate::{
    console::{
        desk::{Desk, id, page},
        parts::{Mark, State, count, plural},
    },
    problem::Problem,
    services::{
        lints::{self, Reading},
        sites,
        variants::VariantName,
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{
    ids::SiteId,
    lint::{Lint, Severity},
    path::PagePath,
    variant::Format,
};
use serde::Deserialize;
use store::Site;

/// As much of the text is shown, in bytes.
const SHOWN: usize = 64 * 1024;

/// Findings and reading.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/variant_checks.html")]
pub(crate) struct ChecksPart {
    /// The findings, in the order of the text.
    pub(crate) findings: Vec<Finding>,
    /// Whether publishing needs a yes.
    pub(crate) needs_yes: bool,
    /// What an agent reads.
    pub(crate) text: String,
    /// Whether there is more of it.
    pub(crate) is_cut: bool,
    /// About how many tokens that is.
    pub(crate) text_tokens: String,
    /// About how many tokens the source is.
    pub(crate) source_tokens: String,
}

/// One finding.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) state: State,
    /// Its stable name.
    pub(crate) code: &'static str,
    /// Its title.
    pub(crate) title: &'static str,
    /// What was found.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) remedy: &'static str,
    /// Its line, to go to.
    pub(crate) line: usize,
    /// Where it is: `line 3, column 7`.
    pub(crate) place: String,
    /// What stands there.
    pub(crate) excerpt: String,
}

impl From<Lint> for Finding {
    fn from(lint: Lint) -> Self {
        let state = match lint.severity {
            Severity::Error => State::new("bad", Mark::Cross, "Refused"),
            Severity::Confirm => State::new("warn", Mark::Triangle, "Needs a yes"),
            Severity::Warning => State::new("warn", Mark::Half, "Warning"),
        };
        let place = lint.place.as_ref();
        Self {
            state,
            code: lint.code.as_str(),
            title: lint.code.title(),
            detail: lint.detail,
            remedy: lint.code.remedy(),
            line: place.map_or(0, |place| place.line),
            place: place.map_or_else(
                || "the whole text".to_owned(),
                |place| format!("line {}, column {}", place.line, place.column),
            ),
            excerpt: place.map_or_else(String::new, |place| place.excerpt.clone()),
        }
    }
}

impl ChecksPart {
    /// Of a text.
    pub(crate) async fn of(site: &Site, name: &VariantName, content: &str) -> Self {
        let found = lints::lint(site, name, content.as_bytes()).await;
        let mut reading = Reading::of(name.format, content);
        let end = reading
            .text
            .floor_char_boundary(SHOWN.min(reading.text.len()));
        let is_cut = end < reading.text.len();
        reading.text.truncate(end);
        Self {
            needs_yes: found.iter().any(|lint| lint.severity == Severity::Confirm),
            findings: found.into_iter().map(Finding::from).collect(),
            text: reading.text,
            is_cut,
            text_tokens: count(reading.text_tokens),
            source_tokens: count(reading.source_tokens),
        }
    }

    /// `2 findings`.
    fn found(&self) -> String {
        plural(self.findings.len() as u64, "finding")
    }

    /// Of a text that was not checked: it is too long to be edited, or nothing was typed yet.
    pub(crate) fn none() -> Self {
        Self {
            findings: Vec::new(),
            needs_yes: false,
            text: String::new(),
            is_cut: false,
            text_tokens: String::new(),
            source_tokens: String::new(),
        }
    }
}

/// Which variant is being written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckQuery {
    format: String,
    path: String,
}

/// The part anew, for what stands in the editor.
pub(in crate::console) async fn check(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<CheckQuery>,
    content: String,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = name_of(
        &site,
        query.format.parse().unwrap_or(Format::Html),
        &query.path,
    );
    Ok(page(&ChecksPart::of(&site, &name, &content).await))
}

/// A name to check for, also while the path is not typed yet.
pub(super) fn name_of(site: &Site, format: Format, path: &str) -> VariantName {
    let home = || PagePath::parse("/").expect("the home page's path is one");
    VariantName {
        site: site.id,
        format,
        path: PagePath::parse(path).unwrap_or_else(|_| home()),
    }
}
