use crate::{
    samples::{NOW, after},
    world::World,
};
use domain::ids::WorkspaceId;
use serde_json::json;
use store::{AuditEntry, AuditEvent, AuditFilter, Page, StoreError};
use uuid::Uuid;

fn event(workspace: WorkspaceId, seconds: i64, kind: &str, subject: &str) -> AuditEvent {
    AuditEvent {
        workspace,
        at: after(seconds),
        who_kind: "person".to_owned(),
        who: "owner@example.com".to_owned(),
        address: (seconds % 2 == 0).then(|| "192.0.2.1".to_owned()),
        kind: kind.to_owned(),
        subject_kind: kind.split('.').next().unwrap_or_default().to_owned(),
        subject_id: subject.to_owned(),
        subject_name: format!("the {subject}"),
        detail: json!({ "number": seconds }),
    }
}

async fn numbers(world: &World, filter: &AuditFilter) -> Vec<i64> {
    let listed = world
        .store
        .list_audit_events(world.workspace, filter, &Page::first(50))
        .await
        .expect("reads");
    listed
        .items
        .iter()
        .map(|entry| entry.event.detail["number"].as_i64().expect("a number"))
        .collect()
}

pub(crate) async fn the_log_is_read_newest_first(world: World) {
    let store = &world.store;
    let events = [
        event(world.workspace, 1, "connection.connected", "c1"),
        event(world.workspace, 2, "site.created", "s1"),
        event(world.workspace, 3, "connection.checked", "c1"),
        event(world.workspace, 4, "connection.connected", "c2"),
        event(world.workspace, 5, "connectionless.word", "x"),
    ];
    for event in &events {
        store.record_audit_event(event).await.expect("writes");
    }
    let all = AuditFilter::default();
    assert_eq!(numbers(&world, &all).await, [5, 4, 3, 2, 1]);
    let of = |kind: Option<&str>, subject: Option<&str>| AuditFilter {
        kind: kind.map(str::to_owned),
        subject: subject.map(str::to_owned),
    };
    let connections = numbers(&world, &of(Some("connection"), None)).await;
    assert_eq!(connections, [4, 3, 1], "a whole group, and no other");
    let connected = numbers(&world, &of(Some("connection.connected"), None)).await;
    assert_eq!(connected, [4, 1]);
    assert_eq!(numbers(&world, &of(None, Some("c1"))).await, [3, 1]);
    let both = of(Some("connection.checked"), Some("c1"));
    assert_eq!(numbers(&world, &both).await, [3]);

    let first = store
        .list_audit_events(world.workspace, &all, &Page::first(2))
        .await
        .expect("reads");
    let seen: Vec<&AuditEvent> = first.items.iter().map(|entry| &entry.event).collect();
    assert_eq!(seen, [&events[4], &events[3]], "as they were written");
    // What comes in meanwhile shifts nothing.
    store
        .record_audit_event(&event(world.workspace, 6, "site.created", "s2"))
        .await
        .expect("writes");
    let mut rest: Vec<AuditEntry> = Vec::new();
    let mut next = first.next;
    while let Some(after) = next {
        let page = Page {
            after: Some(after),
            limit: 2,
        };
        let listed = store
            .list_audit_events(world.workspace, &all, &page)
            .await
            .expect("reads");
        rest.extend(listed.items);
        next = listed.next;
    }
    let seen: Vec<&AuditEvent> = rest.iter().map(|entry| &entry.event).collect();
    assert_eq!(seen, [&events[2], &events[1], &events[0]]);

    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    let theirs = store
        .list_audit_events(stranger, &all, &Page::first(10))
        .await
        .expect("reads");
    assert_eq!(theirs.items, []);
    let bad = Page {
        after: Some("nonsense".to_owned()),
        limit: 1,
    };
    let refused = store.list_audit_events(world.workspace, &all, &bad).await;
    assert!(matches!(refused, Err(StoreError::InvalidCursor)));
}

pub(crate) async fn old_lines_go(world: World) {
    for seconds in 0..4 {
        world
            .store
            .record_audit_event(&event(world.workspace, seconds, "site.created", "s"))
            .await
            .expect("writes");
    }
    assert_eq!(
        world
            .store
            .delete_audit_events_before(NOW)
            .await
            .expect("writes"),
        0
    );
    assert_eq!(
        world
            .store
            .delete_audit_events_before(after(2))
            .await
            .expect("writes"),
        2
    );
    assert_eq!(numbers(&world, &AuditFilter::default()).await, [3, 2]);
}
