use crate::{
    samples::{after, revision, site},
    world::World,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use store::{
    ListedKey, PendingCounts, RetiredFilter, SyncPause, SyncPauseReason, SyncState, WrittenIndex,
};
use uuid::Uuid;

async fn with_pages(world: &World, paths: &[&str]) -> SiteId {
    let site = site(world.workspace, 1, &["shop.example"]);
    world.store.create_site(&site).await.expect("stored");
    for path in paths {
        let new = revision(site.id, path, b"1");
        world
            .store
            .save_revision(world.workspace, &new)
            .await
            .expect("saved");
    }
    site.id
}

fn listed(path: &str, content: &str) -> ListedKey {
    ListedKey {
        key: format!("v/html{path}"),
        format: Format::Html,
        path: path.to_owned(),
        revision: Revision::of(content.as_bytes()),
    }
}

async fn waiting(world: &World, site: SiteId) -> (u64, u64) {
    let PendingCounts { writes, deletes } = world
        .store
        .pending_counts(world.workspace, site)
        .await
        .expect("reads");
    (writes, deletes)
}

/// A ledger that was lost is filled again by what KV lists: what is there as wanted is no work, what is there otherwise is
/// written, what nobody published is deleted, and what is not there is written.
pub(crate) async fn a_lost_ledger_is_filled_by_the_list(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_pages(&world, &["/a", "/b", "/c", "/d"]).await;
    assert_eq!(waiting(&world, site).await, (4, 0));
    let there = [listed("/a", "1"), listed("/b", "old"), listed("/x", "1")];
    let taken = store
        .take_over_listed(workspace, site, &there, after(5))
        .await
        .expect("writes");
    assert_eq!(taken, 3);
    assert_eq!(waiting(&world, site).await, (3, 1));
    let again = store
        .take_over_listed(workspace, site, &there, after(6))
        .await
        .expect("writes");
    assert_eq!(again, 0, "nothing is said otherwise");
    assert_eq!(
        store
            .live_paths(workspace, site, None, 10)
            .await
            .expect("reads"),
        [
            (Format::Html, "/a".to_owned()),
            (Format::Html, "/b".to_owned())
        ]
    );
    let entries = store
        .ledger_entries(workspace, site, Some(&(Format::Html, "/a".to_owned())), 1)
        .await
        .expect("reads");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].path, "/b");

    // What the ledger says, and the list does not.
    let gone = [
        (Format::Html, "/a".to_owned()),
        (Format::Html, "/x".to_owned()),
    ];
    store
        .forget_kv_paths(workspace, site, &gone)
        .await
        .expect("writes");
    assert_eq!(waiting(&world, site).await, (4, 0));
    let other = WorkspaceId::from_uuid(Uuid::from_u128(9));
    assert_eq!(
        store
            .live_paths(other, site, None, 10)
            .await
            .expect("reads"),
        []
    );
}

pub(crate) async fn long_paths_are_found(world: World) {
    let long = format!("/{}", "a".repeat(600));
    let site = with_pages(&world, &["/short", &long]).await;
    let found = world
        .store
        .long_paths(world.workspace, site, 492)
        .await
        .expect("reads");
    assert_eq!(found, [(Format::Html, long)]);
}

pub(crate) async fn where_a_sync_is(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_pages(&world, &[]).await;
    let state = async || store.sync_state(workspace, site).await.expect("reads");
    assert_eq!(state().await, SyncState::default());

    store
        .begin_sync_run(workspace, site, after(1), 7)
        .await
        .expect("writes");
    store.begin_kv_write(workspace, site).await.expect("writes");
    let begun = state().await;
    assert!(begun.is_unsure && begun.is_changed);
    store
        .end_kv_write(workspace, site, 3, 500)
        .await
        .expect("writes");
    let run = state().await.run.expect("it goes on");
    assert_eq!(
        (run.started_at, run.total, run.done, run.bytes),
        (after(1), 7, 3, 500)
    );
    assert!(!state().await.is_unsure && state().await.is_changed);

    let retired = vec![RetiredFilter {
        key: "i/00".to_owned(),
        at: after(1),
    }];
    let index = WrittenIndex {
        manifest: after(2),
        hash: "hash".to_owned(),
        filter_key: Some("i/01".to_owned()),
        filter: Some(vec![0, 1, 255]),
        retired: retired.clone(),
    };
    store
        .keep_index(workspace, site, &index)
        .await
        .expect("writes");
    // The next one on the same filter.
    let next = WrittenIndex {
        manifest: after(3),
        filter: None,
        ..index
    };
    store
        .keep_index(workspace, site, &next)
        .await
        .expect("writes");
    let kept = state().await;
    assert_eq!((kept.manifest, kept.is_changed), (Some(after(3)), false));
    assert_eq!(kept.retired, retired);
    assert_eq!(
        store.index_filter(workspace, site).await.expect("reads"),
        Some(vec![0, 1, 255])
    );

    let pause = SyncPause {
        reason: SyncPauseReason::QuotaSpread,
        until: Some(after(90)),
        writes: 5,
        days: 1,
    };
    store
        .end_sync_run(workspace, site, Some(&pause))
        .await
        .expect("writes");
    assert_eq!(
        (state().await.run, state().await.pause),
        (None, Some(pause))
    );

    store
        .keys_listed(workspace, site, after(4), &[])
        .await
        .expect("writes");
    assert_eq!(state().await.listed_at, Some(after(4)));
    let due = async |before: Millis| {
        store
            .want_listings_for_background(after(100), before)
            .await
            .expect("writes")
    };
    assert_eq!(due(after(4)).await, 0);
    assert_eq!(due(after(5)).await, 1);
    assert_eq!(due(after(5)).await, 0, "asked for already");

    store
        .clear_kv_ledger(workspace, site)
        .await
        .expect("writes");
    assert_eq!(state().await, SyncState::default());
    assert_eq!(
        store.index_filter(workspace, site).await.expect("reads"),
        None
    );
}

pub(crate) async fn writes_of_a_day_are_counted(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let account = "a0000000000000000000000000000001".parse().expect("an id");
    let usage = async |at: Millis| {
        store
            .kv_usage(workspace, &account, at)
            .await
            .expect("reads")
    };
    let (morning, evening, next) = (
        Millis(86_400_000 * 20_000),
        Millis(86_400_000 * 20_001 - 1),
        Millis(86_400_000 * 20_001),
    );
    for (at, writes, deletes) in [(morning, 10, 0), (evening, 5, 2), (next, 1, 1)] {
        store
            .count_kv_usage(workspace, &account, at, writes, deletes)
            .await
            .expect("writes");
    }
    let today = usage(evening).await;
    assert_eq!((today.writes, today.deletes), (15, 2));
    assert!(!today.is_spent && !today.was_spent);
    assert_eq!(usage(next).await.writes, 1);
    store
        .kv_quota_spent(workspace, &account, evening)
        .await
        .expect("writes");
    assert!(usage(morning).await.is_spent);
    let tomorrow = usage(next).await;
    assert!(!tomorrow.is_spent && tomorrow.was_spent);
    let later = usage(Millis(86_400_000 * 20_032)).await;
    assert!(!later.was_spent, "a month later the plan may be another");
}
