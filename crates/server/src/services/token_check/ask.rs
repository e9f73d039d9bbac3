//! Asks the rows: all at once, then once more what was refused.

use super::{
    Progress, REPEAT_AFTER, Watch,
    account_state::{AccountState, NO_WORKERS_DEV_NAME, lacks_workers_dev_name},
    reach::{FoundZone, Reach, RoutesHint, to_account, to_zone, zones_of},
    refusal::{NOT_ASKED, trouble},
    rows::{Question, Row, best, rows, rows_of_zone},
    verify::is_about_rights,
};
use crate::problem::{CloudflareSaid, Outcome};
use cloudflare::{Api, Error};
use domain::{
    connection::{
        Granted, Level, Permission, PermissionCheck, ReachableAccount, ReachableZone, TokenKind,
        is_good_enough,
    },
    ids::AccountId,
};
use futures::{StreamExt, stream};

/// Calls at the same time.
const PARALLEL: usize = 6;

/// Of so many refused rows it is asked whether they are granted on the lower level.
const LEVELS_ASKED: usize = 4;

/// What was found.
pub(super) struct Asked {
    /// The accounts.
    pub(super) accounts: Vec<ReachableAccount>,
    /// The zones.
    pub(super) zones: Vec<ReachableZone>,
    /// The answered rows.
    pub(super) permissions: Vec<PermissionCheck>,
    /// The answered rows of what is not needed.
    pub(super) optional: Vec<PermissionCheck>,
    /// What Cloudflare said to the first row that is not granted.
    pub(super) said: Option<CloudflareSaid>,
}

/// The answer to one row.
struct Finding {
    granted: Granted,
    detail: String,
    error: Option<Box<Error>>,
}

/// A check in progress.
struct Asking<'a> {
    api: &'a Api,
    watch: Watch<'a>,
    rows: Vec<Row>,
    /// How each row failed, where it did.
    errors: Vec<Option<Box<Error>>>,
    accounts: Vec<ReachableAccount>,
    zones: Vec<ReachableZone>,
}

/// Asks every row, and repeats what was refused.
///
/// # Errors
///
/// When Cloudflare is in trouble, or no longer takes the token, and the token could be good enough otherwise.
pub(super) async fn all(
    api: &Api,
    reach: Reach,
    kind: TokenKind,
    watch: Watch<'_>,
) -> Outcome<Asked> {
    let rows = rows(&reach);
    watch(Progress::Questions(
        rows.iter().map(|row| row.check.clone()).collect(),
    ));
    let mut asking = Asking {
        api,
        watch,
        errors: vec![None; rows.len()],
        rows,
        accounts: reach.accounts,
        zones: reach.zones.into_iter().map(|found| found.zone).collect(),
    };
    asking.first_round().await;
    asking.repeat().await;
    asking.tell_levels().await;
    let permissions: Vec<PermissionCheck> =
        asking.rows.iter().map(|row| row.check.clone()).collect();
    if let Some(problem) = trouble(&permissions, &asking.errors) {
        return Err(problem.with_permissions(&permissions, kind));
    }
    let optional = if is_good_enough(&permissions) {
        asking.optional().await
    } else {
        Vec::new()
    };
    Ok(Asked {
        optional,
        said: asking.said(),
        accounts: asking.accounts,
        zones: asking.zones,
        permissions,
    })
}

impl Asking<'_> {
    async fn first_round(&mut self) {
        let mut probes = Vec::new();
        for row in 0..self.rows.len() {
            match self.rows[row].question.clone() {
                Question::Settled(granted, detail) | Question::Zones(granted, detail) => {
                    self.answer(row, Finding::without_call(granted, detail));
                }
                Question::Probe => probes.push(row),
            }
        }
        self.probe(probes).await;
    }

    /// Asks once more what was refused, all together.
    async fn repeat(&mut self) {
        let (mut probes, mut lists) = (Vec::new(), Vec::new());
        for (index, row) in self.rows.iter().enumerate() {
            match row.question {
                Question::Probe if row.check.granted == Granted::No => probes.push(index),
                Question::Zones(..) => lists.push(index),
                _ => {}
            }
        }
        if probes.is_empty() && lists.is_empty() {
            return;
        }
        (self.watch)(Progress::Repeating {
            rows: probes.len() + lists.len(),
        });
        tokio::time::sleep(REPEAT_AFTER).await;
        probes.extend(self.list_again(lists).await);
        self.probe(probes).await;
    }

    /// Lists the zones of these rows' accounts again; gives the rows that have a zone to ask now.
    async fn list_again(&mut self, lists: Vec<usize>) -> Vec<usize> {
        let questions: Vec<_> = lists
            .into_iter()
            .filter_map(|row| Some((row, self.rows[row].check.account_id.clone()?)))
            .collect();
        let api = self.api;
        let mut answers = stream::iter(questions)
            .map(|(row, account)| async move { (row, zones_of(api, &account).await) })
            .buffer_unordered(PARALLEL);
        let mut probes = Vec::new();
        while let Some((row, listed)) = answers.next().await {
            match listed {
                Ok(zones) => probes.extend(self.now_has_zones(row, zones)),
                Err(error) if is_about_rights(&error) => {
                    let detail = format!("Not granted here. {error}");
                    self.answer(row, Finding::failed(Granted::No, detail, error));
                }
                Err(error) => {
                    let detail = format!("{NOT_ASKED} {error}");
                    self.answer(row, Finding::failed(Granted::Unknown, detail, error));
                }
            }
        }
        probes
    }

    /// The account's two rows without a zone become those of its best zone.
    fn now_has_zones(&mut self, zone_row: usize, zones: Vec<FoundZone>) -> Option<usize> {
        let id = self.rows[zone_row].check.account_id.clone()?;
        let account = self
            .accounts
            .iter()
            .find(|account| account.id == id)?
            .clone();
        let [routes, zone] = rows_of_zone(&account, best(&zones)?);
        let routes_row = zone_row.checked_sub(1)?;
        self.zones.extend(zones.into_iter().map(|found| found.zone));
        if let Question::Settled(granted, detail) = zone.question.clone() {
            self.rows[zone_row] = zone;
            self.answer(zone_row, Finding::without_call(granted, detail));
        }
        self.rows[routes_row] = routes;
        Some(routes_row)
    }

    /// Tells a permission on the lower level from one that is missing, for the first refused rows. (For routes the list
    /// of zones hints at it.)
    async fn tell_levels(&mut self) {
        let refused: Vec<usize> = (0..self.rows.len())
            .filter(|row| {
                let check = &self.rows[*row].check;
                check.granted == Granted::No
                    && matches!(
                        check.permission,
                        Permission::WorkersScripts | Permission::WorkersKvStorage
                    )
            })
            .take(LEVELS_ASKED)
            .collect();
        for row in refused {
            let check = self.rows[row].check.clone();
            let (Some(account), Some(error)) = (&check.account_id, self.errors[row].clone()) else {
                continue;
            };
            let account = to_account(account);
            let lower = match check.permission {
                Permission::WorkersScripts => self.api.probe_workers_scripts_read(&account).await,
                _ => self.api.probe_kv_read(&account).await,
            };
            let words = match lower {
                cloudflare::Granted::Yes { .. } => "Only Read is granted here; Edit is needed.",
                cloudflare::Granted::No { .. } => "Not granted here.",
                cloudflare::Granted::Unknown { .. } => continue,
            };
            let detail = format!("{words} {error}");
            self.answer(row, Finding::failed(Granted::No, detail, *error));
        }
    }

    /// Asks the accounts that were asked for what is not needed. A refusal is the usual answer, so it is not asked again.
    async fn optional(&self) -> Vec<PermissionCheck> {
        let own = |row: &&Row| row.check.permission == Permission::AccountSettings;
        let questions: Vec<PermissionCheck> = self
            .rows
            .iter()
            .filter(own)
            .filter(|row| row.check.account_id.is_some())
            .map(|row| row.check.clone())
            .collect();
        stream::iter(questions)
            .map(|row| async move {
                let account = row.account_id.clone();
                check_analytics(self.api, account, row.place).await
            })
            .buffered(PARALLEL)
            .collect()
            .await
    }

    /// Asks these rows, several at a time, and tells each answer as it comes.
    async fn probe(&mut self, rows: Vec<usize>) {
        let questions: Vec<_> = rows
            .into_iter()
            .map(|row| (row, self.rows[row].check.clone(), self.rows[row].hint))
            .collect();
        let api = self.api;
        let mut answers = stream::iter(questions)
            .map(|(row, check, hint)| async move { (row, probe(api, &check, hint).await) })
            .buffer_unordered(PARALLEL);
        while let Some((row, finding)) = answers.next().await {
            self.answer(row, finding);
        }
    }

    fn answer(&mut self, row: usize, finding: Finding) {
        self.errors[row] = finding.error;
        let check = &mut self.rows[row].check;
        check.granted = finding.granted;
        check.detail = finding.detail;
        (self.watch)(Progress::Answer {
            row,
            check: check.clone(),
        });
    }

    /// A refusal says more than what could not be asked.
    fn said(&self) -> Option<CloudflareSaid> {
        let of = |granted: Granted| {
            self.rows
                .iter()
                .zip(&self.errors)
                .filter(|(row, _)| row.check.granted == granted)
                .find_map(|(_, error)| error.as_deref())
        };
        of(Granted::No)
            .or_else(|| of(Granted::Unknown))
            .map(CloudflareSaid::from)
    }
}

impl Finding {
    fn without_call(granted: Granted, detail: String) -> Self {
        Self {
            granted,
            detail,
            error: None,
        }
    }

    fn failed(granted: Granted, detail: String, error: Error) -> Self {
        Self {
            granted,
            detail,
            error: Some(Box::new(error)),
        }
    }
}

async fn probe(api: &Api, check: &PermissionCheck, hint: RoutesHint) -> Finding {
    let account = check.account_id.as_ref().map(to_account);
    let zone = check.zone_id.as_ref().map(to_zone);
    let found = match (check.permission, account, zone) {
        (Permission::WorkersScripts, Some(account), _) => {
            api.probe_workers_scripts_write(&account).await
        }
        (Permission::WorkersKvStorage, Some(account), _) => api.probe_kv_write(&account).await,
        (Permission::AccountSettings, Some(account), _) => {
            api.probe_account_settings_read(&account).await
        }
        (Permission::WorkersRoutes, _, Some(zone)) => api.probe_routes_write(&zone).await,
        (Permission::AccountAnalytics, Some(account), _) => {
            api.probe_account_analytics_read(&account).await
        }
        (Permission::Zone, Some(account), _) => api.probe_zone_read(&account).await,
        _ => {
            let detail = "There is nothing to ask it on.".to_owned();
            return Finding::without_call(Granted::Unknown, detail);
        }
    };
    in_words(check.permission, found, hint)
}

fn in_words(permission: Permission, found: cloudflare::Granted, hint: RoutesHint) -> Finding {
    match found {
        cloudflare::Granted::Yes { evidence } if lacks_workers_dev_name(&evidence) => {
            Finding::without_call(Granted::Yes, format!("{NO_WORKERS_DEV_NAME} {evidence}"))
        }
        cloudflare::Granted::Yes { evidence } => Finding::without_call(Granted::Yes, evidence),
        cloudflare::Granted::No { evidence, error } => {
            let words = if error.is_unauthenticated() {
                "Cloudflare does not take the token here."
            } else if permission == Permission::AccountAnalytics {
                "Not granted here, or Analytics Engine is not enabled for the account."
            } else if permission.level() == Level::Read {
                "Not granted here."
            } else if hint == RoutesHint::ReadOnly {
                "Only Read is granted here, as the list of zones shows; Edit is needed."
            } else {
                "Not granted here, or only Read where Edit is needed."
            };
            Finding::failed(Granted::No, format!("{words} {evidence}"), *error)
        }
        cloudflare::Granted::Unknown { evidence, error } => {
            let state = error.as_deref().and_then(AccountState::of);
            let detail = match state {
                Some(state) => format!("{} {} {evidence}", state.words(), state.next_step()),
                None => format!("{NOT_ASKED} {evidence}"),
            };
            Finding {
                granted: Granted::Unknown,
                detail,
                error,
            }
        }
    }
}

/// Asks one account for *Account Analytics: Read*.
async fn check_analytics(api: &Api, account: Option<AccountId>, place: String) -> PermissionCheck {
    let mut check = PermissionCheck {
        permission: Permission::AccountAnalytics,
        account_id: account,
        zone_id: None,
        place,
        granted: Granted::Unknown,
        detail: String::new(),
    };
    let finding = probe(api, &check, RoutesHint::None).await;
    check.granted = finding.granted;
    check.detail = finding.detail;
    check
}

/// Asks one zone for *Workers Routes: Edit*.
pub(crate) async fn check_routes(api: &Api, zone: &ReachableZone) -> PermissionCheck {
    let mut check = PermissionCheck {
        permission: Permission::WorkersRoutes,
        account_id: Some(zone.account_id.clone()),
        zone_id: Some(zone.id.clone()),
        place: zone.name.clone(),
        granted: Granted::Unknown,
        detail: String::new(),
    };
    let finding = probe(api, &check, RoutesHint::None).await;
    check.granted = finding.granted;
    check.detail = finding.detail;
    check
}
