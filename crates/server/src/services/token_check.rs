//! Checks a token: whether it is known, what it reaches, and each of the five permissions. Everything here is reads and
//! deliberately invalid writes, which Cloudflare refuses after looking at the rights (Cloudflare API notes §2.4,
//! measured for KV and scripts, assumed for routes): nothing in the account changes.
//!
//! In this order: `verify` asks whether Cloudflare knows the token, `reach` lists accounts and zones, `rows` decides what
//! is asked where, `ask` asks it, and `refusal` says in words why a token is not good enough.

mod account_state;
mod ask;
mod reach;
mod refusal;
mod rows;
mod verify;

pub(crate) use self::{
    account_state::AccountState,
    ask::check_routes,
    reach::{reachable_zone, to_zone},
    refusal::{optional_json, permissions_json, permissions_json_of},
};

use super::token_text::PastedToken;
use crate::{
    clock::{Clock, parse_rfc3339},
    problem::{CloudflareSaid, Outcome},
};
use cloudflare::Client;
use domain::{
    connection::{
        Level, Permission, PermissionCheck, ReachableAccount, ReachableZone, TokenKind,
        is_good_enough,
    },
    time::Millis,
};
use std::time::Duration;

/// How long what was refused waits for its one repetition: new tokens spread slowly (§2.2, reported), and more tries risk
/// a lock (§1.2, reported).
const REPEAT_AFTER: Duration = Duration::from_secs(2);

/// What a check found.
#[derive(Debug, Clone)]
pub(crate) struct TokenReport {
    /// Cloudflare's id of the token.
    pub(crate) token_id: String,
    /// Who owns it.
    pub(crate) kind: TokenKind,
    /// When it ends.
    pub(crate) expires_at: Option<Millis>,
    /// The accounts it reaches.
    pub(crate) accounts: Vec<ReachableAccount>,
    /// The zones it reaches.
    pub(crate) zones: Vec<ReachableZone>,
    /// The checked permissions.
    pub(crate) permissions: Vec<PermissionCheck>,
    /// Those that are not needed; asked of a token that is good enough.
    pub(crate) optional: Vec<PermissionCheck>,
    /// What Cloudflare said to the first row that is not granted.
    pub(crate) said: Option<CloudflareSaid>,
}

/// What a running check has found so far, in the order in which it finds it: once each of *verified*, *reach* and
/// *questions*, then an *answer* per row; after a pause more answers to rows that were refused.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    /// Cloudflare knows the token.
    Verified {
        /// Who owns it.
        kind: TokenKind,
        /// When it ends.
        expires_at: Option<Millis>,
    },
    /// How far it reaches.
    Reach {
        /// Accounts.
        accounts: usize,
        /// Zones.
        zones: usize,
    },
    /// The rows that are asked now, not yet answered.
    Questions(Vec<PermissionCheck>),
    /// One row's answer; the last one for a row counts.
    Answer {
        /// Its place among the questions.
        row: usize,
        /// The row with its finding.
        check: PermissionCheck,
    },
    /// Refused rows are asked once more in a moment: new tokens spread slowly.
    Repeating {
        /// How many.
        rows: usize,
    },
}

/// Told what a check finds while it runs; called from the checking task, so it must not block.
pub(crate) type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// For whoever waits for the result alone.
pub(crate) const UNWATCHED: Watch<'static> = &|_| {};

impl TokenReport {
    /// Every row, those of optional permissions last.
    pub(crate) fn all_checks(&self) -> Vec<PermissionCheck> {
        self.permissions
            .iter()
            .chain(&self.optional)
            .cloned()
            .collect()
    }

    /// Refuses a token that cannot deploy anything.
    pub(crate) fn require_good_enough(self) -> Outcome<Self> {
        if is_good_enough(&self.permissions) {
            Ok(self)
        } else {
            Err(refusal::not_good_enough(&self))
        }
    }
}

/// Checks a token from the beginning.
pub(crate) async fn check(
    client: &Client,
    clock: Clock,
    pasted: &PastedToken,
    watch: Watch<'_>,
) -> Outcome<TokenReport> {
    let api = client.with_token(pasted.token.clone());
    let verified = verify::verify(&api, pasted).await?;
    let (kind, verification) = (verified.kind, verified.verification);
    verify::refuse_the_lifeless(&verification, clock.now())?;
    let expires_at = verification.expires_on.as_deref().and_then(parse_rfc3339);
    watch(Progress::Verified { kind, expires_at });
    let reach = reach::reach(&api, verified.accounts).await?;
    watch(Progress::Reach {
        accounts: reach.accounts.len(),
        zones: reach.zones.len(),
    });
    let asked = ask::all(&api, reach, kind, watch).await?;
    Ok(TokenReport {
        token_id: verification.id,
        kind,
        expires_at,
        accounts: asked.accounts,
        zones: asked.zones,
        permissions: asked.permissions,
        optional: asked.optional,
        said: asked.said,
    })
}

/// The level in the words of Cloudflare's form.
pub(crate) fn level_word(permission: Permission) -> &'static str {
    match permission.level() {
        Level::Edit => "Edit",
        Level::Read => "Read",
    }
}

/// A permission as Cloudflare's form has it: `Workers Scripts: Edit`.
pub(crate) fn permission_word(permission: Permission) -> String {
    format!("{}: {}", permission.name(), level_word(permission))
}
