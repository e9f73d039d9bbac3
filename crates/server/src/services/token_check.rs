//! Checks a token: whether it is known, what it reaches, and each of the five permissions. Everything here is reads and
//! deliberately invalid writes, which Cloudflare refuses after looking at the rights (Cloudflare API notes §2.4,
//! measured for KV and scripts, assumed for routes): nothing in the account changes.

use super::token_text::PastedToken;
use crate::{
    clock::{Clock, parse_rfc3339},
    problem::{Code, Outcome, Problem},
};
use cloudflare::{Api, Client, TokenStatus, TokenVerification};
use domain::{
    connection::{
        Granted, Permission, PermissionCheck, ReachableAccount, ReachableZone, TokenKind,
        is_good_enough,
    },
    ids::AccountId,
    time::Millis,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a refused row waits for its one repetition: new tokens spread slowly (§2.2, reported).
const REPEAT_AFTER: Duration = Duration::from_secs(2);

/// Zones of one account whose routes are probed at once; the others stay *unknown* until they are chosen.
const ZONES_PROBED: usize = 25;

/// Calls at the same time.
const PARALLEL: usize = 6;

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
    /// Refuses a token that cannot deploy anything.
    pub(crate) fn require_good_enough(self) -> Outcome<Self> {
        if is_good_enough(&self.permissions) {
            Ok(self)
        } else {
            Err(insufficient(&self.permissions))
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
    let (kind, verification) = verify(&api, pasted.is_account_owned).await?;
    refuse_by_verification(&verification, clock.now())?;
    let expires_at = verification.expires_on.as_deref().and_then(parse_rfc3339);
    watch(Progress::Verified { kind, expires_at });
    let zones = list_zones(&api).await?;
    let accounts = list_accounts(&api, &zones).await?;
    if accounts.is_empty() {
        return Err(Problem::new(Code::NoAccounts, "The token is valid, but it reaches no account.")
            .cause("Under Account Resources no account is included, or Account Settings: Read is missing.")
            .remedy("Edit the token at Cloudflare: Account Resources → Include → All accounts, or the ones you want."));
    }
    watch(Progress::Reach {
        accounts: accounts.len(),
        zones: zones.len(),
    });
    let permissions = check_permissions(&api, &accounts, &zones, watch).await;
    Ok(TokenReport {
        token_id: verification.id,
        kind,
        expires_at,
        accounts,
        zones,
        permissions,
    })
}

/// Verifies as a user's token, then as an account's: code 1000 from the user's endpoint means "not a user token" as well
/// as "not a token" (§2.2, official).
async fn verify(api: &Api, is_account_owned: bool) -> Outcome<(TokenKind, TokenVerification)> {
    if !is_account_owned {
        match api.verify_user_token().await {
            Ok(verification) => return Ok((TokenKind::User, verification)),
            Err(error)
                if error.is_unauthenticated()
                    || error.status == Some(400)
                    || error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let accounts = match api.list_accounts().await {
        Ok(accounts) => accounts,
        Err(error)
            if error
                .message()
                .is_some_and(|text| text.contains("from location")) =>
        {
            return Err(Problem::from(error));
        }
        Err(error)
            if error
                .status
                .is_some_and(|status| (400..404).contains(&status)) =>
        {
            return Err(unknown_token(&error));
        }
        Err(error) => return Err(error.into()),
    };
    for account in &accounts {
        match api.verify_account_token(&account.id).await {
            Ok(verification) => return Ok((TokenKind::Account, verification)),
            Err(error) if error.is_unauthenticated() || error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(unknown_token_detail(None))
}

fn unknown_token(error: &cloudflare::Error) -> Problem {
    unknown_token_detail(Some(error))
}

fn unknown_token_detail(error: Option<&cloudflare::Error>) -> Problem {
    let problem = Problem::new(Code::InvalidToken, "Cloudflare does not know this token.")
        .cause("It was copied incorrectly: characters are missing or too many.")
        .cause("It has expired.")
        .cause("It was deleted, or rolled so that another text took its place.")
        .cause("It was switched off.")
        .remedy("Copy it again from where you stored it; Cloudflare shows a token only once.")
        .remedy("Or make a new token with the five permissions; the guide beside the field has the steps.");
    match error {
        Some(error) => problem.with_cloudflare(error.into()),
        None => problem,
    }
}

fn refuse_by_verification(verification: &TokenVerification, now: Millis) -> Outcome<()> {
    let expires_at = verification.expires_on.as_deref().and_then(parse_rfc3339);
    let is_over = expires_at.is_some_and(|at| at <= now);
    match verification.status {
        TokenStatus::Expired => Err(expired(verification.expires_on.as_deref())),
        _ if is_over => Err(expired(verification.expires_on.as_deref())),
        TokenStatus::Disabled => Err(Problem::new(
            Code::TokenDisabled,
            "Cloudflare knows this token, but it is switched off.",
        )
        .cause("Somebody disabled it under My Profile → API Tokens.")
        .remedy("Enable it there, or make a new token.")),
        _ => match verification.not_before.as_deref() {
            Some(text) if parse_rfc3339(text).is_some_and(|at| at > now) => Err(Problem::new(
                Code::InvalidToken,
                format!("The token is valid only from {text} on."),
            )
            .cause("Its TTL was given a start date in the future.")
            .remedy("Wait until then, or edit the token's TTL at Cloudflare.")),
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
        .remedy("Make a new token with the five permissions and paste it on the Connect Cloudflare page.")
}

async fn list_zones(api: &Api) -> Outcome<Vec<ReachableZone>> {
    match api.list_zones(&cloudflare::ZoneFilter::default()).await {
        Ok(zones) => Ok(zones.iter().filter_map(reachable_zone).collect()),
        Err(error) if error.is_forbidden() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The accounts that are listed, and those that only show through their zones.
async fn list_accounts(api: &Api, zones: &[ReachableZone]) -> Outcome<Vec<ReachableAccount>> {
    let mut accounts: Vec<ReachableAccount> = match api.list_accounts().await {
        Ok(listed) => listed
            .iter()
            .filter_map(|account| {
                Some(ReachableAccount {
                    id: account.id.as_str().parse().ok()?,
                    name: account.name.clone(),
                })
            })
            .collect(),
        Err(error) if error.is_forbidden() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for zone in zones {
        if !accounts.iter().any(|account| account.id == zone.account_id) {
            accounts.push(ReachableAccount {
                id: zone.account_id.clone(),
                name: zone.account_id.to_string(),
            });
        }
    }
    Ok(accounts)
}

/// A zone as we keep it; ids in a form of their own are left out.
pub(crate) fn reachable_zone(zone: &cloudflare::Zone) -> Option<ReachableZone> {
    Some(ReachableZone {
        id: zone.id.as_str().parse().ok()?,
        name: zone.name.clone(),
        account_id: zone.account.id.as_str().parse().ok()?,
        status: zone.status.clone(),
        paused: zone.paused,
        plan: zone.plan.as_ref().and_then(|plan| plan.legacy_id.clone()),
    })
}

async fn check_permissions(
    api: &Api,
    accounts: &[ReachableAccount],
    zones: &[ReachableZone],
    watch: Watch<'_>,
) -> Vec<PermissionCheck> {
    let mut checks = questions(accounts, zones);
    watch(Progress::Questions(checks.clone()));
    let all = (0..checks.len()).collect();
    ask_rows(api, &mut checks, all, watch).await;
    let refused: Vec<usize> = checks
        .iter()
        .enumerate()
        .filter(|(_, check)| check.granted == Granted::No)
        .map(|(row, _)| row)
        .collect();
    if !refused.is_empty() {
        watch(Progress::Repeating {
            rows: refused.len(),
        });
        tokio::time::sleep(REPEAT_AFTER).await;
        ask_rows(api, &mut checks, refused, watch).await;
    }
    checks
}

/// Asks these rows, several at a time, and tells each answer as it comes.
async fn ask_rows(api: &Api, checks: &mut [PermissionCheck], rows: Vec<usize>, watch: Watch<'_>) {
    let questions: Vec<_> = rows
        .into_iter()
        .map(|row| (row, checks[row].clone()))
        .collect();
    let mut answers = stream::iter(questions)
        .map(|(row, question)| async move { (row, ask(api, question).await) })
        .buffer_unordered(PARALLEL);
    while let Some((row, check)) = answers.next().await {
        checks[row] = check.clone();
        watch(Progress::Answer { row, check });
    }
}

/// One row per permission and account or zone, not yet answered.
fn questions(accounts: &[ReachableAccount], zones: &[ReachableZone]) -> Vec<PermissionCheck> {
    let mut rows = Vec::new();
    for account in accounts {
        let row = |permission, zone: Option<&ReachableZone>| PermissionCheck {
            permission,
            account_id: Some(account.id.clone()),
            zone_id: zone.map(|zone| zone.id.clone()),
            place: zone.map_or(&account.name, |zone| &zone.name).clone(),
            granted: Granted::Unknown,
            detail: String::new(),
        };
        for permission in [
            Permission::WorkersScripts,
            Permission::WorkersKvStorage,
            Permission::AccountSettings,
        ] {
            rows.push(row(permission, None));
        }
        let own: Vec<&ReachableZone> = zones
            .iter()
            .filter(|zone| zone.account_id == account.id)
            .collect();
        if own.is_empty() {
            rows.push(row(Permission::WorkersRoutes, None));
            rows.push(row(Permission::Zone, None));
        }
        for zone in own {
            rows.push(row(Permission::WorkersRoutes, Some(zone)));
            rows.push(row(Permission::Zone, Some(zone)));
        }
    }
    let mut probed = 0;
    for row in &mut rows {
        if row.permission == Permission::WorkersRoutes && row.zone_id.is_some() {
            probed += 1;
            if probed > ZONES_PROBED {
                row.detail = "not asked yet: it is checked when the zone is chosen".to_owned();
            }
        }
    }
    rows
}

/// Answers one row. A row that already says why it is not asked is left alone.
async fn ask(api: &Api, mut row: PermissionCheck) -> PermissionCheck {
    if row.granted == Granted::Unknown && !row.detail.is_empty() {
        return row;
    }
    let Some(account) = row.account_id.clone() else {
        return row;
    };
    let account = to_account(&account);
    let found = match (row.permission, &row.zone_id) {
        (Permission::WorkersScripts, _) => api.probe_workers_scripts_write(&account).await,
        (Permission::WorkersKvStorage, _) => api.probe_kv_write(&account).await,
        (Permission::AccountSettings, _) => api.probe_account_settings_read(&account).await,
        (Permission::WorkersRoutes, Some(zone)) => api.probe_routes_write(&to_zone(zone)).await,
        (Permission::WorkersRoutes, None) => {
            row.granted = Granted::Unknown;
            row.detail = "no zone of this account is reachable to ask it on".to_owned();
            return row;
        }
        (Permission::Zone, Some(_)) => {
            row.granted = Granted::Yes;
            row.detail = "the zone is in the list of zones".to_owned();
            return row;
        }
        (Permission::Zone, None) => {
            row.granted = Granted::No;
            row.detail = "GET /zones lists no zone of this account: Zone: Read is missing, or no zone is included under Zone Resources".to_owned();
            return row;
        }
    };
    (row.granted, row.detail) = match found {
        cloudflare::Granted::Yes { evidence } => (Granted::Yes, evidence),
        cloudflare::Granted::No { evidence } => (Granted::No, evidence),
        cloudflare::Granted::Unknown { evidence } => (Granted::Unknown, evidence),
    };
    row
}

/// Asks one zone for *Workers Routes: Edit*.
pub(crate) async fn check_routes(api: &Api, zone: &ReachableZone) -> PermissionCheck {
    let row = PermissionCheck {
        permission: Permission::WorkersRoutes,
        account_id: Some(zone.account_id.clone()),
        zone_id: Some(zone.id.clone()),
        place: zone.name.clone(),
        granted: Granted::Unknown,
        detail: String::new(),
    };
    ask(api, row).await
}

/// Our id in the client's type: both are 32 hex digits.
pub(crate) fn to_account(id: &AccountId) -> cloudflare::AccountId {
    id.as_str()
        .parse()
        .expect("32 hex digits are an id in both crates")
}

/// Our id in the client's type: both are 32 hex digits.
pub(crate) fn to_zone(id: &domain::ids::ZoneId) -> cloudflare::ZoneId {
    id.as_str()
        .parse()
        .expect("32 hex digits are an id in both crates")
}

fn insufficient(checks: &[PermissionCheck]) -> Problem {
    let mut missing: Vec<String> = Vec::new();
    for permission in Permission::ALL {
        let rows = || checks.iter().filter(|check| check.permission == permission);
        if rows().any(|check| check.granted == Granted::No)
            || !rows().any(|check| check.granted == Granted::Yes)
        {
            missing.push(format!("{}: {}", permission.name(), level_word(permission)));
        }
    }
    let detail = if missing.is_empty() {
        "The permissions are granted, but not together: no account that grants its three has a zone that grants both of its own.".to_owned()
    } else {
        format!("The token is valid, but it lacks: {}.", missing.join(", "))
    };
    Problem::new(Code::InsufficientPermissions, detail)
        .cause("One or more of the five permissions are missing or on a lower level.")
        .cause("Account Resources or Zone Resources do not include the account or zone you want to deploy to.")
        .remedy("Open the token at Cloudflare (My Profile → API Tokens → Edit) and compare every row with the checklist.")
        .remedy("Then paste it again: an edited token keeps its text. Or make a new one with the button that fills in the form.")
        .with_permissions(checks)
}

/// The level in the words of Cloudflare's form.
pub(crate) fn level_word(permission: Permission) -> &'static str {
    match permission.level() {
        domain::connection::Level::Edit => "Edit",
        domain::connection::Level::Read => "Read",
    }
}

/// The checks in the shape of the API: `permissions[{name, scope, level, accountId?, zoneId?, granted, detail, fixUrl}]`.
pub(crate) fn permissions_json(checks: &[PermissionCheck]) -> Value {
    checks
        .iter()
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
                "fixUrl": super::token_url::TOKENS_PAGE,
            })
        })
        .collect()
}
