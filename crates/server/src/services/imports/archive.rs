//! The files of a ZIP, as `variants push` takes those of a folder: `pricing.html` in it is the variant of `/pricing`.
//!
//! A ZIP is somebody else's: it may claim any size, name any place, and hold more than a disk. So it is written to a
//! file of its own first, its directory is bounded before it is read, its claims are summed up before anything is unpacked,
//! and each file is unpacked no further than it claims. Nothing of it is ever written to a path.

mod bounds;

use super::{batch::Batch, broken_off};
use crate::{
    problem::{Code, Outcome, Problem},
    services::variant_files::{format_of, is_hidden, path_of},
};
use bounds::refuse_bombs;
use domain::variant::CONTENT_MAX;
use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncBufRead, AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use zip::ZipArchive;

/// The most bytes of a ZIP.
pub(crate) const ARCHIVE_MAX: u64 = 1024 * 1024 * 1024;

/// As many unpacked files wait to be saved.
const AHEAD: usize = 2;

/// What one entry is.
enum Entry {
    /// A variant.
    File {
        line: u64,
        file: PathBuf,
        content: Vec<u8>,
    },
    /// Something that is not taken.
    Bad {
        line: u64,
        name: String,
        problem: Box<Problem>,
    },
    /// A folder, a hidden file, another ending.
    Other,
}

/// Reads to the end.
pub(super) async fn read(
    from: impl AsyncBufRead + Unpin + Send,
    batch: &mut Batch<'_>,
) -> Outcome<()> {
    let file = to_file(from, batch).await?;
    let (send, mut entries) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || unpack(file, &send));
    while let Some(entry) = entries.recv().await {
        match entry {
            Entry::Other => batch.skip(),
            Entry::Bad {
                line,
                name,
                problem,
            } => batch.refuse(line, Some(&name), &problem, b"")?,
            Entry::File {
                line,
                file,
                content,
            } => take(batch, line, &file, content).await?,
        }
    }
    reading.await.map_err(|error| Problem::internal(&error))?
}

async fn take(batch: &mut Batch<'_>, line: u64, file: &Path, content: Vec<u8>) -> Outcome<()> {
    let shown = file.display().to_string();
    let named = match (format_of(file), path_of(file, batch.paths())) {
        (Some(format), Some(path)) => batch.name(format.as_str(), &path),
        _ => Err(Problem::field("name", "is not UTF-8")),
    };
    match named {
        Ok(name) => batch.add(line, name, content, b"").await,
        Err(problem) => batch.refuse(line, Some(&shown), &problem, b""),
    }
}

/// The directory stands at the end, so the whole has to be there; in a file that nobody else can open.
async fn to_file(from: impl AsyncBufRead + Unpin + Send, batch: &mut Batch<'_>) -> Outcome<File> {
    let file = tempfile::tempfile().map_err(|error| Problem::internal(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let mut from = from.take(ARCHIVE_MAX + 1);
    let mut piece = vec![0; 128 * 1024];
    let mut bytes = 0;
    loop {
        let read = from
            .read(&mut piece)
            .await
            .map_err(|error| broken_off(&error))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > ARCHIVE_MAX {
            return Err(Problem::new(
                Code::TooLarge,
                format!(
                    "The ZIP is over its limit of {} GiB; nothing was saved.",
                    ARCHIVE_MAX >> 30
                ),
            )
            .cause("More was sent than one import reads of a ZIP.")
            .remedy("Send it in several, or as NDJSON, which is read line by line."));
        }
        file.write_all(&piece[..read])
            .await
            .map_err(|error| Problem::internal(&error))?;
        batch.tell_read(bytes);
    }
    file.flush()
        .await
        .map_err(|error| Problem::internal(&error))?;
    let mut file = file.into_std().await;
    file.seek(SeekFrom::Start(0))
        .map_err(|error| Problem::internal(&error))?;
    Ok(file)
}

/// Sends every entry; stops when nobody listens any more.
fn unpack(mut file: File, send: &mpsc::Sender<Entry>) -> Outcome<()> {
    bounds::refuse_long_directories(&mut file)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    refuse_bombs(&mut archive)?;
    for at in 0..archive.len() {
        let entry = one(&mut archive, at);
        if send.blocking_send(entry).is_err() {
            break;
        }
    }
    Ok(())
}

fn unreadable(error: &zip::result::ZipError) -> Problem {
    Problem::new(
        Code::ValidationFailed,
        format!("The ZIP cannot be read: {error}. Nothing was saved."),
    )
    .cause("It is cut off, damaged, split over several files, or no ZIP.")
    .remedy("Make it anew and try `unzip -t FILE` before sending it.")
}

/// One entry, unpacked.
fn one(archive: &mut ZipArchive<BufReader<File>>, at: usize) -> Entry {
    let line = at as u64 + 1;
    let bad = |name: &str, detail: String, remedy: &str| Entry::Bad {
        line,
        name: name.to_owned(),
        problem: Box::new(Problem::new(Code::ValidationFailed, detail).remedy(remedy)),
    };
    let data = match archive.by_index_data(at).and_then(|data| {
        Ok((
            data.name()?.into_owned(),
            data.is_dir(),
            data.is_symlink(),
            data.encrypted(),
            data.size(),
        ))
    }) {
        Ok(data) => data,
        Err(error) => return bad("", format!("cannot be read: {error}"), "Make the ZIP anew."),
    };
    let (name, is_folder, is_link, is_encrypted, size) = data;
    let file = match place(&name) {
        Ok(file) => file,
        Err(detail) => {
            return bad(
                &name,
                detail.to_owned(),
                "Name files by their place in the folder: pricing.html, guides/returns.md.",
            );
        }
    };
    if is_link {
        return bad(
            &name,
            "is a link, which is not followed".to_owned(),
            "Put the file itself into the ZIP.",
        );
    }
    let is_passed_over = is_folder
        || file.iter().any(is_hidden)
        || file.starts_with("__MACOSX")
        || format_of(&file).is_none();
    if is_passed_over {
        return Entry::Other;
    }
    if is_encrypted {
        return bad(
            &name,
            "is encrypted".to_owned(),
            "Make the ZIP without a password.",
        );
    }
    if size > CONTENT_MAX as u64 {
        return bad(
            &name,
            format!("is larger than {} MiB", CONTENT_MAX >> 20),
            "Shorten it, or divide the page.",
        );
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(CONTENT_MAX));
    let unpacked = archive
        .by_index(at)
        .map_err(|error| error.to_string())
        .and_then(|entry| {
            // One byte more than it claims is enough to know.
            entry
                .take(size + 1)
                .read_to_end(&mut content)
                .map_err(|error| error.to_string())
        });
    match unpacked {
        Ok(bytes) if bytes as u64 > size => bad(
            &name,
            format!("unpacks to more than the {size} bytes that it claims"),
            "Make the ZIP anew; this one is damaged, or made to do harm.",
        ),
        Ok(_) => Entry::File {
            line,
            file,
            content,
        },
        Err(error) => bad(
            &name,
            format!("cannot be unpacked: {error}"),
            "Make the ZIP anew with the usual compression (deflate).",
        ),
    }
}

/// A name as a place inside a folder. What would lead out of one is refused, not bent into something else.
fn place(name: &str) -> Result<PathBuf, &'static str> {
    if name.contains('\0') {
        return Err("has a NUL character in its name");
    }
    if name.contains('\\') {
        return Err("has a backslash in its name");
    }
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        return Err("has an absolute name, which leads out of the folder");
    }
    if name.split('/').any(|part| part == "..") {
        return Err("has `..` in its name, which leads out of the folder");
    }
    Ok(name
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::place;
    use std::path::Path;

    #[test]
    fn names_stay_in_the_folder() {
        for (name, file) in [
            ("pricing.html", "pricing.html"),
            ("a/b.md", "a/b.md"),
            ("./a//b.md", "a/b.md"),
            ("a..b/c.html", "a..b/c.html"),
        ] {
            assert_eq!(place(name).as_deref(), Ok(Path::new(file)), "{name}");
        }
        for name in [
            "../a.html",
            "a/../../b.html",
            "a/..",
            "/etc/passwd.html",
            "C:/a.html",
            "c:a.html",
            "..\\a.html",
            "a\0.html",
        ] {
            assert!(place(name).is_err(), "{name}");
        }
    }
}
