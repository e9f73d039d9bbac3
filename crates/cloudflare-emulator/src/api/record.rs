//! The record: every exchange as one line of JSON, with secrets masked.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    sync::Mutex,
};

/// Appends exchanges to a file.
#[derive(Debug)]
pub struct Recorder {
    _file: Mutex<File>,
}

impl Recorder {
    /// Opens the file for appending; it is made when missing.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            _file: Mutex::new(file),
        })
    }
}
