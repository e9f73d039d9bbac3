//! Whether Cloudflare knows the token, whose it is, and whether it lives.

use super::super::token_text::PastedToken;
use crate::{
    clock::parse_rfc3339,
    problem::{Code, Outcome, Problem},
};
use cloudflare::{Account, AccountId, Api, Error, TokenStatus, TokenVerification, ZoneFilter};
use domain::{connection::TokenKind, time::Millis};

/// An account's token reaches its own account alone (§3.1, official). A few more are asked, not hundreds.
const ACCOUNTS_ASKED: usize = 5;

/// A token that Cloudflare knows.
pub(super) struct Verified {
    /// Who owns it.
    pub(super) kind: TokenKind,
    /// What verify said.
    pub(super) verification: TokenVerification,
    /// The accounts, where they had to be listed already.
    pub(super) accounts: Option<Vec<Account>>,
}

/// Verifies as a user's token, then as an account's: code 1000 from the user's endpoint means "not a user token" as well
/// as "not a token" (§2.2, official). A prefix saves the question (§2.1, official).
pub(super) async fn verify(api: &Api, pasted: &PastedToken) -> Outcome<Verified> {
    if pasted.is_account_owned {
        return verify_of_account(api, None).await;
    }
    match api.verify_user_token().await {
        Ok(verification) => Ok(Verified {
            kind: TokenKind::User,
            verification,
            accounts: None,
        }),
        Err(error) if error.is_ip_restricted() => Err(error.into()),
        Err(error) if error.code() == Some(6003) => Err(misshapen(&error)),
        Err(error)
            if error.is_unauthenticated()
                || error.is_forbidden()
                || error.kind == cloudflare::ErrorKind::Api && error.status == Some(400) =>
        {
            if pasted.token.expose().starts_with("cfut_") {
                return Err(unknown(&error));
            }
            verify_of_account(api, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `as_user`: how the user's endpoint refused it.
async fn verify_of_account(api: &Api, as_user: Option<Error>) -> Outcome<Verified> {
    let listed = match api.list_accounts().await {
        Ok(accounts) => Some(accounts),
        // Known, but without Account Settings: Read; the account may show through its zones.
        Err(error) if is_about_rights(&error) => None,
        Err(error) if error.code() == Some(6003) => return Err(misshapen(&error)),
        Err(error) if error.is_unauthenticated() => {
            return Err(unknown(as_user.as_ref().unwrap_or(&error)));
        }
        Err(error) => return Err(error.into()),
    };
    let ids: Vec<AccountId> = match &listed {
        Some(accounts) if !accounts.is_empty() => {
            accounts.iter().map(|account| account.id.clone()).collect()
        }
        _ => accounts_of_zones(api).await?,
    };
    if ids.is_empty() {
        return Err(super::reach::no_accounts());
    }
    let mut last = as_user;
    for id in ids.iter().take(ACCOUNTS_ASKED) {
        match api.verify_account_token(id).await {
            Ok(verification) => {
                return Ok(Verified {
                    kind: TokenKind::Account,
                    verification,
                    accounts: listed,
                });
            }
            Err(error) if error.is_ip_restricted() => return Err(error.into()),
            // 1001: no token of this account (§2.2, measured).
            Err(error)
                if error.is_unauthenticated()
                    || error.is_forbidden()
                    || error.code() == Some(1001) =>
            {
                last = last.or(Some(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(match &last {
        Some(error) => unknown(error),
        None => unknown_words(),
    })
}

async fn accounts_of_zones(api: &Api) -> Outcome<Vec<AccountId>> {
    let zones = match api.list_zones(&ZoneFilter::default()).await {
        Ok(zones) => zones,
        Err(error) if is_about_rights(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut ids: Vec<AccountId> = Vec::new();
    for zone in zones {
        if !ids.contains(&zone.account.id) {
            ids.push(zone.account.id);
        }
    }
    Ok(ids)
}

/// A right is missing; neither the token's life nor the caller's address is the matter.
pub(super) fn is_about_rights(error: &Error) -> bool {
    error.is_forbidden() && !error.is_ip_restricted()
}

fn unknown(error: &Error) -> Problem {
    unknown_words().with_cloudflare(error.into())
}

fn unknown_words() -> Problem {
    Problem::new(
        Code::InvalidToken,
        "Cloudflare does not know this token, and does not say why.",
    )
    .cause("It was copied incorrectly: characters are missing or too many.")
    .cause("It has expired, or was switched off.")
    .cause("It was deleted (Cloudflare does that by itself with tokens that were published by mistake).")
    .cause("It was rolled: another text took its place.")
    .remedy("Copy it again from where you stored it; Cloudflare shows a token only once.")
    .remedy("Look whether it is still listed as active under My Profile → API Tokens, or among the account's API tokens.")
    .remedy("Or make a new token with the five permissions; the guide on the Connect Cloudflare page has the steps.")
}

fn misshapen(error: &Error) -> Problem {
    Problem::new(
        Code::InvalidToken,
        "Cloudflare says that this text has not the form of an API token.",
    )
    .cause("It was copied only in part, or something was added to it.")
    .cause("It is another secret: a password, or a key of another service.")
    .remedy("Copy the token again from where you stored it. Cloudflare shows it only once: if it is lost, make a new one with the five permissions.")
    .with_cloudflare(error.into())
}

/// The token was known when the check began, and then no longer.
pub(super) fn died_meanwhile(error: &Error) -> Problem {
    Problem::new(
        Code::InvalidToken,
        "Cloudflare knew the token at first and refused it moments later.",
    )
    .cause("It was deleted, rolled or switched off meanwhile. Cloudflare deletes tokens by itself when they are found published.")
    .cause("It was made seconds ago and is not known everywhere yet.")
    .remedy("Wait a minute and check it again.")
    .remedy("If it stays so, make a new token, and see where the old one may have been published.")
    .with_cloudflare(error.into())
}

/// Refuses a token whose life has ended, is interrupted or has not begun, as far as verify tells.
pub(super) fn refuse_the_lifeless(verification: &TokenVerification, now: Millis) -> Outcome<()> {
    let ends = verification.expires_on.as_deref();
    let is_over = ends.and_then(parse_rfc3339).is_some_and(|at| at <= now);
    let begins = verification.not_before.as_deref();
    match verification.status {
        TokenStatus::Expired => Err(expired(ends)),
        _ if is_over => Err(expired(ends)),
        TokenStatus::Disabled => Err(Problem::new(
            Code::TokenDisabled,
            "Cloudflare knows this token, but it is switched off.",
        )
        .cause("Somebody disabled it under My Profile → API Tokens, or among the account's API tokens.")
        .remedy("Enable it there and paste it again, or make a new token.")),
        _ => match begins {
            Some(text) if parse_rfc3339(text).is_some_and(|at| at > now) => Err(Problem::new(
                Code::InvalidToken,
                format!("The token is not valid yet: it begins on {text}."),
            )
            .cause("Its TTL was given a start date in the future.")
            .cause("The clock of this machine is slow.")
            .remedy("Wait until then, or edit the start date of the token's TTL at Cloudflare.")),
            _ => Ok(()),
        },
    }
}

fn expired(when: Option<&str>) -> Problem {
    let detail = match when {
        Some(when) => format!("The token expired on {when}."),
        None => "The token has expired.".to_owned(),
    };
    Problem::new(Code::TokenExpired, detail)
        .cause("Its TTL is over.")
        .remedy("Make a new token with the five permissions and paste it on the Connect Cloudflare page; a connection that has the old one can be given the new one, and its sites stay as they are.")
        .remedy("Or move the end of its TTL at Cloudflare (My Profile → API Tokens → Edit): the token keeps its text.")
}
