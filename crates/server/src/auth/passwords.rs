//! E-mail addresses and passwords of people who sign in.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::secret::Secret;
use std::sync::OnceLock;
use tokio::sync::Semaphore;

/// The shortest password.
pub(crate) const PASSWORD_MIN: usize = 12;
/// The longest password, in bytes: more would only burn time.
pub(crate) const PASSWORD_MAX: usize = 1024;
/// The longest e-mail address (RFC 5321).
const EMAIL_MAX: usize = 254;

/// Each hash takes 19 MiB and a core for some 20 ms: two at once, the rest waits.
static TURNS: Semaphore = Semaphore::const_new(2);

/// The address in its stored form: trimmed, lower case.
///
/// # Errors
///
/// Words that follow the field's name.
pub(crate) fn normal_email(text: &str) -> Result<String, String> {
    let email = text.trim().to_lowercase();
    let plausible = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if !plausible
        || email.len() > EMAIL_MAX
        || email.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err("must be an e-mail address such as you@example.com".into());
    }
    Ok(email)
}

/// Whether a new password is good enough. Length is what counts; there are no rules about kinds of characters.
///
/// # Errors
///
/// Words that follow the field's name.
pub(crate) fn acceptable(password: &str) -> Result<(), String> {
    let characters = password.chars().count();
    if characters < PASSWORD_MIN {
        return Err(format!("must have at least {PASSWORD_MIN} characters"));
    }
    if password.len() > PASSWORD_MAX {
        return Err(format!("must have at most {PASSWORD_MAX} bytes"));
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return Err("must not be one character again and again".into());
    }
    Ok(())
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| anyhow::anyhow!("the password could not be hashed: {error}"))
}

/// Hashes a password with argon2id and a fresh salt.
///
/// # Errors
///
/// When the system gives no random bytes or no memory.
pub(crate) async fn hash(password: Secret) -> anyhow::Result<String> {
    let _turn = TURNS.acquire().await?;
    tokio::task::spawn_blocking(move || hash_now(password.expose())).await?
}

/// A hash of something that nobody knows.
fn nobodys_hash() -> anyhow::Result<String> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    if let Some(hash) = NOBODY.get() {
        return Ok(hash.clone());
    }
    let made = hash_now(&uuid::Uuid::new_v4().to_string())?;
    Ok(NOBODY.get_or_init(|| made).clone())
}

/// Whether the password is the one of the hash. Without a hash (no such person) it takes as long and says no.
///
/// # Errors
///
/// When the stored hash cannot be read.
pub(crate) async fn verify(password: Secret, hash: Option<String>) -> anyhow::Result<bool> {
    if password.expose().len() > PASSWORD_MAX {
        return Ok(false);
    }
    let _turn = TURNS.acquire().await?;
    tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let hash = hash.map_or_else(nobodys_hash, Ok)?;
        let parsed = PasswordHash::new(&hash)
            .map_err(|error| anyhow::anyhow!("the stored password hash cannot be read: {error}"))?;
        let matches = Argon2::default()
            .verify_password(password.expose().as_bytes(), &parsed)
            .is_ok();
        Ok(matches && known)
    })
    .await?
}

/// Makes the first unknown person's sign-in no slower than the others.
pub(crate) async fn warm_up() {
    // A failure shows at the first sign-in.
    let _ = tokio::task::spawn_blocking(nobodys_hash).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        assert_eq!(normal_email(" A@Example.com "), Ok("a@example.com".into()));
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n.c"] {
            assert!(normal_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords() {
        assert!(acceptable("correct horse battery").is_ok());
        assert!(acceptable("ääääääääääää").is_err());
        for bad in ["", "short", "aaaaaaaaaaaaaaa", &"ab".repeat(600)] {
            assert!(acceptable(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn hashes_verify() {
        let password = Secret::new("correct horse battery");
        let stored = hash(password.clone()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(
            verify(password.clone(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(!verify(Secret::new("other"), Some(stored)).await.unwrap());
        assert!(!verify(password, None).await.unwrap());
    }
}
