//! API tokens: what they carry and what they may do.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use ipnet::IpNet;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Zone;

/// Who owns a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A person; reaches what that person may reach, as far as the token allows.
    User,
    /// One account.
    Account,
}

/// What was switched on or off by hand; expiry follows from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// Works.
    Active,
    /// Switched off.
    Disabled,
    /// Past its end. Never stored, only computed.
    Expired,
}

impl TokenStatus {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

/// How much of a permission a token has; edit includes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// May look.
    Read,
    /// May look and change.
    Edit,
}

/// Which accounts or zones a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that its owner has.
    All,
    /// These ids.
    These(Vec<String>),
}

impl Reach {
    /// Whether this id is within reach.
    #[must_use]
    pub fn includes(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.iter().any(|i| i == id),
        }
    }
}

/// One API token. `Debug` leaves its value out.
#[derive(Clone)]
pub struct Token {
    /// What the Authorization header carries.
    pub value: String,
    /// What its owner called it.
    pub name: String,
    /// Who owns it.
    pub kind: TokenKind,
    /// Active or disabled.
    pub status: TokenStatus,
    /// From then on it is expired.
    pub expires_on: Option<Timestamp>,
    /// Before that it does not work.
    pub not_before: Option<Timestamp>,
    /// Where calls may come from; empty is anywhere.
    pub allowed_ips: Vec<IpNet>,
    /// What it may do where; any one that allows something is enough.
    pub policies: Vec<Policy>,
}

/// Permissions on some accounts and zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which accounts; counts for the permissions of accounts.
    pub accounts: Reach,
    /// Which zones; counts for the permissions of zones.
    pub zones: Reach,
    /// By Cloudflare's permission key such as `workers_scripts`.
    pub permissions: BTreeMap<String, Level>,
}

impl Policy {
    fn has(&self, permission: &str, level: Level) -> bool {
        self.permissions
            .get(permission)
            .is_some_and(|l| *l >= level)
    }
}

impl Token {
    /// The token's id, 32 hex digits: made from its value, since a state file need not name one.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(&Sha256::digest(self.value.as_bytes())[..16])
    }

    /// The status at this moment.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> TokenStatus {
        match self.expires_on {
            _ if self.status != TokenStatus::Active => self.status,
            Some(end) if now >= end => TokenStatus::Expired,
            _ => TokenStatus::Active,
        }
    }

    /// Whether it opens anything at this moment.
    #[must_use]
    pub fn works_at(&self, now: Timestamp) -> bool {
        self.status_at(now) == TokenStatus::Active && self.not_before.is_none_or(|t| now >= t)
    }

    /// Whether it may be used from this address.
    #[must_use]
    pub fn allows_ip(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allowed_ips.is_empty() || self.allowed_ips.iter().any(|n| n.contains(&ip))
    }

    /// Whether it has this permission, wherever.
    #[must_use]
    pub fn has(&self, permission: &str, level: Level) -> bool {
        self.policies.iter().any(|p| p.has(permission, level))
    }

    /// Whether it has this permission on an account.
    #[must_use]
    pub fn allows_on_account(&self, permission: &str, level: Level, account: &str) -> bool {
        self.policies
            .iter()
            .any(|p| p.accounts.includes(account) && p.has(permission, level))
    }

    /// Whether it has this permission on a zone. A token that an account owns reaches no other account's zones; for a
    /// person's token accounts and zones are chosen apart.
    #[must_use]
    pub fn allows_on_zone(&self, permission: &str, level: Level, zone: &Zone) -> bool {
        self.policies.iter().any(|p| {
            p.zones.includes(&zone.id)
                && p.has(permission, level)
                && (self.kind == TokenKind::User || p.accounts.includes(&zone.account))
        })
    }

    /// Whether it has this permission on all zones there may ever be.
    #[must_use]
    pub fn allows_on_every_zone(&self, permission: &str, level: Level) -> bool {
        self.policies
            .iter()
            .any(|p| p.zones == Reach::All && p.has(permission, level))
    }

    /// Whether any of its policies is about this account.
    #[must_use]
    pub fn reaches_account(&self, account: &str) -> bool {
        self.policies.iter().any(|p| p.accounts.includes(account))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id())
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
