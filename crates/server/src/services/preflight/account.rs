//! Limits of the account and of its plan. With our permissions the Workers plan itself cannot be read, so what holds on the
//! free plan alone is said to.

use super::warning;
use crate::{
    app::App,
    reconcile::{
        cloudflare_ids::{account_id, zone_id},
        content::quota::FREE_A_DAY,
    },
    services::{connections, sync, token_check::AccountState},
};
use cloudflare::Granted;
use domain::plan::Warning;
use store::{Connection, OverQuota, Site, WorkersPlan};

/// Workers of a free and of a paid account (§4.7, official).
const FREE_SCRIPTS: usize = 100;
const PAID_SCRIPTS: usize = 500;

/// Routes of a zone (§4.7, official).
const ROUTES: usize = 1_000;

/// KV namespaces of an account (§6.6, official).
const NAMESPACES: usize = 1_000;

/// Looks at what the account has already. `is_first`: the site's Worker is to be made.
pub(super) async fn look(
    app: &App,
    site: &Site,
    connection: &Connection,
    is_first: bool,
) -> Vec<Warning> {
    let mut found = writes(app, site).await;
    if is_first {
        found.extend(requests(app, site, connection).await);
        let (state, objects) =
            futures::future::join(state(app, site, connection), objects(app, site, connection))
                .await;
        found.extend(state);
        found.extend(objects.unwrap_or_default());
    }
    found
}

/// Whether the account takes Workers and namespaces at all, by the two questions of the token's check: writes so invalid
/// that nothing can come of them.
async fn state(app: &App, site: &Site, connection: &Connection) -> Option<Warning> {
    let api = connections::api_for(app, connection).ok()?;
    let account = account_id(&site.account);
    let (worker, namespace) = futures::future::join(
        api.probe_workers_scripts_write(&account),
        api.probe_kv_write(&account),
    )
    .await;
    let state = [worker, namespace].iter().find_map(refused_state)?;
    let code = match state {
        AccountState::EmailNotVerified => "email_not_verified",
        AccountState::NotInThePlan => "workers_not_available",
    };
    Some(warning(
        code,
        format!(
            "{} Deploying would stop there. {} ({})",
            state.words(),
            state.next_step(),
            state.fix_url()
        ),
    ))
}

fn refused_state(granted: &Granted) -> Option<AccountState> {
    match granted {
        Granted::Yes { .. } => None,
        Granted::No { error, .. } => AccountState::of(error),
        Granted::Unknown { error, .. } => AccountState::of(error.as_deref()?),
    }
}

/// Content that waits for KV, against a free account's day.
pub(super) async fn writes(app: &App, site: &Site) -> Vec<Warning> {
    let Ok(report) = sync::report(app, site).await else {
        return Vec::new();
    };
    let (plan, over) = (site.settings.workers_plan, site.settings.over_quota);
    let pending = report.counts.pending;
    writes_warning(plan, over, pending, report.quota.left)
        .into_iter()
        .collect()
}

fn writes_warning(
    plan: WorkersPlan,
    over: OverQuota,
    pending: u64,
    left: Option<u64>,
) -> Option<Warning> {
    // The index is a write of its own.
    let writes = pending + 1;
    if plan == WorkersPlan::Paid || pending == 0 || writes <= left.unwrap_or(FREE_A_DAY) {
        return None;
    }
    let days = writes.div_ceil(FREE_A_DAY);
    let quota = format!(
        "{pending} variants wait for KV. On the Workers Free plan an account has {FREE_A_DAY} KV writes a day, for everything in it"
    );
    let rest = match (left, over) {
        (None, _) => format!(
            ": this would take {days} days. On a paid plan there is no such limit a day; say in the site's settings which plan the account has."
        ),
        (Some(left), OverQuota::Spread) => format!(
            "; {left} are left today. They are spread over {days} or more days, as the site's settings say."
        ),
        (Some(left), OverQuota::Ask) => format!(
            "; {left} are left today. None is written until you allow in the site's settings to spread them over days (about {days}), or say there that the account is on a paid plan."
        ),
    };
    Some(warning("kv_writes_over_free_plan", quota + &rest))
}

/// Every request that meets a route counts, people's too.
async fn requests(app: &App, site: &Site, connection: &Connection) -> Option<Warning> {
    let known = app
        .store
        .connection_zone(site.workspace, connection.id, &site.zone)
        .await;
    let zone = known.ok().flatten()?.zone;
    (zone.plan.as_deref() == Some("free")).then(|| {
        warning(
            "requests_count",
            "On the Workers Free plan an account has 100,000 requests a day, and each request to these host names counts, people's and files' too. Beyond that the origin answers directly until midnight UTC; nobody gets an error. How many requests the zone has stands in Cloudflare's dashboard (Analytics); this token cannot read it.",
        )
    })
}

/// What an account may have no more of, and a name that it lacks.
async fn objects(
    app: &App,
    site: &Site,
    connection: &Connection,
) -> Result<Vec<Warning>, cloudflare::Error> {
    let Ok(api) = connections::api_for(app, connection) else {
        return Ok(Vec::new());
    };
    let (account, zone) = (account_id(&site.account), zone_id(&site.zone));
    let (subdomain, scripts, namespaces, routes) = tokio::try_join!(
        api.account_subdomain(&account),
        api.list_scripts(&account),
        api.list_namespaces(&account),
        api.list_routes(&zone),
    )?;
    let mut found = Vec::new();
    if subdomain.is_none() {
        found.push(warning(
            "no_workers_dev_name",
            "The account has no workers.dev name yet. Cloudflare may refuse a first Worker until it has one (code 10063): open Workers & Pages in the dashboard once, and it asks for the name. Nothing of this site will be served there.",
        ));
    }
    found.extend(counts(
        scripts.len(),
        namespaces.len(),
        routes.len() + site.hostnames.len(),
    ));
    Ok(found)
}

fn counts(scripts: usize, namespaces: usize, routes: usize) -> Vec<Warning> {
    let mut found = Vec::new();
    if scripts >= PAID_SCRIPTS {
        found.push(warning(
            "scripts_limit",
            format!("The account has {scripts} Workers; a paid account may have {PAID_SCRIPTS}. Delete one that is not used, or ask Cloudflare for more."),
        ));
    } else if scripts >= FREE_SCRIPTS {
        found.push(warning(
            "scripts_limit",
            format!("The account has {scripts} Workers. On the Workers Free plan it may have {FREE_SCRIPTS}: delete one that is not used, or move to a paid plan."),
        ));
    }
    if namespaces >= NAMESPACES {
        found.push(warning(
            "namespaces_limit",
            format!("The account has {namespaces} KV namespaces, and may have {NAMESPACES}. Delete one that is not used."),
        ));
    }
    if routes > ROUTES {
        found.push(warning(
            "routes_limit",
            format!("The zone would have {routes} routes, and may have {ROUTES}. Leave out host names, or delete routes that are not used."),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_when_they_are_reached() {
        let codes = |scripts, namespaces, routes| -> Vec<String> {
            counts(scripts, namespaces, routes)
                .into_iter()
                .map(|warning| warning.code)
                .collect()
        };
        assert!(codes(99, 999, 1_000).is_empty());
        assert_eq!(codes(100, 0, 0), ["scripts_limit"]);
        assert_eq!(
            codes(500, 1_000, 1_001),
            ["scripts_limit", "namespaces_limit", "routes_limit"]
        );
    }

    #[test]
    fn writes_are_forecast() {
        use OverQuota::{Ask, Spread};
        use WorkersPlan::{Free, Paid, Unknown};
        for (plan, over, pending, left, words) in [
            (Unknown, Ask, 999, None, ""),
            (Unknown, Ask, 2_500, None, "would take 3 days"),
            (Paid, Ask, 2_500, None, ""),
            (Free, Ask, 600, Some(1_000), ""),
            (Free, Ask, 600, Some(500), "None is written until you allow"),
            (Free, Spread, 600, Some(500), "spread over 1 or more days"),
            (Free, Ask, 0, Some(0), ""),
        ] {
            let found = writes_warning(plan, over, pending, left);
            let detail = found.map(|warning| warning.detail).unwrap_or_default();
            assert_eq!(detail.is_empty(), words.is_empty(), "{detail}");
            assert!(detail.contains(words), "{detail}");
        }
    }
}
