//! Who calls, and whether they may: each service words a refusal in its own way (Cloudflare API notes §2.3).
//! Both are settled before a body is looked at (§2.4).

use std::net::IpAddr;

use http::{HeaderMap, header};
use jiff::Timestamp;

use super::{
    answer::Refusal,
    call::{Endpoint, Family, Scope, no_route},
};
use crate::account::{Token, TokenKind, World};

/// Length of a token of the older kind, which has no prefix.
const BARE_TOKEN: usize = 40;
/// Longest token taken for one; the real window is not known, 180 is outside.
const LONGEST_TOKEN: usize = 120;

/// Whose call this is, when it may be made.
///
/// # Errors
/// Every refusal of §2.3.
pub(crate) fn authorise(
    world: &World,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    peer: IpAddr,
    now_ms: u64,
) -> Result<Token, Refusal> {
    let family = endpoint.family;
    let token = authenticate(world, family, headers)?;
    let now = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(i64::MAX))
        .unwrap_or(Timestamp::MAX);
    if !token.allows_ip(peer) {
        return Err(match family {
            Family::Product => wrong_token(family),
            _ => Refusal::new(
                403,
                9109,
                format!(
                    "Cannot use the access token from location: {}",
                    peer.to_canonical()
                ),
            ),
        });
    }
    let verify = matches!(family, Family::UserVerify | Family::AccountVerify);
    let told = verify && world.switches.verify_tells;
    if !token.works_at(now) && !told {
        return Err(wrong_token(family));
    }
    match (family, token.kind) {
        (Family::UserVerify, TokenKind::Account) | (Family::AccountVerify, TokenKind::User) => {
            return Err(wrong_token(family));
        }
        (Family::User, TokenKind::Account) if endpoint.template == "/memberships" => {
            return Err(Refusal::new(
                400,
                9106,
                "Authentication failed (status: 400)",
            ));
        }
        (Family::User, TokenKind::Account) => return Err(wrong_token(Family::Directory)),
        _ => {}
    }
    if permitted(world, endpoint, &token)? {
        return Ok(token);
    }
    Err(match family {
        Family::Product => Refusal::new(403, 10000, "Authentication error"),
        Family::User if endpoint.template == "/memberships" => {
            Refusal::new(403, 10000, "Authentication error")
        }
        _ => Refusal::new(403, 9109, "Unauthorized to access requested resource"),
    })
}

fn permitted(world: &World, endpoint: &Endpoint, token: &Token) -> Result<bool, Refusal> {
    let permission = |check: &dyn Fn(&str, crate::account::Level) -> bool| {
        endpoint.needs.is_none_or(|(key, level)| check(key, level))
    };
    Ok(match &endpoint.scope {
        Scope::Any => permission(&|key, level| token.has(key, level)),
        Scope::Account(id) if endpoint.family == Family::AccountVerify => {
            if world.account(id).is_none() {
                return Err(no_route(&format!("/accounts/{id}/tokens/verify")));
            }
            token.reaches_account(id)
        }
        Scope::Account(id) => {
            world.account(id).is_some()
                && permission(&|key, level| token.allows_on_account(key, level, id))
        }
        Scope::Zone(id) => world
            .zone(id)
            .is_some_and(|zone| permission(&|key, level| token.allows_on_zone(key, level, zone))),
    })
}

fn authenticate(world: &World, family: Family, headers: &HeaderMap) -> Result<Token, Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        if headers.contains_key("x-auth-key") || headers.contains_key("x-auth-email") {
            return Err(Refusal::new(
                403,
                9103,
                "Unknown X-Auth-Key or X-Auth-Email",
            ));
        }
        return Err(match family {
            Family::AccountVerify => Refusal::new(400, 1001, "Missing API token"),
            _ => Refusal::new(400, 9106, "Authentication failed (status: 400)"),
        });
    };
    let malformed = || {
        Refusal::new(400, 6003, "Invalid request headers")
            .caused_by(6111, "Invalid format for Authorization header")
    };
    let value = header
        .to_str()
        .ok()
        .and_then(|h| h.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, value)| value)
        .ok_or_else(malformed)?;
    if let Some(token) = world.tokens.iter().find(|t| t.value == value) {
        return Ok(token.clone());
    }
    if !token_shaped(value) {
        return Err(malformed());
    }
    Err(wrong_token(family))
}

/// Whether a text could be a token; a checksum is not looked at, its rule is not published (§2.1).
fn token_shaped(value: &str) -> bool {
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let prefixed = ["cfut_", "cfat_", "cfoat_"].iter().any(|p| {
        value
            .strip_prefix(p)
            .is_some_and(|rest| rest.len() >= BARE_TOKEN)
    });
    plain(value) && value.len() <= LONGEST_TOKEN && (prefixed || value.len() == BARE_TOKEN)
}

/// The refusal of a token that is unknown, revoked, expired or switched off.
fn wrong_token(family: Family) -> Refusal {
    match family {
        Family::UserVerify | Family::AccountVerify => Refusal::new(401, 1000, "Invalid API Token"),
        Family::User | Family::Directory => Refusal::new(403, 9109, "Invalid access token"),
        Family::Product => Refusal::new(401, 10000, "Authentication error"),
    }
}

#[cfg(test)]
mod tests {
    use super::token_shaped;

    #[test]
    fn shapes() {
        assert!(token_shaped(&"a".repeat(40)));
        assert!(token_shaped(&format!("cfut_{}", "a".repeat(48))));
        assert!(!token_shaped(&"a".repeat(25)));
        assert!(!token_shaped(&"a".repeat(180)));
        assert!(!token_shaped(&"0".repeat(37)));
        assert!(!token_shaped(&format!("cfk_{}", "a".repeat(48))));
        assert!(!token_shaped("Bearer aaaa"));
        assert!(!token_shaped(""));
    }
}
