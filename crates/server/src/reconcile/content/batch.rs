//! Bulk calls, filled to Cloudflare's limits of count and bytes.

use super::{BATCH_KEYS, Push, Stop, quota};
use crate::{
    problem::{Code, Outcome, Problem},
    reconcile::cloudflare_ids::{account_id, namespace_id},
};
use cloudflare::{BulkBody, BulkPair};
use domain::{edge::VariantMetadata, path::PagePath, variant::Revision};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use store::{KvWrite, LedgerEntry};

/// How many bytes of contents are read from the database at once; one content may have more.
const READ_BYTES: u64 = 4 * 1024 * 1024;

/// How many contents are read at once, at most.
const READ_AT_ONCE: usize = 500;

/// How often keys that the account did not take are sent again.
const RESENDS: u32 = 3;

/// What a byte of content becomes in JSON, in percent, for the room that a batch needs: quotation marks and line ends are
/// two bytes each.
const JSON_PERCENT: u64 = 115;

/// What a pair needs beside its content: key, metadata and punctuation.
const PAIR_BYTES: u64 = 300;

const MB: u64 = 1_000_000;

/// Writes up to `most` variants that wait.
pub(super) async fn write(push: &mut Push<'_>, most: u64) -> Result<(), Stop> {
    let mut left = most;
    while left > 0 {
        let count = u32::try_from(left).unwrap_or(u32::MAX).min(BATCH_KEYS);
        let (workspace, site) = (push.site.workspace, push.site.id);
        let writes = push
            .app
            .store
            .pending_writes(workspace, site, count)
            .await?;
        if writes.is_empty() {
            return Ok(());
        }
        let before = push.done.written;
        let sent = send_some(push, &writes).await?;
        if push.done.written == before {
            // None of it exists any more: what is wanted by now comes with the next run.
            return Ok(());
        }
        left = left.saturating_sub(sent);
    }
    Ok(())
}

/// One bulk write with as many of these as fit; keys that were not taken are sent again, those that were are
/// acknowledged at once. Says how many pairs were sent.
async fn send_some(push: &mut Push<'_>, writes: &[KvWrite]) -> Result<u64, Stop> {
    let mut writes: Vec<&KvWrite> = writes.iter().collect();
    let mut sent = 0;
    for attempt in 0..=RESENDS {
        let sizes = sizes(push, &writes).await?;
        let fitting = fitting(&writes, &sizes, push.bytes_max as u64);
        let estimate = fitting.iter().map(|write| size(&sizes, write)).sum::<u64>();
        // One large body at a time in this process: memory is bounded whatever the number of sites.
        let room = push.app.bulk_room.need(estimate / MB + 1).await;
        let (body, of_key) = fill(push, &fitting).await?;
        if of_key.is_empty() {
            return Ok(sent);
        }
        let (pairs, bytes) = (of_key.len() as u64, body.bytes() as u64);
        let failed = send(push, body).await?;
        drop(room);
        sent += pairs;
        let taken = acknowledge(push, &of_key, &failed).await?;
        let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
        store.end_kv_write(workspace, site, taken, bytes).await?;
        push.done.written += taken;
        tell(push).await;
        if failed.is_empty() {
            return Ok(sent);
        }
        writes = of_key
            .into_iter()
            .filter(|(key, _)| failed.contains(key))
            .map(|(_, write)| write)
            .collect();
        tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
    }
    Err(not_taken(push, &writes).await?)
}

/// Sends a body, and counts it; answers with the keys that were not taken.
async fn send(push: &mut Push<'_>, body: BulkBody) -> Result<HashSet<String>, Stop> {
    let (store, workspace, site) = (&push.app.store, push.site.workspace, push.site.id);
    let (account, namespace) = (account_id(&push.site.account), namespace_id(push.namespace));
    let pairs = body.keys().len() as u64;
    store.begin_kv_write(workspace, site).await?;
    push.done.calls += 1;
    // Before the call: whoever is killed in the midst of it may have had its effect.
    let now = push.app.clock.now();
    store
        .count_kv_usage(workspace, &push.site.account, now, pairs, 0)
        .await?;
    let outcome = push.api.bulk_put_body(&account, &namespace, body).await;
    let is_done = outcome
        .as_ref()
        .map_or_else(cloudflare::Error::effect_unknown, |_| true);
    if !is_done {
        store
            .give_back_kv_writes(workspace, &push.site.account, now, pairs)
            .await?;
    }
    match outcome {
        Ok(outcome) => Ok(outcome.unsuccessful.into_iter().collect()),
        Err(error) => {
            if !is_done && !quota::is_spent(&error) {
                // Nothing was done: there is nothing to be unsure of. (Of a batch that went over the quota a part may have.)
                store.end_kv_write(workspace, site, 0, 0).await?;
            }
            Err(Stop::of(error))
        }
    }
}

async fn acknowledge(
    push: &Push<'_>,
    of_key: &HashMap<String, &KvWrite>,
    failed: &HashSet<String>,
) -> Outcome<u64> {
    let now = push.app.clock.now();
    let entries: Vec<LedgerEntry> = of_key
        .iter()
        .filter(|(key, _)| !failed.contains(*key))
        .map(|(key, write)| LedgerEntry {
            key: key.clone(),
            format: write.format,
            path: write.path.clone(),
            revision: write.revision.clone(),
            written_at: now,
        })
        .collect();
    push.app
        .store
        .acknowledge_kv(push.site.workspace, push.site.id, &entries)
        .await?;
    Ok(entries.len() as u64)
}

/// Bytes of each content.
async fn sizes(push: &Push<'_>, writes: &[&KvWrite]) -> Outcome<HashMap<Revision, u64>> {
    let revisions: Vec<Revision> = writes.iter().map(|write| write.revision.clone()).collect();
    Ok(push
        .app
        .store
        .content_sizes(push.site.workspace, &revisions)
        .await?)
}

/// What a pair takes in a body, as far as it can be told before.
fn size(sizes: &HashMap<Revision, u64>, write: &KvWrite) -> u64 {
    let content = sizes.get(&write.revision).copied().unwrap_or(0);
    content * JSON_PERCENT / 100 + PAIR_BYTES
}

/// The first of these, as many as fit; one at least.
fn fitting<'w>(
    writes: &[&'w KvWrite],
    sizes: &HashMap<Revision, u64>,
    bytes_max: u64,
) -> Vec<&'w KvWrite> {
    let mut bytes = 0;
    writes
        .iter()
        .copied()
        .enumerate()
        .take_while(|(at, write)| {
            bytes += size(sizes, write);
            *at == 0 || bytes <= bytes_max
        })
        .map(|(_, write)| write)
        .collect()
}

/// The body for these, until it is full, and what its keys stand for. Contents are read piece by piece and kept only in the
/// body.
async fn fill<'w>(
    push: &Push<'_>,
    writes: &[&'w KvWrite],
) -> Outcome<(BulkBody, HashMap<String, &'w KvWrite>)> {
    let mut body = BulkBody::new(push.bytes_max);
    let mut of_key = HashMap::with_capacity(writes.len());
    let sizes = sizes(push, writes).await?;
    let mut rest = writes;
    while !rest.is_empty() {
        let mut bytes = 0;
        let count = rest
            .iter()
            .take(READ_AT_ONCE)
            .take_while(|write| {
                let fits = bytes < READ_BYTES;
                bytes += size(&sizes, write);
                fits
            })
            .count();
        let (now, later) = rest.split_at(count);
        rest = later;
        let revisions: Vec<_> = now.iter().map(|write| write.revision.clone()).collect();
        let mut contents = push
            .app
            .store
            .contents(push.site.workspace, &revisions)
            .await?;
        // Two paths may have the same content: the last one that needs it takes it.
        let mut needed: HashMap<&Revision, usize> = HashMap::new();
        for write in now {
            *needed.entry(&write.revision).or_default() += 1;
        }
        for write in now {
            let uses = needed.entry(&write.revision).or_default();
            *uses -= 1;
            let content = if *uses == 0 {
                contents.remove(&write.revision)
            } else {
                contents.get(&write.revision).cloned()
            };
            // Unpublished or deleted since the list was read.
            let Some(content) = content else { continue };
            let pair = pair(write, content)?;
            let fits = body
                .push(&pair)
                .map_err(|why| cannot_be_sent(write, &why))?;
            if !fits {
                return Ok((body, of_key));
            }
            of_key.insert(pair.key, *write);
        }
    }
    Ok((body, of_key))
}

/// Contents are UTF-8 (checked when they are saved), so they go as text.
fn pair(write: &KvWrite, content: Vec<u8>) -> Outcome<BulkPair> {
    let path = PagePath::parse(&write.path).map_err(|error| Problem::internal(&error))?;
    let value = String::from_utf8(content).map_err(|error| Problem::internal(&error))?;
    let metadata = VariantMetadata::new(write.revision.clone(), write.format);
    Ok(BulkPair {
        key: path.kv_key(write.format),
        value,
        metadata: Some(serde_json::to_value(metadata).map_err(|error| Problem::internal(&error))?),
        base64: false,
        expiration: None,
    })
}

fn cannot_be_sent(write: &KvWrite, why: &str) -> Problem {
    Problem::new(
        Code::CloudflareUnavailable,
        format!(
            "The variant {} of {} cannot be written to Workers KV: {why}.",
            write.format, write.path
        ),
    )
    .cause("It is over a limit of Workers KV.")
    .remedy("Make its content smaller, or unpublish it.")
}

async fn not_taken(push: &Push<'_>, writes: &[&KvWrite]) -> Outcome<Stop> {
    let failed: Vec<_> = writes
        .iter()
        .map(|write| (write.format, write.path.clone()))
        .collect();
    push.app
        .store
        .mark_kv_failed(push.site.workspace, push.site.id, &failed)
        .await?;
    Ok(Stop::from(
        Problem::new(
            Code::CloudflareUnavailable,
            format!(
                "Workers KV did not take {} of the site's variants, though it was asked {} times.",
                failed.len(),
                RESENDS + 1
            ),
        )
        .cause("Workers KV is disturbed.")
        .remedy("Nothing needs to be done: what is missing is sent again. See https://www.cloudflarestatus.com if it stays."),
    ))
}

/// Progress that cannot be told is no reason to stop.
async fn tell(push: &Push<'_>) {
    push.app.signals.sync_changed(push.site.id);
    let Some((deployment, total)) = push.listener else {
        return;
    };
    let note = serde_json::json!({
        "resource": "content", "done": push.done.written, "total": total,
    });
    let now = push.app.clock.now();
    if let Err(error) = push.app.store.note_deployment(deployment, now, note).await {
        tracing::warn!(%error, "progress of a deployment was not stored");
    }
    push.app.signals.deployment_changed(deployment);
}

/// Deletes up to `most` keys of what is not published any more.
pub(super) async fn delete(push: &mut Push<'_>, most: u64) -> Result<(), Stop> {
    let mut left = most;
    while left > 0 {
        let count = u32::try_from(left).unwrap_or(u32::MAX).min(BATCH_KEYS);
        let (workspace, site) = (push.site.workspace, push.site.id);
        let keys = push
            .app
            .store
            .pending_deletes(workspace, site, count)
            .await?;
        if keys.is_empty() {
            return Ok(());
        }
        delete_keys(push, &keys).await?;
        let store = &push.app.store;
        store.forget_kv(workspace, site, &keys).await?;
        store
            .end_kv_write(workspace, site, keys.len() as u64, 0)
            .await?;
        push.done.deleted += keys.len() as u64;
        left -= keys.len() as u64;
        tell(push).await;
    }
    Ok(())
}

/// One bulk deletion; keys that were not taken are sent again.
pub(super) async fn delete_keys(push: &mut Push<'_>, keys: &[String]) -> Result<(), Stop> {
    let (account, namespace) = (account_id(&push.site.account), namespace_id(push.namespace));
    let mut keys = keys.to_vec();
    for attempt in 0..=RESENDS {
        push.done.calls += 1;
        let outcome = push
            .api
            .bulk_delete(&account, &namespace, &keys)
            .await
            .map_err(Stop::of)?;
        push.app
            .store
            .count_kv_usage(
                push.site.workspace,
                &push.site.account,
                push.app.clock.now(),
                0,
                keys.len() as u64,
            )
            .await?;
        if outcome.unsuccessful.is_empty() {
            return Ok(());
        }
        keys = outcome.unsuccessful;
        tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
    }
    Err(Stop::from(
        Problem::new(
            Code::CloudflareUnavailable,
            format!("Workers KV did not delete {} keys.", keys.len()),
        )
        .cause("Workers KV is disturbed.")
        .remedy("Nothing needs to be done: it is tried again."),
    ))
}
