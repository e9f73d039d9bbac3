//! One type per kind of id, so that a zone id cannot be passed as an account id.
//!
//! Our own ids are UUIDs (version 7, made by the caller) and opaque to everybody outside. Cloudflare's are 32 hex
//! digits (Cloudflare API notes §1.2: anything else answers code 7003, measured).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}: {text:?}")]
pub struct InvalidId {
    /// What was expected, with its article, for example `a site id`.
    pub expected: &'static str,
    /// The text, cut to 64 characters.
    pub text: String,
}

impl InvalidId {
    fn new(expected: &'static str, text: &str) -> Self {
        Self {
            expected,
            text: text.chars().take(64).collect(),
        }
    }
}

macro_rules! our_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that the caller made.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// The id as 32 hex digits without hyphens, for names at Cloudflare.
            pub fn simple(&self) -> String {
                self.0.simple().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::new($what, text))
            }
        }
    };
}

our_id!(
    /// A workspace: the owner of every other row.
    WorkspaceId, "a workspace id");
our_id!(
    /// Somebody who can sign in.
    UserId, "a user id");
our_id!(
    /// A stored, sealed Cloudflare API token.
    ConnectionId, "a connection id");
our_id!(
    /// A site: what we deploy.
    SiteId, "a site id");
our_id!(
    /// One application of one plan.
    DeploymentId, "a deployment id");
our_id!(
    /// A link to a signed preview.
    PreviewId, "a preview id");
our_id!(
    /// One run of making variants from live pages.
    MakingId, "a making id");
our_id!(
    /// Something about a site's traffic that somebody is told of.
    AlertId, "an alert id");
our_id!(
    /// An access key to our own REST API.
    AccessKeyId, "an access key id");

macro_rules! cloudflare_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The 32 hex digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    Ok(Self(text.to_ascii_lowercase()))
                } else {
                    Err(InvalidId::new($what, text))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

cloudflare_id!(
    /// A Cloudflare account.
    AccountId, "a Cloudflare account id (32 hex digits)");
cloudflare_id!(
    /// A Cloudflare zone.
    ZoneId, "a Cloudflare zone id (32 hex digits)");
cloudflare_id!(
    /// A KV namespace.
    NamespaceId, "a KV namespace id (32 hex digits)");
cloudflare_id!(
    /// A Worker route of a zone.
    RouteId, "a route id (32 hex digits)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloudflare_ids_are_32_hex_digits() {
        assert!(
            "a0000000000000000000000000000001"
                .parse::<AccountId>()
                .is_ok()
        );
        for bad in [
            "",
            "a",
            "g0000000000000000000000000000001",
            "a00000000000000000000000000000011",
        ] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn our_ids_round_trip() {
        let id = SiteId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse::<SiteId>(), Ok(id));
        assert_eq!(id.simple().len(), 32);
    }
}
