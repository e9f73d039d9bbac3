//! Signed previews: a link, good for an hour, with which somebody sees a revision on the live site. The draft goes to KV
//! under a key that nobody can guess and that Cloudflare deletes at the link's end; the link is signed with the site's
//! preview key, of which the Worker has a copy.

use super::{connections, sites, variants::VariantName};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::{
        cloudflare_ids::{account_id, namespace_id},
        material,
    },
    vault::SealedRow,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudflare::BulkPair;
use domain::{
    deployment::SiteStatus,
    edge::VariantMetadata,
    ids::{PreviewId, SiteId, WorkspaceId},
    names::Hostname,
    path::PagePath,
    preview::{PREVIEW_SECONDS, Preview},
    secret::Secret,
    variant::Revision,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::{PreviewKey, PreviewLink, Site};
use uuid::Uuid;

/// The most links of one site that are open at once: each is a write of KV.
const OPEN_MAX: u64 = 100;

/// A link to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewPreview<'a> {
    /// The variant.
    pub(crate) name: &'a VariantName,
    /// Which revision; the newest unless given.
    pub(crate) revision: Option<Revision>,
    /// On which host name; the site's first unless given.
    pub(crate) host: Option<&'a str>,
    /// Who makes it.
    pub(crate) author: &'a str,
}

/// A link that is open.
#[derive(Debug, Clone)]
pub(crate) struct OpenPreview {
    /// What is stored of it.
    pub(crate) link: PreviewLink,
    /// Its address. Whoever has it sees the draft.
    pub(crate) url: String,
}

fn key_row(site: SiteId) -> SealedRow {
    SealedRow {
        table: "preview_keys",
        column: "sealed_key",
        id: site.to_string(),
    }
}

async fn new_key(app: &App, site: SiteId, id: Option<&str>) -> Outcome<(PreviewKey, Secret)> {
    let secret = sites::new_site_key()?;
    let key = PreviewKey {
        id: id.map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned),
        sealed: app.seal(&key_row(site), &secret).await?,
    };
    Ok((key, secret))
}

/// The key of the site's previews, sealed; made when there is none yet.
pub(crate) async fn key(app: &App, site: &Site) -> Outcome<PreviewKey> {
    if let Some(key) = app.store.preview_key(site.workspace, site.id).await? {
        return Ok(key);
    }
    let (key, _) = new_key(app, site.id, None).await?;
    if app
        .store
        .set_first_preview_key(site.workspace, site.id, &key)
        .await?
    {
        return Ok(key);
    }
    // Somebody else was faster.
    app.store
        .preview_key(site.workspace, site.id)
        .await?
        .ok_or_else(|| Problem::not_found("site", &site.id.to_string()))
}

/// The key's id and the key itself, for a Worker that is about to be uploaded with it. One that cannot be opened any more
/// is made anew: no link could be made with it.
pub(crate) async fn key_for_upload(app: &App, site: &Site) -> Outcome<(String, Secret)> {
    let known = key(app, site).await?;
    match app.vault.open(&key_row(site.id), &known.sealed) {
        Ok(secret) => Ok((known.id, secret)),
        Err(error) => {
            tracing::warn!(site.id = %site.id, %error, "the site's preview key cannot be opened; its Worker gets a new one");
            let (key, secret) = new_key(app, site.id, Some(&known.id)).await?;
            app.store
                .replace_preview_key(site.workspace, site.id, &key, app.clock.now())
                .await?;
            Ok((key.id, secret))
        }
    }
}

/// What links write counts like content: a free account has so much of it in a day.
async fn count(app: &App, site: &Site, writes: u64, deletes: u64) -> Outcome<()> {
    app.store
        .count_kv_usage(
            site.workspace,
            &site.account,
            app.clock.now(),
            writes,
            deletes,
        )
        .await?;
    Ok(())
}

/// Makes a link: brings the draft to KV and signs its address.
pub(crate) async fn create(
    app: &App,
    ws: WorkspaceId,
    new: &NewPreview<'_>,
) -> Outcome<OpenPreview> {
    let name = new.name;
    let site = sites::get(app, ws, name.site).await?;
    let variant = super::variants::get(app, ws, name).await?;
    let revision = new.revision.clone().unwrap_or(variant.latest);
    let content = super::variants::content(app, ws, name, &revision).await?;
    let host = host_of(&site, new.host)?;
    let secret = deployed_key(app, &site).await?;
    let now = app.clock.now();
    let expires_s = now.0 / 1_000 + PREVIEW_SECONDS;
    let mut draft = [0_u8; 32];
    getrandom::fill(&mut draft).map_err(|error| Problem::internal(&error))?;
    let link = PreviewLink {
        id: PreviewId::from_uuid(Uuid::now_v7()),
        site: site.id,
        format: name.format,
        path: name.path.as_str().to_owned(),
        revision: revision.clone(),
        host: host.as_str().to_owned(),
        draft: URL_SAFE_NO_PAD.encode(draft),
        author: new.author.to_owned(),
        created_at: now,
        expires_at: domain::time::Millis(expires_s * 1_000),
    };
    if !app.store.add_preview_link(ws, &link, OPEN_MAX).await? {
        return Err(Problem::new(
            Code::InvalidState,
            format!("{OPEN_MAX} preview links of this site are open, and that is the most."),
        )
        .cause("Each open link keeps a draft in the site's KV namespace.")
        .remedy("Revoke some, or wait: each ends an hour after it was made."));
    }
    let preview = preview_of(&link)?;
    if let Err(problem) = write_draft(app, &site, &preview, content).await {
        app.store.forget_preview_link(ws, site.id, link.id).await?;
        return Err(problem);
    }
    let url = address(app, &preview, &secret)?;
    tracing::info!(site.id = %site.id, preview.id = %link.id, "a preview link was made");
    Ok(OpenPreview { link, url })
}

fn host_of(site: &Site, given: Option<&str>) -> Outcome<Hostname> {
    let found = match given {
        None => site.hostnames.first(),
        Some(text) => site
            .hostnames
            .iter()
            .find(|host| host.as_str().eq_ignore_ascii_case(text.trim())),
    };
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = site.hostnames.iter().map(Hostname::as_str).collect();
        Problem::field("host", "is not a host name of this site").remedy(format!(
            "Name one of the site's host names: {}.",
            names.join(", ")
        ))
    })
}

/// The key that signs, once the Worker in the account has it too.
async fn deployed_key(app: &App, site: &Site) -> Outcome<Secret> {
    let key = key(app, site).await?;
    let recorded = &site.recorded;
    let applied = recorded
        .applied
        .as_ref()
        .filter(|_| recorded.namespace.is_some() && recorded.content_loaded);
    let has_key = match applied {
        None => false,
        Some(applied) if applied.preview_key.is_some() => {
            applied.preview_key.as_ref() == Some(&key.id)
        }
        // Records that do not tell: the configuration has the key's id in it.
        Some(applied) => {
            let material = material::material_for(app, site, None).await?;
            applied.config_hash.as_deref() == Some(material.config.hash())
        }
    };
    if !has_key {
        let is_deployed = applied.is_some();
        return Err(Problem::new(
            Code::InvalidState,
            "The Worker that shows previews is not in the account yet.",
        )
        .cause(if is_deployed {
            "Since the last deployment previews got a new key, or the Worker there is of an earlier version that shows none."
        } else {
            "The site was not deployed yet."
        })
        .remedy("Deploy the site, then make the link again."));
    }
    open_key(app, site, &key)
}

fn open_key(app: &App, site: &Site, key: &PreviewKey) -> Outcome<Secret> {
    app.vault
        .open(&key_row(site.id), &key.sealed)
        .map_err(|error| {
            Problem::new(
                Code::InvalidState,
                format!("The key that signs this site's previews cannot be opened: {error}."),
            )
            .cause("The stored record was damaged, or was sealed under another key.")
            .remedy("Make a new preview key in the site's settings, and deploy the site.")
        })
}

fn preview_of(link: &PreviewLink) -> Outcome<Preview> {
    Ok(Preview {
        site: link.site,
        host: link
            .host
            .parse()
            .map_err(|error| Problem::internal(&error))?,
        path: PagePath::parse(&link.path).map_err(|error| Problem::internal(&error))?,
        format: link.format,
        revision: link.revision.clone(),
        expires_s: link.expires_at.0 / 1_000,
        draft: link.draft.clone(),
    })
}

fn address(app: &App, preview: &Preview, key: &Secret) -> Outcome<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .map_err(|error| Problem::internal(&error))?;
    mac.update(preview.message().as_bytes());
    let target = preview.target(&hex::encode(mac.finalize().into_bytes()));
    Ok(format!(
        "{}{target}",
        app.edge.origin_for_people(&preview.host)
    ))
}

async fn write_draft(app: &App, site: &Site, preview: &Preview, content: Vec<u8>) -> Outcome<()> {
    let namespace = site
        .recorded
        .namespace
        .as_ref()
        .ok_or_else(|| Problem::not_found("KV namespace of the site", &site.name))?;
    let connection = connections::of_site(app, site).await?;
    let api = connections::api_for(app, &connection)?;
    let metadata = VariantMetadata::new(preview.revision.clone(), preview.format);
    let pair = BulkPair {
        key: preview.kv_key(),
        // Contents are UTF-8; that was checked when they were saved.
        value: String::from_utf8(content).map_err(|error| Problem::internal(&error))?,
        metadata: Some(serde_json::to_value(metadata).map_err(|error| Problem::internal(&error))?),
        expiration: u64::try_from(preview.expires_s).ok(),
        ..BulkPair::default()
    };
    let outcome = api
        .bulk_put(
            &account_id(&site.account),
            &namespace_id(namespace),
            &[pair],
        )
        .await?;
    count(app, site, 1, 0).await?;
    if outcome.unsuccessful.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::CloudflareUnavailable,
        "Workers KV did not take the draft, so there is no link.",
    )
    .cause("Workers KV is disturbed, or the account's daily write limit is reached (1,000 writes a day on the free plan).")
    .remedy("Try again in a minute; see https://www.cloudflarestatus.com and the account's KV usage if it stays."))
}

/// The site's open links, newest first. Without an address when the key cannot be opened.
pub(crate) async fn list(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<Vec<OpenPreview>> {
    let site = sites::get(app, ws, site).await?;
    let links = app
        .store
        .preview_links(ws, site.id, app.clock.now())
        .await?;
    let Some(key) = app.store.preview_key(ws, site.id).await? else {
        return Ok(Vec::new());
    };
    let secret = open_key(app, &site, &key).ok();
    links
        .into_iter()
        .map(|link| {
            let url = match &secret {
                Some(secret) => address(app, &preview_of(&link)?, secret)?,
                None => String::new(),
            };
            Ok(OpenPreview { link, url })
        })
        .collect()
}

/// Ends a link: its draft goes out of KV. Places that showed it within the last minute may show it a minute longer, since
/// KV keeps what it read (Cloudflare API notes §6.6).
pub(crate) async fn revoke(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    id: PreviewId,
) -> Outcome<PreviewLink> {
    let site = sites::get(app, ws, site).await?;
    let open = app
        .store
        .preview_links(ws, site.id, app.clock.now())
        .await?;
    let link = open
        .into_iter()
        .find(|link| link.id == id)
        .ok_or_else(|| Problem::not_found("preview", &id.to_string()))?;
    delete_drafts(app, &site, std::slice::from_ref(&link)).await?;
    app.store.forget_preview_link(ws, site.id, id).await?;
    Ok(link)
}

async fn delete_drafts(app: &App, site: &Site, links: &[PreviewLink]) -> Outcome<()> {
    let Some(namespace) = site
        .recorded
        .namespace
        .as_ref()
        .filter(|_| !links.is_empty())
    else {
        return Ok(());
    };
    let keys = links
        .iter()
        .map(|link| preview_of(link).map(|preview| preview.kv_key()))
        .collect::<Outcome<Vec<_>>>()?;
    let connection = connections::of_site(app, site).await?;
    let api = connections::api_for(app, &connection)?;
    let outcome = api
        .bulk_delete(&account_id(&site.account), &namespace_id(namespace), &keys)
        .await?;
    count(app, site, 0, keys.len() as u64).await?;
    if outcome.unsuccessful.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::CloudflareUnavailable,
        "Workers KV did not delete every draft, so those links still work.",
    )
    .cause("Workers KV is disturbed, or the account's daily limit of deletions is reached.")
    .remedy("Try again in a minute. Every link ends by itself an hour after it was made."))
}

/// Ends every link and makes another key, which the Worker gets with the next deployment; answers with how many links were
/// open.
pub(crate) async fn rotate_key(app: &App, ws: WorkspaceId, id: SiteId) -> Outcome<usize> {
    let site = sites::get(app, ws, id).await?;
    let now = app.clock.now();
    let open = app.store.preview_links(ws, site.id, now).await?;
    delete_drafts(app, &site, &open).await?;
    let (key, _) = new_key(app, site.id, None).await?;
    let late = app
        .store
        .replace_preview_key(ws, site.id, &key, now)
        .await?;
    // One that was made in between.
    let late: Vec<_> = late
        .into_iter()
        .filter(|link| !open.iter().any(|known| known.id == link.id))
        .collect();
    delete_drafts(app, &site, &late).await?;
    if site.status == SiteStatus::InSync {
        app.store
            .set_site_status(ws, site.id, SiteStatus::Drifted, site.observed_at)
            .await?;
    }
    Ok(open.len() + late.len())
}
