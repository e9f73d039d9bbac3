//! KV namespaces (§6.1).

use crate::{AccountId, Api, Error, NamespaceId, request::Request};
use serde::Deserialize;
use serde_json::json;

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Namespace {
    /// Its id.
    pub id: NamespaceId,
    /// Its title, unique in the account.
    pub title: String,
}

const COLLECTION: &str = "/accounts/{account}/storage/kv/namespaces";
const ONE: &str = "/accounts/{account}/storage/kv/namespaces/{namespace}";

impl Api {
    /// All namespaces of the account; there is no filter by title. Pages of 100, the most that is documented.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_namespaces(&self, account: &AccountId) -> Result<Vec<Namespace>, Error> {
        let request = Request::get(COLLECTION, &[account.as_str()])
            .query("order", "title")
            .query("direction", "asc");
        self.call_all_pages(request, 100).await
    }

    /// Makes a namespace. Not repeated by itself: a second one of the title is refused with code 10014.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn create_namespace(
        &self,
        account: &AccountId,
        title: &str,
    ) -> Result<Namespace, Error> {
        self.call(Request::post(COLLECTION, &[account.as_str()]).json(&json!({"title": title})))
            .await
    }

    /// One namespace; missing is 404 with code 10013.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn get_namespace(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
    ) -> Result<Namespace, Error> {
        self.call(Request::get(ONE, &[account.as_str(), namespace.as_str()]))
            .await
    }

    /// Gives a namespace another title.
    ///
    /// # Errors
    ///
    /// When the call failed; a title that another one bears is refused with code 10014.
    pub async fn rename_namespace(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        title: &str,
    ) -> Result<(), Error> {
        let request = Request::put(ONE, &[account.as_str(), namespace.as_str()])
            .json(&json!({"title": title}));
        self.call_for_effect(request).await
    }

    /// Deletes a namespace with everything in it, also while a Worker is bound to it.
    ///
    /// # Errors
    ///
    /// When the call failed; a missing one is 404.
    pub async fn delete_namespace(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
    ) -> Result<(), Error> {
        let request = Request::delete(ONE, &[account.as_str(), namespace.as_str()]);
        self.call_for_effect(request.once()).await
    }
}
