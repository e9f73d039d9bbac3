//! The form of sealed bytes, version 1:
//!
//! ```text
//! 1 byte    version (1)
//! 8 bytes   id of the vault's key
//! 12 bytes  nonce of the wrapping
//! 48 bytes  data key, encrypted under the vault's key; associated data: version, table, column, row id, key id
//! 12 bytes  nonce of the secret
//! n + 16    secret, encrypted under the data key; associated data: version, table, column, row id
//! ```

use super::{KeyId, SealedRow, VaultError, VaultKey};
use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID: std::ops::Range<usize> = 1..9;
const WRAP_NONCE: std::ops::Range<usize> = 9..21;
const WRAPPED: std::ops::Range<usize> = 21..69;
const NONCE: std::ops::Range<usize> = 69..81;
const CIPHERTEXT: usize = 81;
const TAG: usize = 16;

/// Fills with random bytes of the operating system.
pub(super) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes)
        .expect("the operating system gives random bytes; without them nothing can be sealed");
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

fn encrypt(
    key: &[u8; 32],
    nonce: [u8; 12],
    plain: &[u8],
    associated: &[u8],
) -> Result<Vec<u8>, VaultError> {
    cipher(key)
        .encrypt(
            &nonce.into(),
            Payload {
                msg: plain,
                aad: associated,
            },
        )
        .map_err(|_| VaultError::TooLarge)
}

fn decrypt(
    key: &[u8; 32],
    nonce: &[u8],
    sealed: &[u8],
    associated: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let nonce = <[u8; 12]>::try_from(nonce).map_err(|_| VaultError::Malformed)?;
    cipher(key)
        .decrypt(
            &nonce.into(),
            Payload {
                msg: sealed,
                aad: associated,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| VaultError::Tampered)
}

/// Each part goes in with its length, so that no two rows give the same bytes.
fn associated(row: &SealedRow, key: Option<KeyId>) -> Vec<u8> {
    let key_id = key.map(|id| id.0);
    let mut bytes = vec![VERSION];
    for part in [
        row.table.as_bytes(),
        row.column.as_bytes(),
        row.id.as_bytes(),
        key_id.as_ref().map_or(&[], |id| id.as_slice()),
    ] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The id of the key that the bytes were sealed under.
pub(super) fn key_id(sealed: &[u8]) -> Result<KeyId, VaultError> {
    if sealed.len() < CIPHERTEXT + TAG || sealed[0] != VERSION {
        return Err(VaultError::Malformed);
    }
    let mut id = [0; 8];
    id.copy_from_slice(&sealed[KEY_ID]);
    Ok(KeyId(id))
}

fn wrap(
    key: &VaultKey,
    row: &SealedRow,
    data_key: &[u8],
    into: &mut Vec<u8>,
) -> Result<(), VaultError> {
    let mut nonce = [0; 12];
    fill_random(&mut nonce);
    into.push(VERSION);
    into.extend_from_slice(&key.id().0);
    into.extend_from_slice(&nonce);
    into.extend_from_slice(&encrypt(
        key.bytes(),
        nonce,
        data_key,
        &associated(row, Some(key.id())),
    )?);
    Ok(())
}

fn unwrap_data_key(
    key: &VaultKey,
    row: &SealedRow,
    sealed: &[u8],
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let sealed_under = key_id(sealed)?;
    if sealed_under != key.id() {
        return Err(VaultError::OtherKey {
            sealed_under,
            present: key.id(),
        });
    }
    let plain = decrypt(
        key.bytes(),
        &sealed[WRAP_NONCE],
        &sealed[WRAPPED],
        &associated(row, Some(sealed_under)),
    )?;
    <[u8; 32]>::try_from(plain.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| VaultError::Malformed)
}

/// Seals a secret for its row.
pub(super) fn seal(key: &VaultKey, row: &SealedRow, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut data_key = Zeroizing::new([0; 32]);
    fill_random(data_key.as_mut());
    let mut nonce = [0; 12];
    fill_random(&mut nonce);
    let mut sealed = Vec::with_capacity(CIPHERTEXT + secret.len() + TAG);
    wrap(key, row, data_key.as_ref(), &mut sealed)?;
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&encrypt(&data_key, nonce, secret, &associated(row, None))?);
    Ok(sealed)
}

/// Opens what [`seal`] made.
pub(super) fn open(
    key: &VaultKey,
    row: &SealedRow,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let data_key = unwrap_data_key(key, row, sealed)?;
    decrypt(
        &data_key,
        &sealed[NONCE],
        &sealed[CIPHERTEXT..],
        &associated(row, None),
    )
}

/// Wraps the data key again, under a new vault key. The secret is opened too, and dropped: a damaged one must be found
/// before its old key is thrown away.
pub(super) fn rewrap(
    old: &VaultKey,
    new: &VaultKey,
    row: &SealedRow,
    sealed: &[u8],
) -> Result<Vec<u8>, VaultError> {
    open(old, row, sealed)?;
    let data_key = unwrap_data_key(old, row, sealed)?;
    let mut rewrapped = Vec::with_capacity(sealed.len());
    wrap(new, row, data_key.as_ref(), &mut rewrapped)?;
    rewrapped.extend_from_slice(&sealed[NONCE.start..]);
    Ok(rewrapped)
}
