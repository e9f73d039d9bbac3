//! The vault: seals Cloudflare tokens and sites' own keys before they are stored.
//!
//! Each secret is encrypted under a fresh data key, and the data key under the vault's key (AES-256-GCM both). The row
//! that the secret belongs to is bound as associated data, so that sealed bytes moved to another row do not open; so is
//! the id of the vault's key in the wrapping. A new vault key needs the data keys wrapped again, not the secrets
//! encrypted again: see [`Vault::rewrap`].
//!
//! A *canary* in the database, sealed like everything else, tells at the start whether the key is the right one: a wrong
//! key is refused before anything is sealed under it.

mod envelope;
mod key;
mod key_file;
mod rotation;

pub(crate) use self::{
    key::{KeyId, VaultKey},
    rotation::{Rotation, refuse_third_key, rotate},
};

use crate::{
    config::{Config, KeySource},
    problem::{Code, Problem},
};
use domain::secret::Secret;
use std::path::{Path, PathBuf};
use store::{Store, StoreError};

const CANARY_META: &str = "vault.canary";
const CANARY_TEXT: &str = "edge-delivery canary";

/// The given key, if there is one, and where it comes from.
fn given_key(source: &KeySource) -> Result<(Option<VaultKey>, String), OpenVaultError> {
    match source {
        KeySource::Environment(key) => Ok((Some(key.clone()), "EDGE_DELIVERY_KEY".to_owned())),
        KeySource::File(path) => Ok((key_file::read(path)?, path.display().to_string())),
    }
}

fn missing(source: &KeySource, canary: &[u8]) -> OpenVaultError {
    OpenVaultError::Missing {
        path: match source {
            KeySource::File(path) => path.clone(),
            KeySource::Environment(_) => PathBuf::new(),
        },
        expected: envelope::key_id(canary).unwrap_or_default(),
    }
}

fn canary_row() -> SealedRow {
    SealedRow {
        table: "meta",
        column: "value",
        id: CANARY_META.to_owned(),
    }
}

/// Which row's column a secret belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedRow {
    /// The table.
    pub(crate) table: &'static str,
    /// The column.
    pub(crate) column: &'static str,
    /// The row's id.
    pub(crate) id: String,
}

/// What to do where there is no key and nothing is sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfNoKey {
    /// Make the key's file.
    Make,
    /// Say so.
    Refuse,
}

/// Why sealed bytes do not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VaultError {
    /// They are not of this vault's making.
    #[error("the sealed bytes are not in a form that this version knows")]
    Malformed,
    /// They were sealed under another key.
    #[error("it was sealed under the key {sealed_under}, and the present key is {present}")]
    OtherKey {
        /// Under which key they were sealed.
        sealed_under: KeyId,
        /// The vault's key.
        present: KeyId,
    },
    /// They were changed, or belong to another row.
    #[error("the sealed bytes were changed or belong to another row")]
    Tampered,
    /// The cipher refused to seal.
    #[error("the secret is too large to be sealed")]
    TooLarge,
}

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenVaultError {
    /// No key file, though the database holds sealed secrets.
    #[error(
        "the key file {} is missing, and the database was sealed under the key {expected}. Put that key file back (from \
         its backup), or name it with EDGE_DELIVERY_KEY_FILE. Without it the stored tokens cannot be opened", path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// The id of the key that is needed.
        expected: KeyId,
    },
    /// No key file, nothing sealed, and whoever asks is not to make a key.
    #[error(
        "there is no key file {}, and this command makes none. Name the key with --key-file, EDGE_DELIVERY_KEY_FILE or \
         EDGE_DELIVERY_KEY; a new one is made by `edge-delivery serve`", path.display()
    )]
    None {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key is not the one that the database was sealed under.
    #[error(
        "wrong key: the database was sealed under the key {expected}, and {origin} holds the key {present}. Give the \
         right key with EDGE_DELIVERY_KEY_FILE or EDGE_DELIVERY_KEY; after `key rotate` it is in the file that \
         --new-key-file named. Nothing was changed"
    )]
    WrongKey {
        /// The id of the key that is needed.
        expected: KeyId,
        /// The id of the key that was given.
        present: KeyId,
        /// Where that one came from.
        origin: String,
    },
    /// The canary does not open although the key's id is right.
    #[error(
        "the database's canary record cannot be opened with the key {present}: the record was damaged. Restore a backup"
    )]
    DamagedCanary {
        /// The id of the key.
        present: KeyId,
    },
    /// The canary could not be sealed.
    #[error("the vault's canary record could not be made")]
    Seal(#[from] VaultError),
    /// The key file cannot be used; the text says why and what to do.
    #[error("{0}")]
    KeyFile(String),
    /// The database failed.
    #[error("the vault's canary record could not be read or written")]
    Store(#[from] StoreError),
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "sealed bytes could not be opened");
        Self::new(
            Code::TokenUnreadable,
            format!("A stored secret cannot be opened: {error}."),
        )
        .cause("The vault's key was changed without `edge-delivery key rotate`, or the stored record was damaged.")
        .remedy("Start the server with the key that sealed it (EDGE_DELIVERY_KEY_FILE), or restore a backup.")
        .remedy("Or paste the Cloudflare token again: replacing a connection's token keeps its sites.")
    }
}

/// Seals and opens secrets. Cannot be printed.
#[derive(Clone)]
pub(crate) struct Vault {
    key: VaultKey,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault(key {})", self.key.id())
    }
}

impl Vault {
    /// Reads the key (makes the file at the first start) and checks it against the database's canary.
    ///
    /// # Errors
    ///
    /// When the key is missing, unusable or not the one that the database was sealed under.
    pub(crate) async fn unlock(config: &Config, store: &Store) -> Result<Self, OpenVaultError> {
        Self::unlock_with(config, store, IfNoKey::Make).await
    }

    /// The same, with a choice for the case that there is no key yet.
    ///
    /// # Errors
    ///
    /// As [`Self::unlock`].
    pub(crate) async fn unlock_with(
        config: &Config,
        store: &Store,
        if_no_key: IfNoKey,
    ) -> Result<Self, OpenVaultError> {
        let canary = store.meta(CANARY_META).await?;
        let (given, origin) = given_key(&config.key)?;
        let key = match (given, &config.key, &canary) {
            (Some(key), _, _) => key,
            (None, KeySource::File(path), None) if if_no_key == IfNoKey::Refuse => {
                return Err(OpenVaultError::None { path: path.clone() });
            }
            (None, KeySource::File(path), None) => key_file::create(path)?,
            (None, _, Some(sealed)) => return Err(missing(&config.key, sealed)),
            (None, KeySource::Environment(key), None) => key.clone(),
        };
        let vault = Self::with_key(key);
        let canary = match canary {
            Some(canary) => canary,
            None => {
                let sealed = vault.seal(&canary_row(), &Secret::new(CANARY_TEXT))?;
                store.set_meta_if_absent(CANARY_META, &sealed).await?;
                // Another process may have been first: what is stored counts.
                store.meta(CANARY_META).await?.unwrap_or(sealed)
            }
        };
        vault.check_canary(&canary, origin)?;
        Ok(vault)
    }

    /// Refuses a key that is missing or not the database's, before anything in the database is touched: a look at its
    /// canary alone. A database that is new has none.
    ///
    /// # Errors
    ///
    /// As [`Self::unlock`].
    pub(crate) async fn refuse_wrong_key(
        config: &Config,
        store: &Store,
    ) -> Result<(), OpenVaultError> {
        let Some(canary) = store.meta_before_migration(CANARY_META).await? else {
            return Ok(());
        };
        match given_key(&config.key)? {
            (Some(key), origin) => Self::with_key(key).check_canary(&canary, origin),
            (None, _) => Err(missing(&config.key, &canary)),
        }
    }

    /// Whether a vault ever sealed something in this database.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub(crate) async fn was_here(store: &Store) -> Result<bool, OpenVaultError> {
        Ok(store.meta_before_migration(CANARY_META).await?.is_some())
    }

    /// A vault with the given key, unchecked against any database; `None` when its file is missing.
    ///
    /// # Errors
    ///
    /// When the key's file cannot be used.
    pub(crate) fn given(config: &Config) -> Result<Option<Self>, OpenVaultError> {
        Ok(given_key(&config.key)?.0.map(Self::with_key))
    }

    /// A vault with the key of this file, which is made when it is missing and is safe on the disk afterwards. Unchecked
    /// against any database.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or made, or can be read by others.
    pub(crate) fn from_key_file(path: &Path) -> Result<Self, OpenVaultError> {
        let key = match key_file::read(path)? {
            Some(key) => key,
            None => key_file::create(path)?,
        };
        // Also when it was there: whoever made it may have been killed before it was safe on the disk.
        key_file::sync(path)?;
        Ok(Self::with_key(key))
    }

    /// A vault with this key, unchecked.
    pub(crate) fn with_key(key: VaultKey) -> Self {
        Self { key }
    }

    fn check_canary(&self, canary: &[u8], origin: String) -> Result<(), OpenVaultError> {
        let present = self.key.id();
        match self.open(&canary_row(), canary) {
            Ok(text) if text.expose() == CANARY_TEXT => Ok(()),
            Err(VaultError::OtherKey { sealed_under, .. }) => Err(OpenVaultError::WrongKey {
                expected: sealed_under,
                present,
                origin,
            }),
            Ok(_) | Err(_) => Err(OpenVaultError::DamagedCanary { present }),
        }
    }

    /// Whether the canary in the database still opens: false after the key was rotated beside a running program.
    ///
    /// # Errors
    ///
    /// When it does not, or the database fails.
    pub(crate) async fn check(&self, store: &Store) -> Result<(), OpenVaultError> {
        match store.meta(CANARY_META).await? {
            Some(canary) => self.check_canary(&canary, "this process".into()),
            None => Err(OpenVaultError::DamagedCanary {
                present: self.key.id(),
            }),
        }
    }

    /// The id of the key: not secret, part of each envelope.
    pub(crate) fn key_id(&self) -> KeyId {
        self.key.id()
    }

    /// 32 bytes that only holders of the key can know, different for each purpose. Nothing of the key follows from them.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        self.key.derive(purpose)
    }

    /// Seals a secret for its row.
    ///
    /// # Errors
    ///
    /// When the cipher refuses, which it does for secrets beyond 64 GiB only.
    pub(crate) fn seal(&self, row: &SealedRow, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        envelope::seal(&self.key, row, secret.expose().as_bytes())
    }

    /// Opens what was sealed for that row.
    ///
    /// # Errors
    ///
    /// When it was sealed for another row or under another key, or was changed.
    pub(crate) fn open(&self, row: &SealedRow, sealed: &[u8]) -> Result<Secret, VaultError> {
        let bytes = envelope::open(&self.key, row, sealed)?;
        std::str::from_utf8(&bytes)
            .map(Secret::new)
            .map_err(|_| VaultError::Malformed)
    }

    /// The same secret under another vault key, without decrypting the secret itself.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(crate) fn rewrap(
        &self,
        new: &Self,
        row: &SealedRow,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        envelope::rewrap(&self.key, &new.key, row, sealed)
    }
}

#[cfg(test)]
mod tests;
