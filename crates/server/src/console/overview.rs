//! The first page: what needs you and all sites at a glance, or the way to the first site.

use super::{
    activity::ActivityRow,
    desk::{Desk, page},
    parts::{Mark, State, count, plural},
    shell::{Shell, look_of},
    sites::SiteRow,
    traffic::{about, name_of, share},
};
use crate::{
    problem::Problem,
    services::{
        agents,
        alerts::{self, Words},
        deployments, sites,
        traffic::{self, SiteGlance},
        warnings,
    },
};
use askama::Template;
use axum::response::Response;
use domain::{deployment::SiteStatus, time::Millis, visit::VisitStore};
use store::{Alert, ConnectionGlance, Page, Site};

/// As many agents are named.
const AGENTS: usize = 5;

/// As many sites the overview looks at.
const LOOKED_AT: u32 = 100;

/// As many open alerts it looks at.
const ALERTS: u32 = 200;

/// The overview.
#[derive(Debug, Template)]
#[template(path = "pages/overview.html")]
pub(crate) struct OverviewPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The first-run path, until its last step is done.
    pub(crate) way: Option<Vec<WayStep>>,
    /// How much there is, in a line.
    pub(crate) summary: String,
    /// What waits for a decision.
    pub(crate) needs: Vec<Need>,
    /// The sites, with what came to them.
    pub(crate) sites: Vec<(SiteRow, Visited)>,
    /// All visits of the last 24 hours.
    pub(crate) visits: String,
    /// Who came in the last 24 hours.
    pub(crate) agents: Vec<AgentLine>,
    /// The latest deployments.
    pub(crate) activity: Vec<ActivityRow>,
}

/// What came to a site in the last 24 hours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visited {
    /// Visits.
    pub(crate) visits: String,
    /// The share that got a variant.
    pub(crate) served: String,
    /// The points of a line by hour; empty when nobody came.
    pub(crate) line: String,
    /// Whether they are kept in Analytics Engine, which is not asked for this page.
    pub(crate) is_elsewhere: bool,
}

/// An agent that came.
#[derive(Debug, Clone)]
pub(crate) struct AgentLine {
    /// Its name.
    pub(crate) name: String,
    /// Who runs it and what for.
    pub(crate) about: String,
    /// Visits.
    pub(crate) visits: String,
}

/// A step of the first-run path.
#[derive(Debug, Clone)]
pub(crate) struct WayStep {
    /// What to do.
    pub(crate) title: &'static str,
    /// What it takes.
    pub(crate) words: &'static str,
    /// Where it is done.
    pub(crate) href: String,
    /// Done already.
    pub(crate) is_done: bool,
    /// The one to do now.
    pub(crate) is_now: bool,
}

/// Something that waits for a decision.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    /// How bad it is.
    pub(crate) state: State,
    /// What happened.
    pub(crate) title: String,
    /// What it means.
    pub(crate) words: String,
    /// Where to go.
    pub(crate) href: String,
    /// The button's words.
    pub(crate) action: &'static str,
}

/// The path from signing in to the first visit of an agent.
pub(crate) fn way(
    has_connection: bool,
    site: Option<&str>,
    is_live: bool,
    has_variant: bool,
) -> Vec<WayStep> {
    let at = |rest: &str| {
        site.map_or_else(
            || "/sites/new".to_owned(),
            |id| format!("/sites/{id}{rest}"),
        )
    };
    let mut steps = vec![
        WayStep {
            title: "Sign in",
            words: "",
            href: "/".to_owned(),
            is_done: true,
            is_now: false,
        },
        WayStep {
            title: "Connect Cloudflare",
            words: "Paste an API token; the guide is beside the field. About 4 minutes.",
            href: "/connections/new".to_owned(),
            is_done: has_connection,
            is_now: false,
        },
        WayStep {
            title: "Choose a domain",
            words: "From the zones that the token reaches. Nothing is changed yet.",
            href: "/sites/new".to_owned(),
            is_done: site.is_some(),
            is_now: false,
        },
        WayStep {
            title: "Read the plan and go live",
            words: "What will be made in your account, before it is made.",
            href: at("/plan"),
            is_done: is_live,
            is_now: false,
        },
        WayStep {
            title: "Publish the first variant",
            words: "The same facts in a form that agents read well.",
            href: at("/variants/new"),
            is_done: has_variant,
            is_now: false,
        },
        WayStep {
            title: "Visit as GPTBot",
            words: "Beside Chrome, so that you see both.",
            href: at("/visit"),
            is_done: false,
            is_now: false,
        },
    ];
    if let Some(next) = steps.iter_mut().find(|step| !step.is_done) {
        next.is_now = true;
    }
    steps
}

/// The overview.
pub(super) async fn index(desk: Desk) -> Result<Response, Problem> {
    let (app, ws, now) = (desk.app(), desk.ws(), desk.now());
    let connections = desk.connections();
    let sites = sites::list(app, ws, &Page::first(LOOKED_AT)).await?.items;
    let is_elsewhere = |site: &&Site| traffic::store_of(site) == VisitStore::AnalyticsEngine;
    let elsewhere = sites
        .iter()
        .filter(is_elsewhere)
        .map(|site| site.id)
        .collect();
    let glance = traffic::glance(app, ws, &elsewhere).await?;
    let registry = agents::active(app, ws).await?;
    let mut rows = Vec::new();
    let mut published = 0;
    for site in &sites {
        let counts = app.store.count_variants(ws, site.id).await?;
        published += counts.published;
        let mut visited = glance.sites.get(&site.id).map(visited).unwrap_or_default();
        visited.is_elsewhere = elsewhere.contains(&site.id);
        rows.push((SiteRow::of(site, counts, now), visited));
    }
    let first = sites.first().map(|site| site.id.to_string());
    let is_live = sites
        .iter()
        .any(|site| matches!(site.status, SiteStatus::InSync | SiteStatus::Drifted));
    let way =
        (connections.is_empty() || sites.is_empty() || !is_live || published == 0).then(|| {
            way(
                !connections.is_empty(),
                first.as_deref(),
                is_live,
                published > 0,
            )
        });
    let activity = deployments::list(app, ws, None, &Page::first(6))
        .await?
        .items;
    let mut needs: Vec<Need> = connections
        .iter()
        .filter_map(|connection| connection_need(connection, now))
        .collect();
    for site in &sites {
        needs.extend(match site_need(site) {
            None => pending_need(site, &deployments::pending(app, site).await?),
            need => need,
        });
    }
    let open = alerts::open_ones(app, ws, &Page::first(ALERTS))
        .await?
        .items;
    needs.extend(alert_needs(&open, &sites));
    Ok(page(&OverviewPage {
        shell: desk.shell("overview"),
        way,
        summary: format!(
            "{}, {}",
            plural(sites.len() as u64, "site"),
            plural(connections.len() as u64, "connection")
        ),
        needs,
        sites: rows,
        visits: count(glance.visits),
        agents: glance
            .agents
            .iter()
            .take(AGENTS)
            .map(|(token, visits)| AgentLine {
                name: name_of(&registry, token),
                about: about(&registry, token),
                visits: count(*visits),
            })
            .collect(),
        activity: activity
            .iter()
            .map(|deployment| ActivityRow::of(deployment, now))
            .collect(),
    }))
}

fn visited(glance: &SiteGlance) -> Visited {
    let most = glance.hours.iter().max().copied().unwrap_or(0).max(1);
    let points: Vec<String> = (0_u64..)
        .zip(glance.hours)
        .map(|(hour, visits)| format!("{},{}", hour * 4, 20 - visits * 18 / most))
        .collect();
    Visited {
        visits: count(glance.counts.visits),
        served: share(glance.counts.served(), glance.counts.visits),
        line: points.join(" "),
        is_elsewhere: false,
    }
}

/// Open alerts that nobody has seen, site by site.
fn alert_needs(open: &[Alert], sites: &[Site]) -> Vec<Need> {
    let unseen = |site: &Site| -> Vec<Words> {
        let open = open.iter().filter(|alert| alert.site == site.id);
        open.filter(|alert| alert.acknowledged.is_none())
            .map(|alert| alerts::opened(&alert.finding))
            .collect()
    };
    sites
        .iter()
        .filter_map(|site| {
            let words = unseen(site);
            let (title, detail) = match words.as_slice() {
                [] => return None,
                [one] => (one.title.clone(), one.detail.clone()),
                several => {
                    let titles: Vec<&str> =
                        several.iter().map(|words| words.title.as_str()).collect();
                    (plural(several.len() as u64, "alert"), titles.join(". "))
                }
            };
            Some(Need {
                state: State::new("warn", Mark::Triangle, "Alert"),
                title: format!("{}: {title}", site.name),
                words: detail,
                href: format!("/sites/{}/alerts", site.id),
                action: "See the alerts",
            })
        })
        .collect()
}

fn site_need(site: &Site) -> Option<Need> {
    let name = &site.name;
    let (title, words, action) = match site.status {
        SiteStatus::Failed => (
            format!("{name}: the last deployment failed"),
            "What was done before it stopped stays; people get the site as before.",
            "See the plan",
        ),
        SiteStatus::Drifted => (
            format!("{name} has drifted"),
            "Somebody changed something in the account.",
            "See what changed",
        ),
        SiteStatus::New => (
            format!("{name} is not deployed yet"),
            "The plan shows what will be made in your account.",
            "See the plan",
        ),
        _ => return None,
    };
    Some(Need {
        state: site.status.into(),
        title,
        words: words.to_owned(),
        href: format!("/sites/{}/plan", site.id),
        action,
    })
}

/// Changes that wait for a deployment. Who rolled a site back knows that it stands there.
fn pending_need(site: &Site, pending: &deployments::Pending) -> Option<Need> {
    if pending.is_rolled_back || pending.changes.is_empty() {
        return None;
    }
    Some(Need {
        state: State::new("idle", Mark::Ring, "Not deployed yet"),
        title: format!("{} has changes that are not deployed yet", site.name),
        words: pending.changes.join(", "),
        href: format!("/sites/{}/plan", site.id),
        action: "See the plan",
    })
}

fn connection_need(connection: &ConnectionGlance, now: Millis) -> Option<Need> {
    let warning = warnings::of(connection, now).into_iter().next()?;
    let (tone, mark) = look_of(warning.code);
    Some(Need {
        state: State::new(tone, mark, "needs you"),
        title: format!("{}: {}", connection.name, warning.title),
        words: format!("{} {}", warning.detail, warning.remedy),
        href: format!("/connections/{}", connection.id),
        action: "See the connection",
    })
}
