//! Whether the Worker answers at the edge: a signed question to each host.

use crate::{app::App, problem::Outcome, reconcile::apply::Work, services::site_keys};
use domain::{
    edge::{HEALTH_PATH, health_message},
    names::Hostname,
    secret::Secret,
    time::Millis,
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long the edge is asked: routes take a moment to get everywhere.
const PATIENCE: Duration = Duration::from_secs(4);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks each of the site's hosts, as many as are looked at.
pub(super) async fn ask_all(work: &Work<'_>) -> Outcome<Vec<Value>> {
    let (app, site) = (work.app, &work.site);
    let Some(material) = &work.material else {
        return Ok(Vec::new());
    };
    let Some(key) = site_keys::of_worker(app, site).await? else {
        let detail = "The site's own key cannot be opened, so the Worker could not be asked at the edge. Visitors notice nothing; the next upload of the Worker, for example after a change of the settings, brings a new key.";
        let note = json!({ "warning": { "code": "site_key_unreadable", "detail": detail } });
        app.store
            .note_deployment(work.deployment, app.clock.now(), note)
            .await?;
        return Ok(Vec::new());
    };
    let (id, config) = (site.id.to_string(), material.config.hash());
    let asked = site
        .hostnames
        .iter()
        .take(super::HOSTS_MAX)
        .map(|host| ask(app, host, &key, &id, config));
    Ok(futures::future::join_all(asked).await)
}

/// Asks one host until it answers as it should, or patience is over.
async fn ask(app: &App, host: &Hostname, key: &Secret, site: &str, config: &str) -> Value {
    let begun = Instant::now();
    loop {
        let asked = tokio::time::timeout(PATIENCE, ask_once(app, host, key)).await;
        if let Ok(Some(answer)) = asked
            && answer["site"] == site
            && answer["config"] == config
        {
            return json!({
                "host": host,
                "answered": true,
                "version": answer["version"],
                "config": config,
                "tookMs": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
        }
        if begun.elapsed() > PATIENCE {
            return json!({ "host": host, "answered": false });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The most hosts that are asked.
pub(crate) const HOSTS_MAX: usize = super::HOSTS_MAX;

/// What a Worker says of the index that it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The revision of its manifest; `None`: it has no index, and reads each path's own key.
    pub(crate) revision: Option<Millis>,
    /// Paths with HTML that it knows.
    pub(crate) html: u64,
    /// Paths with Markdown.
    pub(crate) markdown: u64,
}

/// Asks one host which manifest its Worker uses. `None`: the site's Worker did not answer.
pub(crate) async fn manifest(
    app: &App,
    host: &Hostname,
    key: &Secret,
    site: &str,
) -> Option<Manifest> {
    let asked = tokio::time::timeout(PATIENCE, ask_once(app, host, key)).await;
    let answer = asked
        .ok()
        .flatten()
        .filter(|answer| answer["site"] == site)?;
    let index = &answer["index"];
    Some(Manifest {
        revision: index["revision"].as_i64().map(Millis),
        html: index["html"].as_u64().unwrap_or(0),
        markdown: index["markdown"].as_u64().unwrap_or(0),
    })
}

/// One signed health question.
async fn ask_once(app: &App, host: &Hostname, key: &Secret) -> Option<Value> {
    let (now, nonce) = (
        app.clock.now().0 / 1000,
        Uuid::new_v4().simple().to_string(),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok()?;
    mac.update(health_message(now, &nonce).as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let path = format!("{HEALTH_PATH}?t={now}&n={nonce}&s={signature}");
    let answer = app
        .edge
        .send(Method::GET, host, &path, HeaderMap::new())
        .await
        .ok()?;
    if !answer.status.is_success() {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}
