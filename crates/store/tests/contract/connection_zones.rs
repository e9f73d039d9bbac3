use crate::{
    samples::{NOW, after, connection, numbered_account, numbered_zone},
    world::World,
};
use domain::{
    connection::{Granted, ReachableAccount},
    ids::{ConnectionId, WorkspaceId},
};
use sea_orm::ConnectionTrait;
use std::collections::BTreeSet;
use store::{ConnectionZone, Page, RoutesFinding, Store, StoreError, ZoneQuery};
use uuid::Uuid;

const ZONES: u32 = 5000;
const ACCOUNTS: u32 = 300;

async fn connected(world: &World) -> ConnectionId {
    let made = connection(world.workspace, 1);
    world.store.create_connection(&made).await.expect("stored");
    made.id
}

/// The names of every page, in the order in which they come.
async fn walk(
    store: &Store,
    workspace: WorkspaceId,
    id: ConnectionId,
    wanted: &ZoneQuery,
    limit: u32,
) -> Vec<String> {
    let mut names = Vec::new();
    let mut page = Page::first(limit);
    loop {
        let listed = store
            .connection_zones(workspace, id, wanted, &page)
            .await
            .expect("reads");
        names.extend(listed.items.into_iter().map(|one| one.zone.name));
        page.after = listed.next;
        if page.after.is_none() {
            return names;
        }
    }
}

fn search(text: &str) -> ZoneQuery {
    ZoneQuery {
        search: Some(text.to_owned()),
        ..ZoneQuery::default()
    }
}

fn finding(granted: Granted) -> RoutesFinding {
    RoutesFinding {
        granted,
        detail: "the call was answered".to_owned(),
        asked_at: NOW,
    }
}

pub(crate) async fn thousands_of_zones_in_pages(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let id = connected(&world).await;
    let mut zones: Vec<ConnectionZone> = (0..ZONES)
        .map(|number| {
            numbered_zone(
                number,
                number % ACCOUNTS,
                &format!("zone-{:05}.example", (number * 7919) % ZONES),
            )
        })
        .collect();
    zones[3].zone.status = "pending".to_owned();
    zones[4].zone.paused = true;
    zones[5].routes = Some(finding(Granted::No));
    zones[6].routes = Some(finding(Granted::Yes));
    zones[7].routes = Some(finding(Granted::Unknown));
    // A list in pages may tell of a zone twice, when others moved meanwhile.
    zones.push(zones[8].clone());
    assert!(
        store
            .replace_connection_zones(workspace, id, &zones, false, NOW)
            .await
            .expect("writes")
    );
    let names = walk(store, workspace, id, &ZoneQuery::default(), 999).await;
    assert_eq!(names.len(), ZONES as usize);
    assert!(names.is_sorted());
    assert_eq!(
        names.iter().collect::<BTreeSet<_>>().len(),
        ZONES as usize,
        "no page tells of a zone twice"
    );

    let one_account = ZoneQuery {
        account: Some(numbered_account(9)),
        ..ZoneQuery::default()
    };
    let of_account = walk(store, workspace, id, &one_account, 5).await;
    assert_eq!(of_account.len(), 17);

    let deployable = ZoneQuery {
        deployable: Some(true),
        unusable_accounts: vec![numbered_account(9), numbered_account(10)],
        ..ZoneQuery::default()
    };
    let others = ZoneQuery {
        deployable: Some(false),
        ..deployable.clone()
    };
    let refused = walk(store, workspace, id, &others, 1000).await;
    assert_eq!(refused.len(), 17 + 17 + 3);
    let count = store
        .count_connection_zones(workspace, id, &deployable)
        .await
        .expect("counts");
    assert_eq!(count, u64::from(ZONES) - 37);

    let counts = store
        .connection_zones_by_account(workspace, id)
        .await
        .expect("counts");
    assert_eq!(counts.len(), ACCOUNTS as usize);
    assert_eq!(
        counts.iter().map(|one| one.zones).sum::<u64>(),
        u64::from(ZONES)
    );
    let of = |number| {
        counts
            .iter()
            .find(|one| one.account == numbered_account(number))
            .map(|one| (one.zones, one.routes_granted, one.routes_refused))
    };
    assert_eq!(of(5), Some((17, 0, 1)));
    assert_eq!(of(6), Some((17, 1, 0)));
    assert_eq!(of(7), Some((17, 0, 0)));
    let totals = store
        .count_zones_of_connections(workspace)
        .await
        .expect("counts");
    assert_eq!(totals.get(&id), Some(&u64::from(ZONES)));

    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    let nothing = walk(store, stranger, id, &ZoneQuery::default(), 10).await;
    assert_eq!(nothing, Vec::<String>::new());
    assert!(
        !store
            .replace_connection_zones(stranger, id, &[], false, after(1))
            .await
            .expect("writes")
    );
    let bad = Page {
        after: Some("no cursor".to_owned()),
        limit: 10,
    };
    let refused = store
        .connection_zones(workspace, id, &ZoneQuery::default(), &bad)
        .await;
    assert!(matches!(refused, Err(StoreError::InvalidCursor)));

    assert!(
        store
            .delete_connection(workspace, id)
            .await
            .expect("writes")
    );
    let nothing = walk(store, workspace, id, &ZoneQuery::default(), 10).await;
    assert_eq!(nothing, Vec::<String>::new());
}

pub(crate) async fn zones_are_searched_by_name(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let id = connected(&world).await;
    let names = [
        "Shop.example",
        "my-shop.example",
        "a_b.example",
        "axb.example",
        "100%.example",
        "100x.example",
        "bang!.example",
        "BÜCHER.example",
        r"back\slash.example",
        "it's.example",
    ];
    let zones: Vec<ConnectionZone> = (0_u32..)
        .zip(names)
        .map(|(number, name)| numbered_zone(number, 1, name))
        .collect();
    store
        .replace_connection_zones(workspace, id, &zones, false, NOW)
        .await
        .expect("writes");
    for (text, expected) in [
        ("SHOP", vec!["my-shop.example", "Shop.example"]),
        ("a_b", vec!["a_b.example"]),
        ("_", vec!["a_b.example"]),
        ("%", vec!["100%.example"]),
        ("0%.", vec!["100%.example"]),
        ("!", vec!["bang!.example"]),
        ("bücher", vec!["BÜCHER.example"]),
        (r"\", vec![r"back\slash.example"]),
        ("it's", vec!["it's.example"]),
        ("' OR 1=1 --", vec![]),
        ("%_%", vec![]),
    ] {
        let found = walk(store, workspace, id, &search(text), 3).await;
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(
        walk(store, workspace, id, &search(""), 3).await.len(),
        names.len()
    );
}

pub(crate) async fn a_new_reading_takes_the_place_of_the_old(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let id = connected(&world).await;
    let zones: Vec<ConnectionZone> = (0..900)
        .map(|number| numbered_zone(number, 1, &format!("zone-{number:03}.example")))
        .collect();
    store
        .replace_connection_zones(workspace, id, &zones, false, NOW)
        .await
        .expect("writes");
    store
        .keep_routes_findings(
            workspace,
            id,
            &[
                (zones[1].zone.id.clone(), finding(Granted::No)),
                (zones[899].zone.id.clone(), finding(Granted::Yes)),
            ],
        )
        .await
        .expect("writes");

    // The last half vanishes, one is renamed and paused, one comes.
    let mut fresh = zones[..450].to_vec();
    fresh[1].zone.paused = true;
    "renamed.example".clone_into(&mut fresh[1].zone.name);
    fresh.push(numbered_zone(2000, 2, "new.example"));
    assert!(
        store
            .replace_connection_zones(workspace, id, &fresh, true, after(60))
            .await
            .expect("writes")
    );
    let names = walk(store, workspace, id, &ZoneQuery::default(), 200).await;
    assert_eq!(names.len(), 451);
    assert!(names.contains(&"new.example".to_owned()));
    assert!(!names.contains(&"zone-899.example".to_owned()));
    let changed = store
        .connection_zone(workspace, id, &zones[1].zone.id)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(changed.zone, fresh[1].zone);
    assert_eq!(changed.routes, Some(finding(Granted::No)));
    let stored = store.connection(workspace, id).await.expect("reads");
    let stored = stored.expect("is there");
    assert_eq!(stored.zones_read_at, Some(after(60)));

    // A reading that began earlier and ends later changes nothing; a check forgets what was asked before.
    assert!(
        !store
            .replace_connection_zones(workspace, id, &zones, true, after(30))
            .await
            .expect("writes")
    );
    assert!(
        store
            .replace_connection_zones(workspace, id, &fresh, false, after(90))
            .await
            .expect("writes")
    );
    let forgotten = store
        .connection_zone(workspace, id, &zones[1].zone.id)
        .await
        .expect("reads");
    assert_eq!(forgotten.and_then(|one| one.routes), None);
    // The rest of the connection's row is another's: what it says of zones stays.
    let mut renamed = stored.clone();
    renamed.zones_read_at = None;
    assert!(
        store
            .update_connection(workspace, &renamed)
            .await
            .expect("writes")
    );
    let stored = store.connection(workspace, id).await.expect("reads");
    assert_eq!(stored.and_then(|one| one.zones_read_at), Some(after(90)));
    assert!(
        store
            .replace_connection_zones(workspace, id, &[], true, after(120))
            .await
            .expect("writes")
    );
    let nothing = walk(store, workspace, id, &ZoneQuery::default(), 10).await;
    assert_eq!(nothing, Vec::<String>::new());
}

pub(crate) async fn accounts_are_chosen(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let id = connected(&world).await;
    let chosen = vec![numbered_account(1), numbered_account(7)];
    let reached = vec![ReachableAccount {
        id: numbered_account(7),
        name: "Seven".to_owned(),
    }];
    assert!(
        store
            .choose_accounts(workspace, id, Some(&chosen))
            .await
            .expect("writes")
    );
    assert!(
        store
            .set_reachable_accounts(workspace, id, &reached)
            .await
            .expect("writes")
    );
    let stored = store.connection(workspace, id).await.expect("reads");
    let stored = stored.expect("is there");
    assert_eq!(stored.chosen_accounts, Some(chosen));
    assert_eq!(stored.accounts, reached);
    assert!(
        store
            .choose_accounts(workspace, id, None)
            .await
            .expect("writes")
    );
    let stored = store.connection(workspace, id).await.expect("reads");
    assert_eq!(stored.and_then(|one| one.chosen_accounts), None);
    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    assert!(
        !store
            .choose_accounts(stranger, id, None)
            .await
            .expect("writes")
    );
}

/// Puts the schema back to the one before the table, and brings it up again.
pub(crate) async fn zones_in_documents_become_rows(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let id = connected(&world).await;
    let raw = world.raw().await;
    let account = numbered_account(1);
    let documents = format!(
        r#"[{{"id":"b0000000000000000000000000000001","name":"Shop.example","accountId":"{account}","status":"active","paused":false,"plan":"free"}},{{"id":"b0000000000000000000000000000002","name":"old.example","accountId":"{account}","status":"pending","paused":true,"plan":null}}]"#
    );
    for statement in [
        "DROP TABLE connection_zones".to_owned(),
        "ALTER TABLE connections DROP COLUMN zones_read_at".to_owned(),
        "ALTER TABLE connections DROP COLUMN chosen_accounts".to_owned(),
        "ALTER TABLE connections ADD COLUMN zones text NOT NULL DEFAULT '[]'".to_owned(),
        format!("UPDATE connections SET zones = '{documents}'"),
        "DELETE FROM seaql_migrations WHERE version = 'm20261124_000003_connection_zones'"
            .to_owned(),
    ] {
        raw.execute_unprepared(&statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    raw.close().await.expect("closes");
    store.migrate().await.expect("migrates");
    let listed = store
        .connection_zones(workspace, id, &ZoneQuery::default(), &Page::first(10))
        .await
        .expect("reads");
    let seen: Vec<_> = listed
        .items
        .iter()
        .map(|one| {
            let zone = &one.zone;
            (
                zone.name.as_str(),
                zone.status.as_str(),
                zone.paused,
                zone.plan.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("old.example", "pending", true, None),
            ("Shop.example", "active", false, Some("free"))
        ]
    );
    let stored = store.connection(workspace, id).await.expect("reads");
    let stored = stored.expect("is there");
    assert_eq!(stored.zones_read_at, Some(stored.checked_at));
}
