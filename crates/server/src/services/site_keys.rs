//! A site's own key in the place of the former one, without a gap: the new one is taken from Workers before the Worker has
//! it, and the former one until some minutes after the Worker is known to have the new one. In between, questions to the
//! Worker are signed with the one that it has.

use super::{deployments, sites};
use crate::{
    app::App,
    ingest,
    problem::{Outcome, Problem},
    vault::SealedRow,
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    ids::{SiteId, WorkspaceId},
    secret::Secret,
};
use store::{Deployment, Site, SiteKey};
use uuid::Uuid;

/// How long a former key is taken after the Worker is known to have the new one, in seconds. Cloudflare shows a new
/// version everywhere within a minute as a rule (reported), and one of the former version sends what it gathered for half a
/// minute more at most.
const FORMER_SECONDS: i64 = 10 * 60;

/// How long a key may wait before its deployment is asked for again, in milliseconds: whoever made it was killed.
const LEFT_ALONE_MS: i64 = 30_000;

/// What became of the asking.
#[derive(Debug, Clone)]
pub(crate) enum Rotation {
    /// No Worker had the former key, which is dead now.
    Done,
    /// This deployment brings the new one.
    Deploying(Box<Deployment>),
    /// The site stands on the Worker of an earlier deployment; the next deployment brings the new one.
    Waiting,
}

impl Rotation {
    /// The word in answers.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Deploying(_) => "deploying",
            Self::Waiting => "waiting",
        }
    }

    /// What brings the new key.
    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        match self {
            Self::Deploying(deployment) => Some(deployment),
            Self::Done | Self::Waiting => None,
        }
    }
}

fn row(site: SiteId) -> SealedRow {
    SealedRow {
        table: "site_keys",
        column: "sealed_key",
        id: site.to_string(),
    }
}

async fn new_key(app: &App, site: &Site, id: Option<&str>, by: &str) -> Outcome<(SiteKey, Secret)> {
    let secret = sites::new_site_key()?;
    let key = SiteKey {
        workspace: site.workspace,
        site: site.id,
        id: id.map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned),
        hash: ingest::hash_of(secret.expose()),
        next: Some(app.seal(&row(site.id), &secret).await?),
        asked_by: by.to_owned(),
        deployment: None,
        made_at: app.clock.now(),
    };
    Ok((key, secret))
}

/// Makes another key for the site and has it brought to its Worker. While one is on its way already, that one is brought.
///
/// # Errors
///
/// `not_found` for an unknown site; what the asking for a deployment answers.
pub(crate) async fn rotate(app: &App, ws: WorkspaceId, id: SiteId, by: &str) -> Outcome<Rotation> {
    let site = sites::get(app, ws, id).await?;
    if let Some(last) = app.store.site_key(ws, id).await?
        && is_there(&site, &last)
    {
        // The last one has arrived, and makes room for another.
        finish(app, &site, &last).await?;
    }
    let (key, secret) = new_key(app, &site, None, by).await?;
    let next = app
        .store
        .begin_site_key(&key)
        .await?
        .ok_or_else(|| Problem::not_found("site", &id.to_string()))?;
    if site.status == SiteStatus::New && next == key {
        let sealed = app.seal(&sites::sealed_key_row(site.id), &secret).await?;
        app.store
            .finish_site_key(&next, &sealed, app.clock.now())
            .await?;
        return Ok(Rotation::Done);
    }
    if site.recorded.pinned.is_some() {
        return Ok(Rotation::Waiting);
    }
    Ok(Rotation::Deploying(Box::new(deploy(app, &next, by).await?)))
}

async fn deploy(app: &App, key: &SiteKey, by: &str) -> Outcome<Deployment> {
    let (ws, site) = (key.workspace, key.site);
    let deployment = deployments::start(app, ws, site, DeploymentKind::Apply, by).await?;
    app.store
        .set_site_key_deployment(ws, site, &key.id, deployment.id)
        .await?;
    Ok(deployment)
}

/// The id of the key that the site's next Worker gets; `None`: its first.
pub(crate) async fn newest_id(app: &App, site: &Site) -> Outcome<Option<String>> {
    let key = app.store.site_key(site.workspace, site.id).await?;
    Ok(key.map(|key| key.id))
}

/// The key for a Worker that is about to be uploaded, and its id. `named` is the id in its configuration; a Worker of
/// before (`is_earlier`) names what was the newest then, and gets the newest now.
pub(crate) async fn for_upload(
    app: &App,
    site: &mut Site,
    named: Option<&str>,
    is_earlier: bool,
) -> Outcome<(Option<String>, Secret)> {
    let newest = app.store.site_key(site.workspace, site.id).await?;
    // It may have been replaced since the deployment began.
    if let Some(now) = app.store.site(site.workspace, site.id).await? {
        site.sealed_key = now.sealed_key;
    }
    let Some(newest) = newest.filter(|key| is_earlier || named == Some(key.id.as_str())) else {
        let key = sites::key_for_upload(app, site).await?;
        return Ok((named.map(str::to_owned), key));
    };
    let Some(sealed) = &newest.next else {
        let key = sites::key_for_upload(app, site).await?;
        return Ok((Some(newest.id), key));
    };
    match app.vault.open(&row(site.id), sealed) {
        Ok(key) => Ok((Some(newest.id), key)),
        Err(error) => {
            tracing::warn!(site.id = %site.id, %error, "the site's next key cannot be opened; its Worker gets another");
            let (key, secret) = new_key(app, site, Some(&newest.id), &newest.asked_by).await?;
            app.store.replace_next_site_key(&key).await?;
            Ok((Some(key.id), secret))
        }
    }
}

/// The key that the site's Worker has, as far as is known; `None` when it cannot be opened.
pub(crate) async fn of_worker(app: &App, site: &Site) -> Outcome<Option<Secret>> {
    let newest = app.store.site_key(site.workspace, site.id).await?;
    let site = sites::get(app, site.workspace, site.id).await?;
    let next = newest
        .filter(|key| is_there(&site, key))
        .and_then(|key| key.next);
    let opened = match next {
        Some(next) => app.vault.open(&row(site.id), &next),
        None => app
            .vault
            .open(&sites::sealed_key_row(site.id), &site.sealed_key),
    };
    Ok(opened.ok())
}

/// Makes those keys the sites' own that their Workers are known to have, and has the others brought to them.
pub(crate) async fn look_after(app: &App) -> Outcome<()> {
    for key in app.store.next_site_keys_for_background().await? {
        if let Err(problem) = look_after_one(app, &key).await {
            tracing::warn!(site.id = %key.site, %problem, "a site's new key waits; it is tried again");
        }
    }
    Ok(())
}

async fn look_after_one(app: &App, key: &SiteKey) -> Outcome<()> {
    let Some(site) = app.store.site(key.workspace, key.site).await? else {
        return Ok(());
    };
    let recorded = &site.recorded;
    if is_there(&site, key) {
        return finish(app, &site, key).await;
    }
    if recorded.pinned.is_some() || recorded.applied.is_none() {
        // The next deployment brings it.
        return Ok(());
    }
    let is_due = match key.deployment {
        None => app.clock.now().0 - key.made_at.0 > LEFT_ALONE_MS,
        // It had begun before the key was made.
        Some(id) => app
            .store
            .deployment(key.workspace, id)
            .await?
            .is_some_and(|deployment| deployment.status == DeploymentStatus::Live),
    };
    if is_due {
        deploy(app, key, &key.asked_by).await?;
    }
    Ok(())
}

/// Whether the site's Worker is known to have this key.
fn is_there(site: &Site, key: &SiteKey) -> bool {
    let there = site.recorded.applied.as_ref();
    there.is_some_and(|applied| applied.key.as_ref() == Some(&key.id))
}

async fn finish(app: &App, site: &Site, key: &SiteKey) -> Outcome<()> {
    let Some(sealed) = &key.next else {
        return Ok(());
    };
    let secret = app
        .vault
        .open(&row(site.id), sealed)
        .map_err(|error| Problem::internal(&error))?;
    let sealed = app.seal(&sites::sealed_key_row(site.id), &secret).await?;
    let former_until = app.clock.now().plus_seconds(FORMER_SECONDS);
    if app
        .store
        .finish_site_key(key, &sealed, former_until)
        .await?
    {
        tracing::info!(site.id = %site.id, "the site's Worker has its new key; the former one ends in some minutes");
    }
    Ok(())
}
