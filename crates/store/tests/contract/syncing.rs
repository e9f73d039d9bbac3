use crate::{
    samples::{NOW, after, deployment, revision, site},
    world::World,
};
use domain::{deployment::DeploymentStatus, ids::SiteId, time::Millis};
use store::{SyncLease, SyncOutcome};

async fn with_site(world: &World) -> SiteId {
    let site = site(world.workspace, 1, &["shop.example"]);
    world.store.create_site(&site).await.expect("stored");
    site.id
}

async fn publish(world: &World, site: SiteId, content: &str, at: Millis) {
    let mut new = revision(site, "/", content.as_bytes());
    new.at = at;
    world
        .store
        .save_revision(world.workspace, &new)
        .await
        .expect("saved");
}

async fn lease(world: &World, owner: &str, now: i64) -> Option<SyncLease> {
    world
        .store
        .lease_sync(owner, after(now), after(now + 15))
        .await
        .expect("leases")
}

fn done(lease: &SyncLease) -> SyncOutcome {
    SyncOutcome {
        wanted_at: lease.wanted_at,
        at: after(3),
        api_calls: 2,
        retry_at: None,
    }
}

pub(crate) async fn publishing_asks_for_a_sync(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    assert_eq!(lease(&world, "p1", 0).await, None);
    let mut draft = revision(site, "/draft", b"x");
    draft.publish = false;
    store.save_revision(workspace, &draft).await.expect("saved");
    assert_eq!(lease(&world, "p1", 0).await, None, "a draft is no work");
    publish(&world, site, "1", NOW).await;
    let first = lease(&world, "p1", 1).await.expect("there is work");
    assert_eq!(first.site.id, site);
    assert_eq!(lease(&world, "p2", 2).await, None, "one process at a time");
    assert!(
        store
            .finish_sync(workspace, site, "p1", &done(&first))
            .await
            .expect("writes")
    );
    assert!(
        !store
            .finish_sync(workspace, site, "p1", &done(&first))
            .await
            .expect("writes")
    );
    assert_eq!(lease(&world, "p1", 4).await, None);
    let status = store.kv_status(workspace, site).await.expect("reads");
    assert_eq!(
        (status.last_synced_at, status.api_calls),
        (Some(after(3)), 2)
    );

    // A dead process, a failure, and somebody who hurries it.
    assert!(
        store
            .want_sync(workspace, site, after(5))
            .await
            .expect("writes")
    );
    lease(&world, "dead", 6).await.expect("there is work");
    let taken = lease(&world, "p2", 21).await.expect("the lease is over");
    assert!(
        !store
            .renew_sync_lease(workspace, site, "dead", after(99))
            .await
            .expect("renews")
    );
    assert!(
        store
            .renew_sync_lease(workspace, site, "p2", after(40))
            .await
            .expect("renews")
    );
    let failed = SyncOutcome {
        retry_at: Some(after(60)),
        ..done(&taken)
    };
    assert!(
        store
            .finish_sync(workspace, site, "p2", &failed)
            .await
            .expect("writes")
    );
    assert_eq!(
        lease(&world, "p1", 59).await,
        None,
        "waits before it tries again"
    );
    assert!(
        store
            .want_sync(workspace, site, after(59))
            .await
            .expect("writes")
    );
    assert!(lease(&world, "p1", 59).await.is_some(), "at once");
}

pub(crate) async fn what_comes_in_between_stays_wanted(world: World) {
    let site = with_site(&world).await;
    publish(&world, site, "1", NOW).await;
    let first = lease(&world, "p1", 1).await.expect("there is work");
    // In the same millisecond as the one before.
    publish(&world, site, "2", NOW).await;
    assert!(
        world
            .store
            .finish_sync(world.workspace, site, "p1", &done(&first))
            .await
            .expect("writes")
    );
    let second = lease(&world, "p1", 4).await.expect("there is still work");
    assert!(second.wanted_at > first.wanted_at);
    assert!(
        world
            .store
            .finish_sync(world.workspace, site, "p1", &done(&second))
            .await
            .expect("writes")
    );
    assert_eq!(lease(&world, "p1", 5).await, None);
}

pub(crate) async fn sync_and_deployment_exclude_each_other(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    publish(&world, site, "1", NOW).await;
    let sync = lease(&world, "p1", 1).await.expect("there is work");
    let wanted = deployment(workspace, 1, site);
    store.enqueue_deployment(&wanted).await.expect("queued");
    let leased = store
        .lease_deployment("p2", after(2), after(17))
        .await
        .expect("leases");
    assert_eq!(leased, None, "the sync goes on");
    let may_go_on = store
        .renew_sync_lease(workspace, site, "p1", after(17))
        .await
        .expect("renews");
    assert!(!may_go_on, "a deployment waits");
    let interrupted = SyncOutcome {
        retry_at: Some(after(2)),
        ..done(&sync)
    };
    store
        .finish_sync(workspace, site, "p1", &interrupted)
        .await
        .expect("writes");
    assert_eq!(
        lease(&world, "p1", 3).await,
        None,
        "the deployment comes first"
    );
    store
        .lease_deployment("p2", after(3), after(18))
        .await
        .expect("leases")
        .expect("its turn");
    assert_eq!(lease(&world, "p1", 4).await, None);
    store
        .finish_deployment(wanted.id, "p2", DeploymentStatus::Live, None, 1, after(5))
        .await
        .expect("writes");
    assert!(lease(&world, "p1", 6).await.is_some());
}
