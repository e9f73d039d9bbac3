//! What agents are verified by: the operators' lists, kept up to date, and the judgement of a visit by them.
//!
//! The lists are in the database, as they were over time, and in memory, ready to be asked. [`judge`] touches neither network nor
//! database. The lists are read again when a fetch changed them, here or in another process.

use crate::{
    app::App,
    list_client::Fetched,
    problem::{Outcome, Problem},
    services::agents,
};
use domain::{
    agents::Agent,
    identity::{
        self, Content, GRACE, Judgement, ListKind, Lists, SignatureParts, Source, Version,
        published,
    },
    time::Millis,
};
use sha2::{Digest, Sha256};
use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use store::{FetchEnd, FetchLease, ListOrigin, ListVersion, VerificationList, VersionsStamp};

mod ask;
mod standing;

pub(crate) use ask::{Asked, ask, in_words};
pub(crate) use standing::{Freshness, Standing, standings};

/// How long a lease on a list holds: longer than a fetch takes.
pub(crate) const LEASE_SECONDS: i64 = 60;
/// A list that lost more than half is believed when it stayed so for a day.
const DOUBT: i64 = 86_400_000;
/// The first pause after a failed fetch; it doubles up to the usual one.
const AFTER_FAILURE: Duration = Duration::from_secs(10 * 60);
/// How far back visits are judged by the lists of their time: a week. Visits that come later than that have no address any more.
const REMEMBERED: i64 = 7 * 86_400_000;
/// How long former versions are kept, in seconds: 400 days.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// The lists in memory, and which versions they were read from.
#[derive(Debug, Default)]
pub(crate) struct ListsInMemory(RwLock<(Arc<Lists>, VersionsStamp)>);

impl ListsInMemory {
    /// The lists as they are now.
    pub(crate) fn get(&self) -> Arc<Lists> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.0.clone()
    }

    fn is_of(&self, stamp: &VersionsStamp) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1 == *stamp
    }

    fn set(&self, lists: Lists, stamp: VersionsStamp) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(lists), stamp);
    }
}

/// Judges a visit. The address is not kept by this.
pub(crate) fn judge(
    lists: &Lists,
    agent: &Agent,
    address: Option<IpAddr>,
    signature: Option<&SignatureParts>,
    at: Millis,
) -> Judgement {
    let finding = identity::check(signature, &agent.operator, lists, at);
    identity::judge(agent, address, finding, lists, at)
}

/// The lists of the agents in the registry in force.
pub(crate) async fn sources(app: &App) -> Outcome<Vec<Source>> {
    let registry = agents::active(app, app.workspace).await?;
    Ok(identity::sources::sources(registry.agents()))
}

async fn urls(app: &App) -> Outcome<Vec<String>> {
    let sources = sources(app).await?;
    Ok(sources.into_iter().map(|source| source.url).collect())
}

/// Makes the lists known, stores what came with the program, and reads them all into memory.
pub(crate) async fn prepare(app: &App) -> Outcome<()> {
    let known: Vec<(String, ListKind)> = sources(app)
        .await?
        .into_iter()
        .map(|source| (source.url, source.kind))
        .collect();
    app.store
        .ensure_verification_lists(&known, app.clock.now())
        .await?;
    for version in identity::start::versions() {
        let shipped = ListVersion {
            origin: ListOrigin::Shipped,
            hash: hash(&version.content),
            version,
        };
        app.store.ship_list_version(&shipped).await?;
    }
    load(app).await
}

async fn load(app: &App) -> Outcome<()> {
    // Before the versions: what is stored in between is read again the next time.
    let stamp = app.store.list_versions_stamp().await?;
    let since = Millis(app.clock.now().0 - REMEMBERED - GRACE);
    let versions = app.store.list_versions_since(since).await?;
    app.lists
        .set(Lists::new(&sources(app).await?, versions), stamp);
    Ok(())
}

/// Reads the lists again if something was stored since, by whichever process.
pub(crate) async fn reload_if_changed(app: &App) -> Outcome<()> {
    if app.lists.is_of(&app.store.list_versions_stamp().await?) {
        return Ok(());
    }
    load(app).await
}

/// Forgets versions of long ago.
pub(crate) async fn forget_old(app: &App) -> Outcome<()> {
    let before = app.clock.now().plus_seconds(-KEPT_SECONDS);
    Ok(app.store.delete_list_versions_before(before).await?)
}

/// Lets every list be fetched now.
pub(crate) async fn refresh(app: &App) -> Outcome<()> {
    app.store
        .hurry_list_fetches(&urls(app).await?, app.clock.now())
        .await?;
    app.signals.wake_lists();
    Ok(())
}

/// Takes a list that is to be fetched.
pub(crate) async fn lease(app: &App) -> Outcome<Option<FetchLease>> {
    let now = app.clock.now();
    let until = now.plus_seconds(LEASE_SECONDS);
    Ok(app
        .store
        .lease_list_fetch(&urls(app).await?, &app.process, now, until)
        .await?)
}

/// Fetches a leased list and stores how that went.
pub(crate) async fn fetch(app: &App, lease: &FetchLease) -> Outcome<()> {
    // An ETag of a list that is not there any more would bring nothing back.
    let is_fetched = |held: &ListVersion| held.origin == ListOrigin::Fetched;
    let etag = lease
        .etag
        .as_deref()
        .filter(|_| lease.current.as_ref().is_some_and(is_fetched));
    let answer = app.list_client.fetch(&lease.url, etag).await;
    let now = app.clock.now();
    let end = match answer {
        Ok(Fetched::NotModified) => FetchEnd::Same {
            etag: lease.etag.clone(),
        },
        Ok(Fetched::Body { bytes, etag }) => read(lease, &bytes, etag, now),
        Err(error) => FetchEnd::Failed {
            error,
            doubted: lease.doubted.clone(),
        },
    };
    let next = next_fetch(app, &end, lease.failures)?;
    app.store
        .finish_list_fetch(&lease.url, &app.process, now, next, &end)
        .await?;
    match &end {
        FetchEnd::Failed { error, .. } => {
            tracing::warn!(
                list.url = lease.url,
                error,
                "a verification list could not be used; what was there stays"
            );
        }
        FetchEnd::New { .. } => {
            tracing::info!(list.url = lease.url, "a verification list has changed");
        }
        FetchEnd::Same { .. } => {
            tracing::debug!(list.url = lease.url, "a verification list is as it was");
        }
    }
    Ok(())
}

/// What came of a body.
fn read(lease: &FetchLease, bytes: &[u8], etag: Option<String>, now: Millis) -> FetchEnd {
    let content = match lease.kind {
        ListKind::Ranges => published::ranges(bytes).map(Content::Ranges),
        ListKind::Keys => published::keys(bytes).map(Content::Keys),
    };
    let content = match content {
        Ok(content) => content,
        Err(error) => {
            return FetchEnd::Failed {
                error: error.to_string(),
                doubted: lease.doubted.clone(),
            };
        }
    };
    let hash = hash(&content);
    let is_fetched = |held: &&ListVersion| held.origin == ListOrigin::Fetched;
    let current = lease.current.as_ref().filter(is_fetched);
    if current.is_some_and(|current| current.hash == hash) {
        return FetchEnd::Same { etag };
    }
    if let Some(former) = current
        && let (Content::Ranges(former), Content::Ranges(new)) = (&former.version.content, &content)
        && published::is_shrunk(former, new)
    {
        let since = lease
            .doubted
            .as_ref()
            .filter(|(doubted, _)| *doubted == hash)
            .map_or(now, |(_, since)| *since);
        if now.0 - since.0 < DOUBT {
            return FetchEnd::Failed {
                error: format!(
                    "it lacks more than half of what it held ({} prefixes, now {}); it is taken when it stays so for a day",
                    former.len(),
                    new.len()
                ),
                doubted: Some((hash, since)),
            };
        }
    }
    FetchEnd::New {
        etag,
        version: ListVersion {
            origin: ListOrigin::Fetched,
            hash,
            version: Version {
                url: lease.url.clone(),
                valid_from: now,
                valid_until: None,
                confirmed_at: now,
                content,
            },
        },
    }
}

fn hash(content: &Content) -> String {
    let text = match content {
        Content::Ranges(prefixes) => serde_json::to_vec(prefixes),
        Content::Keys(keys) => serde_json::to_vec(keys),
    };
    hex::encode(Sha256::digest(text.unwrap_or_default()))
}

/// When the list is fetched again: after the usual time, a tenth more or less; after failures sooner.
fn next_fetch(app: &App, end: &FetchEnd, failures: u32) -> Outcome<Millis> {
    let every = app
        .config
        .verification_every
        .unwrap_or(crate::config::VERIFICATION_EVERY);
    let span = match end {
        FetchEnd::Failed { .. } => Ord::min(
            every,
            AFTER_FAILURE.saturating_mul(1 << Ord::min(failures, 10)),
        ),
        FetchEnd::Same { .. } | FetchEnd::New { .. } => every,
    };
    let random = getrandom::u32().map_err(|error| Problem::internal(&error))?;
    let factor = 0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX);
    let span = i64::try_from(span.mul_f64(factor).as_millis()).unwrap_or(i64::MAX);
    Ok(Millis(app.clock.now().0.saturating_add(span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn lease(current: Option<&str>, origin: ListOrigin) -> FetchLease {
        let content =
            |text: &str| Content::Ranges(published::ranges(text.as_bytes()).expect("a list"));
        FetchLease {
            url: "https://bot.example/list".to_owned(),
            kind: ListKind::Ranges,
            failures: 0,
            etag: None,
            doubted: None,
            current: current.map(|text| ListVersion {
                origin,
                hash: hash(&content(text)),
                version: Version {
                    url: "https://bot.example/list".to_owned(),
                    valid_from: NOW,
                    valid_until: None,
                    confirmed_at: NOW,
                    content: content(text),
                },
            }),
        }
    }

    const FOUR: &str = "192.0.2.0/28\n192.0.2.32/28\n192.0.2.64/28\n192.0.2.96/28";

    #[test]
    fn a_list_that_shrank_is_taken_after_a_day() {
        let mut leased = lease(Some(FOUR), ListOrigin::Fetched);
        let at = |lease: &FetchLease, hours: i64, body: &str| {
            read(
                lease,
                body.as_bytes(),
                None,
                Millis(NOW.0 + hours * 3_600_000),
            )
        };
        let one = "192.0.2.0/28";
        let FetchEnd::Failed { error, doubted } = at(&leased, 0, one) else {
            panic!("it is doubted");
        };
        assert!(error.contains("4 prefixes, now 1"), "{error}");
        leased.doubted = doubted;
        // Something that cannot be read in between does not start the day anew.
        let FetchEnd::Failed { doubted, .. } = at(&leased, 5, "<html>") else {
            panic!("it is no list");
        };
        assert_eq!(doubted, leased.doubted);
        assert!(matches!(at(&leased, 23, one), FetchEnd::Failed { .. }));
        assert!(matches!(at(&leased, 24, one), FetchEnd::New { .. }));
        // Another small list has a day of its own.
        assert!(matches!(
            at(&leased, 24, "192.0.2.32/28"),
            FetchEnd::Failed { .. }
        ));
        assert!(matches!(at(&leased, 1, FOUR), FetchEnd::Same { .. }));
    }

    #[test]
    fn what_came_with_the_program_gives_way() {
        let shipped = lease(Some(FOUR), ListOrigin::Shipped);
        let taken = read(&shipped, b"198.51.100.0/28", None, NOW);
        assert!(matches!(taken, FetchEnd::New { .. }));
        let same = read(&shipped, FOUR.as_bytes(), None, NOW);
        assert!(
            matches!(same, FetchEnd::New { .. }),
            "it is known to be so today"
        );
        let first = read(
            &lease(None, ListOrigin::Fetched),
            b"198.51.100.0/28",
            None,
            NOW,
        );
        assert!(matches!(first, FetchEnd::New { .. }));
    }
}
