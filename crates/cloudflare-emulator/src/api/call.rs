//! One call: what a resource's route table says of it, and what its handler gets to see.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::answer::{Refusal, Reply};
use crate::account::{Level, SharedWorld, Token};

/// What a handler gets to see.
pub(crate) struct Call {
    /// The world.
    pub(crate) world: Arc<SharedWorld>,
    /// Whose call it is; authorised already.
    pub(crate) token: Token,
    /// Decoded pairs.
    pub(crate) query: Vec<(String, String)>,
    /// As sent.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    /// When it came, in milliseconds since 1970.
    pub(crate) now_ms: u64,
}

impl Call {
    /// The first value of a query key.
    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }

    /// The content type, lower case, with its parameters.
    pub(crate) fn content_type(&self) -> &str {
        self.headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON, else the refusal that `code` names.
    pub(crate) fn json<T: DeserializeOwned>(&self, code: u32) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|e| {
            Refusal::new(
                400,
                code,
                format!("could not parse request body: {}", safe(&e)),
            )
        })
    }

    /// What `source` and `last_deployed_from` say of this caller.
    pub(crate) fn source(&self) -> &'static str {
        let agent = self
            .headers
            .get(http::header::USER_AGENT)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        if agent.starts_with("wrangler/") {
            "wrangler"
        } else if agent.contains("terraform") {
            "terraform"
        } else {
            "api"
        }
    }
}

/// Which service answers: they word a bad token differently (Cloudflare API notes §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `/user/tokens/verify`
    UserVerify,
    /// `/accounts/{id}/tokens/verify`
    AccountVerify,
    /// `/user`, `/memberships`: user tokens alone.
    User,
    /// `/accounts`, `/zones` and what is right below them.
    Directory,
    /// Workers, KV, routes.
    Product,
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing in particular: a list, or oneself.
    Any,
    /// An account.
    Account(String),
    /// A zone.
    Zone(String),
}

type Work = Box<dyn FnOnce(Call) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send>;

/// A call that is known: what it needs and who does it.
pub(crate) struct Endpoint {
    /// The path with names for what varies.
    pub(crate) template: &'static str,
    pub(crate) family: Family,
    pub(crate) scope: Scope,
    /// The permission that it takes.
    pub(crate) needs: Option<(&'static str, Level)>,
    pub(crate) work: Work,
}

impl Endpoint {
    pub(crate) fn new<F>(
        template: &'static str,
        family: Family,
        scope: Scope,
        needs: Option<(&'static str, Level)>,
        work: F,
    ) -> Self
    where
        F: FnOnce(&Call) -> Reply + Send + 'static,
    {
        let work: Work = Box::new(move |call| {
            let reply = work(&call);
            Box::pin(std::future::ready(reply))
        });
        Self {
            template,
            family,
            scope,
            needs,
            work,
        }
    }

    /// A call of Workers or KV on an account.
    pub(crate) fn account<F>(
        template: &'static str,
        account: &str,
        needs: (&'static str, Level),
        work: F,
    ) -> Self
    where
        F: FnOnce(&Call) -> Reply + Send + 'static,
    {
        let scope = Scope::Account(account.to_owned());
        Self::new(template, Family::Product, scope, Some(needs), work)
    }

    /// The same, for a handler that waits.
    pub(crate) fn account_waiting<F, W>(
        template: &'static str,
        account: &str,
        needs: (&'static str, Level),
        work: F,
    ) -> Self
    where
        F: FnOnce(Call) -> W + Send + 'static,
        W: Future<Output = Reply> + Send + 'static,
    {
        Self {
            template,
            family: Family::Product,
            scope: Scope::Account(account.to_owned()),
            needs: Some(needs),
            work: Box::new(move |call| Box::pin(work(call))),
        }
    }

    /// A call of Workers routes on a zone.
    pub(crate) fn zone<F>(template: &'static str, zone: &str, level: Level, work: F) -> Self
    where
        F: FnOnce(&Call) -> Reply + Send + 'static,
    {
        let scope = Scope::Zone(zone.to_owned());
        let needs = Some(("workers_routes", level));
        Self::new(template, Family::Product, scope, needs, work)
    }
}

/// The refusal of a path that leads nowhere.
pub(crate) fn no_route(path: &str) -> Refusal {
    Refusal::new(
        404,
        7003,
        format!("Could not route to /client/v4{path}, perhaps your object identifier is invalid?"),
    )
    .and(7000, "No route for that URI")
}

/// A parser's error without what it found, which may be a secret.
pub(crate) fn safe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.find("expected ") {
        Some(at) => text[at..].to_owned(),
        None => text,
    }
}
