//! Access keys: how programs use the REST API.
//!
//! `ed_` and 32 random bytes as base64url. Shown once, stored as SHA-256 (the key is random, so a fast hash is enough).

use crate::{
    app::App,
    problem::{Outcome, Problem},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    ids::{AccessKeyId, WorkspaceId},
    names::DisplayName,
    secret::Secret,
};
use sha2::{Digest, Sha256};
use store::AccessKey;
use zeroize::Zeroizing;

const PREFIX: &str = "ed_";
/// 32 bytes as base64url without padding.
const RANDOM_CHARACTERS: usize = 43;

/// The stored form of a key, if the text can be one.
pub(crate) fn hash_of(text: &str) -> Option<String> {
    let random = text.strip_prefix(PREFIX)?;
    let well_formed = random.len() == RANDOM_CHARACTERS
        && random
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    well_formed.then(|| hex::encode(Sha256::digest(text)))
}

/// Makes a key: the only moment at which its text exists here.
pub(crate) async fn create(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
) -> Outcome<(AccessKey, Secret)> {
    let name: DisplayName = name
        .parse()
        .map_err(|error| Problem::field("name", format!("cannot be used: {error}")))?;
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut()).map_err(|error| Problem::internal(&error))?;
    let text = Zeroizing::new(format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(random.as_slice())
    ));
    let hash = hash_of(&text).expect("32 bytes are 43 characters of base64url");
    let key = AccessKey {
        id: AccessKeyId::from_uuid(uuid::Uuid::now_v7()),
        workspace,
        name: name.to_string(),
        hint: text[text.len() - 4..].to_owned(),
        created_at: app.clock.now(),
        last_used_at: None,
        revoked_at: None,
    };
    app.store.create_access_key(&key, &hash).await?;
    Ok((key, Secret::new(text.as_str())))
}

/// Every key of the workspace, revoked ones too.
pub(crate) async fn list(app: &App, workspace: WorkspaceId) -> Outcome<Vec<AccessKey>> {
    Ok(app.store.list_access_keys(workspace).await?)
}

/// Revokes a key: it is refused from the next call on, by every process. Answers with the key.
pub(crate) async fn revoke(
    app: &App,
    workspace: WorkspaceId,
    id: AccessKeyId,
) -> Outcome<AccessKey> {
    let known = list(app, workspace).await?;
    let known = known.into_iter().find(|key| key.id == id);
    let is_revoked = app
        .store
        .revoke_access_key(workspace, id, app.clock.now())
        .await?;
    known
        .filter(|_| is_revoked)
        .ok_or_else(|| Problem::not_found("access key", &id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_keys_are_hashed() {
        let good = format!("ed_{}", "A".repeat(43));
        assert_eq!(hash_of(&good).unwrap().len(), 64);
        for bad in [
            "",
            "ed_",
            "A",
            &good[1..],
            &good[..45],
            &format!("{good}A"),
            &format!("ed_{}=", "A".repeat(42)),
        ] {
            assert!(hash_of(bad).is_none(), "{bad:?}");
        }
    }
}
