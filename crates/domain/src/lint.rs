//! Checks of a variant's content: what would make it wrong, unsafe or dishonest for those who read it.
//!
//! [`check`] is a function of a content and a few facts about its site. A finding has a code that never changes, a
//! severity and a place. An *error* refuses the content; a finding to *confirm* keeps it from being published until somebody
//! says that it is meant; a *warning* is shown. `docs/publishing.md` explains each code.

mod characters;
mod code;
mod head;
mod hidden;
mod html;
mod instructions;
mod markdown;
mod place;

pub use code::{LintCode, Severity};

use crate::{
    names::Hostname,
    path::PagePath,
    variant::{CONTENT_MAX, Format},
};
use place::Source;
use std::ops::Range;

/// At most so many findings of one content are told.
pub const LINTS_MAX: usize = 100;

/// At most so many of one code.
const OF_ONE_CODE: usize = 20;

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The format.
    pub format: Format,
    /// The page.
    pub path: &'a PagePath,
    /// The host names of its site.
    pub hostnames: &'a [Hostname],
    /// Whether the site's owner lets variants hold scripts.
    pub allow_scripts: bool,
    /// The content.
    pub content: &'a [u8],
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// What it is.
    pub code: LintCode,
    /// What follows from it.
    pub severity: Severity,
    /// What was found, as the end of a sentence about the content: `is empty`, `holds a script`.
    pub detail: String,
    /// Where it begins, if it has a place.
    pub place: Option<Place>,
}

/// A place in a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What stands there, shortened; what cannot be seen is written as `U+200B`.
    pub excerpt: String,
}

/// The findings in a content, in its order; those without a place come first.
pub fn check(subject: &Subject<'_>) -> Vec<Lint> {
    let text = match readable(subject.content) {
        Ok(text) => text,
        Err(lint) => return vec![lint],
    };
    let source = Source::new(text);
    let mut found = Findings::default();
    characters::check_source(&source, &mut found);
    match subject.format {
        Format::Html => html::check(subject, &source, &mut found),
        Format::Markdown => markdown::check(subject, &source, &mut found),
    }
    found.into_lints(&source)
}

/// Whether any finding refuses the content.
pub fn is_refused(lints: &[Lint]) -> bool {
    lints.iter().any(|lint| lint.severity == Severity::Error)
}

/// Whether any finding is to be confirmed before it is published.
pub fn needs_confirmation(lints: &[Lint]) -> bool {
    lints.iter().any(|lint| lint.severity == Severity::Confirm)
}

/// The text that a content is.
fn readable(content: &[u8]) -> Result<&str, Lint> {
    let refused = |code: LintCode, detail: String| Lint {
        severity: code.severity(),
        code,
        detail,
        place: None,
    };
    if content.len() > CONTENT_MAX {
        let detail = format!("is larger than {} MiB", CONTENT_MAX / (1024 * 1024));
        return Err(refused(LintCode::TooLarge, detail));
    }
    if content.trim_ascii().is_empty() {
        return Err(refused(LintCode::Empty, "is empty".to_owned()));
    }
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        let detail = "is not UTF-8: it begins like UTF-16; save it as UTF-8".to_owned();
        return Err(refused(LintCode::NotUtf8, detail));
    }
    let text = std::str::from_utf8(content).map_err(|error| {
        let detail = format!(
            "is not UTF-8: the byte at offset {} does not fit",
            error.valid_up_to()
        );
        refused(LintCode::NotUtf8, detail)
    })?;
    if let Some(offset) = text.find('\0') {
        let mut lint = refused(LintCode::Nul, "holds a NUL character".to_owned());
        lint.place = Some(Source::new(text).place(offset..offset + 1));
        return Err(lint);
    }
    Ok(text)
}

/// What is found while a content is read.
#[derive(Debug, Default)]
struct Findings {
    items: Vec<(LintCode, String, Option<Range<usize>>)>,
}

impl Findings {
    /// Something at a place.
    fn at(&mut self, code: LintCode, place: Range<usize>, detail: impl Into<String>) {
        self.items.push((code, detail.into(), Some(place)));
    }

    /// Something about the whole.
    fn whole(&mut self, code: LintCode, detail: impl Into<String>) {
        self.items.push((code, detail.into(), None));
    }

    fn into_lints(mut self, source: &Source<'_>) -> Vec<Lint> {
        self.items
            .sort_by_key(|(code, _, place)| (place.as_ref().map(|place| place.start), *code));
        self.items.dedup();
        let mut lints: Vec<Lint> = Vec::new();
        let mut counts = std::collections::HashMap::new();
        for (code, detail, place) in self.items {
            let count: &mut usize = counts.entry(code).or_default();
            *count += 1;
            if *count > OF_ONE_CODE || lints.len() >= LINTS_MAX {
                continue;
            }
            lints.push(Lint {
                severity: code.severity(),
                code,
                detail,
                place: place.map(|place| source.place(place)),
            });
        }
        lints
    }
}

#[cfg(test)]
mod tests;
