//! What is good waits here until there is enough of it for one transaction.

use super::report::{RefusedLine, Report, TakenLine};
use crate::{
    app::App,
    problem::{FieldError, Outcome, Problem},
    services::{lints, sync, variants::VariantName},
};
use domain::{
    path::PathPolicy,
    variant::{Format, Revision},
};
use serde::Serialize;
use std::collections::HashMap;
use store::{IfMatch, NewRevision, Site};

/// As many rows go in one transaction: enough for few statements, few enough that others get their turn.
const ROWS: usize = 1_000;

/// And as many bytes of content.
const BYTES: usize = 16 * 1024 * 1024;

/// How an import goes.
#[derive(Debug, Clone)]
pub(crate) struct ImportOptions {
    /// Check everything and save nothing.
    pub(crate) dry_run: bool,
    /// Publish also what the checks of contents want confirmed.
    pub(crate) force: bool,
    /// Who imports.
    pub(crate) author: String,
    /// The note of the revisions.
    pub(crate) note: &'static str,
}

/// How many lines became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// All that were looked at; empty lines are not.
    pub(crate) read: u64,
    /// Good ones.
    pub(crate) taken: u64,
    /// Those of the good ones that were published just so already.
    pub(crate) unchanged: u64,
    /// Bad ones.
    pub(crate) refused: u64,
    /// Of a ZIP: files that stand for no page (another ending, hidden), and folders.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Those that are published anew, or would be.
    pub(crate) fn changed(&self) -> u64 {
        self.taken - self.unchanged
    }
}

struct Waiting {
    line: u64,
    name: VariantName,
    revision: Revision,
    content: Vec<u8>,
}

/// Collects, saves and counts.
pub(crate) struct Batch<'a> {
    app: &'a App,
    site: Site,
    options: ImportOptions,
    report: &'a mut dyn Report,
    waiting: Vec<Waiting>,
    bytes: usize,
    counts: Counts,
}

impl<'a> Batch<'a> {
    /// An empty one.
    pub(crate) fn new(
        app: &'a App,
        site: Site,
        options: ImportOptions,
        report: &'a mut dyn Report,
    ) -> Self {
        Self {
            app,
            site,
            options,
            report,
            waiting: Vec::new(),
            bytes: 0,
            counts: Counts::default(),
        }
    }

    /// The counts so far; those of what waits are not in them.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether nothing was looked at so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.read == 0
    }

    /// How the site's paths are read.
    pub(crate) fn paths(&self) -> &PathPolicy {
        &self.site.settings.paths
    }

    /// A variant's name in its normal form.
    pub(crate) fn name(&self, format: &str, path: &str) -> Outcome<VariantName> {
        VariantName::parse(&self.site, format, path)
    }

    /// Takes a content if it is good; `raw` is the line that it came in.
    pub(crate) async fn add(
        &mut self,
        line: u64,
        name: VariantName,
        content: Vec<u8>,
        raw: &[u8],
    ) -> Outcome<()> {
        let found = lints::lint_now(&self.site, &name, &content);
        if let Err(problem) = lints::refuse(&found, true, self.options.force) {
            return self.refuse(line, Some(name.path.as_str()), &problem, raw);
        }
        self.counts.read += 1;
        self.bytes += content.len();
        self.waiting.push(Waiting {
            line,
            name,
            revision: Revision::of(&content),
            content,
        });
        if self.waiting.len() >= ROWS || self.bytes >= BYTES {
            self.save().await?;
        }
        Ok(())
    }

    /// Tells that a line is not taken, and why.
    pub(crate) fn refuse(
        &mut self,
        line: u64,
        path: Option<&str>,
        problem: &Problem,
        raw: &[u8],
    ) -> Outcome<()> {
        self.counts.read += 1;
        self.counts.refused += 1;
        let refused = RefusedLine {
            line,
            path: path.map(|path| path.chars().take(300).collect()),
            detail: why(problem),
            remedy: problem.remedies.first().cloned().unwrap_or_default(),
        };
        self.report
            .refused(refused, raw)
            .map_err(|error| Problem::internal(&error))
    }

    /// A file that stands for no page.
    pub(crate) fn skip(&mut self) {
        self.counts.skipped += 1;
    }

    /// So many bytes of the source were read.
    pub(crate) fn tell_read(&mut self, bytes: u64) {
        self.report.read(bytes);
    }

    /// Saves what waits, and has it brought to the edge.
    pub(crate) async fn finish(&mut self) -> Outcome<()> {
        self.save().await?;
        if self.counts.changed() > 0 && !self.options.dry_run {
            sync::hurry(self.app, self.site.workspace, self.site.id).await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Outcome<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let known = self.published(&waiting).await?;
        let is_known = |it: &Waiting| {
            let name = (it.name.format, it.name.path.as_str().to_owned());
            known.get(&name) == Some(&it.revision)
        };
        let unchanged = waiting.iter().filter(|it| is_known(it)).count() as u64;
        if !self.options.dry_run {
            // All of a path that has something new, so that the last one wins even where an earlier one changed it.
            let changed: Vec<_> = waiting.iter().filter(|it| !is_known(it)).collect();
            let touched: std::collections::HashSet<_> = changed
                .iter()
                .map(|it| (it.name.format, it.name.path.as_str()))
                .collect();
            let now = self.app.clock.now();
            let new: Vec<NewRevision<'_>> = waiting
                .iter()
                .filter(|it| touched.contains(&(it.name.format, it.name.path.as_str())))
                .map(|it| NewRevision {
                    site: self.site.id,
                    format: it.name.format,
                    path: it.name.path.as_str(),
                    content: &it.content,
                    author: &self.options.author,
                    note: Some(self.options.note),
                    at: now,
                    publish: true,
                    if_match: IfMatch::Any,
                })
                .collect();
            if !new.is_empty() {
                self.app
                    .store
                    .save_revisions(self.site.workspace, &new)
                    .await?;
            }
        }
        self.counts.taken += waiting.len() as u64;
        self.counts.unchanged += unchanged;
        for it in waiting {
            self.report
                .taken(TakenLine {
                    line: it.line,
                    path: it.name.path.as_str().to_owned(),
                    format: it.name.format.to_string(),
                    revision: it.revision.to_string(),
                })
                .map_err(|error| Problem::internal(&error))?;
        }
        Ok(())
    }

    async fn published(&self, waiting: &[Waiting]) -> Outcome<HashMap<(Format, String), Revision>> {
        let mut known = HashMap::new();
        for format in Format::ALL {
            let paths: Vec<&str> = waiting
                .iter()
                .filter(|it| it.name.format == format)
                .map(|it| it.name.path.as_str())
                .collect();
            if paths.is_empty() {
                continue;
            }
            let found = self
                .app
                .store
                .published_revisions(self.site.workspace, self.site.id, format, &paths)
                .await?;
            known.extend(
                found
                    .into_iter()
                    .map(|(path, revision)| ((format, path), revision)),
            );
        }
        Ok(known)
    }
}

/// The fields with what is wrong with them, or the problem's own words.
fn why(problem: &Problem) -> String {
    problem.errors.first().map_or_else(
        || problem.detail.clone(),
        |FieldError { field, detail }| format!("{field} {detail}"),
    )
}
