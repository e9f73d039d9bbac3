//! What of a ZIP is looked at before anything is unpacked: how long its directory is, and what it claims to hold.

use super::unreadable;
use crate::problem::{Code, Outcome, Problem};
use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
};
use zip::ZipArchive;

/// The most files of one ZIP: what its directory can count without the extension for more (Zip64).
const FILES_MAX: u64 = 65_534;

/// The most bytes of the directory, which is read into memory.
const DIRECTORY_MAX: u64 = 32 * 1024 * 1024;

/// The most bytes that all files may claim together.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// How many times larger the files may be than the ZIP. Text seldom shrinks to less than a thirtieth.
const RATIO_MAX: u64 = 200;

/// Below this much nobody asks for the ratio.
const RATIO_FROM: u64 = 16 * 1024 * 1024;

/// The end record: where it begins, and its length without the comment (PKWARE's APPNOTE, 4.3.16).
const END_MARK: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;

/// Refuses a ZIP whose directory is too long for memory. The library reads as many entries as the end record says, so it is
/// asked before. What could be an end record counts, whichever the library chooses.
pub(super) fn refuse_long_directories(file: &mut File) -> Outcome<()> {
    let fault = |error: std::io::Error| Problem::internal(&error);
    let length = file.seek(SeekFrom::End(0)).map_err(fault)?;
    let tail_length = length.min((END_LENGTH + usize::from(u16::MAX)) as u64);
    file.seek(SeekFrom::Start(length - tail_length))
        .map_err(fault)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(fault)?;
    file.seek(SeekFrom::Start(0)).map_err(fault)?;
    for record in tail
        .windows(END_LENGTH)
        .filter(|window| window.starts_with(END_MARK))
    {
        let number = |at: usize, bytes: usize| {
            record[at..at + bytes]
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let (files, starts_at) = (number(10, 2), number(16, 4));
        if files > FILES_MAX || number(8, 2) > FILES_MAX || starts_at == u64::from(u32::MAX) {
            return Err(Problem::new(
                Code::TooLarge,
                format!("The ZIP holds more than {FILES_MAX} files; nothing was saved."),
            )
            .cause("It is a Zip64, which can hold any number; so many are not read from a ZIP.")
            .remedy("Send them in several, or as NDJSON, which is read line by line."));
        }
        if length.saturating_sub(starts_at) > DIRECTORY_MAX {
            return Err(Problem::new(
                Code::TooLarge,
                format!("The ZIP's directory is longer than {} MiB; nothing was saved.", DIRECTORY_MAX >> 20),
            )
            .cause("It has very many files, or very long names and comments, or something stands after its directory.")
            .remedy("Make it anew with fewer files, or send NDJSON."));
        }
    }
    Ok(())
}

/// Refuses a ZIP that is small and would become large: by what it claims, and by files that share their bytes.
pub(super) fn refuse_bombs(archive: &mut ZipArchive<BufReader<File>>) -> Outcome<()> {
    let bomb = |detail: String| {
        Problem::new(Code::ValidationFailed, format!("{detail} Nothing was unpacked, nothing was saved."))
            .cause("It is a ZIP bomb: a small archive that is made to fill memory and disk. Or it holds something else than pages.")
            .remedy("Make a ZIP of the .html and .md files alone, or send them in several.")
    };
    if archive
        .has_overlapping_entries()
        .map_err(|error| unreadable(&error))?
    {
        return Err(bomb("Files of the ZIP share the same bytes.".to_owned()));
    }
    let (mut packed, mut unpacked) = (0_u64, 0_u64);
    for at in 0..archive.len() {
        let entry = archive
            .by_index_data(at)
            .map_err(|error| unreadable(&error))?;
        packed = packed.saturating_add(entry.compressed_size());
        unpacked = unpacked.saturating_add(entry.size());
    }
    if unpacked > UNPACKED_MAX {
        return Err(bomb(format!(
            "The ZIP would unpack to {} MiB; the limit is {} MiB.",
            unpacked >> 20,
            UNPACKED_MAX >> 20
        )));
    }
    if unpacked > RATIO_FROM && unpacked / packed.max(1) > RATIO_MAX {
        return Err(bomb(format!(
            "The ZIP would unpack to {} times its size, {} MiB.",
            unpacked / packed.max(1),
            unpacked >> 20
        )));
    }
    Ok(())
}
