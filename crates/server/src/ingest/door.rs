//! Who may send visits. A site's key is its own (`sites.sealed_key`); its hash is what is looked up here.

use super::Sender;
use crate::{
    app::{App, AppState},
    problem::{Code, Outcome, Problem},
    services::sites,
};
use axum::http::{HeaderMap, header};
use domain::{
    ids::{SiteId, WorkspaceId},
    secret::Secret,
    time::Millis,
};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{LazyLock, RwLock},
};
use store::IngestKey;

/// Wrong keys from one address, before its requests are refused unread.
const WRONG_KEYS: Quota = Quota::per_minute(NonZeroU32::new(30).expect("30 is not 0"));

/// How long a good key is remembered, in milliseconds: a removed site's Worker is refused no later.
const REMEMBERED_MS: i64 = 5_000;

/// How many keys are remembered; each belongs to a site, or was one's.
const REMEMBERED_MAX: usize = 10_000;

/// The characters of a key: 32 bytes as base64url.
const KEY_LENGTH: usize = 43;

static WRONG: LazyLock<DefaultKeyedRateLimiter<IpAddr>> =
    LazyLock::new(|| DefaultKeyedRateLimiter::keyed(WRONG_KEYS));

/// Good keys that were looked up a moment ago, by hash.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(RwLock<HashMap<String, (IngestKey, Millis)>>);

impl KnownKeys {
    fn get(&self, hash: &str, now: Millis) -> Option<IngestKey> {
        let known = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (key, at) = known.get(hash)?;
        let is_fresh = now.0 - at.0 < REMEMBERED_MS;
        let is_good = key.good_until.is_none_or(|until| until > now);
        (is_fresh && is_good).then(|| key.clone())
    }

    /// Whether the key was good when it was last looked up, however long ago.
    fn was_good(&self, hash: &str) -> bool {
        let known = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.contains_key(hash)
    }

    fn forget(&self, hash: &str) {
        let mut known = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.remove(hash);
    }

    fn put(&self, hash: &str, key: &IngestKey, now: Millis) {
        let mut known = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(hash.to_owned(), (key.clone(), now));
    }
}

/// The stored form of a site's key. Keys are random, so a fast hash is enough.
pub(crate) fn hash_of(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// Takes `key` as the site's from now on; the former one is taken until `former_until`.
pub(crate) async fn register(
    app: &App,
    workspace: WorkspaceId,
    site: SiteId,
    key: &Secret,
    former_until: Millis,
) -> Outcome<()> {
    app.store
        .set_ingest_key(
            workspace,
            site,
            &hash_of(key.expose()),
            app.clock.now(),
            former_until,
        )
        .await?;
    Ok(())
}

/// Registers the keys of sites that were made before keys were kept here. A key that cannot be opened is passed over: the
/// site's next deployment makes another.
pub(crate) async fn register_missing(app: &App) -> Outcome<()> {
    for site in app.store.sites_without_ingest_key_for_background().await? {
        let row = sites::sealed_key_row(site.id);
        match app.vault.open(&row, &site.sealed_key) {
            Ok(key) => register(app, site.workspace, site.id, &key, app.clock.now()).await?,
            Err(error) => {
                tracing::warn!(site.id = %site.id, %error, "the site's key cannot be opened; visits of its Worker are refused until it is deployed again");
            }
        }
    }
    Ok(())
}

/// The site behind a request's key.
///
/// # Errors
///
/// `rate_limited` after many wrong keys from one address, `unauthenticated` for a wrong one.
pub(super) async fn open(app: &AppState, address: IpAddr, headers: &HeaderMap) -> Outcome<Sender> {
    let network = network_of(address);
    let key = bearer(headers);
    let known = key.map(hash_of).and_then(|hash| {
        let key = app.ingest.keys.get(&hash, app.clock.now())?;
        Some((hash, key))
    });
    if let Some((key_hash, key)) = known {
        return Ok(sender(key_hash, &key));
    }
    // Workers of many customers send from the same addresses: somebody's wrong keys must not shut out a good one.
    let was_good = key.is_some_and(|key| app.ingest.keys.was_good(&hash_of(key)));
    if !was_good && let Err(not_until) = WRONG.check_key(&network) {
        let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
        return Err(Problem::new(
            Code::RateLimited,
            "Too many requests with wrong keys came from this address.",
        )
        .cause("The Workers that send from there have no site here, or another server's key.")
        .remedy("Deploy the site again from this server, or remove its Worker.")
        .with_retry_after(wait.as_secs().max(1)));
    }
    let refused = || {
        Problem::new(Code::Unauthenticated, "The key in the Authorization header is no site's.")
            .cause("The site was removed, its key was replaced a while ago, or the Worker was deployed by another server.")
            .remedy("Deploy the site again: its Worker gets the present key.")
    };
    let Some(key) = key else {
        return Err(refused());
    };
    let key_hash = hash_of(key);
    let now = app.clock.now();
    let Some(found) = app.store.ingest_key(&key_hash, now).await? else {
        app.ingest.keys.forget(&key_hash);
        return Err(refused());
    };
    app.ingest.keys.put(&key_hash, &found, now);
    Ok(sender(key_hash, &found))
}

fn sender(key_hash: String, key: &IngestKey) -> Sender {
    Sender {
        workspace: key.workspace,
        site: key.site,
        keeps_network: key.keeps_network,
        key_hash,
    }
}

/// The key, if it has a key's form: nothing else is worth a hash.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let key = text.strip_prefix("Bearer ")?;
    let is_key = key.len() == KEY_LENGTH
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    is_key.then_some(key)
}

/// What counts as one address: of IPv6, the 64 bits that one customer has.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        v4 => v4,
    }
}
