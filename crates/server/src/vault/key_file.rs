//! The key's file: 64 hex digits, readable by its owner alone.

use super::{OpenVaultError, VaultKey};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::Path,
};

/// More than any form of a key; a larger file is something else.
const SIZE_MAX: u64 = 1024;

fn refuse(path: &Path, why: impl std::fmt::Display) -> OpenVaultError {
    OpenVaultError::KeyFile(format!("the key file {} {why}", path.display()))
}

/// Reads the key; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<VaultKey>, OpenVaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(path, format_args!("cannot be read: {error}"))),
    };
    check_mode(path, &file)?;
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(SIZE_MAX)
        .read_to_string(&mut text)
        .map_err(|error| refuse(path, format_args!("cannot be read: {error}")))?;
    VaultKey::parse(&text)
        .map(Some)
        .map_err(|why| refuse(path, why))
}

/// A key that others can read protects nothing.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), OpenVaultError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file
        .metadata()
        .map_err(|error| refuse(path, format_args!("cannot be read: {error}")))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refuse(
            path,
            format_args!(
                "can be used by others than its owner (mode {mode:04o}). Run: chmod 600 {}",
                path.display()
            ),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), OpenVaultError> {
    Ok(())
}

/// Makes a new key and its file (mode 0600). When another process makes it at the same moment, that one's counts.
pub(super) fn create(path: &Path) -> Result<VaultKey, OpenVaultError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| refuse(path, format_args!("cannot be made: {error}")))?;
    }
    let key = VaultKey::generate();
    // Written under another name first: a reader never sees half a key.
    let draft = path.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
    let written = write_private(&draft, key.to_hex().as_bytes())
        .and_then(|()| std::fs::hard_link(&draft, path))
        .and_then(|()| sync_folder(path));
    // The draft's work is done either way.
    let _ = std::fs::remove_file(&draft);
    match written {
        Ok(()) => {
            tracing::warn!(
                key.file = %path.display(),
                key.id = %key.id(),
                "made a new key file: back it up, apart from the database; without it the stored tokens cannot be opened"
            );
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| refuse(path, "vanished while it was read"))
        }
        Err(error) => Err(refuse(path, format_args!("cannot be made: {error}"))),
    }
}

/// Makes sure that the file and its name outlive a power cut.
pub(super) fn sync(path: &Path) -> Result<(), OpenVaultError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_folder(path))
        .map_err(|error| refuse(path, format_args!("cannot be written to the disk: {error}")))
}

/// A new name is safe once its folder is, and the folder's own name once that one's is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let path = std::path::absolute(path)?;
    let mut folders = path.ancestors().skip(1);
    if let Some(folder) = folders.next() {
        File::open(folder)?.sync_all()?;
    }
    if let Some(above) = folders.next() {
        // It is often somebody else's, and was there before.
        let _ = File::open(above).and_then(|above| above.sync_all());
    }
    Ok(())
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}
