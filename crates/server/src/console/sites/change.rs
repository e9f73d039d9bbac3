//! Changing: a site's settings, and its removal.

use super::{
    KeptPart, PolicyPart, RemovePage, SiteSettingsPage, head, hostnames, make::listed_hostnames,
};
use crate::words::shell_word;
use crate::{
    audit::{self, Event, Kind},
    console::{
        connections::Named,
        deployments::lines,
        desk::{Desk, done, id, page, refused},
        form::Form,
        parts::{ProblemPanel, plural},
    },
    problem::{Code, Outcome, Problem},
    services::{
        agents,
        preflight::may_read_visits,
        previews,
        sites::{self, PatternsGiven, SitePatch},
    },
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    desired,
    ids::{ConnectionId, SiteId},
    visit::VisitStore,
};
use serde::Deserialize;
use store::{OnPageChange, OverQuota, Site, WorkersPlan};

/// What the settings form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SettingsForm {
    name: String,
    hostnames: String,
    patterns: String,
    deadline: String,
    slash: String,
    parameters: String,
    /// Whether variants may be merged.
    merge: String,
    /// A box that is not ticked sends nothing.
    undo: String,
    plan: String,
    /// The same for this box.
    spread: String,
    scripts: String,
    on_change: String,
    withhold: String,
    markdown: String,
    kept_days: String,
    network: String,
    visits: String,
}

pub(super) async fn load(desk: &Desk, text: &str) -> Outcome<Site> {
    sites::get(desk.app(), desk.ws(), id::<SiteId>(text, "site")?).await
}

pub(super) async fn settings_view(
    desk: &Desk,
    site: &Site,
    form: Option<SettingsForm>,
    problem: Option<Problem>,
) -> Outcome<SiteSettingsPage> {
    let ticked = |is_set: bool| if is_set { "yes" } else { "" }.to_owned();
    let form = form.unwrap_or_else(|| SettingsForm {
        name: site.name.clone(),
        hostnames: hostnames(site).join("\n"),
        patterns: patterns(site).join("\n"),
        deadline: site.settings.kv_deadline_ms.to_string(),
        slash: site.settings.paths.trailing_slash.to_string(),
        parameters: site.settings.paths.query_parameters.join("\n"),
        merge: String::new(),
        plan: word_of(site.settings.workers_plan).to_owned(),
        spread: ticked(site.settings.over_quota == OverQuota::Spread),
        scripts: ticked(site.settings.allow_scripts),
        undo: ticked(site.settings.undo_on_failed_proof),
        on_change: match site.settings.on_page_change {
            OnPageChange::Mark => "mark",
            OnPageChange::Pause => "pause",
            OnPageChange::Remake => "remake",
        }
        .to_owned(),
        withhold: ticked(site.settings.withhold_broken),
        markdown: ticked(site.settings.markdown_from_html),
        kept_days: site.settings.visits_kept_days.to_string(),
        network: ticked(site.settings.keeps_network),
        visits: site.settings.visit_store.as_str().to_owned(),
    });
    let connection = desk
        .app()
        .store
        .connection(desk.ws(), site.connection)
        .await?;
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let open = previews::list(desk.app(), desk.ws(), site.id).await?.len();
    let mut made_of = vec![
        ("KV namespace", desired::namespace_title(site.id)),
        ("Worker", desired::script_name(site.id)),
    ];
    made_of.extend(
        desired::wanted_routes(&site.hostnames, &site.settings.route_patterns)
            .into_iter()
            .map(|route| ("Route", route.pattern)),
    );
    Ok(SiteSettingsPage {
        shell: desk.shell(&site.id.to_string()),
        site: head(desk, site, "settings").await?,
        name: form.name,
        hostnames: form.hostnames,
        patterns: form.patterns,
        deadline: form.deadline,
        slash: form.slash,
        slashes: SLASHES,
        parameters: form.parameters,
        offers_merge: problem
            .as_ref()
            .is_some_and(|problem| problem.code == Code::PathConflict),
        previews: plural(open as u64, "preview link"),
        undoes: form.undo == "yes",
        workers_plan: form.plan,
        spreads: form.spread == "yes",
        agents: PolicyPart::new(&site.settings.agents, &registry),
        allows_scripts: form.scripts == "yes",
        on_change: form.on_change,
        withholds: form.withhold == "yes",
        markdown: form.markdown == "yes",
        visits: form.visits,
        reads_visits: connection
            .as_ref()
            .is_some_and(|connection| may_read_visits(site, connection)),
        zone: site.zone_name.clone(),
        connection: named_connections(desk, |id| id == site.connection).pop(),
        connections: named_connections(desk, |id| id != site.connection),
        connection_problem: None,
        kept: KeptPart {
            days: form.kept_days,
            network: form.network == "yes",
            ..KeptPart::of(desk, site).await?
        },
        made_of,
        problem: problem.map(ProblemPanel::new),
    })
}

const fn word_of(plan: WorkersPlan) -> &'static str {
    match plan {
        WorkersPlan::Unknown => "unknown",
        WorkersPlan::Free => "free",
        WorkersPlan::Paid => "paid",
    }
}

/// The plan of a word; another word changes nothing.
fn plan_of(word: &str) -> Option<WorkersPlan> {
    [WorkersPlan::Unknown, WorkersPlan::Free, WorkersPlan::Paid]
        .into_iter()
        .find(|plan| word_of(*plan) == word)
}

/// What a slash at the end can mean: word, title, explanation.
pub(in crate::console) const SLASHES: [(&str, &str, &str); 3] = [
    ("keep", "Two pages", "/a and /a/ have variants of their own"),
    (
        "strip",
        "One page, written without",
        "/a/ gets the variant of /a",
    ),
    (
        "add",
        "One page, written with",
        "/a gets the variant of /a/; a name with a dot, as in /a.html, stays",
    ),
];

/// Revokes every preview link by another key.
pub(crate) async fn rotate_preview_key(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<RotateForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    if !form.is_sure() {
        return Err(Problem::field(
            "sure",
            "was not ticked, so nothing was changed",
        ));
    }
    let revoked = previews::rotate_key(desk.app(), desk.ws(), site.id).await?;
    audit::record_preview_key(desk.app(), &desk.actor(), &site, revoked).await;
    Ok(done(&format!("/sites/{}/plan", site.id), "preview-key"))
}

/// What the form for another key sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RotateForm {
    sure: String,
}

impl RotateForm {
    /// Whether the box is ticked.
    pub(super) fn is_sure(&self) -> bool {
        self.sure == "yes"
    }
}

/// The site's narrower routes, in the order of its host names.
fn patterns(site: &Site) -> Vec<String> {
    let of = |host| site.settings.route_patterns.get(host);
    site.hostnames
        .iter()
        .filter_map(of)
        .flatten()
        .cloned()
        .collect()
}

/// What was typed, by host name: a host name without a line is covered whole.
fn patterns_given(form: &SettingsForm) -> PatternsGiven {
    let mut given: PatternsGiven = listed_hostnames(&form.hostnames)
        .into_iter()
        .map(|host| (host.to_lowercase(), Vec::new()))
        .collect();
    for pattern in lines(&form.patterns) {
        let host = pattern.split('/').next().unwrap_or_default().to_lowercase();
        given.entry(host).or_default().push(pattern);
    }
    given
}

fn named_connections(desk: &Desk, which: impl Fn(ConnectionId) -> bool) -> Vec<Named> {
    desk.connections()
        .iter()
        .filter(|connection| which(connection.id))
        .map(|connection| Named {
            id: connection.id.to_string(),
            name: format!("{} (•••• {})", connection.name, connection.token_hint),
        })
        .collect()
}

/// What the form for another connection sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectionForm {
    connection: String,
}

/// Puts the site under another connection.
pub(crate) async fn attach(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<ConnectionForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let attached = match id::<ConnectionId>(&form.connection, "connection") {
        Ok(connection) => {
            let patch = SitePatch {
                connection: Some(connection),
                ..SitePatch::default()
            };
            sites::update(desk.app(), desk.ws(), site.id, patch).await
        }
        Err(problem) => Err(problem),
    };
    match attached {
        Ok(site) => {
            desk.record(Event::site(Kind::SiteChanged, &site)).await;
            Ok(done(&format!("/sites/{}/settings", site.id), "attached"))
        }
        Err(problem) => {
            let mut view = settings_view(&desk, &site, None, None).await?;
            view.connection_problem = Some(ProblemPanel::new(problem));
            Ok(refused(&view, view.connection_problem.as_ref()))
        }
    }
}

/// The settings.
pub(crate) async fn settings(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&settings_view(&desk, &site, None, None).await?))
}

/// Saves them; what concerns Cloudflare waits for the next deployment.
pub(crate) async fn save_settings(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<SettingsForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let saved = match (form.deadline.trim().parse(), kept_days(&form.kept_days)) {
        (_, Err(problem)) => Err(problem),
        (Ok(deadline), Ok(kept_days)) => {
            let patch = SitePatch {
                name: Some(form.name.clone()),
                hostnames: Some(listed_hostnames(&form.hostnames)),
                kv_deadline_ms: Some(deadline),
                undo_on_failed_proof: Some(form.undo == "yes"),
                workers_plan: plan_of(&form.plan),
                over_quota: Some(if form.spread == "yes" {
                    OverQuota::Spread
                } else {
                    OverQuota::Ask
                }),
                allow_scripts: Some(form.scripts == "yes"),
                route_patterns: Some(patterns_given(&form)),
                trailing_slash: Some(form.slash.clone()).filter(|slash| !slash.is_empty()),
                query_parameters: Some(
                    form.parameters
                        .split([' ', ',', '\r', '\n', '\t'])
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ),
                merge_paths: form.merge == "yes",
                on_page_change: on_page_change(&form.on_change),
                withhold_broken: Some(form.withhold == "yes"),
                markdown_from_html: Some(form.markdown == "yes"),
                visits_kept_days: kept_days,
                keeps_network: Some(form.network == "yes"),
                visit_store: visit_store(&form.visits),
                ..SitePatch::default()
            };
            sites::update(desk.app(), desk.ws(), site.id, patch).await
        }
        (Err(_), _) => Err(Problem::field(
            "deadline",
            "must be a number of milliseconds",
        )),
    };
    match saved {
        Ok(changed) => {
            desk.record(Event::site(Kind::SiteChanged, &changed)).await;
            Ok(done(&format!("/sites/{}/settings", site.id), "saved"))
        }
        Err(problem) => {
            let view = settings_view(&desk, &site, Some(form), Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// The days of a form; one that was not sent leaves them.
fn kept_days(text: &str) -> Outcome<Option<u16>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let days = text
        .trim()
        .parse()
        .map_err(|_| Problem::field("kept_days", "must be a number of days between 1 and 365"))?;
    Ok(Some(days))
}

/// A word that is none of the choices leaves the setting as it is.
fn on_page_change(word: &str) -> Option<OnPageChange> {
    match word {
        "mark" => Some(OnPageChange::Mark),
        "pause" => Some(OnPageChange::Pause),
        "remake" => Some(OnPageChange::Remake),
        _ => None,
    }
}

/// Likewise.
fn visit_store(word: &str) -> Option<VisitStore> {
    [VisitStore::Console, VisitStore::AnalyticsEngine]
        .into_iter()
        .find(|store| store.as_str() == word)
}

async fn remove_view(desk: &Desk, site: &Site, problem: Option<Problem>) -> Outcome<RemovePage> {
    let counts = desk.app().store.count_variants(desk.ws(), site.id).await?;
    Ok(RemovePage {
        shell: desk.shell(&site.id.to_string()),
        id: site.id.to_string(),
        name: site.name.clone(),
        cli_name: shell_word(&site.name),
        hostnames: hostnames(site).join(", "),
        variants_words: plural(counts.total, "variant"),
        problem: problem.map(ProblemPanel::new),
    })
}

/// The question before a removal.
pub(crate) async fn remove_page(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&remove_view(&desk, &site, None).await?))
}

/// What the confirmation sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RemoveForm {
    pub(super) confirm: String,
}

/// Begins the removal, once the site's name was typed.
pub(crate) async fn remove(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let begun = if form.confirm.trim() == site.name {
        sites::remove(desk.app(), desk.ws(), site.id, desk.me.by()).await
    } else {
        Err(Problem::field("confirm", "is not the site's name"))
    };
    match begun {
        Ok(deployment) => {
            desk.record(Event::deployment(Kind::DeploymentRequested, &deployment))
                .await;
            Ok(Redirect::to(&format!("/deployments/{}", deployment.id)).into_response())
        }
        Err(problem) => {
            let view = remove_view(&desk, &site, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}
