//! What an account may lack that no token can give: recognised by the codes of Workers (§4.6).

use cloudflare::Error;

const EMAIL_NOT_VERIFIED: i64 = 10_034;
const NOT_IN_THE_PLAN: i64 = 10_037;

/// Why an account cannot run Workers yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountState {
    /// Its e-mail address is not verified (official).
    EmailNotVerified,
    /// Workers or KV is not available to it, or a limit of its plan is reached (the meaning is not confirmed).
    NotInThePlan,
}

impl AccountState {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::EmailNotVerified, Self::NotInThePlan];

    /// Whether a refusal means this.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match error.code() {
            // In KV this code means something else.
            Some(EMAIL_NOT_VERIFIED) if error.endpoint.contains("/workers/") => {
                Some(Self::EmailNotVerified)
            }
            Some(NOT_IN_THE_PLAN) => Some(Self::NotInThePlan),
            _ => None,
        }
    }

    /// Whether a row's detail tells of this: the evidence that is kept is text.
    pub(crate) fn told_in(detail: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| detail.starts_with(state.words()))
    }

    /// What is the matter.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::EmailNotVerified => {
                "The account's e-mail address is not verified, so Workers refuses it."
            }
            Self::NotInThePlan => {
                "Cloudflare refuses the account itself: Workers or KV is not available to it, or a limit of its plan is reached."
            }
        }
    }

    /// What to do about it.
    pub(crate) const fn next_step(self) -> &'static str {
        match self {
            Self::EmailNotVerified => {
                "Follow the link in Cloudflare's mail, or have it sent again under My Profile; then check the token again."
            }
            Self::NotInThePlan => {
                "Open Workers & Pages of this account at Cloudflare once and see what it asks for: terms, a plan, a free place; then check the token again."
            }
        }
    }

    /// Where that is done.
    pub(crate) const fn fix_url(self) -> &'static str {
        match self {
            Self::EmailNotVerified => "https://dash.cloudflare.com/profile",
            Self::NotInThePlan => "https://dash.cloudflare.com/?to=/:account/workers-and-pages",
        }
    }
}

/// The account has no workers.dev name: the permission is there, and the first Worker will be refused all the same (§4.5).
pub(crate) const NO_WORKERS_DEV_NAME: &str = "Granted. But the account has no workers.dev name yet, and Cloudflare may refuse its first Worker for that: open Workers & Pages at Cloudflare once and choose a name.";

/// Whether the evidence of a granted row tells of the missing name.
pub(crate) fn lacks_workers_dev_name(evidence: &str) -> bool {
    evidence.contains("code 10063")
}
