//! Another key for everything that is sealed.
//!
//! One transaction, with the canary in it: whoever is killed, wherever, leaves either everything under the old key or
//! everything under the new one, and the canary says which. The new key is safe on the disk before anything is sealed
//! under it. Run again it does what is left, which may be nothing.

use super::{CANARY_META, KeyId, SealedRow, Vault, VaultError, envelope};
use std::cell::RefCell;
use store::{AuditEvent, SealedValue, Store, StoreError};

/// Why the key could not be rotated. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotateError {
    /// The database is sealed under a third key.
    #[error(
        "the database is sealed under the key {expected}, which is neither the present one ({old}) nor the new one ({new}); \
         nothing was changed. Give that key with EDGE_DELIVERY_KEY_FILE or EDGE_DELIVERY_KEY, and rotate again"
    )]
    OtherKey {
        /// Under which key it is sealed.
        expected: KeyId,
        /// The key that was given as the present one.
        old: String,
        /// The key that was given as the new one.
        new: KeyId,
    },
    /// The canary does not open.
    #[error("the database's canary record is damaged; nothing was changed. Restore a backup")]
    DamagedCanary,
    /// The database failed.
    #[error("the database failed; nothing was changed")]
    Store(#[from] StoreError),
}

/// What a rotation did.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    /// How many records were sealed again: 0 when an earlier run had finished.
    pub(crate) resealed: usize,
    /// What could not be opened before, and cannot now. It was left as it is.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A record that cannot be opened.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// The table it stands in.
    pub(crate) table: &'static str,
    /// The row's id.
    pub(crate) id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// Why it does not open.
    pub(crate) why: VaultError,
}

/// Refuses a database that is sealed under neither key, by a look at its canary alone. Says whether it is sealed at all.
///
/// # Errors
///
/// [`RotateError::OtherKey`].
pub(crate) async fn refuse_third_key(
    old: Option<&Vault>,
    new: &Vault,
    store: &Store,
) -> Result<bool, RotateError> {
    let Some(canary) = store.meta_before_migration(CANARY_META).await? else {
        return Ok(false);
    };
    let expected = envelope::key_id(&canary).map_err(|_| RotateError::DamagedCanary)?;
    if expected == new.key_id() || old.is_some_and(|old| expected == old.key_id()) {
        return Ok(true);
    }
    Err(third_key(expected, old, new))
}

fn third_key(expected: KeyId, old: Option<&Vault>, new: &Vault) -> RotateError {
    RotateError::OtherKey {
        expected,
        old: old.map_or_else(|| "missing".to_owned(), |old| old.key_id().to_string()),
        new: new.key_id(),
    }
}

/// Seals everything in the database under the key of `new`. `old` is the key it was sealed under; it may be missing when
/// an earlier run has sealed everything already. `line` makes the line of the audit log, which is written in the same
/// transaction: there is none without the rotation, and no rotation without one.
///
/// # Errors
///
/// When the database is sealed under a third key; then nothing is changed.
pub(crate) async fn rotate(
    old: Option<&Vault>,
    new: &Vault,
    store: &Store,
    line: impl FnOnce(usize, usize) -> AuditEvent,
) -> Result<Rotation, RotateError> {
    let unreadable = RefCell::new(Vec::new());
    let reseal = |value: &SealedValue| match one(old, new, value) {
        Ok(resealed) => Ok(resealed),
        Err(why) if value.table == "meta" => Err(match why {
            VaultError::OtherKey { sealed_under, .. } => third_key(sealed_under, old, new),
            _ => RotateError::DamagedCanary,
        }),
        Err(why) => {
            unreadable.borrow_mut().push(Unreadable {
                table: value.table,
                id: value.row.clone(),
                name: value.name.clone(),
                why,
            });
            Ok(None)
        }
    };
    // Run again after one that finished, there is nothing to tell.
    let line = |resealed| (resealed > 0).then(|| line(resealed, unreadable.borrow().len()));
    let resealed = store.reseal_everything(CANARY_META, reseal, line).await??;
    Ok(Rotation {
        resealed,
        unreadable: unreadable.into_inner(),
    })
}

/// The value sealed under the new key; `None` when it is already.
fn one(
    old: Option<&Vault>,
    new: &Vault,
    value: &SealedValue,
) -> Result<Option<Vec<u8>>, VaultError> {
    let row = SealedRow {
        table: value.table,
        column: value.column,
        id: value.row.clone(),
    };
    let sealed_under = envelope::key_id(&value.bytes)?;
    match old {
        Some(old) if sealed_under != new.key_id() => old.rewrap(new, &row, &value.bytes).map(Some),
        _ => new.open(&row, &value.bytes).map(|_| None),
    }
}
