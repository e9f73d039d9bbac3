//! Where the vault's key comes from.

use crate::vault::VaultKey;
use domain::secret::Secret;
use std::path::{Path, PathBuf};

/// Where the vault's key comes from.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// `EDGE_DELIVERY_KEY`.
    Environment(VaultKey),
    /// A file, made at the first start.
    File(PathBuf),
}

pub(super) fn source(
    key: Option<&Secret>,
    file: Option<&Path>,
    default_folder: &Path,
    errors: &mut Vec<String>,
) -> Option<KeySource> {
    match (key, file.filter(|file| !file.as_os_str().is_empty())) {
        (Some(_), Some(_)) => {
            errors.push("EDGE_DELIVERY_KEY and EDGE_DELIVERY_KEY_FILE are both set: leave one of them, so that there is no doubt which key counts".into());
            None
        }
        (Some(text), None) => match VaultKey::parse(text.expose()) {
            Ok(key) => Some(KeySource::Environment(key)),
            Err(why) => {
                errors.push(format!("EDGE_DELIVERY_KEY {why}"));
                None
            }
        },
        (None, Some(file)) => Some(KeySource::File(file.to_path_buf())),
        (None, None) => Some(KeySource::File(default_folder.join("edge-delivery.key"))),
    }
}
