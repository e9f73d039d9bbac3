//! What of an import or push was refused: the first are told, all are counted, and all go to the file of bad lines.

use crate::services::imports::{RefusedLine, Report, TakenLine};
use anyhow::Context;
use indicatif::ProgressBar;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// As many are told one by one; a file of errors has them all.
const TOLD: usize = 200;

/// Collects what was refused.
pub(super) struct Refusals {
    bar: ProgressBar,
    told: Vec<RefusedLine>,
    count: u64,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Refusals {
    /// `errors` is the file of bad lines; one that is there already is written anew.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub(super) fn new(bar: ProgressBar, errors: Option<&Path>) -> anyhow::Result<Self> {
        let file = errors
            .map(|path| {
                let file = File::create(path)
                    .with_context(|| format!("{} cannot be written", path.display()))?;
                anyhow::Ok((path.to_owned(), BufWriter::new(file)))
            })
            .transpose()?;
        Ok(Self {
            bar,
            told: Vec::new(),
            count: 0,
            file,
        })
    }

    /// The first of them.
    pub(super) fn told(&self) -> &[RefusedLine] {
        &self.told
    }

    /// The lines for people: what was refused, and how many more.
    ///
    /// # Errors
    ///
    /// When the file of bad lines cannot be written to its end.
    pub(super) fn finish(&mut self) -> anyhow::Result<Vec<String>> {
        self.bar.finish_and_clear();
        let mut lines: Vec<String> = self.told.iter().map(in_words).collect();
        let more = self.count - self.told.len() as u64;
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        if let Some((path, mut file)) = self.file.take() {
            file.flush()
                .with_context(|| format!("{} cannot be written", path.display()))?;
            if self.count > 0 {
                lines.push(format!("the bad lines are in {}", path.display()));
            }
        }
        Ok(lines)
    }
}

fn in_words(line: &RefusedLine) -> String {
    let path = line
        .path
        .as_ref()
        .map_or_else(String::new, |path| format!(" {path}"));
    format!(
        "refused line {}{path}: {}. {}",
        line.line, line.detail, line.remedy
    )
}

impl Report for Refusals {
    fn taken(&mut self, _line: TakenLine) -> std::io::Result<()> {
        Ok(())
    }

    fn refused(&mut self, line: RefusedLine, raw: &[u8]) -> std::io::Result<()> {
        self.count += 1;
        if let Some((_, file)) = &mut self.file {
            if raw.is_empty() {
                // A file of a ZIP, or a line that was too long to be kept: what is known of it.
                serde_json::to_writer(&mut *file, &line)?;
            } else {
                file.write_all(raw)?;
            }
            file.write_all(b"\n")?;
        }
        if self.told.len() < TOLD {
            self.told.push(line);
        }
        Ok(())
    }

    fn read(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}
