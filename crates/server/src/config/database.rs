//! Where the database and the files beside it are.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// Connections to the database: enough for a busy console, few enough for a small PostgreSQL.
pub(super) const MAX_CONNECTIONS: u32 = 10;

/// `$STATE_DIRECTORY` (systemd gives several separated by colons: the first), else `./data`.
pub(super) fn data_directory(state_directory: Option<&str>) -> PathBuf {
    state_directory
        .and_then(|list| list.split(':').find(|path| !path.is_empty()))
        .map_or_else(|| PathBuf::from("data"), PathBuf::from)
}

pub(super) fn url(given: Option<&str>, data: &Path, errors: &mut Vec<String>) -> String {
    let Some(text) = given.filter(|text| !text.is_empty()) else {
        return format!("sqlite://{}", data.join("edge-delivery.db").display());
    };
    if let Some(path) = sqlite_path(text) {
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            errors.push("EDGE_DELIVERY_DATABASE_URL needs a file, for example sqlite://data/edge-delivery.db: a database in memory would forget everything".into());
        }
    } else if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        // The text is not repeated: it may hold a password.
        errors.push(
            "EDGE_DELIVERY_DATABASE_URL must begin with sqlite:// or postgres://; nothing else is spoken here".into(),
        );
    }
    text.to_owned()
}

/// The file of a SQLite address, without its options.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(rest.split('?').next().unwrap_or_default()))
}

/// The folder of the default key file: beside a SQLite database, else the data directory.
pub(super) fn directory_for_key(url: &str, data: &Path) -> PathBuf {
    sqlite_path(url)
        .and_then(|file| file.parent().map(Path::to_path_buf))
        .unwrap_or_else(|| data.to_path_buf())
}

/// How an administrator names the database of a service, whose environment a command by hand does not have.
const HOW_TO_NAME_IT: &str = "Name the database with --database-url or EDGE_DELIVERY_DATABASE_URL. Under systemd with \
    StateDirectory=edge-delivery it is sqlite:///var/lib/edge-delivery/edge-delivery.db (with DynamicUser=yes that folder \
    is /var/lib/private/edge-delivery, which root alone can enter)";

pub(super) fn require_file(file: &Path) -> anyhow::Result<()> {
    match file.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => anyhow::bail!(
            "there is no database at {}, and this command makes none. {HOW_TO_NAME_IT}. A new one is made by \
             `edge-delivery serve`",
            file.display()
        ),
        Err(error) => anyhow::bail!(
            "whether there is a database at {} cannot be told: {error}. Run the command as a user who may read it. \
             {HOW_TO_NAME_IT}",
            file.display()
        ),
    }
}

pub(super) fn make_directory(url: &str) -> anyhow::Result<()> {
    match sqlite_path(url).as_deref().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .with_context(|| format!("the database's folder {} cannot be made", folder.display())),
        _ => Ok(()),
    }
}
