use crate::{
    samples::{after, connection, connection_id, site, webhook},
    world::World,
};
use domain::{connection::ConnectionStatus, ids::WorkspaceId};
use sea_orm::ConnectionTrait;
use store::{AuditEvent, Page, StoreError};
use uuid::Uuid;

fn line(workspace: WorkspaceId, count: usize) -> AuditEvent {
    AuditEvent {
        workspace,
        at: after(1),
        who_kind: "command_line".to_owned(),
        who: "the command line".to_owned(),
        address: None,
        kind: "key.rotated".to_owned(),
        subject_kind: String::new(),
        subject_id: String::new(),
        subject_name: String::new(),
        detail: serde_json::json!({ "resealed": count }),
    }
}

async fn lines(world: &World) -> Vec<serde_json::Value> {
    let all = store::AuditFilter::default();
    let page = Page::first(10);
    let listed = world.store.list_audit_events(world.workspace, &all, &page);
    let listed = listed.await.expect("reads").items;
    listed.into_iter().map(|entry| entry.event.detail).collect()
}

pub(crate) async fn a_connection_lives(world: World) {
    let store = &world.store;
    let first = connection(world.workspace, 1);
    store.create_connection(&first).await.expect("stored");
    let found = store
        .connection(world.workspace, first.id)
        .await
        .expect("reads");
    assert_eq!(found, Some(first.clone()));
    let by_token = store
        .connection_by_token_id(world.workspace, &first.token_id)
        .await;
    assert_eq!(by_token.expect("reads"), Some(first.clone()));

    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    assert_eq!(
        store.connection(stranger, first.id).await.expect("reads"),
        None
    );
    assert!(
        !store
            .rename_connection(stranger, first.id, "Mine")
            .await
            .expect("writes")
    );
    assert!(
        !store
            .delete_connection(stranger, first.id)
            .await
            .expect("writes")
    );
    assert!(
        !store
            .update_connection(stranger, &first)
            .await
            .expect("writes")
    );

    assert!(
        store
            .rename_connection(world.workspace, first.id, "Shop")
            .await
            .expect("writes")
    );
    let mut changed = first.clone();
    changed.name = "Shop".to_owned();
    changed.status = ConnectionStatus::Incomplete;
    changed.sealed_token = b"another sealed token".to_vec();
    changed.checked_at = after(60);
    changed.expires_at = None;
    assert!(
        store
            .update_connection(world.workspace, &changed)
            .await
            .expect("writes")
    );
    let found = store
        .connection(world.workspace, first.id)
        .await
        .expect("reads");
    assert_eq!(found, Some(changed));

    store
        .create_site(&site(world.workspace, 1, &["shop.example"]))
        .await
        .expect("stored");
    let users = store
        .sites_of_connection(world.workspace, first.id)
        .await
        .expect("reads");
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].hostnames.len(), 1);
    assert_eq!(
        store
            .all_connections_for_background()
            .await
            .expect("reads")
            .len(),
        1
    );

    assert!(
        store
            .delete_connection(world.workspace, first.id)
            .await
            .expect("writes")
    );
    assert!(
        !store
            .delete_connection(world.workspace, first.id)
            .await
            .expect("writes")
    );
    assert_eq!(
        store
            .connection(world.workspace, first.id)
            .await
            .expect("reads"),
        None
    );
}

pub(crate) async fn lists_come_in_pages(world: World) {
    let store = &world.store;
    for number in 1..=5 {
        store
            .create_connection(&connection(world.workspace, number))
            .await
            .expect("stored");
    }
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let listed = store
            .list_connections(world.workspace, &page)
            .await
            .expect("reads");
        assert!(listed.items.len() <= 2);
        seen.extend(listed.items.into_iter().map(|connection| connection.id));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, (1..=5).map(connection_id).collect::<Vec<_>>());
    for cursor in ["", "x", "bm90aGluZw", "é"] {
        page.after = Some(cursor.to_owned());
        let refused = store.list_connections(world.workspace, &page).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidCursor)),
            "{cursor}: {refused:?}"
        );
    }
}

pub(crate) async fn corrupt_rows_are_named(world: World) {
    let first = connection(world.workspace, 1);
    world.store.create_connection(&first).await.expect("stored");
    let raw = world.raw().await;
    raw.execute_unprepared("UPDATE connections SET status = 'cheerful'")
        .await
        .expect("spoils");
    let read = world.store.connection(world.workspace, first.id).await;
    assert!(
        matches!(&read, Err(StoreError::Corrupt { table: "connections", column: "status", row, .. }) if *row == first.id.to_string()),
        "{read:?}"
    );
    raw.close().await.expect("closes");
}

pub(crate) async fn everything_is_resealed_or_nothing(world: World) {
    let store = &world.store;
    let first = connection(world.workspace, 1);
    store.create_connection(&first).await.expect("stored");
    store
        .create_connection(&connection(world.workspace, 2))
        .await
        .expect("stored");
    let shop = site(world.workspace, 1, &["shop.example"]);
    store.create_site(&shop).await.expect("stored");
    store
        .set_meta_if_absent("canary", b"sealed canary")
        .await
        .expect("stored");
    store
        .set_webhook(&webhook(world.workspace))
        .await
        .expect("stored");
    let refused = store
        .reseal_everything(
            "canary",
            |value| match value.table {
                "meta" => Err("the last one"),
                _ => Ok(Some(b"half way".to_vec())),
            },
            |_| panic!("nothing was sealed"),
        )
        .await;
    assert_eq!(refused.expect("the database works"), Err("the last one"));
    let kept = store
        .connection(world.workspace, first.id)
        .await
        .expect("reads");
    assert_eq!(kept, Some(first.clone()), "nothing is changed");
    assert!(lines(&world).await.is_empty());

    let done = store
        .reseal_everything(
            "canary",
            |value| -> Result<_, ()> {
                let is_second = value.row == connection_id(2).to_string();
                Ok((!is_second).then(|| [b"new ", &value.bytes[..]].concat()))
            },
            |count| Some(line(world.workspace, count)),
        )
        .await;
    assert_eq!(
        done.expect("the database works"),
        Ok(4),
        "all but the second"
    );
    assert_eq!(lines(&world).await, [serde_json::json!({ "resealed": 4 })]);
    let left = store.connection(world.workspace, connection_id(2)).await;
    assert_eq!(left.expect("reads"), Some(connection(world.workspace, 2)));
    let changed = store
        .webhook(world.workspace)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(changed.sealed_secret, b"new sealed webhook secret");
    let changed = store
        .connection(world.workspace, first.id)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(
        changed.sealed_token,
        [b"new ", &first.sealed_token[..]].concat()
    );
    let changed = store
        .site(world.workspace, shop.id)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(changed.sealed_key, [b"new ", &shop.sealed_key[..]].concat());
    assert_eq!(
        store.meta("canary").await.expect("reads").as_deref(),
        Some(&b"new sealed canary"[..])
    );
}
