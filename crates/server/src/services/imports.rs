//! Many variants at once: NDJSON lines or the files of a ZIP, read as a stream, checked one by one, and saved in batches.
//!
//! What is held in memory is one batch and one line, whatever the length of the whole. Good lines are taken, bad ones are
//! named with their number, why, and what to do; nothing is ever half-stored of a line. An import that is broken off
//! has saved whole batches; sent again it leaves alone what is published already.

mod archive;
mod batch;
mod delete;
mod ndjson;
mod report;

pub(crate) use self::{
    batch::{Batch, Counts, ImportOptions},
    delete::{count_below, delete_below, prefix_of},
    ndjson::ImportLine,
    report::{ImportReport, RefusedLine, Report, Spool, TakenLine, pieces},
};

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::sites,
};
use domain::ids::{SiteId, WorkspaceId};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The most bytes of NDJSON that one import reads; more comes in another one.
pub(crate) const LINES_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// What a ZIP begins with: a file's header, or the end of one without files (PKWARE's APPNOTE, 4.3.7 and 4.3.16).
const ZIP_BEGINNINGS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// How an import ended.
#[derive(Debug)]
pub(crate) struct Imported {
    /// What became of the lines; right also when it failed in the middle.
    pub(crate) counts: Counts,
    /// Why it ended before its end, if it did: nothing of it can be read, or the database fails. What was saved stays.
    pub(crate) outcome: Outcome<()>,
}

/// Reads NDJSON or a ZIP to its end, and saves what is good, unless it is a dry run. `report` hears of every line.
pub(crate) async fn run(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    from: impl AsyncBufRead + Unpin + Send,
    options: ImportOptions,
    report: &mut dyn Report,
) -> Imported {
    let site = match sites::get(app, ws, site).await {
        Ok(site) => site,
        Err(problem) => {
            return Imported {
                counts: Counts::default(),
                outcome: Err(problem),
            };
        }
    };
    let mut batch = Batch::new(app, site, options, report);
    let read = read(&mut batch, from).await;
    // What was read before a failure is good.
    let saved = batch.finish().await;
    Imported {
        counts: batch.counts(),
        outcome: read.and(saved),
    }
}

async fn read(batch: &mut Batch<'_>, mut from: impl AsyncBufRead + Unpin + Send) -> Outcome<()> {
    let beginning = from.fill_buf().await.map_err(|error| broken_off(&error))?;
    let is_zip = ZIP_BEGINNINGS
        .iter()
        .any(|mark| beginning.starts_with(mark));
    if is_zip {
        archive::read(from, batch).await?;
    } else {
        ndjson::read(from, batch).await?;
    }
    if batch.is_empty() {
        return Err(
            Problem::new(Code::ValidationFailed, "The import is empty.")
                .cause("There is no line in it, and no file that stands for a page.")
                .remedy("Send one JSON object {path, format, content} a line, or a ZIP of .html and .md files."),
        );
    }
    Ok(())
}

/// The source ended before its end.
fn broken_off(error: &std::io::Error) -> Problem {
    tracing::debug!(%error, "an import was broken off");
    Problem::new(
        Code::MalformedRequest,
        "The import ended before it was complete.",
    )
    .cause("The connection was closed, a proxy cut the body, or the file cannot be read.")
    .remedy("Send it again: what was saved already is left alone.")
}
