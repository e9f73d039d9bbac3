//! What failed, whose fault it is, and whether trying again makes sense.

use crate::request::Request;
use std::{fmt, time::Duration};

/// Workers' refusals with HTTP 403 that are not about rights: 10034 the account's mail address is not verified, 10037 a
/// limit of the account (§4.6), 10089 Analytics Engine is not enabled for it (reported; with which status is not known); and
/// the gateway's 10502, a lock after too many failed sign-ins (§1.2, reported).
const NOT_ABOUT_RIGHTS: [i64; 4] = [10_034, 10_037, 10_089, 10_502];

/// The shortest text that is cut out of answers.
const SECRET_MIN: usize = 8;

/// One entry of an answer's `errors` (§1.2). Codes mean different things in different services: look at the endpoint too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiErrorEntry {
    /// May be absent or 0 (reported).
    pub code: Option<i64>,
    /// The text, cut to 2,000 characters.
    pub message: String,
    /// Where Cloudflare explains it.
    pub documentation_url: Option<String>,
    /// What lies beneath, as code 6111 beneath 6003.
    pub error_chain: Vec<ApiErrorEntry>,
}

/// The kind of a failure. Reasons are boxed so that results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// Cloudflare answered that it failed, in its own form.
    Api,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke; says why, as far as the system does.
    Connect(Box<str>),
    /// An answer that is not in Cloudflare's form; says what was wrong with it.
    Malformed(Box<str>),
    /// A page of the firewall instead of an answer (§1.3: `cf-mitigated: challenge`).
    Challenge,
    /// An answer larger than this client reads.
    TooLarge,
    /// The request could not be made; says why.
    Invalid(Box<str>),
    /// Not sent: the token has used up what Cloudflare allows, for longer than this call may wait.
    Throttled,
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
    /// `Retry-After`, where the answer has one, or how long the token must wait.
    pub retry_after: Option<Duration>,
    /// Whether the call, or an earlier attempt of it, may have been carried out.
    pub(crate) is_effect_unknown: bool,
    /// Whether nothing left this machine.
    pub(crate) is_unsent: bool,
}

impl Error {
    /// A call that was not sent.
    pub(crate) fn unsent(request: &Request, kind: ErrorKind) -> Self {
        Self {
            endpoint: request.endpoint(),
            status: None,
            errors: Vec::new(),
            ray_id: None,
            kind,
            retry_after: None,
            is_effect_unknown: false,
            is_unsent: true,
        }
    }

    /// A call that may have arrived, without an answer.
    pub(crate) fn unanswered(request: &Request, kind: ErrorKind) -> Self {
        Self {
            is_effect_unknown: request.method != reqwest::Method::GET,
            is_unsent: false,
            ..Self::unsent(request, kind)
        }
    }

    /// An answer that told of success and cannot be read.
    pub(crate) fn misread(request: &Request, why: &str) -> Self {
        Self {
            is_unsent: false,
            ..Self::unsent(request, ErrorKind::Malformed(why.into()))
        }
    }

    /// The first error's code.
    pub fn code(&self) -> Option<i64> {
        self.errors.first().and_then(|entry| entry.code)
    }

    /// The first error's message.
    pub fn message(&self) -> Option<&str> {
        self.errors.first().map(|entry| entry.message.as_str())
    }

    /// HTTP 404, or the codes that other statuses carry for something that is not there (§1.2: 7003). Only Cloudflare's
    /// own word counts: another server's 404 does not say that a resource is gone.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::Api && (self.status == Some(404) || self.code() == Some(7003))
    }

    /// The token is not known, or no longer (§2.3: the status tells, not the code). Two cases have other statuses: 9109
    /// *Invalid access token* is 403, and 6003 or 9106, the header is no token's, is 400.
    pub fn is_unauthenticated(&self) -> bool {
        self.kind == ErrorKind::Api
            && (self.status == Some(401)
                || self.status == Some(400) && matches!(self.code(), Some(6003 | 9106))
                || self.code() == Some(9109)
                    && self
                        .message()
                        .is_some_and(|text| text.contains("Invalid access token")))
    }

    /// The token is good but lacks the right (§2.3, §1.2: also 405 with code 10000 or 10405).
    pub fn is_forbidden(&self) -> bool {
        self.kind == ErrorKind::Api
            && !self.is_unauthenticated()
            && match self.status {
                Some(403) => !self
                    .code()
                    .is_some_and(|code| NOT_ABOUT_RIGHTS.contains(&code)),
                Some(405) => matches!(self.code(), Some(10_000 | 10_405)),
                _ => false,
            }
    }

    /// The token may only be used from other addresses (§2.3, reported).
    pub fn is_ip_restricted(&self) -> bool {
        self.message()
            .is_some_and(|text| text.contains("from location"))
    }

    /// Too many calls, or too many failed sign-ins (10502).
    pub fn is_rate_limited(&self) -> bool {
        self.status == Some(429)
            || self.kind == ErrorKind::Throttled
            || self.kind == ErrorKind::Api && self.code() == Some(10_502)
    }

    /// A write whose outcome is not known: no answer, or one of a server in trouble. Observe before trying again.
    pub fn effect_unknown(&self) -> bool {
        self.is_effect_unknown
    }

    /// Whether Cloudflare itself is in trouble or out of reach, so that nothing is said about the call.
    pub fn is_unavailable(&self) -> bool {
        match self.kind {
            ErrorKind::Api => self.status.is_some_and(|status| status >= 500),
            ErrorKind::Invalid(_) | ErrorKind::Throttled => false,
            // A page that says 429 is the edge's, in front of the API.
            _ => !self.is_rate_limited(),
        }
    }

    /// The same without a secret that the answer may have repeated.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        fn clean(text: &mut String, secret: &str) {
            if text.contains(secret) {
                *text = text.replace(secret, "[token]");
            }
        }
        fn clean_entry(entry: &mut ApiErrorEntry, secret: &str) {
            clean(&mut entry.message, secret);
            if let Some(url) = &mut entry.documentation_url {
                clean(url, secret);
            }
            for entry in &mut entry.error_chain {
                clean_entry(entry, secret);
            }
        }
        // Shorter than any token; it would be found in every text.
        if secret.len() < SECRET_MIN {
            return self;
        }
        for entry in &mut self.errors {
            clean_entry(entry, secret);
        }
        if let Some(ray) = &mut self.ray_id {
            clean(ray, secret);
        }
        if let ErrorKind::Malformed(text) | ErrorKind::Connect(text) | ErrorKind::Invalid(text) =
            &mut self.kind
            && text.contains(secret)
        {
            *text = text.replace(secret, "[token]").into();
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.endpoint)?;
        match &self.kind {
            ErrorKind::Api => match self.message().filter(|text| !text.is_empty()) {
                Some(text) => f.write_str(text)?,
                None => f.write_str("failed without a reason")?,
            },
            ErrorKind::Timeout => f.write_str("no answer in time")?,
            ErrorKind::Connect(why) => write!(f, "no connection: {why}")?,
            ErrorKind::Malformed(what) => {
                write!(f, "the answer is not in Cloudflare's form: {what}")?;
            }
            ErrorKind::Challenge => f.write_str("a firewall's page came instead of an answer")?,
            ErrorKind::TooLarge => f.write_str("the answer is too large")?,
            ErrorKind::Invalid(why) => write!(f, "the request cannot be made: {why}")?,
            ErrorKind::Throttled => {
                f.write_str("not sent, the token has used up its calls for now")?;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: i64, message: &str) -> Error {
        let mut error = Error::unanswered(&Request::put("/x", &[]), ErrorKind::Api);
        error.status = Some(status);
        error.errors = vec![ApiErrorEntry {
            code: Some(code),
            message: message.to_owned(),
            ..ApiErrorEntry::default()
        }];
        error
    }

    #[test]
    fn authentication_error_means_two_things() {
        for (error, is_unauthenticated, is_forbidden) in [
            (error(401, 10_000, "Authentication error"), true, false),
            (error(403, 10_000, "Authentication error"), false, true),
            (error(401, 1000, "Invalid API Token"), true, false),
            (error(403, 9109, "Invalid access token"), true, false),
            (
                error(403, 9109, "Unauthorized to access requested resource"),
                false,
                true,
            ),
            (error(400, 6003, "Invalid request headers"), true, false),
            (error(400, 10_019, "title required"), false, false),
            (
                error(405, 10_000, "PUT method not allowed for the api_token"),
                false,
                true,
            ),
            (error(405, 7001, "Method not supported"), false, false),
            (error(403, 10_034, "verify your mail"), false, false),
            (error(403, 10_502, "too many failures"), false, false),
        ] {
            assert_eq!(error.is_unauthenticated(), is_unauthenticated, "{error}");
            assert_eq!(error.is_forbidden(), is_forbidden, "{error}");
            let page = Error {
                kind: ErrorKind::Malformed("it is an HTML page".into()),
                errors: Vec::new(),
                ..error
            };
            assert!(!page.is_forbidden() && !page.is_unauthenticated() && page.is_unavailable());
        }
        assert!(
            error(
                403,
                9109,
                "Cannot use the access token from location: 192.0.2.1"
            )
            .is_ip_restricted()
        );
    }

    #[test]
    fn only_cloudflares_404_says_that_something_is_gone() {
        assert!(error(404, 10_013, "namespace not found").is_not_found());
        assert!(error(400, 7003, "Could not route").is_not_found());
        let foreign = Error {
            kind: ErrorKind::Malformed("it is an HTML page".into()),
            ..error(404, 0, "")
        };
        assert!(!foreign.is_not_found());
    }

    #[test]
    fn a_repeated_secret_is_cut_out_everywhere() {
        let secret = "canary-text";
        let mut error = error(400, 1, "Invalid token canary-text, yes canary-text");
        error.ray_id = Some("canary-text".to_owned());
        error.errors[0].error_chain = vec![ApiErrorEntry {
            message: "canary-text".to_owned(),
            documentation_url: Some("https://x.example/?t=canary-text".to_owned()),
            ..ApiErrorEntry::default()
        }];
        let shown = format!("{:?}", error.clone().without(secret));
        assert!(!shown.contains(secret), "{shown}");
        error.kind = ErrorKind::Malformed("at canary-text".into());
        assert!(!format!("{:?}", error.without(secret)).contains(secret));
    }
}
