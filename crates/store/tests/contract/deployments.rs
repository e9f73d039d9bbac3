use crate::{
    samples::{NOW, after, deployment, deployment_id, plan, site, site_id},
    world::World,
};
use domain::deployment::{DeploymentStatus, SiteStatus, StepStatus};
use serde_json::json;
use store::{Page, StoreError};

async fn with_site(world: &World, number: u128) {
    let host = format!("site{number}.example");
    let site = site(world.workspace, number, &[&host]);
    world.store.create_site(&site).await.expect("stored");
}

pub(crate) async fn one_is_queued_at_a_time(world: World) {
    let store = &world.store;
    with_site(&world, 1).await;
    let first = deployment(world.workspace, 1, site_id(1));
    let queued = store.enqueue_deployment(&first).await.expect("queued");
    assert!(queued.is_new);
    assert_eq!(queued.deployment, first);
    let site = store
        .site(world.workspace, site_id(1))
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(site.status, SiteStatus::Deploying);

    let second = deployment(world.workspace, 2, site_id(1));
    let queued = store.enqueue_deployment(&second).await.expect("queued");
    assert!(!queued.is_new);
    assert_eq!(queued.deployment, first);
    let leased = store
        .lease_deployment("p1", NOW, after(15))
        .await
        .expect("leases");
    assert_eq!(leased.map(|leased| leased.id), Some(first.id));
    let queued = store.enqueue_deployment(&second).await.expect("queued");
    assert_eq!(
        (queued.is_new, queued.deployment.status),
        (false, DeploymentStatus::Running)
    );
    assert!(
        store
            .finish_deployment(first.id, "p1", DeploymentStatus::Live, None, 7, after(3))
            .await
            .expect("writes")
    );
    let queued = store.enqueue_deployment(&second).await.expect("queued");
    assert!(queued.is_new);

    let homeless = store
        .enqueue_deployment(&deployment(world.workspace, 3, site_id(9)))
        .await;
    assert!(
        matches!(homeless, Err(StoreError::Missing { what: "site" })),
        "{homeless:?}"
    );
}

pub(crate) async fn many_enqueue_at_once(world: World) {
    with_site(&world, 1).await;
    let tries: Vec<_> = (1..=8u128)
        .map(|number| {
            let store = world.store.clone();
            let wanted = deployment(world.workspace, number, site_id(1));
            tokio::spawn(async move { store.enqueue_deployment(&wanted).await.expect("queued") })
        })
        .collect();
    let mut new = 0;
    let mut ids = Vec::new();
    for one in tries {
        let queued = one.await.expect("no panic");
        new += u32::from(queued.is_new);
        ids.push(queued.deployment.id);
    }
    ids.dedup();
    assert_eq!((new, ids.len()), (1, 1));
}

pub(crate) async fn two_stores_lease_at_once(world: World) {
    for number in 1..=6 {
        with_site(&world, number).await;
        let wanted = deployment(world.workspace, number, site_id(number));
        world
            .store
            .enqueue_deployment(&wanted)
            .await
            .expect("queued");
    }
    let workers: Vec<_> = (0..4)
        .map(|number| {
            let world = world.clone();
            tokio::spawn(async move {
                let store = world.second_store().await;
                let owner = format!("p{number}");
                let mut taken = Vec::new();
                // Two empty answers in a row: another may have been just faster than this one.
                let mut misses = 0;
                while misses < 2 {
                    match store
                        .lease_deployment(&owner, NOW, after(15))
                        .await
                        .expect("leases")
                    {
                        Some(leased) => taken.push(leased.id),
                        None => misses += 1,
                    }
                }
                store.close().await.expect("closes");
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.expect("no panic"));
    }
    taken.sort();
    assert_eq!(
        taken,
        (1..=6).map(deployment_id).collect::<Vec<_>>(),
        "each one once"
    );
}

pub(crate) async fn a_dead_process_loses_its_lease(world: World) {
    let store = &world.store;
    with_site(&world, 1).await;
    let wanted = deployment(world.workspace, 1, site_id(1));
    store.enqueue_deployment(&wanted).await.expect("queued");
    store
        .lease_deployment("dead", NOW, after(15))
        .await
        .expect("leases")
        .expect("one");
    assert_eq!(
        store
            .lease_deployment("alive", after(14), after(29))
            .await
            .expect("leases"),
        None
    );
    assert!(
        store
            .renew_lease(wanted.id, "dead", after(20))
            .await
            .expect("renews")
    );
    assert_eq!(
        store
            .lease_deployment("alive", after(19), after(34))
            .await
            .expect("leases"),
        None
    );

    let taken = store
        .lease_deployment("alive", after(20), after(35))
        .await
        .expect("leases")
        .expect("the lease is over");
    assert_eq!(taken.id, wanted.id);
    assert_eq!(taken.started_at, Some(NOW), "the first start counts");
    assert!(
        !store
            .renew_lease(wanted.id, "dead", after(99))
            .await
            .expect("renews")
    );
    let late = store
        .finish_deployment(
            wanted.id,
            "dead",
            DeploymentStatus::Live,
            None,
            1,
            after(21),
        )
        .await;
    assert!(
        !late.expect("writes"),
        "who lost the lease finishes nothing"
    );
    assert!(
        store
            .finish_deployment(
                wanted.id,
                "alive",
                DeploymentStatus::Live,
                None,
                1,
                after(22)
            )
            .await
            .expect("writes")
    );
    assert!(
        !store
            .renew_lease(wanted.id, "alive", after(99))
            .await
            .expect("renews")
    );
    assert_eq!(
        store
            .lease_deployment("alive", after(99), after(120))
            .await
            .expect("leases"),
        None
    );
}

pub(crate) async fn progress_is_told_in_order(world: World) {
    let store = &world.store;
    with_site(&world, 1).await;
    let wanted = deployment(world.workspace, 1, site_id(1));
    let id = wanted.id;
    store.enqueue_deployment(&wanted).await.expect("queued");
    store
        .lease_deployment("p1", after(1), after(15))
        .await
        .expect("leases")
        .expect("one");
    let plan = plan(&["shop.example/*", "www.shop.example/*"]);
    store
        .set_deployment_plan(id, &plan, after(2))
        .await
        .expect("writes");
    store.start_step(id, 0, after(3)).await.expect("writes");
    store
        .finish_step(
            id,
            0,
            StepStatus::Done,
            None,
            Some("was there".to_owned()),
            after(4),
        )
        .await
        .expect("writes");
    store
        .note_deployment(id, after(5), json!({"text": "waiting"}))
        .await
        .expect("writes");
    store.start_step(id, 1, after(6)).await.expect("writes");
    let problem = json!({"code": "route_conflict"});
    store
        .finish_step(
            id,
            1,
            StepStatus::Failed,
            Some(problem.clone()),
            None,
            after(7),
        )
        .await
        .expect("writes");
    store
        .set_deployment_proof(id, &json!({"seen": true}))
        .await
        .expect("writes");
    store
        .finish_deployment(
            id,
            "p1",
            DeploymentStatus::Failed,
            Some(problem.clone()),
            12,
            after(8),
        )
        .await
        .expect("writes");
    let missing = store.start_step(id, 2, after(9)).await;
    assert!(
        matches!(missing, Err(StoreError::Missing { what: "step" })),
        "{missing:?}"
    );

    let done = store
        .deployment(world.workspace, id)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(done.plan, Some(plan));
    assert_eq!(
        (done.status, done.api_calls),
        (DeploymentStatus::Failed, 12)
    );
    assert_eq!(
        (done.started_at, done.finished_at),
        (Some(after(1)), Some(after(8)))
    );
    assert_eq!(
        (done.problem.as_ref(), done.proof),
        (Some(&problem), Some(json!({"seen": true})))
    );
    assert_eq!(done.steps.len(), 2);
    assert_eq!(done.steps[0].note.as_deref(), Some("was there"));
    assert_eq!(done.steps[0].started_at, Some(after(3)));
    assert_eq!(done.steps[1].status, StepStatus::Failed);
    assert_eq!(done.steps[1].problem, Some(problem));

    let events = store
        .events_after(world.workspace, id, 0)
        .await
        .expect("reads");
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.seq, event.kind.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "status"),
            (2, "status"),
            (3, "steps"),
            (4, "step"),
            (5, "step"),
            (6, "note"),
            (7, "step"),
            (8, "step"),
            (9, "status"),
        ]
    );
    assert_eq!(events[4].data["status"], "done");
    assert_eq!(events[4].data["name"], "shop.example/*");
    assert_eq!(events[8].data["problem"]["code"], "route_conflict");
    let rest = store
        .events_after(world.workspace, id, 7)
        .await
        .expect("reads");
    assert_eq!(rest, events[7..]);

    // Writers at once leave no gap.
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.note_deployment(id, after(10), json!(number)).await })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic").expect("writes");
    }
    let rest = store
        .events_after(world.workspace, id, 9)
        .await
        .expect("reads");
    assert_eq!(
        rest.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (10..18).collect::<Vec<_>>()
    );
}

pub(crate) async fn cancelling(world: World) {
    let store = &world.store;
    with_site(&world, 1).await;
    let wanted = deployment(world.workspace, 1, site_id(1));
    assert!(
        !store
            .request_cancel(world.workspace, wanted.id)
            .await
            .expect("writes")
    );
    store.enqueue_deployment(&wanted).await.expect("queued");
    assert!(!store.is_cancel_requested(wanted.id).await.expect("reads"));
    assert!(
        store
            .request_cancel(world.workspace, wanted.id)
            .await
            .expect("writes")
    );
    assert!(store.is_cancel_requested(wanted.id).await.expect("reads"));
    let taken = store
        .lease_deployment("p1", NOW, after(15))
        .await
        .expect("leases")
        .expect("one");
    assert!(taken.cancel_requested);
    store
        .finish_deployment(
            wanted.id,
            "p1",
            DeploymentStatus::Cancelled,
            None,
            0,
            after(1),
        )
        .await
        .expect("writes");
    assert!(
        !store
            .request_cancel(world.workspace, wanted.id)
            .await
            .expect("writes")
    );
}

pub(crate) async fn lists_are_newest_first(world: World) {
    let store = &world.store;
    for number in 1..=2 {
        with_site(&world, number).await;
    }
    for number in 1..=5u128 {
        let mut one = deployment(world.workspace, number, site_id(1 + number % 2));
        // Two of each time.
        one.created_at = after(i64::try_from(number / 2).expect("small"));
        store.enqueue_deployment(&one).await.expect("queued");
        store
            .lease_deployment("p1", NOW, after(15))
            .await
            .expect("leases")
            .expect("one");
        store
            .finish_deployment(one.id, "p1", DeploymentStatus::Live, None, 0, after(9))
            .await
            .expect("writes");
    }
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let listed = store
            .list_deployments(world.workspace, None, &page)
            .await
            .expect("reads");
        seen.extend(listed.items.into_iter().map(|one| one.id));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(deployment_id));
    let of_one = store
        .list_deployments(world.workspace, Some(site_id(1)), &Page::default())
        .await
        .expect("reads");
    assert_eq!(
        of_one.items.iter().map(|one| one.id).collect::<Vec<_>>(),
        [4, 2].map(deployment_id)
    );
}
