//! Importing a file: it is checked first, and saved when somebody says so.

use super::{
    ImportPage, ImportResult, RefusedRow,
    uploads::{Found, UPLOAD_MAX, Upload},
};
use crate::{
    audit,
    console::{
        desk::{Desk, id, page, refused},
        parts::{ProblemPanel, count},
        sites::head,
    },
    problem::{Code, Outcome, Problem},
    services::{
        imports::{self, ImportOptions, RefusedLine, Report, Spool, TakenLine},
        sites,
    },
};
use axum::{
    body::Body,
    extract::{Multipart, Path},
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use domain::ids::SiteId;
use std::{
    io::{Seek, SeekFrom, Write},
    sync::{Arc, PoisonError},
};
use store::Site;
use tempfile::NamedTempFile;
use tokio::io::BufReader;
use uuid::Uuid;

/// As many bad lines stand on the page.
const TOLD: usize = 100;

/// Keeps the first bad lines, and all of them as they came.
struct Kept {
    spool: Spool,
    first: Vec<RefusedLine>,
}

impl Report for Kept {
    fn taken(&mut self, _line: TakenLine) -> std::io::Result<()> {
        Ok(())
    }

    fn refused(&mut self, line: RefusedLine, raw: &[u8]) -> std::io::Result<()> {
        if self.first.len() < TOLD {
            self.first.push(line.clone());
        }
        self.spool.refused(line, raw)
    }
}

async fn load(desk: &Desk, text: &str) -> Outcome<Site> {
    sites::get(desk.app(), desk.ws(), id::<SiteId>(text, "site")?).await
}

/// The choice of a file.
pub(super) async fn new(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&view(&desk, &site, None, None).await?))
}

async fn view(
    desk: &Desk,
    site: &Site,
    result: Option<ImportResult>,
    problem: Option<Problem>,
) -> Outcome<ImportPage> {
    Ok(ImportPage {
        shell: desk.shell(&site.id.to_string()),
        site: head(desk, site, "variants").await?,
        result,
        problem: problem.map(ProblemPanel::new),
    })
}

/// Takes the file and checks it; saves nothing.
pub(super) async fn check(
    desk: Desk,
    Path(text): Path<String>,
    form: Multipart,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let checked = match receive(form).await {
        Ok((name, file)) => {
            let upload = Upload {
                site: site.id,
                name,
                file,
                at: desk.now(),
                found: Default::default(),
            };
            read(&desk, &site, &upload, true).await.map(|()| upload)
        }
        Err(problem) => Err(problem),
    };
    match checked {
        Ok(upload) => {
            let upload = desk.app.uploads.keep(upload);
            Ok(Redirect::to(&address(&site, upload)).into_response())
        }
        Err(problem) => {
            let view = view(&desk, &site, None, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

fn address(site: &Site, upload: Uuid) -> String {
    format!("/sites/{}/variants/import/{upload}", site.id)
}

/// The first file of the form, in a temporary one.
async fn receive(mut form: Multipart) -> Outcome<(String, NamedTempFile)> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        let is_too_large = error.status() == http::StatusCode::PAYLOAD_TOO_LARGE;
        if is_too_large {
            Problem::new(
                Code::TooLarge,
                format!("The file is over the limit of {} GiB.", UPLOAD_MAX >> 30),
            )
            .cause("More was sent than the console takes.")
            .remedy("Import it in a terminal: `edge-delivery variants import`.")
        } else {
            Problem::new(Code::MalformedRequest, "The file did not arrive whole.")
                .cause("The connection was closed, or a proxy cut it.")
                .remedy("Choose the file once more.")
        }
    };
    let fault = |error: std::io::Error| Problem::internal(&error);
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let Some(name) = field.file_name().map(str::to_owned) else {
            continue;
        };
        let mut file = NamedTempFile::new().map_err(fault)?;
        let mut bytes = 0;
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            bytes += piece.len();
            file.write_all(&piece).map_err(fault)?;
        }
        if bytes > 0 {
            file.flush().map_err(fault)?;
            let shown = name.chars().filter(|c| !c.is_control()).take(120).collect();
            return Ok((shown, file));
        }
    }
    Err(Problem::field("file", "was not chosen, or is empty")
        .remedy("Choose an NDJSON file, or a ZIP of .html and .md files."))
}

/// Checks or imports, and keeps what was found with the upload.
async fn read(desk: &Desk, site: &Site, upload: &Upload, dry_run: bool) -> Outcome<()> {
    let file = upload
        .file
        .reopen()
        .map_err(|error| Problem::internal(&error))?;
    let options = ImportOptions {
        dry_run,
        force: false,
        author: desk.me.by().to_owned(),
        note: "imported",
    };
    let mut kept = Kept {
        spool: Spool::new(false).with_bad_lines(),
        first: Vec::new(),
    };
    let from = BufReader::with_capacity(128 * 1024, tokio::fs::File::from_std(file));
    let imported = imports::run(desk.app(), desk.ws(), site.id, from, options, &mut kept).await;
    if !dry_run {
        audit::record_many(
            desk.app(),
            &desk.actor(),
            site.id,
            imported.counts.changed(),
        )
        .await;
    }
    imported.outcome?;
    *upload.found.lock().unwrap_or_else(PoisonError::into_inner) = Found {
        counts: imported.counts,
        refused: kept.first,
        bad_lines: kept.spool.take_bad_lines(),
        is_saved: !dry_run,
    };
    Ok(())
}

fn find(desk: &Desk, site: &Site, text: &str) -> Outcome<(Uuid, Arc<Upload>)> {
    let upload: Uuid = id(text, "upload")?;
    let found = desk.app.uploads.get(site.id, upload);
    found.map(|found| (upload, found)).ok_or_else(|| {
        Problem::not_found("upload", text)
            .cause("Files are kept for an hour, by the server that took them.")
            .remedy("Choose the file once more.")
    })
}

/// What became of the file.
pub(super) async fn show(
    desk: Desk,
    Path((text, upload)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let (id, upload) = find(&desk, &site, &upload)?;
    let result = result(address(&site, id), &upload);
    Ok(page(&view(&desk, &site, Some(result), None).await?))
}

fn result(address: String, upload: &Upload) -> ImportResult {
    let found = upload.found.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = found.counts;
    let more = counts.refused.saturating_sub(found.refused.len() as u64);
    let rows = found.refused.iter().map(|line| RefusedRow {
        line: count(line.line),
        path: line.path.clone().unwrap_or_default(),
        detail: line.detail.clone(),
        remedy: line.remedy.clone(),
    });
    ImportResult {
        address,
        is_saved: found.is_saved,
        file: upload.name.clone(),
        changed: count(counts.changed()),
        has_changed: counts.changed() > 0,
        unchanged: count(counts.unchanged),
        refused: count(counts.refused),
        skipped: (counts.skipped > 0).then(|| count(counts.skipped)),
        rows: rows.collect(),
        more: (more > 0).then(|| count(more)),
        has_bad_lines: found.bad_lines.as_ref().is_some_and(|_| counts.refused > 0),
    }
}

/// Imports what was checked.
pub(super) async fn go(
    desk: Desk,
    Path((text, upload)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let (id, upload) = find(&desk, &site, &upload)?;
    match read(&desk, &site, &upload, false).await {
        Ok(()) => Ok(Redirect::to(&address(&site, id)).into_response()),
        Err(problem) => {
            let view = view(&desk, &site, None, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// The bad lines as they came, to be mended and imported again.
pub(super) async fn bad_lines(
    desk: Desk,
    Path((text, upload)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let (_, upload) = find(&desk, &site, &upload)?;
    let copy = {
        let mut found = upload.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = found.bad_lines.as_mut() else {
            return Err(Problem::not_found("bad line of", &upload.name));
        };
        let mut copy = tempfile::SpooledTempFile::new(1024 * 1024);
        lines
            .seek(SeekFrom::Start(0))
            .and_then(|_| std::io::copy(lines, &mut copy))
            .map_err(|error| Problem::internal(&error))?;
        copy
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"bad-lines.ndjson\"",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Body::from_stream(imports::pieces(copy)?)).into_response())
}
