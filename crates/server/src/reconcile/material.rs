//! What a site's Worker consists of right now: its script, its configuration, and what the plan needs to know of them.
//!
//! Every Worker that is uploaded is kept in the database under the hash of what was uploaded, so that an earlier one
//! can be brought back. A few tens of kilobytes each, once per change.

use crate::{
    app::App,
    ingest,
    problem::{Outcome, Problem},
};
use domain::{
    agents::AgentTable,
    desired::Desired,
    edge::{self, EdgeAgents, EdgeConfig},
};
use serde::Deserialize;
use store::Site;

/// A Worker, ready to be uploaded, and the state that it is part of.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    /// What the account should hold.
    pub(crate) desired: Desired,
    /// The script text.
    pub(crate) script: String,
    /// The `CONFIG` binding.
    pub(crate) config: EdgeConfig,
}

/// The Worker that the site should have: this version's, or the earlier one that a rollback pinned.
pub(crate) async fn material_for(app: &App, site: &Site) -> Outcome<Material> {
    let pinned = match &site.recorded.pinned {
        Some(hash) => load(app, hash).await?,
        None => None,
    };
    let (script, config) = match pinned {
        Some(pinned) => pinned,
        None => current(site, ingest::url(app).await?.as_deref()),
    };
    let published = app
        .store
        .count_variants(site.workspace, site.id)
        .await?
        .published;
    Ok(Material {
        desired: Desired {
            site: site.id,
            account: site.account.clone(),
            zone: site.zone.clone(),
            zone_name: site.zone_name.clone(),
            hostnames: site.hostnames.clone(),
            script_hash: edge::upload_hash(&script, &config),
            script_bytes: script.len(),
            published,
            config_hash: config.hash().to_owned(),
            patterns: site.settings.route_patterns.clone(),
            choices: site.settings.route_choices.clone(),
        },
        script,
        config,
    })
}

fn current(site: &Site, ingest: Option<&str>) -> (String, EdgeConfig) {
    let deadline = u16::try_from(site.settings.kv_deadline_ms).unwrap_or(u16::MAX);
    let config = EdgeConfig::new(
        site.id,
        &site.hostnames,
        deadline,
        ingest,
        EdgeAgents::default(),
    );
    (edge::assemble_script(&AgentTable::current()), config)
}

fn script_key(hash: &str) -> String {
    format!("worker-script/{hash}")
}

fn upload_key(hash: &str) -> String {
    format!("worker-upload/{hash}")
}

/// Keeps what is about to be uploaded.
pub(crate) async fn keep(app: &App, material: &Material) -> Outcome<()> {
    let script_hash = edge::script_hash(&material.script);
    let upload = serde_json::json!({ "script": script_hash, "config": material.config });
    app.store
        .set_meta_if_absent(&script_key(&script_hash), material.script.as_bytes())
        .await?;
    app.store
        .set_meta_if_absent(
            &upload_key(&material.desired.script_hash),
            upload.to_string().as_bytes(),
        )
        .await?;
    Ok(())
}

/// Whether an upload is kept.
pub(crate) async fn is_kept(app: &App, upload_hash: &str) -> Outcome<bool> {
    Ok(app.store.meta(&upload_key(upload_hash)).await?.is_some())
}

/// Exactly what was uploaded then, its host names included: a host that came later is not served until the next
/// deployment, and goes to the origin.
async fn load(app: &App, upload_hash: &str) -> Outcome<Option<(String, EdgeConfig)>> {
    #[derive(Deserialize)]
    struct Upload {
        script: String,
        config: EdgeConfig,
    }
    let Some(bytes) = app.store.meta(&upload_key(upload_hash)).await? else {
        return Ok(None);
    };
    let upload: Upload =
        serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))?;
    let Some(script) = app.store.meta(&script_key(&upload.script)).await? else {
        return Ok(None);
    };
    let script = String::from_utf8(script).map_err(|error| Problem::internal(&error))?;
    Ok(Some((script, upload.config)))
}
