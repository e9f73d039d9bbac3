//! Where the demo keeps its database and key.

use anyhow::Context;
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

/// A folder; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    temporary: bool,
    /// Held while the demo runs; the system lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

impl DataDirectory {
    /// `chosen`, made if need be, or a new one among the system's temporary files.
    pub(super) fn open(chosen: Option<&Path>) -> anyhow::Result<Self> {
        let path = match chosen {
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!(
                "edge-delivery-demo-{}",
                uuid::Uuid::new_v4().simple()
            )),
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| {
            format!(
                "the folder {} cannot be made; choose another with --data-dir",
                path.display()
            )
        })?;
        let lock = match chosen {
            Some(_) => Some(lock(&path)?),
            None => None,
        };
        Ok(Self {
            path,
            temporary: chosen.is_none(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary
    }
}

/// Two demos on one database would each know another local Cloudflare, and work against each other.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("demo.lock");
    let file =
        File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another `demo` runs on {}. Stop that one, or choose another folder with --data-dir",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, "{} could not be removed", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DataDirectory;

    #[test]
    fn a_temporary_folder_goes_and_a_chosen_one_stays() {
        let temporary = DataDirectory::open(None).unwrap();
        let path = temporary.path().to_owned();
        fs_write(&path);
        drop(temporary);
        assert!(!path.exists());

        let parent = tempfile::tempdir().unwrap();
        let chosen = DataDirectory::open(Some(&parent.path().join("a/b"))).unwrap();
        let path = chosen.path().to_owned();
        fs_write(&path);
        drop(chosen);
        assert!(path.join("file").exists());
    }

    #[test]
    fn a_folder_is_for_one_demo() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(Some(parent.path())).unwrap();
        let refused = DataDirectory::open(Some(parent.path())).unwrap_err();
        assert!(
            refused.to_string().contains("another `demo` runs on"),
            "{refused}"
        );
        drop(first);
        DataDirectory::open(Some(parent.path())).unwrap();
    }

    fn fs_write(folder: &std::path::Path) {
        std::fs::write(folder.join("file"), "x").unwrap();
    }
}
