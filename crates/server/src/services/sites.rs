//! Sites: what we deploy. Making one changes nothing at Cloudflare; deploying does.

mod choices;
mod paths;
mod patterns;

pub(crate) use choices::{choose, withdraw};
pub(crate) use patterns::PatternsGiven;

use super::{
    agents::{self, PolicyPatch},
    deployments, live_pages, sync, visits, zones,
};
use crate::{
    app::App,
    ingest,
    problem::{Code, Outcome, Problem},
    vault::SealedRow,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    deployment::{DeploymentKind, SiteStatus},
    edge::KV_DEADLINE_RANGE_MS,
    ids::{ConnectionId, SiteId, WorkspaceId, ZoneId},
    names::{DisplayName, Hostname},
    observed::Recorded,
    secret::Secret,
    visit::VisitStore,
};
use store::{
    Deployment, Listed, OnPageChange, OverQuota, Page, Site, SiteSettings, StoreError, WorkersPlan,
};
use uuid::Uuid;

/// The most host names of one site: each is a route, of which a zone holds 1,000 (Cloudflare API notes §4.7, official).
const HOSTNAMES_MAX: usize = 100;

/// A site to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewSite {
    /// The connection that reaches the zone.
    pub(crate) connection: ConnectionId,
    /// The zone.
    pub(crate) zone: ZoneId,
    /// The name for people.
    pub(crate) name: String,
    /// The hosts to cover; `None`: the zone's own name.
    pub(crate) hostnames: Option<Vec<String>>,
}

/// What of a site is to be changed; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SitePatch {
    /// The name for people.
    pub(crate) name: Option<String>,
    /// The hosts to cover.
    pub(crate) hostnames: Option<Vec<String>>,
    /// How long the Worker waits for KV, in milliseconds.
    pub(crate) kv_deadline_ms: Option<u32>,
    /// Whether a deployment is taken back when its proof fails.
    pub(crate) undo_on_failed_proof: Option<bool>,
    /// What the account's Workers plan is.
    pub(crate) workers_plan: Option<WorkersPlan>,
    /// What becomes of content over a free account's quota.
    pub(crate) over_quota: Option<OverQuota>,
    /// Whether variants may hold scripts.
    pub(crate) allow_scripts: Option<bool>,
    /// What becomes of a variant whose page changed.
    pub(crate) on_page_change: Option<OnPageChange>,
    /// Whether variants are withheld while the origin does not show their page.
    pub(crate) withhold_broken: Option<bool>,
    /// Whether published HTML brings Markdown along.
    pub(crate) markdown_from_html: Option<bool>,
    /// How many days single visits are kept.
    pub(crate) visits_kept_days: Option<u16>,
    /// Whether a visit keeps a shortened address.
    pub(crate) keeps_network: Option<bool>,
    /// Where visits are kept.
    pub(crate) visit_store: Option<VisitStore>,
    /// Route patterns that cover a part of a host name, by host name; the empty list stands for all of it.
    pub(crate) route_patterns: Option<PatternsGiven>,
    /// Which agents get variants.
    pub(crate) agents: Option<PolicyPatch>,
    /// The connection it is deployed through.
    pub(crate) connection: Option<ConnectionId>,
    /// What a slash at the end of a path means: `keep`, `strip` or `add`.
    pub(crate) trailing_slash: Option<String>,
    /// The query parameters that make another page.
    pub(crate) query_parameters: Option<Vec<String>>,
    /// Whether variants that become one page by that may be merged.
    pub(crate) merge_paths: bool,
}

/// Where a site's own key is sealed.
pub(crate) fn sealed_key_row(id: SiteId) -> SealedRow {
    SealedRow {
        table: "sites",
        column: "sealed_key",
        id: id.to_string(),
    }
}

/// Makes a site. The zone must be reachable by the connection and be able to run a Worker.
pub(crate) async fn create(app: &App, ws: WorkspaceId, new: NewSite) -> Outcome<Site> {
    let name = parse_name(&new.name)?;
    let connection = app
        .store
        .connection(ws, new.connection)
        .await?
        .ok_or_else(|| Problem::field("connectionId", "names no connection"))?;
    if connection.leaving_since.is_some() {
        return Err(Problem::new(
            Code::InvalidState,
            format!("The connection {} is being disconnected: its sites are on their way out, and it takes no new one.", connection.name),
        )
        .cause("Somebody asked for its sites to be removed, after which it goes.")
        .remedy("Choose another connection, or keep this one first: its page has the button."));
    }
    let choice = zones::one(app, &connection, &new.zone).await?;
    if let Some(obstacle) = &choice.obstacle {
        let reason = obstacle.words();
        return Err(Problem::new(
            obstacle.code(),
            format!("{} cannot be deployed to. {reason}", choice.zone.name),
        )
        .cause(reason)
        .remedy(
            "Choose another zone, or mend this one at Cloudflare and check the connection again.",
        ));
    }
    let hostnames = match new.hostnames {
        Some(given) => parse_hostnames(&given, &choice.zone.name)?,
        None => parse_hostnames(std::slice::from_ref(&choice.zone.name), &choice.zone.name)?,
    };
    let id = SiteId::from_uuid(Uuid::now_v7());
    let now = app.clock.now();
    let key = new_site_key()?;
    let site = Site {
        id,
        workspace: ws,
        connection: connection.id,
        account: choice.zone.account_id,
        zone: choice.zone.id,
        zone_name: choice.zone.name,
        name,
        hostnames,
        settings: SiteSettings::default(),
        sealed_key: app.seal(&sealed_key_row(id), &key).await?,
        status: SiteStatus::New,
        recorded: Recorded::default(),
        observed_at: None,
        created_at: now,
        updated_at: now,
    };
    app.store.create_site(&site).await.map_err(taken)?;
    ingest::register(app, ws, id, &key, now).await?;
    Ok(site)
}

/// 32 random bytes as text: the Worker proves itself with it, and health questions are signed with it.
pub(crate) fn new_site_key() -> Outcome<Secret> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| Problem::internal(&error))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// The site's own key, for a Worker that is about to be uploaded with it. One that cannot be opened any more is made
/// anew: nobody needs the former one once this upload is done.
pub(crate) async fn key_for_upload(app: &App, site: &mut Site) -> Outcome<Secret> {
    let row = sealed_key_row(site.id);
    match app.vault.open(&row, &site.sealed_key) {
        Ok(key) => Ok(key),
        Err(error) => {
            tracing::warn!(site.id = %site.id, %error, "the site's key cannot be opened; its Worker gets a new one");
            let key = new_site_key()?;
            let sealed = app.seal(&row, &key).await?;
            app.store
                .set_sealed_key(site.workspace, site.id, &sealed)
                .await?;
            ingest::register(app, site.workspace, site.id, &key, app.clock.now()).await?;
            site.sealed_key = sealed;
            Ok(key)
        }
    }
}

fn parse_name(text: &str) -> Outcome<String> {
    text.parse::<DisplayName>()
        .map(String::from)
        .map_err(|error| Problem::field("name", error.to_string()))
}

fn parse_hostnames(given: &[String], zone: &str) -> Outcome<Vec<Hostname>> {
    if given.is_empty() {
        return Err(Problem::field("hostnames", "needs at least one host name"));
    }
    if given.len() > HOSTNAMES_MAX {
        return Err(Problem::field(
            "hostnames",
            format!("has more than {HOSTNAMES_MAX} names"),
        ));
    }
    let mut hostnames: Vec<Hostname> = Vec::with_capacity(given.len());
    for text in given {
        let shown: String = text.chars().take(80).collect();
        let host: Hostname = text.parse().map_err(|error| {
            Problem::field("hostnames", format!("holds {shown:?}, which {error}"))
        })?;
        if !host.is_within(zone) {
            return Err(Problem::field(
                "hostnames",
                format!("holds {shown:?}, which is not in the zone {zone}"),
            ));
        }
        if !hostnames.contains(&host) {
            hostnames.push(host);
        }
    }
    Ok(hostnames)
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { what, value } => {
            let mut problem = Problem::new(
                Code::ResourceConflict,
                format!("The {what} {value:?} is used by another site."),
            )
            .cause("A host name belongs to one site, and no two sites have the same name.")
            .remedy("Choose another, or remove the site that uses it.");
            problem.errors.push(crate::problem::FieldError {
                field: if what == "hostname" {
                    "hostnames".to_owned()
                } else {
                    what.to_owned()
                },
                detail: "is already used by another site".to_owned(),
            });
            problem
        }
        other => other.into(),
    }
}

/// One page of the sites.
pub(crate) async fn list(app: &App, ws: WorkspaceId, page: &Page) -> Outcome<Listed<Site>> {
    Ok(app.store.list_sites(ws, page).await?)
}

/// A site, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, id: SiteId) -> Outcome<Site> {
    app.store
        .site(ws, id)
        .await?
        .ok_or_else(|| Problem::not_found("site", &id.to_string()))
}

/// One page of the sites whose name, or one of whose host names, holds this text; with an empty one of all.
pub(crate) async fn find_all(
    app: &App,
    ws: WorkspaceId,
    text: &str,
    page: &Page,
) -> Outcome<Listed<Site>> {
    Ok(if text.is_empty() {
        app.store.list_sites(ws, page).await?
    } else {
        app.store.find_sites(ws, text, page).await?
    })
}

/// A site by its id or its name, as the command line takes it.
pub(crate) async fn find(app: &App, ws: WorkspaceId, id_or_name: &str) -> Outcome<Site> {
    if let Ok(id) = id_or_name.parse()
        && let Some(site) = app.store.site(ws, id).await?
    {
        return Ok(site);
    }
    app.store
        .site_by_name(ws, id_or_name)
        .await?
        .ok_or_else(|| Problem::not_found("site", id_or_name))
}

/// Changes a site's name, hosts or settings; hosts and settings reach Cloudflare with the next deployment, and are
/// [pending](deployments::pending) until then.
pub(crate) async fn update(
    app: &App,
    ws: WorkspaceId,
    id: SiteId,
    patch: SitePatch,
) -> Outcome<Site> {
    let mut site = get(app, ws, id).await?;
    let policy = paths::wanted(&patch, &site.settings.paths)?;
    if let Some(policy) = policy.as_ref().filter(|_| !patch.merge_paths) {
        paths::refuse_merges(app, ws, id, policy).await?;
    }
    if let Some(connection) = patch.connection
        && connection != site.connection
    {
        site = attach(app, ws, site, connection).await?;
    }
    if let Some(name) = patch.name {
        site.name = parse_name(&name)?;
    }
    if let Some(hostnames) = patch.hostnames {
        let hostnames = parse_hostnames(&hostnames, &site.zone_name)?;
        site.hostnames = hostnames;
    }
    if let Some(deadline) = patch.kv_deadline_ms {
        if !u16::try_from(deadline).is_ok_and(|ms| KV_DEADLINE_RANGE_MS.contains(&ms)) {
            return Err(Problem::field(
                "kvDeadlineMs",
                "must be between 50 and 2,000",
            ));
        }
        site.settings.kv_deadline_ms = deadline;
    }
    if let Some(is_wanted) = patch.undo_on_failed_proof {
        site.settings.undo_on_failed_proof = is_wanted;
    }
    let quota_before = (site.settings.workers_plan, site.settings.over_quota);
    if let Some(plan) = patch.workers_plan {
        site.settings.workers_plan = plan;
    }
    if let Some(over) = patch.over_quota {
        site.settings.over_quota = over;
    }
    if let Some(may) = patch.allow_scripts {
        site.settings.allow_scripts = may;
    }
    let withheld_before = site.settings.withhold_broken;
    let settings = &mut site.settings;
    settings.on_page_change = patch.on_page_change.unwrap_or(settings.on_page_change);
    settings.withhold_broken = patch.withhold_broken.unwrap_or(settings.withhold_broken);
    settings.markdown_from_html = patch
        .markdown_from_html
        .unwrap_or(settings.markdown_from_html);
    if let Some(days) = patch.visits_kept_days {
        if !visits::KEPT_DAYS_RANGE.contains(&days) {
            return Err(Problem::field(
                "visitsKeptDays",
                "must be between 1 and 365",
            ));
        }
        settings.visits_kept_days = days;
    }
    settings.keeps_network = patch.keeps_network.unwrap_or(settings.keeps_network);
    settings.visit_store = patch.visit_store.unwrap_or(settings.visit_store);
    if let Some(given) = patch.route_patterns {
        let known = site.settings.route_patterns.clone();
        site.settings.route_patterns = patterns::parse(given, &site.hostnames, known)?;
    }
    if let Some(patch) = patch.agents {
        let registry = agents::active(app, ws).await?;
        site.settings.agents = agents::apply(&patch, &site.settings.agents, &registry)?;
    }
    choices::forget_unneeded(&mut site);
    site.updated_at = app.clock.now();
    app.store.update_site(ws, &site).await.map_err(taken)?;
    if quota_before != (site.settings.workers_plan, site.settings.over_quota) {
        // What waited for the owner's word may go now.
        sync::hurry(app, ws, id).await?;
    }
    if let Some(policy) = policy {
        paths::apply(app, ws, id, &policy, patch.merge_paths).await?;
        site.settings.paths = policy;
    }
    if withheld_before && !site.settings.withhold_broken {
        live_pages::watch::release_all(app, ws, id).await?;
    }
    Ok(site)
}

/// Puts the site under another connection, whose token must reach its zone in its account.
async fn attach(app: &App, ws: WorkspaceId, site: Site, to: ConnectionId) -> Outcome<Site> {
    let connection = app
        .store
        .connection(ws, to)
        .await?
        .ok_or_else(|| Problem::field("connectionId", "names no connection"))?;
    let latest = deployments::list(app, ws, Some(site.id), &Page::first(1)).await?;
    if latest.items.iter().any(|it| !it.status.is_final()) {
        return Err(Problem::new(
            Code::InvalidState,
            "A deployment of this site is queued or running; its connection cannot be changed now.",
        )
        .cause("The deployment works with the present connection until it ends.")
        .remedy("Wait for its end, or stop it, and try again."));
    }
    let choice = zones::one(app, &connection, &site.zone).await?;
    if choice.zone.account_id != site.account {
        return Err(Problem::field(
            "connectionId",
            "names a connection that reaches the zone in another account than the site was made in",
        ));
    }
    if let Some(obstacle) = &choice.obstacle {
        let reason = obstacle.words();
        return Err(Problem::new(
            obstacle.code(),
            format!(
                "The connection {:?} cannot take the site over. {reason}",
                connection.name
            ),
        )
        .cause(reason)
        .remedy("Mend it at Cloudflare and check that connection again, or choose another one."));
    }
    let now = app.clock.now();
    app.store.attach_site(ws, site.id, to, now).await?;
    app.store.want_sync(ws, site.id, now).await?;
    app.signals.wake_sync();
    tracing::info!(site.id = %site.id, connection.id = %to, "a site has another connection");
    get(app, ws, site.id).await
}

/// Takes everything of the site out of the account, then the site itself.
pub(crate) async fn remove(
    app: &App,
    ws: WorkspaceId,
    id: SiteId,
    by: &str,
) -> Outcome<Deployment> {
    deployments::start(app, ws, id, DeploymentKind::Remove, by).await
}
