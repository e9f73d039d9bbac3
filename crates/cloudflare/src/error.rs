//! What failed, whose fault it is, and whether trying again makes sense.

use serde::Deserialize;
use std::{fmt, time::Duration};

/// One entry of an answer's `errors` (§1.2). Codes mean different things in different services: look at the endpoint too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ApiErrorEntry {
    /// May be absent or 0 (reported).
    #[serde(default)]
    pub code: Option<i64>,
    /// The text.
    #[serde(default)]
    pub message: String,
    /// What lies beneath, as code 6111 beneath 6003.
    #[serde(default)]
    pub error_chain: Vec<ApiErrorEntry>,
}

/// The kind of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// Cloudflare answered that it failed, in its own form.
    Api,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Connect,
    /// An answer that is not in Cloudflare's form; says what was wrong with it.
    Malformed(String),
    /// A page of the firewall instead of an answer (§1.3: `cf-mitigated: challenge`).
    Challenge,
    /// An answer larger than this client reads.
    TooLarge,
    /// The request could not be made; says why.
    Invalid(String),
}

/// A failed call. It never holds the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The method and the path's template, for example `PUT /accounts/{account}/workers/scripts/{script}`.
    pub endpoint: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The answer's errors, in order.
    pub errors: Vec<ApiErrorEntry>,
    /// `cf-ray` of the answer: what Cloudflare's support asks for.
    pub ray_id: Option<String>,
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// `Retry-After`, where the answer has one.
    pub retry_after: Option<Duration>,
    /// Whether the call writes.
    pub(crate) is_write: bool,
}

impl Error {
    /// The first error's code.
    pub fn code(&self) -> Option<i64> {
        self.errors.first().and_then(|entry| entry.code)
    }

    /// The first error's message.
    pub fn message(&self) -> Option<&str> {
        self.errors.first().map(|entry| entry.message.as_str())
    }

    /// HTTP 404, or the codes that other statuses carry for something that is not there (§1.2: 7003).
    pub fn is_not_found(&self) -> bool {
        self.status == Some(404) || self.code() == Some(7003)
    }

    /// The token is not known, or no longer (§2.3: the status tells, not the code; 9109 *Invalid access token* is 403).
    pub fn is_unauthenticated(&self) -> bool {
        self.status == Some(401)
            || self.code() == Some(9109)
                && self
                    .message()
                    .is_some_and(|text| text.contains("Invalid access token"))
    }

    /// The token is good but lacks the right (§2.3, §1.2: also 405 with code 10000 or 10405).
    pub fn is_forbidden(&self) -> bool {
        !self.is_unauthenticated()
            && (self.status == Some(403)
                || self.status == Some(405) && matches!(self.code(), Some(10_000 | 10_405)))
    }

    /// The token may only be used from other addresses (§2.3, reported).
    pub fn is_ip_restricted(&self) -> bool {
        self.message()
            .is_some_and(|text| text.contains("from location"))
    }

    /// Too many calls.
    pub fn is_rate_limited(&self) -> bool {
        self.status == Some(429)
    }

    /// A write whose outcome is not known: no answer, or one of a server in trouble. Observe before trying again.
    pub fn effect_unknown(&self) -> bool {
        self.is_write
            && match self.kind {
                ErrorKind::Timeout
                | ErrorKind::Connect
                | ErrorKind::TooLarge
                | ErrorKind::Malformed(_) => true,
                ErrorKind::Api => self.status.is_some_and(|status| status >= 500),
                ErrorKind::Challenge | ErrorKind::Invalid(_) => false,
            }
    }

    /// Whether Cloudflare itself is in trouble or out of reach, so that nothing is said about the call.
    pub fn is_unavailable(&self) -> bool {
        match self.kind {
            ErrorKind::Api => self.status.is_some_and(|status| status >= 500),
            ErrorKind::Invalid(_) => false,
            _ => true,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.endpoint)?;
        match &self.kind {
            ErrorKind::Api => match self.errors.first() {
                Some(entry) => f.write_str(&entry.message)?,
                None => f.write_str("failed without a reason")?,
            },
            ErrorKind::Timeout => f.write_str("no answer in time")?,
            ErrorKind::Connect => f.write_str("no connection")?,
            ErrorKind::Malformed(what) => {
                write!(f, "the answer is not in Cloudflare's form: {what}")?
            }
            ErrorKind::Challenge => f.write_str("a firewall's page came instead of an answer")?,
            ErrorKind::TooLarge => f.write_str("the answer is too large")?,
            ErrorKind::Invalid(why) => write!(f, "the request cannot be made: {why}")?,
        }
        if let Some(status) = self.status {
            write!(f, " (HTTP {status}")?;
            if let Some(code) = self.code() {
                write!(f, ", code {code}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
