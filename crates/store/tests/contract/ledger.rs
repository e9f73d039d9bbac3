use crate::{
    samples::{after, revision, site},
    world::World,
};
use domain::{
    ids::SiteId,
    variant::{Format, Revision},
};
use store::{KvDiff, KvWrite, LedgerEntry};

async fn with_site(world: &World) -> SiteId {
    let site = site(world.workspace, 1, &["shop.example"]);
    world.store.create_site(&site).await.expect("stored");
    site.id
}

async fn save(world: &World, site: SiteId, path: &str, content: &str) {
    let new = revision(site, path, content.as_bytes());
    world
        .store
        .save_revision(world.workspace, &new)
        .await
        .expect("saved");
}

fn entry(path: &str, content: &str) -> LedgerEntry {
    LedgerEntry {
        key: format!("v/html{path}"),
        format: Format::Html,
        path: path.to_owned(),
        revision: Revision::of(content.as_bytes()),
        written_at: after(1),
    }
}

fn write(path: &str, content: &str) -> KvWrite {
    KvWrite {
        format: Format::Html,
        path: path.to_owned(),
        revision: Revision::of(content.as_bytes()),
    }
}

async fn pending(world: &World, site: SiteId) -> KvDiff {
    world
        .store
        .pending_kv(world.workspace, site, 100)
        .await
        .expect("reads")
}

async fn counts(world: &World, site: SiteId) -> (u64, u64, u64) {
    let status = world
        .store
        .kv_status(world.workspace, site)
        .await
        .expect("reads");
    (status.pending, status.live, status.failed)
}

pub(crate) async fn what_is_published_is_pending_until_acknowledged(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    assert!(pending(&world, site).await.is_empty());
    save(&world, site, "/a", "1").await;
    save(&world, site, "/b", "1").await;
    assert_eq!(
        pending(&world, site).await.writes,
        [write("/a", "1"), write("/b", "1")]
    );
    let first = store.pending_kv(workspace, site, 1).await.expect("reads");
    assert_eq!(first.writes, [write("/a", "1")]);
    assert_eq!(counts(&world, site).await, (2, 0, 0));

    store
        .acknowledge_kv(workspace, site, &[entry("/a", "1"), entry("/b", "1")])
        .await
        .expect("writes");
    assert!(pending(&world, site).await.is_empty());
    assert_eq!(counts(&world, site).await, (0, 2, 0));
    assert_eq!(
        store
            .ledger_entries(workspace, site, None, 100)
            .await
            .expect("reads"),
        [entry("/a", "1"), entry("/b", "1")]
    );

    // The same again is no work; something new is; what was published during a write stays pending.
    save(&world, site, "/a", "1").await;
    assert!(pending(&world, site).await.is_empty());
    save(&world, site, "/a", "2").await;
    save(&world, site, "/a", "3").await;
    store
        .acknowledge_kv(workspace, site, &[entry("/a", "2")])
        .await
        .expect("writes");
    assert_eq!(pending(&world, site).await.writes, [write("/a", "3")]);
    let back = Revision::of(b"2");
    store
        .publish(workspace, site, Format::Html, "/a", &back, after(2))
        .await
        .expect("writes");
    assert!(
        pending(&world, site).await.is_empty(),
        "the edge has it already"
    );

    store
        .clear_kv_ledger(workspace, site)
        .await
        .expect("writes");
    assert_eq!(
        pending(&world, site).await.writes,
        [write("/a", "2"), write("/b", "1")]
    );
    assert_eq!(counts(&world, site).await, (2, 0, 0));
}

pub(crate) async fn what_is_taken_back_is_deleted(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    for path in ["/a", "/b", "/never"] {
        save(&world, site, path, "1").await;
    }
    store
        .acknowledge_kv(workspace, site, &[entry("/a", "1"), entry("/b", "1")])
        .await
        .expect("writes");
    store
        .unpublish(workspace, site, Format::Html, "/a", after(1))
        .await
        .expect("writes");
    store
        .delete_variant(workspace, site, Format::Html, "/b", after(1))
        .await
        .expect("writes");
    store
        .unpublish(workspace, site, Format::Html, "/never", after(1))
        .await
        .expect("writes");
    let diff = pending(&world, site).await;
    assert_eq!(diff.writes, []);
    assert_eq!(diff.deletes, ["v/html/a", "v/html/b"]);

    // Published again before the delete was acknowledged.
    save(&world, site, "/b", "2").await;
    let deletes = vec!["v/html/a".to_owned(), "v/html/b".to_owned()];
    store
        .forget_kv(workspace, site, &deletes)
        .await
        .expect("writes");
    let diff = pending(&world, site).await;
    assert_eq!(
        (diff.writes, diff.deletes),
        (vec![write("/b", "2")], vec![])
    );
    assert_eq!(counts(&world, site).await, (1, 0, 0));

    // A write that arrives after all was taken back must be deleted.
    store
        .unpublish(workspace, site, Format::Html, "/b", after(2))
        .await
        .expect("writes");
    assert!(pending(&world, site).await.is_empty());
    store
        .acknowledge_kv(workspace, site, &[entry("/b", "2")])
        .await
        .expect("writes");
    assert_eq!(pending(&world, site).await.deletes, ["v/html/b"]);
}

pub(crate) async fn failures_are_tried_last(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    for path in ["/a", "/b"] {
        save(&world, site, path, "1").await;
    }
    store
        .mark_kv_failed(
            workspace,
            site,
            &[
                (Format::Html, "/a".to_owned()),
                (Format::Markdown, "/b".to_owned()),
            ],
        )
        .await
        .expect("writes");
    assert_eq!(counts(&world, site).await, (1, 0, 1));
    assert_eq!(
        pending(&world, site).await.writes,
        [write("/b", "1"), write("/a", "1")]
    );
    save(&world, site, "/a", "2").await;
    assert_eq!(
        counts(&world, site).await,
        (2, 0, 0),
        "a new revision has not failed yet"
    );
}
