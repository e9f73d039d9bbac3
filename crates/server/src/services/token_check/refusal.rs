//! Why a token is not good enough, in words: each missing permission by the name and level of Cloudflare's form, and where.

use super::{TokenReport, account_state::AccountState, permission_word, verify::died_meanwhile};
use crate::{
    problem::{Code, Problem},
    services::token_url,
};
use cloudflare::Error;
use domain::connection::{Granted, Permission, PermissionCheck, Scope, TokenKind, is_good_enough};
use serde_json::{Value, json};

/// So many places are named; the rows have them all.
const PLACES_NAMED: usize = 3;

/// How the detail of a row begins to which no usable answer came.
pub(super) const NOT_ASKED: &str = "Could not be asked.";

/// Why a token is refused.
pub(super) fn not_good_enough(report: &TokenReport) -> Problem {
    let checks = &report.permissions;
    let states = account_states(checks);
    let hopeful = with_granted(checks, |check| {
        AccountState::told_in(&check.detail).is_some()
    });
    let answered = with_granted(checks, |check| check.detail.starts_with(NOT_ASKED));
    let problem = if is_good_enough(&hopeful) {
        account_not_ready(&states)
    } else if is_good_enough(&answered) {
        not_told(checks)
    } else {
        insufficient(report, &states)
    };
    let problem = problem.with_permissions(checks, report.kind);
    match &report.said {
        Some(said) => problem.with_cloudflare(said.clone()),
        None => problem,
    }
}

/// What kept rows from being answered, when the token could be good enough otherwise: nothing is said about the token.
pub(super) fn trouble(
    checks: &[PermissionCheck],
    errors: &[Option<Box<Error>>],
) -> Option<Problem> {
    let is_trouble = |error: &Error| {
        error.is_ip_restricted()
            || error.is_unauthenticated()
            || error.is_rate_limited()
            || error.is_unavailable()
    };
    if is_good_enough(checks) {
        return None;
    }
    let mut hopeful = checks.to_vec();
    for (check, error) in hopeful.iter_mut().zip(errors) {
        if error.as_deref().is_some_and(is_trouble) {
            check.granted = Granted::Yes;
        }
    }
    if !is_good_enough(&hopeful) {
        return None;
    }
    let find = |is_it: fn(&Error) -> bool| errors.iter().flatten().find(|error| is_it(error));
    if let Some(error) = find(Error::is_ip_restricted) {
        return Some(Problem::from((**error).clone()));
    }
    if let Some(error) = find(Error::is_unauthenticated) {
        return Some(died_meanwhile(error));
    }
    find(Error::is_rate_limited)
        .or_else(|| find(Error::is_unavailable))
        .map(|error| Problem::from((**error).clone()))
}

fn with_granted(
    checks: &[PermissionCheck],
    is_hoped: impl Fn(&PermissionCheck) -> bool,
) -> Vec<PermissionCheck> {
    let mut hopeful = checks.to_vec();
    for check in &mut hopeful {
        if is_hoped(check) {
            check.granted = Granted::Yes;
        }
    }
    hopeful
}

/// The accounts that cannot run Workers yet, by name.
fn account_states(checks: &[PermissionCheck]) -> Vec<(AccountState, &str)> {
    let mut states = Vec::new();
    for check in checks {
        if let Some(state) = AccountState::told_in(&check.detail)
            && !states.contains(&(state, check.place.as_str()))
        {
            states.push((state, check.place.as_str()));
        }
    }
    states
}

fn account_not_ready(states: &[(AccountState, &str)]) -> Problem {
    let places: Vec<String> = states
        .iter()
        .map(|(state, place)| format!("{place}: {}", state.words()))
        .collect();
    let problem = Problem::new(
        Code::AccountNotReady,
        format!(
            "The token may be good, but the account cannot run Workers yet. {}",
            places.join(" ")
        ),
    )
    .cause("The account is new, or something about it was never finished at Cloudflare. Another token would change nothing.");
    states.iter().fold(problem, |problem, (state, _)| {
        problem.remedy(format!("{} ({})", state.next_step(), state.fix_url()))
    })
}

/// What came instead of an answer says neither yes nor no: that is not the token's fault.
fn not_told(checks: &[PermissionCheck]) -> Problem {
    let open = checks
        .iter()
        .filter(|check| check.detail.starts_with(NOT_ASKED));
    let problem = Problem::new(
        Code::CloudflareRefused,
        "Whether the token is good enough is unknown: Cloudflare answered with what says neither yes nor no. Nothing was stored.",
    );
    open.take(PLACES_NAMED)
        .fold(problem, |problem, check| {
            let came = check.detail.trim_start_matches(NOT_ASKED).trim();
            problem.cause(format!(
                "{} ({}): {came}",
                permission_word(check.permission),
                check.place
            ))
        })
        .remedy("Check the token again in a few minutes.")
        .remedy("If it stays so, copy the details below to Cloudflare's support: the code and the ray id are what they need.")
}

fn insufficient(report: &TokenReport, states: &[(AccountState, &str)]) -> Problem {
    let detail = lacking(report);
    let mut problem = Problem::new(Code::InsufficientPermissions, detail)
        .cause("One or more of the five permissions are missing, or are Read where Edit is needed.")
        .cause("Account Resources or Zone Resources do not include the account or the zone you want to deploy to.");
    if let Some(name) = account_without_zone(report) {
        problem = problem.cause(format!(
            "The account {name} grants its three permissions, but no zone of it is included under Zone Resources, or it has none."
        ));
    }
    for (state, place) in states {
        problem = problem.cause(format!("{place}: {}", state.words()));
    }
    problem
        .cause("The token was made or changed moments ago: Cloudflare takes a while to know it everywhere.")
        .remedy("Open the token's settings at Cloudflare (My Profile → API Tokens → Edit, or the account's API tokens) and compare every row with the checklist. An edited token keeps its text: check it again.")
        .remedy("Or make a new token with the button that opens Cloudflare's form filled in, or the address that `edge-delivery token url` prints.")
}

/// What is missing where, and what could not be proved.
fn lacking(report: &TokenReport) -> String {
    let checks = &report.permissions;
    let places = |permission: Permission, granted: Granted| -> Vec<&str> {
        checks
            .iter()
            .filter(|check| check.permission == permission && check.granted == granted)
            .map(|check| check.place.as_str())
            .collect()
    };
    let (mut missing, mut unproved) = (Vec::new(), Vec::new());
    for permission in Permission::ALL {
        let refused = places(permission, Granted::No);
        if !refused.is_empty() {
            let word = permission_word(permission);
            missing.push(format!("{word} {}", at(permission, &refused)));
        } else if places(permission, Granted::Yes).is_empty() {
            unproved.push(permission_word(permission));
        }
    }
    let mut sentences = Vec::new();
    if !missing.is_empty() {
        sentences.push(format!(
            "The token is valid, but it lacks {}.",
            missing.join("; ")
        ));
    } else if report.zones.is_empty() {
        sentences.push("The token is valid, but it reaches no zone.".to_owned());
    } else if unproved.is_empty() {
        sentences.push("The token is valid, but its permissions are not granted together: no account that grants its three has a zone that grants both of its own.".to_owned());
    } else {
        sentences.push("The token is valid, but not proved good enough.".to_owned());
    }
    if !unproved.is_empty() {
        sentences.push(format!("Not proved: {}.", unproved.join("; ")));
    }
    sentences.join(" ")
}

fn at(permission: Permission, places: &[&str]) -> String {
    let kind = match (permission.scope(), permission) {
        // Without the right to list them, the zones have no names.
        (Scope::Zone, Permission::Zone) | (Scope::Account, _) => "account",
        (Scope::Zone, _) => "zone",
    };
    let ending = if places.len() == 1 { "" } else { "s" };
    let named = places
        .iter()
        .take(PLACES_NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match places.len().saturating_sub(PLACES_NAMED) {
        0 => format!("({kind}{ending} {named})"),
        more => format!("({kind}{ending} {named} and {more} more)"),
    }
}

fn account_without_zone(report: &TokenReport) -> Option<&str> {
    let account = report.accounts.iter().find(|account| {
        let grants = |permission: Permission| {
            report.permissions.iter().any(|check| {
                check.permission == permission
                    && check.account_id.as_ref() == Some(&account.id)
                    && check.granted == Granted::Yes
            })
        };
        Permission::ALL
            .into_iter()
            .filter(|permission| permission.scope() == Scope::Account)
            .all(grants)
            && !report
                .zones
                .iter()
                .any(|zone| zone.account_id == account.id)
    })?;
    Some(&account.name)
}

/// The checks of a person's token in the shape of the API.
pub(crate) fn permissions_json(checks: &[PermissionCheck]) -> Value {
    permissions_json_of(checks, TokenKind::User)
}

/// The checks in the shape of the API: `permissions[{name, scope, level, accountId?, zoneId?, granted, detail, fixUrl}]`.
pub(crate) fn permissions_json_of(checks: &[PermissionCheck], kind: TokenKind) -> Value {
    let form = match kind {
        TokenKind::User => token_url::user_form(),
        TokenKind::Account => token_url::account_form(),
    };
    rows_json(checks, kind, form.as_str(), false)
}

/// The same of the permissions that are not needed; the form grants them, too.
pub(crate) fn optional_json(checks: &[PermissionCheck], kind: TokenKind) -> Value {
    let form = token_url::form_with_analytics(kind);
    rows_json(checks, kind, form.as_str(), true)
}

fn rows_json(checks: &[PermissionCheck], kind: TokenKind, form: &str, optional: bool) -> Value {
    checks
        .iter()
        .filter(|check| check.permission.is_optional() == optional)
        .map(|check| {
            json!({
                "name": check.permission.name(),
                "scope": check.permission.scope(),
                "level": check.permission.level(),
                "accountId": check.account_id,
                "zoneId": check.zone_id,
                "place": check.place,
                "granted": check.granted,
                "detail": check.detail,
                "fixUrl": fix_url(check, kind, form),
            })
        })
        .collect()
}

/// What is refused is granted by the form, filled in; what is merely not included is a matter of the token's settings,
/// and what the account lacks, of the account's.
fn fix_url(check: &PermissionCheck, kind: TokenKind, form: &str) -> String {
    if let Some(state) = AccountState::told_in(&check.detail) {
        return state.fix_url().to_owned();
    }
    match check.granted {
        Granted::No => form.to_owned(),
        Granted::Yes | Granted::Unknown => token_url::tokens_page(kind).to_owned(),
    }
}
