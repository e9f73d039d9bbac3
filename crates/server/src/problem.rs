//! The one error that people and programs see: RFC 9457 `application/problem+json`, or the same as a page.
//!
//! A problem says what happened, whose fault it is, why it may be so, and what to do. Its `code` never changes.

mod refusals;

use crate::{
    clock::{Clock, rfc3339},
    services::lints::LintView,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::connection::{PermissionCheck, TokenKind};
use serde::{Deserialize, Serialize};

/// The result of everything in `services`.
pub(crate) type Outcome<T> = Result<T, Problem>;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:literal, $title:literal;)*) => {
        /// The stable names of problems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub(crate) enum Code { $($(#[$doc])* #[serde(rename = $word)] $variant),* }

        impl Code {
            /// Every code, for the documentation.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in answers.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The HTTP status it answers with unless told otherwise.
            pub(crate) const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// The short text for people.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

codes! {
    /// Cloudflare does not know the token, or it cannot be one.
    InvalidToken = "invalid_token", 422, "Invalid API token";
    /// The token's time is over.
    TokenExpired = "token_expired", 422, "Token expired";
    /// The token is switched off.
    TokenDisabled = "token_disabled", 422, "Token disabled";
    /// The token lacks a permission or does not reach a zone.
    InsufficientPermissions = "insufficient_permissions", 422, "Insufficient permissions";
    /// An API key or another credential that is not an API token.
    ApiKeyNotSupported = "api_key_not_supported", 422, "This is not an API token";
    /// The token may only be used from other addresses.
    TokenIpRestricted = "token_ip_restricted", 422, "The token may not be used from this address";
    /// The token reaches no account.
    NoAccounts = "no_accounts", 422, "The token reaches no account";
    /// The account cannot run Workers yet, whatever the token may do.
    AccountNotReady = "account_not_ready", 422, "The Cloudflare account is not ready";
    /// The sealed token cannot be opened.
    TokenUnreadable = "token_unreadable", 409, "The stored token cannot be opened";
    /// This token is stored already.
    ConnectionExists = "connection_exists", 409, "This token is already connected";
    /// Sites still use the connection.
    ConnectionInUse = "connection_in_use", 409, "Sites still use this connection";
    /// Cloudflare did not answer, or not in its own form.
    CloudflareUnavailable = "cloudflare_unavailable", 502, "Cloudflare could not be reached";
    /// Cloudflare refused a call for a reason of its own.
    CloudflareRefused = "cloudflare_refused", 502, "Cloudflare refused the call";
    /// Too many calls.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// A foreign route is in the way.
    RouteConflict = "route_conflict", 409, "A route is in the way";
    /// A foreign object is in the way.
    ResourceConflict = "resource_conflict", 409, "Something of that name already exists";
    /// The zone gets no traffic yet.
    ZoneNotActive = "zone_not_active", 422, "The zone is not active";
    /// Input that cannot be used.
    ValidationFailed = "validation_failed", 422, "Some of the input cannot be used";
    /// The body is not what it says.
    MalformedRequest = "malformed_request", 400, "The request cannot be read";
    /// The body is over its limit.
    TooLarge = "too_large", 413, "The request is too large";
    /// No such thing.
    NotFound = "not_found", 404, "Not found";
    /// The method is not allowed.
    MethodNotAllowed = "method_not_allowed", 405, "This method is not allowed here";
    /// Not signed in, or no valid access key.
    Unauthenticated = "unauthenticated", 401, "Not signed in";
    /// Signed in, but not allowed.
    Forbidden = "forbidden", 403, "Not allowed";
    /// The `Host` header names another server.
    MisdirectedRequest = "misdirected_request", 421, "This server does not answer to that name";
    /// Somebody else changed it meanwhile.
    EditConflict = "edit_conflict", 412, "It was changed meanwhile";
    /// Somebody changed the account, and deploying would put that back.
    EditsOutside = "edits_outside", 409, "Changed outside Edge Delivery";
    /// Variants that would be one page.
    PathConflict = "path_conflict", 409, "Several variants would stand for one page";
    /// The checks of a content found something that is to be confirmed before it is published.
    ConfirmationNeeded = "confirmation_needed", 422, "Publishing this needs a yes";
    /// It cannot be done in the present state.
    InvalidState = "invalid_state", 409, "Not possible in the present state";
    /// After a deployment people do not get what they got before.
    ProofFailed = "proof_failed", 409, "People do not get what they got before";
    /// The site could not be fetched.
    SiteUnreachable = "site_unreachable", 502, "The site could not be fetched";
    /// Our own fault.
    Internal = "internal_error", 500, "Something went wrong on our side";
}

/// What Cloudflare said, ready to copy to support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CloudflareSaid {
    /// The HTTP status, where there was an answer.
    pub(crate) status: Option<u16>,
    /// The first error's code.
    pub(crate) code: Option<i64>,
    /// The first error's message.
    pub(crate) message: String,
    /// `cf-ray` of the answer.
    pub(crate) ray_id: Option<String>,
    /// The call, as method and path template.
    pub(crate) endpoint: String,
}

impl From<&cloudflare::Error> for CloudflareSaid {
    fn from(error: &cloudflare::Error) -> Self {
        Self {
            status: error.status,
            code: error.code(),
            message: error
                .message()
                .map_or_else(|| error.to_string(), str::to_owned),
            ray_id: error.ray_id.clone(),
            endpoint: error.endpoint.clone(),
        }
    }
}

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldError {
    /// Its name in the request.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

/// What there is to know about a content that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AboutContent {
    /// The revision that is the newest now, for an edit that came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latest_revision: Option<String>,
    /// What the checks of a content found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lints: Vec<LintView>,
}

/// A problem, in the shape in which it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// An address that names the kind of problem.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The short text for people.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The stable name.
    pub(crate) code: Code,
    /// What happened, in a sentence or two.
    pub(crate) detail: String,
    /// Why it may be so.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) remedies: Vec<String>,
    /// The refused fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
    /// What the token may do, for problems with a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) permissions: Option<serde_json::Value>,
    /// The connection that it is about, where that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection_id: Option<String>,
    /// What there is to know about a content that was refused; boxed, since a problem is carried by every result.
    #[serde(default, flatten)]
    pub(crate) content: Box<AboutContent>,
    /// What Cloudflare said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cloudflare: Option<CloudflareSaid>,
    /// Seconds to wait, for the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u64>,
    /// When it happened, as RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
}

impl Problem {
    /// A problem with its code's title and status, to be filled in.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:edge-delivery:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            causes: Vec::new(),
            remedies: Vec::new(),
            errors: Vec::new(),
            permissions: None,
            connection_id: None,
            content: Box::default(),
            cloudflare: None,
            retry_after: None,
            time: Some(rfc3339(Clock.now())),
        }
    }

    /// Adds a cause.
    #[must_use]
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// Another HTTP status than the code's own.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// The connection that it is about.
    #[must_use]
    pub(crate) fn with_connection(mut self, id: domain::ids::ConnectionId) -> Self {
        self.connection_id = Some(id.to_string());
        self
    }

    /// What Cloudflare said.
    #[must_use]
    pub(crate) fn with_cloudflare(mut self, said: CloudflareSaid) -> Self {
        self.cloudflare = Some(said);
        self
    }

    /// Seconds to wait before trying again.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The checks of a token that is not good enough.
    #[must_use]
    pub(crate) fn with_permissions(mut self, checks: &[PermissionCheck], kind: TokenKind) -> Self {
        self.permissions = Some(crate::services::token_check::permissions_json_of(
            checks, kind,
        ));
        self
    }

    /// What to copy to support, a line each: what happened when, what was asked and answered, and our version. No secret,
    /// and nothing that a person wrote.
    pub(crate) fn details(&self) -> String {
        let mut lines = vec![
            format!("problem: {} ({})", self.code.as_str(), self.status),
            format!("time: {}", self.time.as_deref().unwrap_or("not known")),
        ];
        if let Some(said) = &self.cloudflare {
            lines.push(format!("request: {}", said.endpoint));
            let mut answer = match said.status {
                Some(status) => format!("HTTP {status}"),
                None => "none".to_owned(),
            };
            if let Some(code) = said.code {
                answer.push_str(&format!(", code {code}"));
            }
            lines.push(format!("answer: {answer}"));
            lines.push(format!("message: {}", said.message));
            lines.push(format!(
                "ray id: {}",
                said.ray_id.as_deref().unwrap_or("none")
            ));
        }
        lines.push(format!(
            "version: edge-delivery {}",
            env!("CARGO_PKG_VERSION")
        ));
        lines.join("\n")
    }

    /// A refused field.
    pub(crate) fn field(field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(Code::ValidationFailed, format!("`{field}` {detail}."))
            .cause("What is sent is checked before anything is done, and this did not pass.")
            .remedy(format!(
                "Correct `{field}` and try again; nothing was changed."
            ));
        problem.errors.push(FieldError {
            field: field.to_owned(),
            detail,
        });
        problem
    }

    /// No such thing; `what` with its article, for example `a site`.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::new(Code::NotFound, format!("There is no {what} {id:?}."))
            .cause("It was deleted, or the id is mistyped or of another workspace.")
            .remedy("List what there is and take the id from there.")
    }

    /// A fault of ours: the cause goes to the log, not to the reader.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        tracing::error!(error = text, "internal error");
        Self::new(
            Code::Internal,
            "The program could not finish the request. Its log says why.",
        )
        .cause("A fault of Edge Delivery or of the machine it runs on, for example a full disk.")
        .remedy("Try again; if it stays, look at the log for this request's id.")
    }

    /// The HTTP status.
    pub(crate) fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)?;
        for cause in &self.causes {
            write!(f, "\n  why:  {cause}")?;
        }
        for remedy in &self.remedies {
            write!(f, "\n  next: {remedy}")?;
        }
        if let Some(said) = &self.cloudflare {
            write!(
                f,
                "\n  Cloudflare said: {} on {}",
                said.message, said.endpoint
            )?;
            if let Some(ray) = &said.ray_id {
                write!(f, " (ray {ray})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after;
        let mut response = (self.status_code(), Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Conflict { what, value } => Self::new(
                Code::ResourceConflict,
                format!("The {what} {value:?} is already in use."),
            )
            .cause("Something else of that name was stored before.")
            .remedy("Choose another name."),
            store::StoreError::Stale => Self::new(
                Code::EditConflict,
                "It was changed in the meantime; nothing was saved.",
            )
            .cause("Somebody else saved a change after you read it.")
            .remedy("Read it again, bring your change into it and save that."),
            store::StoreError::Missing { what } => {
                Self::new(Code::NotFound, format!("There is no such {what} any more."))
                    .cause("It was deleted meanwhile.")
                    .remedy("List what there is.")
            }
            store::StoreError::InvalidCursor => {
                Self::field("cursor", "is not one that was given out")
            }
            other => Self::internal(&other),
        }
    }
}

impl From<cloudflare::Error> for Problem {
    /// Cloudflare answers *Authentication error* to everything; what it means follows from the status and the call.
    fn from(error: cloudflare::Error) -> Self {
        let said = CloudflareSaid::from(&error);
        let what = said.message.clone();
        let problem = if error.code() == Some(10_502) {
            Self::new(Code::RateLimited, "Cloudflare has locked out this program for a while: too many calls with tokens that it refused.")
                .cause("Somebody or something keeps trying a token that is no longer good.")
                .remedy("Wait some minutes without trying; each further try makes it longer. Then use a good token.")
        } else if let Some(known) = refusals::known(&error) {
            known
        } else if error.is_rate_limited() {
            Self::new(Code::RateLimited, "Cloudflare asks to wait: too many calls were made with this token or account.")
                .cause("Cloudflare allows 1,200 calls in five minutes for a user, dashboard and other programs included.")
                .remedy(match error.retry_after {
                    Some(wait) => format!(
                        "Wait {} s, then try again; a deployment waits by itself.",
                        wait.as_secs().max(1)
                    ),
                    None => "Wait a few minutes; the work goes on by itself where it is repeated.".to_owned(),
                })
        } else if error.is_unavailable() {
            Self::new(
                Code::CloudflareUnavailable,
                format!("Cloudflare did not give a usable answer: {error}."),
            )
            .cause("Cloudflare or the way to it has a problem at the moment.")
            .cause("A firewall or proxy between this program and Cloudflare keeps calls back.")
            .remedy("Try again in a minute; see www.cloudflarestatus.com.")
        } else if error.is_ip_restricted() {
            Self::new(Code::TokenIpRestricted, format!("Cloudflare refused the token: {what}."))
                .cause("The token has a Client IP Address Filter that leaves out the address of this program.")
                .remedy("Add this program's outgoing address to the token's filter at Cloudflare, or remove the filter.")
        } else if error.is_unauthenticated() {
            Self::new(Code::InvalidToken, "Cloudflare no longer knows the token.")
                .cause("It was deleted, rolled, switched off, or has expired.")
                .remedy("Make a new token and replace the connection's token on its page; its sites stay as they are.")
        } else if error.is_forbidden() {
            let permission = permission_for(&error.endpoint);
            Self::new(Code::InsufficientPermissions, format!("The token may not do this: {permission} is missing."))
                .cause(format!("{permission} is missing, or its account or zone is not included."))
                .remedy("Edit the token at Cloudflare (My Profile → API Tokens), add the permission, then check the connection again.")
        } else {
            Self::new(
                Code::CloudflareRefused,
                format!("Its answer: {}.", what.trim_end_matches('.')),
            )
            .cause("The account or zone is in a state that does not allow it.")
            .remedy("Read Cloudflare's message below; the code and the ray id help its support.")
        };
        let problem = match error.retry_after {
            Some(wait) => problem.with_retry_after(wait.as_secs()),
            None => problem,
        };
        problem.with_cloudflare(said)
    }
}

/// Which permission a call needs, in the words of Cloudflare's form.
fn permission_for(endpoint: &str) -> &'static str {
    if endpoint.contains("/analytics_engine/") {
        "Account Analytics: Read"
    } else if endpoint.contains("/storage/kv/") {
        "Workers KV Storage: Edit"
    } else if endpoint.contains("/workers/routes") {
        "Workers Routes: Edit"
    } else if endpoint.contains("/workers/") {
        "Workers Scripts: Edit"
    } else if endpoint.contains("/zones") {
        "Zone: Read"
    } else {
        "Account Settings: Read"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_errors_and_documented() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api-design.md");
        let documentation = std::fs::read_to_string(file).expect("the document is there");
        for code in Code::ALL {
            assert!((400..600).contains(&code.status()), "{code:?}");
            let name = format!("`{}`", code.as_str());
            assert!(
                documentation.contains(&name),
                "docs/api-design.md does not explain {name}"
            );
        }
    }
}
