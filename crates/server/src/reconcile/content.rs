//! Brings published content into a site's KV namespace: contents first, then the index that names them, deletions
//! last, so that the index never names what is not there. What the account acknowledged is in the ledger; only the
//! difference is written.

use super::cloudflare_ids::{account_id, namespace_id};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use cloudflare::{Api, BulkPair};
use domain::{
    edge::{INDEX_KEY, MARKER_KEY, VariantMetadata, index_json},
    ids::{DeploymentId, NamespaceId},
    path::PagePath,
    variant::Revision,
};
use std::time::Duration;
use store::{KvWrite, LedgerEntry, Site};

/// The most pairs of one bulk write; the API allows 10,000 (Cloudflare API notes §6.4, official).
const BATCH_PAIRS: u32 = 5_000;

/// The most bytes of one bulk write's values. The API allows 100 MB for the request; base64 and metadata add a half.
const BATCH_BYTES: usize = 50 * 1024 * 1024;

/// How many contents are read from the database at once; each can have 25 MiB.
const READ_AT_ONCE: usize = 32;

/// How often keys that the account did not take are sent again.
const RESENDS: u32 = 3;

/// What a run has done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pushed {
    /// Variants written.
    pub(crate) written: u64,
    /// Keys deleted.
    pub(crate) deleted: u64,
    /// Calls to Cloudflare.
    pub(crate) calls: u32,
    /// The hash of the index that the edge has now.
    pub(crate) index_hash: Option<String>,
}

/// One run for one site.
pub(crate) struct Push<'a> {
    /// The program.
    pub(crate) app: &'a App,
    /// With the site's token.
    pub(crate) api: &'a Api,
    /// Whose content.
    pub(crate) site: &'a Site,
    /// Where to.
    pub(crate) namespace: &'a NamespaceId,
    /// The index that the edge is known to have.
    pub(crate) index_hash: Option<String>,
    /// Whom to tell of progress: a deployment, and how many variants there are.
    pub(crate) listener: Option<(DeploymentId, u64)>,
    /// What was done so far; also right when the run fails.
    pub(crate) done: Pushed,
}

impl<'a> Push<'a> {
    /// A run that has done nothing yet.
    pub(crate) fn new(
        app: &'a App,
        api: &'a Api,
        site: &'a Site,
        namespace: &'a NamespaceId,
        index_hash: Option<String>,
    ) -> Self {
        Self {
            app,
            api,
            site,
            namespace,
            index_hash,
            listener: None,
            done: Pushed::default(),
        }
    }

    /// Writes everything that is published and not acknowledged, then the index, then deletes what is no longer
    /// published.
    pub(crate) async fn run(&mut self) -> Outcome<()> {
        let (workspace, site) = (self.site.workspace, self.site.id);
        loop {
            let diff = self
                .app
                .store
                .pending_kv(workspace, site, BATCH_PAIRS)
                .await?;
            if diff.writes.is_empty() {
                break;
            }
            let before = self.done.written;
            self.write(&diff.writes).await?;
            if self.done.written == before {
                // None of it exists any more: what is wanted by now comes with the next run.
                break;
            }
        }
        self.write_index().await?;
        loop {
            let diff = self
                .app
                .store
                .pending_kv(workspace, site, BATCH_PAIRS)
                .await?;
            if diff.deletes.is_empty() {
                return Ok(());
            }
            self.delete(&diff.deletes).await?;
        }
    }

    /// In batches by size.
    async fn write(&mut self, writes: &[KvWrite]) -> Outcome<()> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for chunk in writes.chunks(READ_AT_ONCE) {
            let revisions: Vec<_> = chunk.iter().map(|write| write.revision.clone()).collect();
            let contents = self
                .app
                .store
                .contents(self.site.workspace, &revisions)
                .await?;
            for write in chunk {
                // Unpublished or deleted since the list was read.
                let Some(content) = contents.get(&write.revision) else {
                    continue;
                };
                if bytes + content.len() > BATCH_BYTES && !batch.is_empty() {
                    self.send(std::mem::take(&mut batch)).await?;
                    self.tell().await;
                    bytes = 0;
                }
                bytes += content.len();
                batch.push((write, pair(write, content)?));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.send(batch).await?;
        self.tell().await;
        Ok(())
    }

    /// Progress that cannot be told is no reason to stop.
    async fn tell(&self) {
        let Some((deployment, total)) = self.listener else {
            return;
        };
        let note = serde_json::json!({
            "resource": "content", "done": self.done.written, "total": total,
        });
        let now = self.app.clock.now();
        if let Err(error) = self.app.store.note_deployment(deployment, now, note).await {
            tracing::warn!(%error, "progress of a deployment was not stored");
        }
        self.app.signals.deployment_changed(deployment);
    }

    /// One bulk write; keys that were not taken are sent again, those that were are acknowledged at once.
    async fn send(&mut self, mut batch: Vec<(&KvWrite, BulkPair)>) -> Outcome<()> {
        let (account, namespace) = (account_id(&self.site.account), namespace_id(self.namespace));
        for attempt in 0..=RESENDS {
            let pairs: Vec<BulkPair> = batch.iter().map(|(_, pair)| pair.clone()).collect();
            self.done.calls += 1;
            let outcome = self.api.bulk_put(&account, &namespace, &pairs).await?;
            let now = self.app.clock.now();
            let (failed, taken): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .partition(|(_, pair)| outcome.unsuccessful.contains(&pair.key));
            let entries: Vec<LedgerEntry> = taken
                .iter()
                .map(|(write, pair)| LedgerEntry {
                    key: pair.key.clone(),
                    format: write.format,
                    path: write.path.clone(),
                    revision: write.revision.clone(),
                    written_at: now,
                })
                .collect();
            self.app
                .store
                .acknowledge_kv(self.site.workspace, self.site.id, &entries)
                .await?;
            self.done.written += entries.len() as u64;
            if failed.is_empty() {
                return Ok(());
            }
            batch = failed;
            tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
        }
        let failed: Vec<_> = batch
            .iter()
            .map(|(write, _)| (write.format, write.path.clone()))
            .collect();
        self.app
            .store
            .mark_kv_failed(self.site.workspace, self.site.id, &failed)
            .await?;
        Err(Problem::new(
            Code::CloudflareUnavailable,
            format!(
                "Workers KV did not take {} of the site's variants, though it was asked {} times.",
                failed.len(),
                RESENDS + 1
            ),
        )
        .cause("Workers KV is disturbed, or the account's daily write limit is reached (1,000 writes a day on the free plan).")
        .remedy("Nothing needs to be done: what is missing is sent again. See https://www.cloudflarestatus.com and the account's KV usage if it stays."))
    }

    async fn write_index(&mut self) -> Outcome<()> {
        let published = self
            .app
            .store
            .published_paths(self.site.workspace, self.site.id)
            .await?;
        let paths: Vec<_> = published
            .iter()
            .filter_map(|(format, path, _)| Some((*format, PagePath::parse(path).ok()?)))
            .collect();
        let index = index_json(paths.iter().map(|(format, path)| (*format, path)));
        let hash = Revision::of(index.as_bytes()).to_string();
        if self.index_hash.as_ref() != Some(&hash) {
            let plain = |key: &str, value: String| BulkPair {
                key: key.to_owned(),
                value,
                base64: false,
                metadata: None,
                expiration: None,
            };
            let mut pairs = vec![plain(INDEX_KEY, index)];
            // With the first index of a namespace goes the mark that says whose it is.
            if self.index_hash.is_none() {
                pairs.push(plain(MARKER_KEY, self.site.id.to_string()));
            }
            let (account, namespace) =
                (account_id(&self.site.account), namespace_id(self.namespace));
            for attempt in 0.. {
                self.done.calls += 1;
                let outcome = self.api.bulk_put(&account, &namespace, &pairs).await?;
                pairs.retain(|pair| outcome.unsuccessful.contains(&pair.key));
                if pairs.is_empty() {
                    break;
                }
                if attempt == RESENDS {
                    return Err(Problem::new(
                        Code::CloudflareUnavailable,
                        "Workers KV did not take the index of the site's variants.",
                    )
                    .cause(
                        "Workers KV is disturbed, or the account's daily write limit is reached.",
                    )
                    .remedy("Nothing needs to be done: it is sent again."));
                }
                tokio::time::sleep(Duration::from_millis(1_100)).await;
            }
            self.index_hash = Some(hash.clone());
        }
        self.done.index_hash = Some(hash);
        Ok(())
    }

    async fn delete(&mut self, keys: &[String]) -> Outcome<()> {
        let (account, namespace) = (account_id(&self.site.account), namespace_id(self.namespace));
        self.done.calls += 1;
        self.api.bulk_delete(&account, &namespace, keys).await?;
        self.app
            .store
            .forget_kv(self.site.workspace, self.site.id, keys)
            .await?;
        self.done.deleted += keys.len() as u64;
        Ok(())
    }
}

/// Contents are UTF-8 (checked when they are saved), so they go as text.
fn pair(write: &KvWrite, content: &[u8]) -> Outcome<BulkPair> {
    let path = PagePath::parse(&write.path).map_err(|error| Problem::internal(&error))?;
    let value = std::str::from_utf8(content).map_err(|error| Problem::internal(&error))?;
    let metadata = VariantMetadata::new(write.revision.clone(), write.format);
    Ok(BulkPair {
        key: path.kv_key(write.format),
        value: value.to_owned(),
        metadata: Some(serde_json::to_value(metadata).map_err(|error| Problem::internal(&error))?),
        base64: false,
        expiration: None,
    })
}
