//! What was seen when a deployment had nothing left to do: the account as it should be, and the Worker answering at the
//! edge. The account decides; an edge that does not answer (a host name that is not proxied, say) is only told.

use super::apply::Work;
use crate::{app::App, problem::Outcome, services::sites};
use domain::{
    edge::{HEALTH_PATH, health_message},
    names::Hostname,
    observed::Observed,
    plan::Plan,
    secret::Secret,
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

/// How many of a site's hosts are asked.
const HOSTS_MAX: usize = 5;

/// Keeps the proof with the deployment (a later rollback finds its Worker there), and what there is to know as notes.
pub(super) async fn keep(work: &Work<'_>, observed: &Observed, plan: &Plan) -> Outcome<()> {
    let app = work.app;
    let edge = match &work.material {
        Some(_) if !observed.routes.is_empty() => ask_all(work).await?,
        _ => Vec::new(),
    };
    for unanswered in edge.iter().filter(|answer| answer["answered"] == false) {
        let detail = format!(
            "The Worker does not answer at {} yet. Everything is in place in the account: see that the host name has a proxied DNS record (orange cloud) at Cloudflare.",
            unanswered["host"].as_str().unwrap_or_default()
        );
        let note = json!({ "warning": { "code": "edge_unanswered", "detail": detail } });
        app.store
            .note_deployment(work.deployment, app.clock.now(), note)
            .await?;
    }
    for warning in &plan.warnings {
        let note = json!({ "warning": warning });
        app.store
            .note_deployment(work.deployment, app.clock.now(), note)
            .await?;
    }
    let proof = json!({
        "observedAt": crate::clock::rfc3339(app.clock.now()),
        "stepsLeft": plan.steps.len(),
        "warnings": plan.warnings,
        "worker": work.material.as_ref().map(|material| &material.desired.script_hash),
        "namespace": observed.recorded.namespace,
        "routes": observed.recorded.routes_intended,
        "edge": edge,
    });
    app.store
        .set_deployment_proof(work.deployment, &proof)
        .await?;
    Ok(())
}

async fn ask_all(work: &Work<'_>) -> Outcome<Vec<Value>> {
    let (app, site) = (work.app, &work.site);
    let Some(material) = &work.material else {
        return Ok(Vec::new());
    };
    let Ok(key) = app
        .vault
        .open(&sites::sealed_key_row(site.id), &site.sealed_key)
    else {
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
        .take(HOSTS_MAX)
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
