//! A file that is being written beside the one it will become, and is gone when it does not.

use anyhow::{Context, ensure};
use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

/// A file in the making, with the files that SQLite keeps beside a database. Dropped, they are deleted.
#[derive(Debug)]
pub(super) struct Draft(PathBuf);

impl Draft {
    /// A free name beside the target.
    pub(super) fn beside(target: &Path, word: &str) -> Self {
        Self(beside(target, word))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Its name as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub(super) fn name(&self) -> anyhow::Result<&str> {
        self.0.to_str().context("the file's name is not UTF-8")
    }

    /// Makes it, empty and for its owner alone.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub(super) fn create(&self) -> anyhow::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&self.0)
            .with_context(|| format!("{} cannot be made", self.0.display()))
    }

    /// Gives it its name, once it is safe on the disk.
    ///
    /// # Errors
    ///
    /// When there is such a file by now, or it cannot be moved.
    pub(super) fn becomes(self, target: &Path) -> anyhow::Result<()> {
        File::open(&self.0)
            .and_then(|file| file.sync_all())
            .context("it cannot be brought to the disk")?;
        ensure!(!target.exists(), "{} exists already", target.display());
        move_database(&self.0, target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for file in files(&self.0) {
            // What is not there, or has become something, need not go.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// A free name beside a file.
pub(super) fn beside(target: &Path, word: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{word}-{}", uuid::Uuid::now_v7().simple()));
    PathBuf::from(name)
}

/// SQLite keeps two files beside a database.
fn files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Gives a database and what is beside it another name.
///
/// # Errors
///
/// When a file cannot be moved.
pub(super) fn move_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    for (from, to) in files(from).iter().zip(files(to)) {
        if from.exists() {
            std::fs::rename(from, &to)
                .with_context(|| format!("{} could not be moved", from.display()))?;
        }
    }
    Ok(())
}
