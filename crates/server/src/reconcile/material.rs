//! What a site's Worker consists of right now: its script, its configuration, and what the plan needs to know of them.
//!
//! Every Worker that is uploaded is kept in the database under the hash of what was uploaded, so that an earlier one
//! can be brought back. A few tens of kilobytes each, once per change.

use crate::{
    app::App,
    ingest,
    problem::{Outcome, Problem},
    services::{agents, previews, site_keys},
};
use domain::{
    agents::{AgentTable, Registry},
    desired::Desired,
    edge::{self, EdgeConfig},
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

/// The Worker of the site: this version's, or an earlier one that is kept.
pub(crate) async fn material_for(
    app: &App,
    site: &Site,
    earlier: Option<&str>,
) -> Outcome<Material> {
    let kept = match earlier {
        Some(hash) => load(app, hash).await?,
        None => None,
    };
    let registry = agents::active(app, site.workspace).await?;
    let (script, config) = match kept {
        Some(kept) => kept,
        None => current_for(app, site, &registry).await?,
    };
    let news = news(app, site, &registry, (&script, &config)).await?;
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
            news,
            patterns: site.settings.route_patterns.clone(),
            choices: site.settings.route_choices.clone(),
            preview_key: config.preview_key().map(str::to_owned),
            dataset: config.dataset().map(str::to_owned),
        },
        script,
        config,
    })
}

/// The Worker as the site's settings want it now.
async fn current_for(app: &App, site: &Site, registry: &Registry) -> Outcome<(String, EdgeConfig)> {
    let preview_key = previews::key(app, site).await?.id;
    let site_key = site_keys::newest_id(app, site).await?;
    let ingest = ingest::url(app).await?;
    let (script, config) = current(site, registry, &preview_key, ingest.as_deref());
    Ok((script, config.with_key(site_key.as_deref())))
}

fn current(
    site: &Site,
    registry: &Registry,
    preview_key: &str,
    ingest: Option<&str>,
) -> (String, EdgeConfig) {
    let deadline = u16::try_from(site.settings.kv_deadline_ms).unwrap_or(u16::MAX);
    let config = EdgeConfig::new(
        site.id,
        &site.hostnames,
        deadline,
        ingest,
        site.settings.agents.for_edge(registry),
    )
    .with_paths_and_previews(site.settings.paths.clone(), Some(preview_key))
    .with_visits(site.settings.visit_store);
    (edge::assemble_script(&AgentTable::of(registry)), config)
}

/// What of the Worker differs from the last one that we uploaded, in words; nothing when that one is not known.
async fn news(
    app: &App,
    site: &Site,
    registry: &Registry,
    (script, config): (&str, &EdgeConfig),
) -> Outcome<Vec<String>> {
    let Some(applied) = &site.recorded.applied else {
        return Ok(Vec::new());
    };
    if edge::upload_hash(script, config).starts_with(applied.hash.as_str()) {
        return Ok(Vec::new());
    }
    let Some((old_script, old_config)) = load(app, &applied.hash).await? else {
        return Ok(Vec::new());
    };
    let table = AgentTable::of(registry);
    let mut news = Vec::new();
    if old_script != script {
        let has_table = old_script.contains(table.script());
        let code = script.split_once(table.script()).map(|(_, code)| code);
        let has_code = code.is_some_and(|code| old_script.ends_with(code));
        if !has_table {
            news.push("a new agents table".to_owned());
        }
        if !has_code {
            news.push("a new version of the Worker".to_owned());
        }
    }
    if old_config.key() != config.key() {
        news.push("a new key".to_owned());
    }
    if old_config.clone().with_key(None).hash() != config.clone().with_key(None).hash() {
        news.push("other settings".to_owned());
    }
    Ok(news)
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

/// The hash of script and configuration that the next deployment brings, and that configuration.
pub(crate) async fn present(app: &App, site: &Site) -> Outcome<(String, EdgeConfig)> {
    let registry = agents::active(app, site.workspace).await?;
    let (script, config) = current_for(app, site, &registry).await?;
    Ok((edge::upload_hash(&script, &config), config))
}

/// The configuration of an earlier upload, where it is kept.
pub(crate) async fn config_of(app: &App, upload_hash: &str) -> Outcome<Option<EdgeConfig>> {
    Ok(load(app, upload_hash).await?.map(|(_, config)| config))
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
