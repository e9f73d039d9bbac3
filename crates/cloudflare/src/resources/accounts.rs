//! Accounts (§3.1).

use crate::{AccountId, Api, Error, request::Request};
use serde::Deserialize;

/// An account; only those that the token reaches are listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

/// `workers_dev` name of an account.
#[derive(Debug, Deserialize)]
struct Subdomain {
    subdomain: Option<String>,
}

impl Api {
    /// All accounts that the token reaches. Pages of 50, the most allowed.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, Error> {
        self.call_all_pages(Request::get("/accounts", &[]), 50)
            .await
    }

    /// One account.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn get_account(&self, account: &AccountId) -> Result<Account, Error> {
        self.call(Request::get("/accounts/{account}", &[account.as_str()]))
            .await
    }

    /// The account's workers.dev name; `None` when it has none yet (§4.5: code 10007).
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn account_subdomain(&self, account: &AccountId) -> Result<Option<String>, Error> {
        match self
            .call::<Subdomain>(Request::get(
                "/accounts/{account}/workers/subdomain",
                &[account.as_str()],
            ))
            .await
        {
            Ok(found) => Ok(found.subdomain),
            Err(error) if error.code() == Some(10_007) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
