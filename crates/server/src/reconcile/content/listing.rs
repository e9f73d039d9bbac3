//! What KV lists, held against the ledger: at the first run, after a restore or an unknown outcome, when the ledger was lost,
//! and once a day. Metadata tell the revision, so no value is read; afterwards only true differences are pending.

use super::{Push, Stop, batch::delete_keys};
use crate::{
    problem::Outcome,
    reconcile::cloudflare_ids::{account_id, namespace_id},
};
use cloudflare::KeyEntry;
use domain::{
    edge::{
        VariantMetadata,
        index::{FILTER_PREFIX, INDEX_KEY},
    },
    path::{KV_KEY_MAX, PagePath},
    time::Millis,
    variant::Format,
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};
use store::{ListedKey, RetiredFilter, SyncState, WrittenIndex};

/// How many rows of the ledger are read at once.
const READ_ROWS: u64 = 10_000;

/// Paths of so many bytes may have keys that do not tell them: the key's prefix takes a few more.
const LONG_PATH: u64 = KV_KEY_MAX as u64 - 20;

/// What stands at the index's key, from its metadata.
#[derive(serde::Deserialize)]
struct PointerMetadata {
    #[serde(rename = "m")]
    manifest: i64,
    #[serde(rename = "h")]
    hash: String,
    #[serde(default, rename = "f")]
    filter: Option<String>,
}

/// What was seen, in a size that does not grow with the length of keys.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    /// Hashes of the keys that the ledger may know.
    keys: Vec<u64>,
    pointer: Option<PointerMetadata>,
    filters: Vec<String>,
    /// Keys of ours that stand for nothing.
    strays: Vec<String>,
}

/// Lists all keys, corrects the ledger, and `state` with what is known of the index.
pub(super) async fn compare(push: &mut Push<'_>, state: &mut SyncState) -> Result<(), Stop> {
    let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
    let now = push.app.clock.now();
    let long: HashMap<String, (Format, String)> = store
        .long_paths(workspace, site, LONG_PATH)
        .await?
        .into_iter()
        .filter_map(|(format, path)| {
            let key = PagePath::parse(&path).ok()?.kv_key(format);
            Some((key, (format, path)))
        })
        .collect();
    let (account, namespace) = (account_id(&push.site.account), namespace_id(push.namespace));
    let mut seen = Seen::default();
    let mut cursor = None;
    loop {
        push.done.calls += 1;
        let page = push
            .api
            .list_keys(&account, &namespace, None, cursor.as_deref())
            .await
            .map_err(Stop::of)?;
        let listed: Vec<ListedKey> = page
            .keys
            .into_iter()
            .filter_map(|key| seen.look(key, &long))
            .collect();
        store
            .take_over_listed(workspace, site, &listed, now)
            .await?;
        cursor = page.cursor.filter(|cursor| !cursor.is_empty());
        if cursor.is_none() {
            break;
        }
    }
    forget_unseen(push, &mut seen).await?;
    learn_of_index(push, state, &seen, now).await?;
    for keys in seen.strays.chunks(10_000) {
        delete_keys(push, keys).await?;
    }
    Ok(())
}

impl Seen {
    /// What a key of the list is; a variant's comes back.
    fn look(
        &mut self,
        entry: KeyEntry,
        long: &HashMap<String, (Format, String)>,
    ) -> Option<ListedKey> {
        if entry.name == INDEX_KEY {
            self.pointer = entry
                .metadata
                .and_then(|metadata| serde_json::from_value(metadata).ok());
            return None;
        }
        if entry.name.starts_with(FILTER_PREFIX) {
            self.filters.push(entry.name);
            return None;
        }
        // Drafts for previews, and what is not ours: not the sync's.
        if !entry.name.starts_with("v/") && !entry.name.starts_with("h/") {
            return None;
        }
        // What has other metadata is not served, and nothing that we wrote.
        let metadata: VariantMetadata = serde_json::from_value(entry.metadata?).ok()?;
        let found = if entry.name.starts_with("h/") {
            long.get(&entry.name).cloned()
        } else {
            page_of(&entry.name)
        };
        let Some((format, path)) = found else {
            self.strays.push(entry.name);
            return None;
        };
        self.keys.push(self.hasher.hash_one(&entry.name));
        Some(ListedKey {
            key: entry.name,
            format,
            path,
            revision: metadata.revision,
        })
    }

    /// Sorts what was seen, so that it can be asked.
    fn sort(&mut self) {
        self.keys.sort_unstable();
    }

    fn has(&self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key);
        self.keys.binary_search(&hash).is_ok()
    }
}

/// The page whose variant has this key, if it is one of ours.
fn page_of(key: &str) -> Option<(Format, String)> {
    let rest = key.strip_prefix("v/")?;
    Format::ALL.into_iter().find_map(|format| {
        let path = rest.strip_prefix(format.as_str())?;
        let page = PagePath::parse(path).ok()?;
        (page.kv_key(format) == key).then(|| (format, path.to_owned()))
    })
}

/// What the ledger says is there, and the list does not.
async fn forget_unseen(push: &Push<'_>, seen: &mut Seen) -> Outcome<()> {
    seen.sort();
    let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
    let mut after = None;
    loop {
        let entries = store
            .ledger_entries(workspace, site, after.as_ref(), READ_ROWS)
            .await?;
        after = entries
            .last()
            .map(|entry| (entry.format, entry.path.clone()));
        let is_last = (entries.len() as u64) < READ_ROWS;
        let missing: Vec<(Format, String)> = entries
            .into_iter()
            .filter(|entry| !seen.has(&entry.key))
            .map(|entry| (entry.format, entry.path))
            .collect();
        if !missing.is_empty() {
            store.forget_kv_paths(workspace, site, &missing).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// An index that is whole is taken over, so that nothing is written when nothing differs.
async fn learn_of_index(
    push: &Push<'_>,
    state: &mut SyncState,
    seen: &Seen,
    now: Millis,
) -> Outcome<()> {
    let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
    let there = seen.pointer.as_ref().filter(|pointer| {
        let filter = pointer.filter.as_ref();
        filter.is_none_or(|key| seen.filters.contains(key))
    });
    let known = there.is_some_and(|pointer| {
        state.index_hash.as_ref() == Some(&pointer.hash)
            && state.manifest == Some(Millis(pointer.manifest))
    });
    let in_use = there.and_then(|pointer| pointer.filter.clone());
    let since = |key: &String| {
        let kept = state.retired.iter().find(|filter| filter.key == *key);
        kept.map_or(now, |filter| filter.at)
    };
    let retired: Vec<RetiredFilter> = seen
        .filters
        .iter()
        .filter(|key| Some(*key) != in_use.as_ref())
        .map(|key| RetiredFilter {
            key: key.clone(),
            at: since(key),
        })
        .collect();
    match there {
        Some(pointer) if !known => {
            let written = WrittenIndex {
                manifest: Millis(pointer.manifest),
                hash: pointer.hash.clone(),
                filter_key: pointer.filter.clone(),
                filter: None,
                retired: retired.clone(),
            };
            // Whatever this program wrote since the index that is there is not in it.
            let is_changed = state.is_changed;
            store.keep_index(workspace, site, &written).await?;
            state.manifest = Some(Ord::max(
                written.manifest,
                state.manifest.unwrap_or(written.manifest),
            ));
            state.index_hash = Some(written.hash);
            state.filter_key = written.filter_key;
            state.is_changed = is_changed;
        }
        Some(_) => {}
        None => {
            state.index_hash = None;
            state.filter_key = None;
        }
    }
    state.retired.clone_from(&retired);
    state.listed_at = Some(now);
    store.keys_listed(workspace, site, now, &retired).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variants_of_ours_are_strays() {
        let entry = |name: &str| KeyEntry {
            name: name.to_owned(),
            metadata: Some(serde_json::json!({ "r": "ab".repeat(32), "t": "text/html" })),
            expiration: None,
        };
        let mut seen = Seen::default();
        for name in ["p/0123456789abcdef", "edge-delivery", "theirs", "v/html/a"] {
            seen.look(entry(name), &HashMap::new());
        }
        assert!(seen.strays.is_empty(), "{:?}", seen.strays);
        seen.look(entry("h/html/ff"), &HashMap::new());
        seen.look(entry("v/html/../a"), &HashMap::new());
        assert_eq!(seen.strays, ["h/html/ff", "v/html/../a"]);
    }

    #[test]
    fn keys_tell_their_pages() {
        let page = |key: &str| page_of(key).map(|(format, path)| format!("{format} {path}"));
        assert_eq!(page("v/html/"), Some("html /".to_owned()));
        assert_eq!(page("v/markdown/a/b"), Some("markdown /a/b".to_owned()));
        assert_eq!(page("v/html/caf%C3%A9"), Some("html /caf%C3%A9".to_owned()));
        for other in [
            "",
            "v/",
            "v/html",
            "v/htmlx/a",
            "v/html/../a",
            "v/html/a?b",
            "v/html/é",
            "x/html/a",
            "index",
        ] {
            assert_eq!(page(other), None, "{other}");
        }
    }
}
