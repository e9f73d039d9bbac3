//! What became of each line: told as it happens, or kept in files that grow instead of memory.

use super::batch::Counts;
use crate::problem::{Outcome, Problem};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use std::io::{Seek, SeekFrom, Write};
use tempfile::{SpooledData, SpooledTempFile};
use tokio_util::io::ReaderStream;

/// A line that was taken.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenLine {
    /// Its number, from 1; of a ZIP the file's place in it.
    pub(crate) line: u64,
    /// The path in its normal form.
    pub(crate) path: String,
    /// `html` or `markdown`.
    pub(crate) format: String,
    /// The revision that it is.
    pub(crate) revision: String,
}

/// A line that was refused.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusedLine {
    /// Its number, from 1; of a ZIP the file's place in it.
    pub(crate) line: u64,
    /// The path, or of a ZIP the file's name, as far as it could be read.
    pub(crate) path: Option<String>,
    /// Why.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// What an import did. It is streamed: `taken` and `refused` may be long.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportReport {
    /// The lines that were taken and published; left out with `?taken=false`.
    pub(crate) taken: Vec<TakenLine>,
    /// The lines that were refused; mend them and send them again.
    pub(crate) refused: Vec<RefusedLine>,
    /// How many of each.
    pub(crate) counts: Counts,
    /// Whether nothing was saved, because only a check was asked for.
    pub(crate) dry_run: bool,
}

/// Hears what becomes of each line.
pub(crate) trait Report: Send + Sync {
    /// It was taken.
    fn taken(&mut self, line: TakenLine) -> std::io::Result<()>;

    /// It was refused; `raw` is the line as it came, for a file of bad lines, empty where there is no line.
    fn refused(&mut self, line: RefusedLine, raw: &[u8]) -> std::io::Result<()>;

    /// So many bytes of the source were read.
    fn read(&mut self, _bytes: u64) {}
}

/// As much of a list is kept in memory before it goes to a file.
const IN_MEMORY: usize = 256 * 1024;

/// A report that is kept for an answer, in files once it is long.
#[derive(Debug)]
pub(crate) struct Spool {
    taken: Option<List>,
    refused: List,
    bad_lines: Option<SpooledTempFile>,
}

#[derive(Debug)]
struct List {
    file: SpooledTempFile,
    is_empty: bool,
}

impl List {
    fn new() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY),
            is_empty: true,
        }
    }

    fn add(&mut self, item: &impl Serialize) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(256);
        if !self.is_empty {
            bytes.push(b',');
        }
        self.is_empty = false;
        serde_json::to_writer(&mut bytes, item)?;
        self.file.write_all(&bytes)
    }
}

impl Spool {
    /// Keeps the refused lines, and the taken ones if wanted.
    pub(crate) fn new(with_taken: bool) -> Self {
        Self {
            taken: with_taken.then(List::new),
            refused: List::new(),
            bad_lines: None,
        }
    }

    /// Keeps the bad lines as they came, too.
    #[must_use]
    pub(crate) fn with_bad_lines(mut self) -> Self {
        self.bad_lines = Some(SpooledTempFile::new(IN_MEMORY));
        self
    }

    /// The bad lines as they came, from their beginning.
    pub(crate) fn take_bad_lines(&mut self) -> Option<SpooledTempFile> {
        let mut file = self.bad_lines.take()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        Some(file)
    }

    /// The report as JSON, an [`ImportReport`], piece by piece.
    ///
    /// # Errors
    ///
    /// When a file cannot be read again.
    pub(crate) fn into_json(
        self,
        counts: &Counts,
        dry_run: bool,
    ) -> Outcome<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>> {
        let end = format!(
            "],\"counts\":{},\"dryRun\":{dry_run}}}",
            serde_json::to_string(counts).map_err(|error| Problem::internal(&error))?
        );
        let text = |text: String| stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]);
        let taken = match self.taken {
            Some(list) => pieces(list.file)?.left_stream(),
            None => stream::empty().right_stream(),
        };
        Ok(text("{\"taken\":[".to_owned())
            .chain(taken)
            .chain(text("],\"refused\":[".to_owned()))
            .chain(pieces(self.refused.file)?)
            .chain(text(end)))
    }
}

/// A spooled file from its beginning to its end.
pub(crate) fn pieces(
    mut file: SpooledTempFile,
) -> Outcome<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>> {
    file.seek(SeekFrom::Start(0))
        .map_err(|error| Problem::internal(&error))?;
    Ok(match file.into_inner() {
        SpooledData::InMemory(bytes) => {
            stream::iter([Ok(Bytes::from(bytes.into_inner()))]).left_stream()
        }
        SpooledData::OnDisk(file) => {
            ReaderStream::with_capacity(tokio::fs::File::from_std(file), 64 * 1024).right_stream()
        }
    })
}

impl Report for Spool {
    fn taken(&mut self, line: TakenLine) -> std::io::Result<()> {
        match &mut self.taken {
            Some(list) => list.add(&line),
            None => Ok(()),
        }
    }

    fn refused(&mut self, line: RefusedLine, raw: &[u8]) -> std::io::Result<()> {
        if let (Some(file), false) = (&mut self.bad_lines, raw.is_empty()) {
            file.write_all(raw)?;
            file.write_all(b"\n")?;
        }
        self.refused.add(&line)
    }
}
