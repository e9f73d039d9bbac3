//! What a token must reach so that it can take another's place.

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::token_check::{TokenReport, check_routes, level_word},
};
use cloudflare::Api;
use domain::{
    connection::{Granted, Permission, PermissionCheck, ReachableZone},
    visit::VisitStore,
};
use store::{Connection, Site};

/// Refuses a token that could do less for the connection's sites than the one before: their accounts with the three
/// permissions, their zones with *Workers Routes*. A zone that was out of reach before is not held against the new token;
/// it comes back as a note, as does what could be neither proved nor refused.
pub(super) async fn suits_sites(
    app: &App,
    api: &Api,
    old: &Connection,
    report: &TokenReport,
    sites: &[Site],
) -> Outcome<Vec<String>> {
    let mut lacks = Vec::new();
    let mut notes = Vec::new();
    for site in sites {
        match for_site(app, api, old, report, site).await? {
            Suits::Yes => {}
            Suits::Note(note) => notes.push(note),
            Suits::No(lack) => lacks.push(lack),
        }
    }
    if lacks.is_empty() {
        Ok(notes)
    } else {
        Err(refused(old, &lacks))
    }
}

enum Suits {
    Yes,
    Note(String),
    No(Lack),
}

/// What a site would miss.
struct Lack {
    what: String,
    permission: Option<&'static str>,
}

async fn for_site(
    app: &App,
    api: &Api,
    old: &Connection,
    report: &TokenReport,
    site: &Site,
) -> Outcome<Suits> {
    let name = &site.name;
    if !report.accounts.iter().any(|it| it.id == site.account) {
        let account = account_name(old, site);
        return Ok(Suits::No(Lack {
            what: format!("The site {name} is in the account {account}, which it does not reach."),
            permission: None,
        }));
    }
    for permission in [
        Permission::WorkersScripts,
        Permission::WorkersKvStorage,
        Permission::AccountSettings,
    ] {
        let is_refused = report.permissions.iter().any(|check| {
            check.permission == permission
                && check.account_id.as_ref() == Some(&site.account)
                && check.granted == Granted::No
        });
        if is_refused {
            return Ok(Suits::No(Lack {
                what: format!(
                    "The site {name} needs {}: {} in the account {}.",
                    permission.name(),
                    level_word(permission),
                    account_name(old, site)
                ),
                permission: Some(permission.name()),
            }));
        }
    }
    let Some(zone) = report.zones.iter().find(|zone| zone.id == site.zone) else {
        let was_reached = app
            .store
            .connection_zone(old.workspace, old.id, &site.zone)
            .await?
            .is_some();
        let words = format!(
            "The site {name} is in the zone {}, which it does not reach.",
            site.zone_name
        );
        return Ok(if was_reached {
            Suits::No(Lack {
                what: words,
                permission: Some(Permission::Zone.name()),
            })
        } else {
            Suits::Note(format!("{words} Nor did the token before."))
        });
    };
    Ok(match routes(api, report, zone).await.granted {
        Granted::Yes => visits(report, site),
        Granted::No => Suits::No(Lack {
            what: format!(
                "The site {name} needs Workers Routes: Edit on the zone {}.",
                site.zone_name
            ),
            permission: Some(Permission::WorkersRoutes.name()),
        }),
        Granted::Unknown => Suits::Note(format!(
            "Whether the token may edit Workers Routes on the zone {} of the site {name} could not be found out. Check again in a minute.",
            site.zone_name
        )),
    })
}

/// Visits that are kept in Analytics Engine go on being kept; they are merely not seen here any more.
fn visits(report: &TokenReport, site: &Site) -> Suits {
    let may_read = report.optional.iter().any(|check| {
        check.account_id.as_ref() == Some(&site.account) && check.granted == Granted::Yes
    });
    if may_read || site.settings.visit_store == VisitStore::Console {
        return Suits::Yes;
    }
    Suits::Note(format!(
        "The site {} keeps its visits in Analytics Engine, which the new token was not found to be allowed to read: add Account Analytics: Read to it.",
        site.name
    ))
}

/// The finding of the check, or that of a question now: of many zones not all are asked.
async fn routes(api: &Api, report: &TokenReport, zone: &ReachableZone) -> PermissionCheck {
    let known = report.permissions.iter().find(|check| {
        check.permission == Permission::WorkersRoutes
            && check.zone_id.as_ref() == Some(&zone.id)
            && check.granted != Granted::Unknown
    });
    match known {
        Some(known) => known.clone(),
        None => check_routes(api, zone).await,
    }
}

fn account_name(old: &Connection, site: &Site) -> String {
    old.accounts
        .iter()
        .find(|account| account.id == site.account)
        .map_or_else(|| site.account.to_string(), |account| account.name.clone())
}

fn refused(old: &Connection, lacks: &[Lack]) -> Problem {
    let what: Vec<&str> = lacks.iter().map(|lack| lack.what.as_str()).collect();
    let code = if lacks.iter().any(|lack| lack.permission.is_some()) {
        Code::InsufficientPermissions
    } else {
        Code::InvalidState
    };
    let mut problem = Problem::new(
        code,
        format!(
            "The new token is valid, but it cannot take the place of the old one, which stays. {}",
            what.join(" ")
        ),
    )
    .cause("It was made in another account, or its Account Resources or Zone Resources leave one of these out.");
    let mut missing: Vec<&str> = lacks.iter().filter_map(|lack| lack.permission).collect();
    missing.dedup();
    if !missing.is_empty() {
        problem = problem.cause(format!(
            "A permission is missing there: {}.",
            missing.join(", ")
        ));
    }
    problem
        .remedy("Edit the new token at Cloudflare so that it includes these accounts and zones, then paste it again: it keeps its text.")
        .remedy("Or connect it as a connection of its own, and move the sites it reaches to that one in their Settings.")
        .with_connection(old.id)
}
