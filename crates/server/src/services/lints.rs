//! Checks of contents: `domain::lint` with the facts of a site, and what follows from findings.

use super::variants::VariantName;
use crate::problem::{Code, FieldError, Outcome, Problem};
use domain::{
    lint::{self, Lint, Severity, Subject},
    reading,
    variant::Format,
};
use serde::{Deserialize, Serialize};
use store::Site;

/// From this size on, checking is moved off the threads that answer requests.
const LARGE: usize = 128 * 1024;

/// A finding, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LintView {
    /// The stable name; `docs/publishing.md` explains each.
    pub(crate) code: String,
    /// `error` (refused), `confirm` (published only with `force`) or `warning`.
    pub(crate) severity: String,
    /// A short title.
    pub(crate) title: String,
    /// What was found.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The line, from 1; none: it is about the whole.
    pub(crate) line: Option<usize>,
    /// The column in characters, from 1.
    pub(crate) column: Option<usize>,
    /// What stands there, shortened; what cannot be seen is written as `U+200B`.
    pub(crate) excerpt: Option<String>,
}

impl From<&Lint> for LintView {
    fn from(lint: &Lint) -> Self {
        Self {
            code: lint.code.as_str().to_owned(),
            severity: severity_word(lint.severity).to_owned(),
            title: lint.code.title().to_owned(),
            detail: format!("The content {}.", lint.detail),
            remedy: lint.code.remedy().to_owned(),
            line: lint.place.as_ref().map(|place| place.line),
            column: lint.place.as_ref().map(|place| place.column),
            excerpt: lint.place.as_ref().map(|place| place.excerpt.clone()),
        }
    }
}

/// The word of a severity.
pub(crate) const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Confirm => "confirm",
        Severity::Warning => "warning",
    }
}

/// Findings as they are answered.
pub(crate) fn views(lints: &[Lint]) -> Vec<LintView> {
    lints.iter().map(LintView::from).collect()
}

/// What is found in a content for this variant.
pub(crate) async fn lint(site: &Site, name: &VariantName, content: &[u8]) -> Vec<Lint> {
    if content.len() < LARGE {
        return lint_now(site, name, content);
    }
    let (site, name, content) = (site.clone(), name.clone(), content.to_vec());
    tokio::task::spawn_blocking(move || lint_now(&site, &name, &content))
        .await
        .expect("checking does not panic")
}

/// The same on this thread, for many contents in a row.
pub(crate) fn lint_now(site: &Site, name: &VariantName, content: &[u8]) -> Vec<Lint> {
    lint::check(&Subject {
        format: name.format,
        path: &name.path,
        hostnames: &site.hostnames,
        allow_scripts: site.settings.allow_scripts,
        content,
    })
}

/// Refuses a content that has an error, or one that is to be published with something to confirm, unless `force` confirms
/// it. The problem carries the findings.
pub(crate) fn refuse(lints: &[Lint], publish: bool, force: bool) -> Outcome<()> {
    if let Some(first) = lints.iter().find(|lint| lint.severity == Severity::Error) {
        let mut problem = Problem::field("content", with_place(first));
        problem.remedies.insert(0, first.code.remedy().to_owned());
        problem.errors = lints
            .iter()
            .filter(|lint| lint.severity == Severity::Error)
            .map(|lint| FieldError {
                field: "content".to_owned(),
                detail: with_place(lint),
            })
            .collect();
        problem.content.lints = views(lints);
        return Err(problem);
    }
    if !publish || force {
        return Ok(());
    }
    let Some(first) = lints.iter().find(|lint| lint.severity == Severity::Confirm) else {
        return Ok(());
    };
    let mut problem = Problem::new(
        Code::ConfirmationNeeded,
        format!(
            "The content {}. Publishing it needs a yes; nothing was saved or published.",
            with_place(first)
        ),
    )
    .cause("The checks found something that agents distrust, or that says more than the page.")
    .remedy(first.code.remedy())
    .remedy("If it is meant, confirm it: `?force=true`, `\"force\": true`, or the box in the editor. A draft needs no yes.");
    problem.content.lints = views(lints);
    Err(problem)
}

fn with_place(lint: &Lint) -> String {
    match &lint.place {
        Some(place) => format!(
            "{} (line {}, column {})",
            lint.detail, place.line, place.column
        ),
        None => lint.detail.clone(),
    }
}

/// What an agent reads, and how much it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reading {
    /// The text without markup; Markdown as it is.
    pub(crate) text: String,
    /// About how many tokens the text is.
    pub(crate) text_tokens: u64,
    /// About how many tokens the content is as it is served.
    pub(crate) source_tokens: u64,
    /// The content's length in bytes.
    pub(crate) bytes: u64,
}

impl Reading {
    /// Of a content.
    pub(crate) fn of(format: Format, content: &str) -> Self {
        let text = reading::text_of(format, content);
        Self {
            text_tokens: reading::token_estimate(&text),
            source_tokens: reading::token_estimate(content),
            bytes: content.len() as u64,
            text,
        }
    }
}
