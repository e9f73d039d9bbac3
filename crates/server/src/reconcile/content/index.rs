//! The index of paths at the edge, and with it the manifest's revision.

use super::{Push, Stop, batch::delete_keys};
use crate::{
    problem::{Code, Outcome, Problem},
    reconcile::cloudflare_ids::{account_id, namespace_id},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudflare::BulkPair;
use domain::{
    edge::{
        MARKER_KEY,
        index::{Filter, INDEX_KEY, Index, PathSet},
    },
    time::Millis,
};
use std::time::Duration;
use store::{RetiredFilter, SyncState, WrittenIndex};

/// How many paths are read from the database at once.
const READ_PATHS: u64 = 20_000;

/// How often the index is sent again when the account did not take it.
const RESENDS: u32 = 3;

/// Between two writes of the same key: KV takes one a second (Cloudflare API notes §6.6, official).
const SAME_KEY: Duration = Duration::from_millis(1_100);

/// How long a filter is kept after the index stopped naming it, in milliseconds. A location may answer with an index of 30
/// seconds ago, an isolate believes its own for 15, and KV tells of writes within a minute or so (§6.6, official).
const RETIRED_FOR_MS: i64 = 10 * 60 * 1000;

/// The most deletions of old filters in one run.
const RETIRED_AT_ONCE: usize = 100;

/// Writes the index, if the set of paths is another one or anything was written since.
pub(super) async fn write(push: &mut Push<'_>, state: &SyncState) -> Result<(), Stop> {
    let set = live_set(push).await?;
    let hash = set.hash();
    if state.index_hash.as_ref() == Some(&hash) && !state.is_changed {
        return Ok(());
    }
    let index = arrange(push, state, set).await?;
    let now = push.app.clock.now();
    let manifest = Millis(Ord::max(now.0, state.manifest.map_or(0, |last| last.0 + 1)));
    let filter_key = index.filter.as_ref().map(Filter::key);
    if index.is_filter_new
        && let (Some(filter), Some(key)) = (&index.filter, &filter_key)
    {
        // Before the index that names it.
        put(push, vec![binary(key, filter.bytes(), None)]).await?;
    }
    let metadata = serde_json::json!({ "m": manifest.0, "h": hash, "f": filter_key });
    let mut pairs = vec![binary(
        INDEX_KEY,
        &index.pointer(manifest.0),
        Some(metadata),
    )];
    if state.manifest.is_none() {
        // With the first index of a namespace goes the mark that says whose it is.
        pairs.push(BulkPair {
            key: MARKER_KEY.to_owned(),
            value: push.site.id.to_string(),
            ..BulkPair::default()
        });
    }
    put(push, pairs).await?;
    let mut retired = state.retired.clone();
    retired.retain(|filter| Some(&filter.key) != filter_key.as_ref());
    if let Some(old) = &state.filter_key
        && Some(old) != filter_key.as_ref()
    {
        let key = old.clone();
        retired.push(RetiredFilter { key, at: now });
    }
    let written = WrittenIndex {
        manifest,
        hash,
        filter: index
            .filter
            .filter(|_| index.is_filter_new)
            .map(|filter| filter.bytes().to_vec()),
        filter_key,
        retired,
    };
    push.app
        .store
        .keep_index(push.site.workspace, push.site.id, &written)
        .await?;
    Ok(())
}

/// The paths that have a variant at the edge now, and shall keep it.
async fn live_set(push: &Push<'_>) -> Outcome<PathSet> {
    let mut set = PathSet::default();
    let mut after = None;
    loop {
        let paths = push
            .app
            .store
            .live_paths(
                push.site.workspace,
                push.site.id,
                after.as_ref(),
                READ_PATHS,
            )
            .await?;
        for (format, path) in &paths {
            set.add(*format, path);
        }
        let is_last = (paths.len() as u64) < READ_PATHS;
        after = paths.into_iter().next_back();
        if is_last || after.is_none() {
            return Ok(set.sorted());
        }
    }
}

/// On the filter that the edge has, if it is kept here.
async fn arrange(push: &Push<'_>, state: &SyncState, set: PathSet) -> Outcome<Index> {
    let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
    let kept = match &state.filter_key {
        None => None,
        Some(key) => store
            .index_filter(workspace, site)
            .await?
            .and_then(Filter::read)
            .filter(|filter| filter.key() == *key),
    };
    tokio::task::spawn_blocking(move || Index::of(&set, kept))
        .await
        .map_err(|error| Problem::internal(&error))
}

fn binary(key: &str, bytes: &[u8], metadata: Option<serde_json::Value>) -> BulkPair {
    BulkPair {
        key: key.to_owned(),
        value: STANDARD.encode(bytes),
        base64: true,
        metadata,
        expiration: None,
    }
}

async fn put(push: &mut Push<'_>, mut pairs: Vec<BulkPair>) -> Result<(), Stop> {
    let (account, namespace) = (account_id(&push.site.account), namespace_id(push.namespace));
    for attempt in 0..=RESENDS {
        push.done.calls += 1;
        let outcome = push
            .api
            .bulk_put(&account, &namespace, &pairs)
            .await
            .map_err(Stop::of)?;
        push.app
            .store
            .count_kv_usage(
                push.site.workspace,
                &push.site.account,
                push.app.clock.now(),
                pairs.len() as u64,
                0,
            )
            .await?;
        pairs.retain(|pair| outcome.unsuccessful.contains(&pair.key));
        if pairs.is_empty() {
            return Ok(());
        }
        if attempt < RESENDS {
            tokio::time::sleep(SAME_KEY).await;
        }
    }
    Err(Stop::from(
        Problem::new(
            Code::CloudflareUnavailable,
            "Workers KV did not take the index of the site's variants.",
        )
        .cause("Workers KV is disturbed.")
        .remedy("Nothing needs to be done: it is sent again."),
    ))
}

/// Deletes filters that nobody reads any more.
pub(super) async fn delete_retired(push: &mut Push<'_>) -> Result<(), Stop> {
    let (workspace, site, now) = (push.site.workspace, push.site.id, push.app.clock.now());
    let state = push.app.store.sync_state(workspace, site).await?;
    let due: Vec<String> = state
        .retired
        .iter()
        .filter(|filter| now.0 - filter.at.0 >= RETIRED_FOR_MS)
        .take(RETIRED_AT_ONCE)
        .map(|filter| filter.key.clone())
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    delete_keys(push, &due).await?;
    let mut left = state.retired;
    left.retain(|filter| !due.contains(&filter.key));
    push.app.store.keep_retired(workspace, site, &left).await?;
    Ok(())
}
