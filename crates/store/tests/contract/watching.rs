use crate::{
    samples::{NOW, after, connection, message, site, webhook},
    world::World,
};
use domain::{
    connection::ConnectionStatus,
    ids::{ConnectionId, WorkspaceId},
};
use std::sync::Arc;
use store::{Checked, FormerToken, Notice, Page, StoreError, WebhookEvent};

pub(crate) async fn a_token_is_stored_once(world: World) {
    let store = &world.store;
    let first = connection(world.workspace, 1);
    store.create_connection(&first).await.expect("stored");
    let mut same = connection(world.workspace, 2);
    same.token_id = first.token_id.clone();
    let refused = store.create_connection(&same).await;
    assert!(
        matches!(&refused, Err(StoreError::TokenTaken { connection }) if *connection == first.id),
        "{refused:?}"
    );
    let mut other = connection(world.workspace, 3);
    store.create_connection(&other).await.expect("stored");
    other.token_id = first.token_id.clone();
    let refused = store.update_connection(world.workspace, &other).await;
    assert!(
        matches!(&refused, Err(StoreError::TokenTaken { connection }) if *connection == first.id),
        "{refused:?}"
    );
    // Its own token may be stored again.
    let mut again = first.clone();
    again.former_token = Some(FormerToken {
        kind: first.token_kind,
        hint: "old1".to_owned(),
        replaced_at: after(5),
    });
    let done = store.update_connection(world.workspace, &again).await;
    assert!(done.expect("writes"));
    let found = store.connection(world.workspace, first.id).await;
    assert_eq!(found.expect("reads"), Some(again));

    // Of ten that come at once, one is stored.
    let mut tasks = tokio::task::JoinSet::new();
    for number in 10..20 {
        let mut one = connection(world.workspace, number);
        one.token_id = "the same one".to_owned();
        let store = Arc::new(world.second_store().await);
        tasks.spawn(async move { store.create_connection(&one).await.is_ok() });
    }
    let stored = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    assert_eq!(stored, 1);
}

pub(crate) async fn checks_are_leased_and_recorded(world: World) {
    let (store, other) = (&world.store, world.second_store().await);
    let mut found = connection(world.workspace, 1);
    store.create_connection(&found).await.expect("stored");
    store
        .set_webhook(&webhook(world.workspace))
        .await
        .expect("stored");
    let lease = |owner: &'static str, now: i64| {
        let store = store.clone();
        async move {
            let taken = store.lease_connection_check(owner, after(now), after(now + 60));
            taken.await.expect("leases").map(|connection| connection.id)
        }
    };
    assert_eq!(lease("a", 21_599).await, None, "not due yet");
    let (one, two) = tokio::join!(
        store.lease_connection_check("a", after(21_600), after(21_660)),
        other.lease_connection_check("b", after(21_600), after(21_660))
    );
    let taken = [one, two].map(|taken| taken.expect("leases").is_some());
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let owner = if taken[0] { "a" } else { "b" };
    assert_eq!(lease("c", 21_659).await, None, "leased");
    assert_eq!(lease("c", 21_660).await, Some(found.id), "a dead one's");

    // The former owner's word no longer counts.
    store
        .postpone_check(found.id, owner, after(99_000))
        .await
        .expect("writes");
    store
        .postpone_check(found.id, "c", after(22_000))
        .await
        .expect("writes");
    assert_eq!(lease("a", 21_999).await, None);
    assert_eq!(lease("a", 22_000).await, Some(found.id));

    found.status = ConnectionStatus::Expired;
    found.checked_at = after(22_001);
    found.next_check_at = after(44_000);
    found.sealed_token = b"never written by a check".to_vec();
    found.name = "never either".to_owned();
    let stored = store
        .record_check(world.workspace, &found, |before| {
            assert_eq!(before, ConnectionStatus::Ready);
            message(1, WebhookEvent::ConnectionStatusChanged, after(22_001))
        })
        .await;
    let before = ConnectionStatus::Ready;
    assert_eq!(stored.expect("writes"), Checked::Stored { before });
    assert_eq!(lease("a", 43_999).await, None);
    let read = store.connection(world.workspace, found.id).await;
    let read = read.expect("reads").expect("is there");
    let kept = connection(world.workspace, 1);
    assert_eq!(
        (read.sealed_token, read.name),
        (kept.sealed_token, kept.name)
    );
    assert_eq!(
        (read.status, read.next_check_at),
        (found.status, after(44_000))
    );

    // The same status again is no news.
    let stored = store
        .record_check(world.workspace, &found, |_| unreachable!("no news"))
        .await;
    let before = ConnectionStatus::Expired;
    assert_eq!(stored.expect("writes"), Checked::Stored { before });
    let listed = store
        .list_deliveries(world.workspace, &Page::first(9))
        .await
        .expect("reads");
    assert_eq!(listed.items.len(), 1);
}

pub(crate) async fn what_a_check_found_of_a_replaced_token_is_dropped(world: World) {
    let store = &world.store;
    let mut checked = connection(world.workspace, 1);
    store.create_connection(&checked).await.expect("stored");
    let mut replaced = checked.clone();
    replaced.sealed_token = b"another token".to_vec();
    replaced.token_stored_at = after(10);
    store
        .update_connection(world.workspace, &replaced)
        .await
        .expect("writes");
    checked.status = ConnectionStatus::Disabled;
    let outcome = store
        .record_check(world.workspace, &checked, |_| unreachable!("no news"))
        .await;
    assert_eq!(outcome.expect("reads"), Checked::Outdated);
    let found = store.connection(world.workspace, checked.id).await;
    assert_eq!(found.expect("reads"), Some(replaced));
}

pub(crate) async fn news_are_told_once(world: World) {
    let store = &world.store;
    let first = connection(world.workspace, 1);
    store.create_connection(&first).await.expect("stored");
    let notices = |occasion: i64| {
        ["expires_in_14_days", "expires_in_7_days"].map(|name| Notice {
            name,
            occasion: after(occasion),
        })
    };
    let tell = |occasion: i64, number: u128| {
        let store = store.clone();
        async move {
            let message = message(number, WebhookEvent::ConnectionExpiring, NOW);
            let notices = notices(occasion);
            let told = store.tell_once(world.workspace, first.id, &notices, &message);
            told.await.expect("writes")
        }
    };
    assert!(!tell(1, 1).await, "there is nobody to tell");
    store
        .set_webhook(&webhook(world.workspace))
        .await
        .expect("stored");
    assert!(tell(1, 2).await);
    assert!(!tell(1, 3).await);
    // The one before counts as told with it.
    let message_4 = message(4, WebhookEvent::ConnectionExpiring, NOW);
    let earlier = store
        .tell_once(world.workspace, first.id, &notices(1)[..1], &message_4)
        .await;
    assert!(!earlier.expect("reads"));
    assert!(tell(2, 5).await, "another expiry is other news");

    let mut tasks = tokio::task::JoinSet::new();
    for number in 10..20 {
        let store = world.second_store().await;
        tasks.spawn(async move {
            let message = message(number, WebhookEvent::ConnectionExpiring, NOW);
            let notices = notices(3);
            let told = store.tell_once(world.workspace, first.id, &notices, &message);
            told.await.expect("writes")
        });
    }
    let told = tasks.join_all().await.into_iter().filter(|told| *told);
    assert_eq!(told.count(), 1, "of ten at once, one tells");
    let listed = store
        .list_deliveries(world.workspace, &Page::first(99))
        .await
        .expect("reads");
    assert_eq!(listed.items.len(), 3);
    let nobody = ConnectionId::from_uuid(uuid::Uuid::from_u128(1));
    let gone = store
        .tell_once(world.workspace, nobody, &notices(1), &message_4)
        .await;
    assert!(!gone.expect("reads"));
}

pub(crate) async fn a_connection_leaves_after_its_last_site(world: World) {
    let store = &world.store;
    for number in 1..=2 {
        let one = connection(world.workspace, number);
        store.create_connection(&one).await.expect("stored");
    }
    let first = connection(world.workspace, 1);
    let shop = site(world.workspace, 1, &["shop.example"]);
    store.create_site(&shop).await.expect("stored");
    let stranger = WorkspaceId::from_uuid(uuid::Uuid::from_u128(7));
    let done = store.set_leaving(stranger, first.id, Some(NOW)).await;
    assert!(!done.expect("reads"));
    assert_eq!(left(store).await, []);
    let done = store
        .set_leaving(world.workspace, first.id, Some(NOW))
        .await;
    assert!(done.expect("writes"));
    assert_eq!(left(store).await, [], "its site is there");
    store
        .delete_site(world.workspace, shop.id)
        .await
        .expect("deletes");
    store
        .set_leaving(world.workspace, first.id, None)
        .await
        .expect("writes");
    assert_eq!(left(store).await, [], "it was called back");
    store
        .set_leaving(world.workspace, first.id, Some(NOW))
        .await
        .expect("writes");
    assert_eq!(left(store).await, [first.id]);
    let glances = store.connections_at_a_glance(world.workspace).await;
    let kept: Vec<_> = glances
        .expect("reads")
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(kept, ["Connection 2"]);
    assert_eq!(
        store.glances_for_background().await.expect("reads").len(),
        1
    );
}

async fn left(store: &store::Store) -> Vec<ConnectionId> {
    let left = store.delete_left_connections().await.expect("writes");
    left.into_iter().map(|connection| connection.id).collect()
}
