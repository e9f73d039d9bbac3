//! Verifying tokens (§2.2).

use crate::{AccountId, Api, Error, request::Request};
use serde::Deserialize;

/// What verify says of a token's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    /// Usable.
    Active,
    /// Switched off.
    Disabled,
    /// Past its end.
    Expired,
    /// A word this client does not know.
    #[serde(other)]
    Unknown,
}

/// The answer of a verify call: no permissions are told (official).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenVerification {
    /// The token's id.
    pub id: String,
    /// Its state.
    pub status: TokenStatus,
    /// RFC 3339; absent when unset.
    #[serde(default)]
    pub not_before: Option<String>,
    /// RFC 3339; absent when unset.
    #[serde(default)]
    pub expires_on: Option<String>,
}

impl Api {
    /// `GET /user/tokens/verify`: user tokens only; code 1000 also means "not a user token".
    ///
    /// # Errors
    ///
    /// When the token is not a living user token, or the call failed.
    pub async fn verify_user_token(&self) -> Result<TokenVerification, Error> {
        self.call(Request::get("/user/tokens/verify", &[])).await
    }

    /// `GET /accounts/{account}/tokens/verify`: tokens that the account owns.
    ///
    /// # Errors
    ///
    /// When the token is not a living token of that account, or the call failed.
    pub async fn verify_account_token(
        &self,
        account: &AccountId,
    ) -> Result<TokenVerification, Error> {
        self.call(Request::get(
            "/accounts/{account}/tokens/verify",
            &[account.as_str()],
        ))
        .await
    }
}
