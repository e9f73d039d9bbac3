//! The vault's key and its id.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Both alphabets of base64, with or without padding at the end.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The first 8 bytes of the key's SHA-256: tells keys apart and tells nothing about them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 32 bytes that seal everything else. Wiped when dropped, never printed.
#[derive(Clone)]
pub(crate) struct VaultKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({})", self.id())
    }
}

impl VaultKey {
    /// A new random key.
    pub(crate) fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        super::envelope::fill_random(bytes.as_mut());
        Self(bytes)
    }

    /// Reads exactly 32 bytes as base64 or 64 hex digits.
    ///
    /// # Errors
    ///
    /// Words that follow the key's name; they never hold the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let decoded = if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            hex::decode(text).ok()
        } else {
            STANDARD
                .decode(text)
                .or_else(|_| URL_SAFE.decode(text))
                .ok()
        };
        let Some(decoded) = decoded.map(Zeroizing::new) else {
            return Err(format!(
                "is neither base64 nor 64 hex digits ({} characters were given). Make one with: openssl rand -hex 32",
                text.chars().count()
            ));
        };
        match <[u8; 32]>::try_from(decoded.as_slice()) {
            Ok(bytes) => Ok(Self(Zeroizing::new(bytes))),
            Err(_) => Err(format!(
                "must be exactly 32 bytes, and {} were given. Make one with: openssl rand -hex 32",
                decoded.len()
            )),
        }
    }

    /// The key as 64 hex digits, for its file.
    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        // The key comes last and has a fixed length, so nobody can extend what was hashed.
        Sha256::new()
            .chain_update("edge-delivery derived\n")
            .chain_update(purpose)
            .chain_update("\n")
            .chain_update(self.0.as_slice())
            .finalize()
            .into()
    }

    /// The key's id.
    pub(crate) fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0.as_slice());
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }
}
