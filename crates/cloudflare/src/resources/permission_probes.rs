//! Questions that find out one permission each and change nothing (§2.4): reads, and writes so invalid that Cloudflare
//! must refuse them. Rights are looked at before the body (measured for KV and scripts; assumed for routes), so the kind
//! of refusal tells whether the right is there.

use super::analytics_engine::sql_request;
use crate::{
    AccountId, Api, Error, ErrorKind, ZoneId,
    request::{Part, Request},
};
use serde_json::{Value, json};

/// What a question found, with the evidence in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// Proved.
    Yes {
        /// The call, its status and code.
        evidence: String,
    },
    /// Refused.
    No {
        /// The call, its status and code.
        evidence: String,
        /// The refusal itself.
        error: Box<Error>,
    },
    /// Neither.
    Unknown {
        /// The call, and what came instead.
        evidence: String,
        /// The failure, where there was one.
        error: Option<Box<Error>>,
    },
}

/// The account has no workers.dev name yet, and its first Worker is refused for that (§4.5, official). That is about the
/// account: whoever lacks the right is told so before (§2.4).
const NO_WORKERS_DEV_NAME: i64 = 10_063;

/// How an answer is judged: a refusal for the expected reason proves the right.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// A read: an answer proves the right.
    Read,
    /// An invalid write: a refusal with HTTP 400 and one of these codes proves the right.
    InvalidWrite(&'static [i64]),
}

fn judge(endpoint: &str, outcome: &Result<Option<Value>, Error>, question: Question) -> Granted {
    match (outcome, question) {
        (Ok(_), Question::Read) => Granted::Yes {
            evidence: format!("{endpoint}: answered"),
        },
        // Whoever may not write cannot have been obeyed.
        (Ok(_), Question::InvalidWrite(_)) => Granted::Yes {
            evidence: format!("{endpoint}: accepted, though it was invalid"),
        },
        (Err(error), question) => {
            let evidence = error.to_string();
            if error.is_forbidden() || error.is_unauthenticated() {
                return Granted::No {
                    evidence,
                    error: Box::new(error.clone()),
                };
            }
            match question {
                Question::InvalidWrite(codes)
                    if error.kind == ErrorKind::Api
                        && error.status == Some(400)
                        && error.code().is_some_and(|code| codes.contains(&code)) =>
                {
                    Granted::Yes {
                        evidence: format!(
                            "refused for its content, not for its rights: {evidence}"
                        ),
                    }
                }
                _ => Granted::Unknown {
                    evidence,
                    error: Some(Box::new(error.clone())),
                },
            }
        }
    }
}

impl Api {
    async fn ask(&self, request: Request, question: Question) -> Granted {
        let endpoint = request.endpoint();
        judge(&endpoint, &self.call(request).await, question)
    }

    /// *Workers Scripts: Edit*: an upload under an invalid name (expected: 400, code 10016).
    pub async fn probe_workers_scripts_write(&self, account: &AccountId) -> Granted {
        let request = Request::put(
            "/accounts/{account}/workers/scripts/{script}",
            &[account.as_str(), "Not A Name"],
        )
        .multipart(vec![Part {
            name: "metadata".to_owned(),
            filename: None,
            content_type: Some("application/json".to_owned()),
            bytes: b"{}".to_vec(),
        }]);
        let proofs = &[10_016, 10_021, 10_052, NO_WORKERS_DEV_NAME];
        self.ask(request, Question::InvalidWrite(proofs)).await
    }

    /// *Workers KV Storage: Edit*: a namespace without a title (expected: 400, code 10019).
    pub async fn probe_kv_write(&self, account: &AccountId) -> Granted {
        let request = Request::post(
            "/accounts/{account}/storage/kv/namespaces",
            &[account.as_str()],
        )
        .json(&json!({"title": ""}))
        .repeatable();
        self.ask(request, Question::InvalidWrite(&[10_019, 10_012]))
            .await
    }

    /// *Workers Routes: Edit*: a route outside the zone (expected: 400, code 10022).
    pub async fn probe_routes_write(&self, zone: &ZoneId) -> Granted {
        let request = Request::post("/zones/{zone}/workers/routes", &[zone.as_str()])
            .json(&json!({"pattern": "not-your-zone.invalid/*"}))
            .repeatable();
        self.ask(request, Question::InvalidWrite(&[10_022])).await
    }

    /// *Account Settings: Read*: the account itself.
    pub async fn probe_account_settings_read(&self, account: &AccountId) -> Granted {
        let request = Request::get("/accounts/{account}", &[account.as_str()]);
        self.ask(request, Question::Read).await
    }

    /// *Account Analytics: Read*: the names of the account's datasets. A refusal may also mean that Analytics Engine is not
    /// enabled for the account (reported: cloudflare/workers-sdk issue 9312, cloudflare-docs issue 21972).
    pub async fn probe_account_analytics_read(&self, account: &AccountId) -> Granted {
        let request = sql_request(account, "SHOW TABLES FORMAT JSON".to_owned());
        self.ask(request, Question::Read).await
    }

    /// Whether Workers may at least be *read*: tells a permission on the lower level from one that is missing.
    pub async fn probe_workers_scripts_read(&self, account: &AccountId) -> Granted {
        let request = Request::get("/accounts/{account}/workers/scripts", &[account.as_str()]);
        self.ask(request, Question::Read).await
    }

    /// Whether KV may at least be *read*; the smallest page that is allowed.
    pub async fn probe_kv_read(&self, account: &AccountId) -> Granted {
        let request = Request::get(
            "/accounts/{account}/storage/kv/namespaces",
            &[account.as_str()],
        )
        .query("per_page", "5");
        self.ask(request, Question::Read).await
    }

    /// *Zone: Read*: the account's zones; an empty list proves nothing either way (reported).
    pub async fn probe_zone_read(&self, account: &AccountId) -> Granted {
        let request = Request::get("/zones", &[])
            .query("per_page", "5")
            .query("account.id", account.as_str());
        match self.call::<Option<Value>>(request).await {
            Ok(Some(Value::Array(zones))) if zones.is_empty() => Granted::Unknown {
                evidence: "GET /zones lists no zone of this account".to_owned(),
                error: None,
            },
            outcome => judge("GET /zones", &outcome, Question::Read),
        }
    }
}
