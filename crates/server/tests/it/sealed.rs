//! The form of sealed bytes, read and written by the tests themselves, from its description in `src/vault/envelope.rs`:
//! what the program makes is checked against something that is not the program.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use domain::ids::WorkspaceId;
use sha2::{Digest, Sha256};
use std::path::Path;
use store::{Page, Store, StoreOptions};

/// A vault's key.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

/// Something sealed, and the row it stands in.
pub(crate) struct Value {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) id: String,
    pub(crate) bytes: Vec<u8>,
}

impl Key {
    pub(crate) fn of_file(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("the key file is there");
        let bytes = hex::decode(text.trim()).expect("hex digits");
        Self(bytes.try_into().expect("32 bytes"))
    }

    /// As it is named in messages.
    pub(crate) fn id(&self) -> String {
        hex::encode(self.id_bytes())
    }

    fn id_bytes(&self) -> [u8; 8] {
        Sha256::digest(self.0)[..8].try_into().expect("8 of 32")
    }

    fn associated(value: &Value, key_id: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1];
        for part in [
            value.table.as_bytes(),
            value.column.as_bytes(),
            value.id.as_bytes(),
            key_id,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// Seals a text for a row.
    pub(crate) fn seal(&self, value: &Value, text: &str) -> Vec<u8> {
        let mut random = [0; 56];
        getrandom::fill(&mut random).expect("random bytes");
        let (data_key, nonces) = random.split_at(32);
        let encrypt = |key: &[u8], nonce: &[u8], plain: &[u8], associated: &[u8]| {
            Aes256Gcm::new_from_slice(key)
                .expect("32 bytes")
                .encrypt(
                    &<[u8; 12]>::try_from(nonce).expect("12 bytes").into(),
                    Payload {
                        msg: plain,
                        aad: associated,
                    },
                )
                .expect("sealed")
        };
        let id = self.id_bytes();
        let mut bytes = vec![1];
        bytes.extend_from_slice(&id);
        bytes.extend_from_slice(&nonces[..12]);
        bytes.extend(encrypt(
            &self.0,
            &nonces[..12],
            data_key,
            &Self::associated(value, &id),
        ));
        bytes.extend_from_slice(&nonces[12..]);
        bytes.extend(encrypt(
            data_key,
            &nonces[12..],
            text.as_bytes(),
            &Self::associated(value, &[]),
        ));
        bytes
    }

    /// Opens a value.
    pub(crate) fn open(&self, value: &Value) -> Option<String> {
        let decrypt = |key: &[u8], nonce: &[u8], sealed: &[u8], associated: &[u8]| {
            Aes256Gcm::new_from_slice(key)
                .ok()?
                .decrypt(
                    &<[u8; 12]>::try_from(nonce).ok()?.into(),
                    Payload {
                        msg: sealed,
                        aad: associated,
                    },
                )
                .ok()
        };
        let bytes = &value.bytes;
        let id = self.id_bytes();
        if bytes.len() < 97 || bytes[0] != 1 || bytes[1..9] != id {
            return None;
        }
        let data_key = decrypt(
            &self.0,
            &bytes[9..21],
            &bytes[21..69],
            &Self::associated(value, &id),
        )?;
        let plain = decrypt(
            &data_key,
            &bytes[69..81],
            &bytes[81..],
            &Self::associated(value, &[]),
        )?;
        String::from_utf8(plain).ok()
    }
}

/// Opens a database beside the program.
pub(crate) async fn database(url: &str) -> Store {
    let options = StoreOptions {
        url: url.to_owned(),
        max_connections: 2,
    };
    Store::connect(&options).await.expect("the database opens")
}

/// Everything that is sealed in a database.
pub(crate) async fn everything(store: &Store, workspace: WorkspaceId) -> Vec<Value> {
    let mut values = Vec::new();
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = store
            .list_connections(workspace, &page)
            .await
            .expect("reads");
        values.extend(listed.items.into_iter().map(|connection| Value {
            table: "connections",
            column: "sealed_token",
            id: connection.id.to_string(),
            bytes: connection.sealed_token,
        }));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let sites = store.all_sites_for_background().await.expect("reads");
    for site in &sites {
        let key = store.preview_key(workspace, site.id).await.expect("reads");
        values.extend(key.map(|key| Value {
            table: "preview_keys",
            column: "sealed_key",
            id: site.id.to_string(),
            bytes: key.sealed,
        }));
    }
    values.extend(sites.into_iter().map(|site| Value {
        table: "sites",
        column: "sealed_key",
        id: site.id.to_string(),
        bytes: site.sealed_key,
    }));
    let canary = store.meta("vault.canary").await.expect("reads");
    values.push(Value {
        table: "meta",
        column: "value",
        id: "vault.canary".to_owned(),
        bytes: canary.expect("there is one"),
    });
    values
}
