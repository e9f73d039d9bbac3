use crate::{
    samples::{NOW, after, message, webhook},
    world::World,
};
use store::{Attempt, DeliveryStatus, Page, WebhookEvent};

fn failed(at: i64, retry_at: Option<i64>) -> Attempt {
    Attempt {
        at: after(at),
        status: Some(500),
        error: Some("it answered 500".to_owned()),
        retry_at: retry_at.map(after),
    }
}

pub(crate) async fn a_webhook_lives(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    assert_eq!(store.webhook(workspace).await.expect("reads"), None);
    let test = message(1, WebhookEvent::Test, NOW);
    assert!(!store.queue_delivery(workspace, &test).await.expect("reads"));
    let first = webhook(workspace);
    store.set_webhook(&first).await.expect("stored");
    assert_eq!(store.webhook(workspace).await.expect("reads"), Some(first));
    let mut changed = webhook(workspace);
    changed.url = "https://hooks.example/two".to_owned();
    changed.sealed_secret = b"another".to_vec();
    changed.updated_at = after(9);
    store.set_webhook(&changed).await.expect("stored");
    assert_eq!(
        store.webhook(workspace).await.expect("reads"),
        Some(changed)
    );
    assert!(
        store
            .queue_delivery(workspace, &test)
            .await
            .expect("writes")
    );
    assert!(store.delete_webhook(workspace).await.expect("writes"));
    assert!(!store.delete_webhook(workspace).await.expect("reads"));
    let waiting = store.count_deliveries(DeliveryStatus::Queued).await;
    assert_eq!(waiting.expect("reads"), 0, "what waited for it is gone");
}

pub(crate) async fn messages_are_sent_one_at_a_time(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    store.set_webhook(&webhook(workspace)).await.expect("set");
    for number in 1..=2 {
        let one = message(number, WebhookEvent::ConnectionExpired, NOW);
        store.queue_delivery(workspace, &one).await.expect("queued");
    }
    let lease = |owner: &'static str, now: i64| {
        let store = store.clone();
        async move {
            let taken = store.lease_delivery(owner, after(now), after(now + 30));
            taken.await.expect("leases").map(|lease| lease.delivery)
        }
    };
    let other = world.second_store().await;
    let (one, two) = tokio::join!(
        lease("a", 0),
        other.lease_delivery("b", after(0), after(30))
    );
    let two = two.expect("leases").map(|lease| lease.delivery);
    let taken: Vec<_> = [&one, &two].into_iter().flatten().collect();
    assert!(!taken.is_empty());
    assert_ne!(one.as_ref().map(|it| it.id), two.as_ref().map(|it| it.id));
    // Whoever of the two found the other's hand on it comes again.
    if taken.len() == 1 {
        assert!(lease("c", 0).await.is_some());
    }
    assert_eq!(lease("d", 29).await, None, "both are being sent");

    let first = lease("d", 30).await.expect("a dead process's");
    let stale = store
        .finish_delivery(first.id, "a", &failed(31, None))
        .await;
    assert_eq!(stale.expect("reads"), None, "another sends it now");
    let ended = store
        .finish_delivery(first.id, "d", &failed(31, Some(40)))
        .await
        .expect("writes")
        .expect("its own");
    assert_eq!(
        (ended.status, ended.attempts, ended.last_status),
        (DeliveryStatus::Queued, 1, Some(500))
    );
    let second = lease("d", 31).await.expect("the other one");
    assert_ne!(second.id, first.id);
    assert_eq!(lease("e", 39).await, None, "not yet again");
    store
        .release_delivery(second.id, "d")
        .await
        .expect("writes");
    assert_eq!(lease("e", 39).await.map(|it| it.id), Some(second.id));

    let again = lease("e", 40).await.expect("it is time");
    assert_eq!((again.id, again.attempts), (first.id, 1));
    let taken = Attempt {
        at: after(41),
        status: Some(204),
        error: None,
        retry_at: None,
    };
    store
        .finish_delivery(again.id, "e", &taken)
        .await
        .expect("writes");
    store
        .finish_delivery(second.id, "e", &failed(42, None))
        .await
        .expect("writes");
    let listed = store.list_deliveries(workspace, &Page::first(1)).await;
    let listed = listed.expect("reads");
    assert_eq!(listed.items[0].id, message(2, WebhookEvent::Test, NOW).id);
    let rest = Page {
        after: listed.next,
        limit: 9,
    };
    let rest = store.list_deliveries(workspace, &rest).await;
    let rest = rest.expect("reads").items;
    assert_eq!(rest.len(), 1);
    let ends = [&listed.items[0], &rest[0]].map(|it| it.status);
    assert!(ends.contains(&DeliveryStatus::Delivered) && ends.contains(&DeliveryStatus::Failed));
    assert_eq!(lease("e", 9_000).await, None, "nothing is left");
}

pub(crate) async fn old_messages_are_forgotten(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let test = message(1, WebhookEvent::Test, NOW);
    let begin = |owner: &'static str| store.begin_test_delivery(workspace, &test, owner, after(30));
    assert_eq!(
        begin("a").await.expect("reads"),
        None,
        "there is no webhook"
    );
    store.set_webhook(&webhook(workspace)).await.expect("set");
    let lease = begin("a").await.expect("writes").expect("leased");
    assert!(lease.delivery.is_test);
    let taken = store.lease_delivery("b", NOW, after(30)).await;
    assert_eq!(taken.expect("reads"), None, "its asker sends it");
    store
        .finish_delivery(lease.delivery.id, "a", &failed(1, None))
        .await
        .expect("writes");
    let queued = message(2, WebhookEvent::ConnectionExpired, NOW);
    store
        .queue_delivery(workspace, &queued)
        .await
        .expect("queued");
    let forgotten = store.delete_deliveries_before(NOW).await;
    assert_eq!(forgotten.expect("writes"), 0);
    let forgotten = store.delete_deliveries_before(after(1)).await;
    assert_eq!(forgotten.expect("writes"), 1, "what waits is kept");
}
