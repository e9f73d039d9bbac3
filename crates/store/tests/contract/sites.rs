use crate::{
    samples::{after, connection_id, deployment, message, revision, site, site_id, webhook},
    world::World,
};
use domain::{
    deployment::SiteStatus,
    desired::{RouteChoice, RouteChoiceKind},
    ids::WorkspaceId,
    observed::{AdoptedRoute, Recorded},
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Baseline, Page, Site, StoreError, WebhookEvent};
use uuid::Uuid;

pub(crate) async fn a_site_lives(world: World) {
    let store = &world.store;
    let mut shop = site(world.workspace, 1, &["www.shop.example", "shop.example"]);
    store.create_site(&shop).await.expect("stored");
    assert_eq!(
        store.site(world.workspace, shop.id).await.expect("reads"),
        Some(shop.clone())
    );
    let elsewhere = "b0000000000000000000000000000009".parse().expect("an id");
    for (zones, expected) in [
        (vec![shop.zone.clone(), elsewhere], vec![shop.clone()]),
        (Vec::new(), Vec::new()),
    ] {
        let found = store.sites_on_zones(world.workspace, &zones).await;
        assert_eq!(found.expect("reads"), expected);
    }
    assert_eq!(
        store
            .site_by_name(world.workspace, "Site 1")
            .await
            .expect("reads"),
        Some(shop.clone())
    );
    assert_eq!(
        store
            .site_by_name(world.workspace, "site 1")
            .await
            .expect("reads"),
        None
    );
    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    assert_eq!(store.site(stranger, shop.id).await.expect("reads"), None);
    assert!(!store.update_site(stranger, &shop).await.expect("writes"));
    assert!(!store.delete_site(stranger, shop.id).await.expect("writes"));

    shop.name = "Shop".to_owned();
    shop.hostnames = vec!["shop.example".parse().expect("a host name")];
    shop.settings.kv_deadline_ms = 500;
    shop.settings.route_patterns = BTreeMap::from([(
        shop.hostnames[0].clone(),
        vec!["shop.example/blog/*".to_owned()],
    )]);
    shop.settings.route_choices = vec![RouteChoice {
        kind: RouteChoiceKind::Adopt,
        route: "d0000000000000000000000000000001".parse().expect("an id"),
        pattern: "shop.example/blog/*".to_owned(),
        script: Some("their-worker".to_owned()),
        at: after(1),
    }];
    shop.updated_at = after(1);
    assert!(
        store
            .update_site(world.workspace, &shop)
            .await
            .expect("writes")
    );
    shop.recorded = Recorded {
        namespace: Some("c0000000000000000000000000000001".parse().expect("an id")),
        content_loaded: true,
        script_intended: true,
        routes_intended: vec!["shop.example/*".to_owned()],
        adopted: vec![AdoptedRoute {
            id: "d0000000000000000000000000000001".parse().expect("an id"),
            pattern: "shop.example/blog/*".to_owned(),
            script: Some("their-worker".to_owned()),
            request_limit_fail_open: Some(false),
            at: after(2),
            is_taken: true,
        }],
        ..Recorded::default()
    };
    assert!(
        store
            .set_recorded(world.workspace, shop.id, &shop.recorded)
            .await
            .expect("writes")
    );
    shop.status = SiteStatus::InSync;
    shop.observed_at = Some(after(2));
    assert!(
        store
            .set_site_status(world.workspace, shop.id, shop.status, shop.observed_at)
            .await
            .expect("writes")
    );
    store
        .set_site_status(world.workspace, shop.id, shop.status, None)
        .await
        .expect("writes");
    assert_eq!(
        store.site(world.workspace, shop.id).await.expect("reads"),
        Some(shop.clone())
    );
    assert_eq!(
        store.all_sites_for_background().await.expect("reads"),
        [shop.clone()]
    );
    let listed = store
        .list_sites(world.workspace, &Page::default())
        .await
        .expect("reads");
    assert_eq!((listed.items, listed.next), (vec![shop], None));
}

pub(crate) async fn are_found_by_name_and_host(world: World) {
    let store = &world.store;
    let mut sites = Vec::new();
    for (number, name, host) in [
        (1, "Grüner Laden", "shop.example"),
        (2, "Blog", "blog.example"),
        (3, "SHOP two", "two.example"),
        (4, "100% sure", "sure.example"),
    ] {
        let mut one = site(world.workspace, number, &[host]);
        one.name = name.to_owned();
        store.create_site(&one).await.expect("stored");
        sites.push(one);
    }
    assert_eq!(store.count_sites(world.workspace).await.expect("reads"), 4);
    for (text, found) in [
        ("shop", &[0, 2][..]),
        ("GRÜN", &[0]),
        ("%", &[3]),
        ("example", &[0, 1, 2, 3]),
        ("_", &[]),
    ] {
        let listed = store
            .find_sites(world.workspace, text, &Page::default())
            .await
            .expect("reads");
        let wanted: Vec<Site> = found.iter().map(|at| sites[*at].clone()).collect();
        assert_eq!((listed.items, listed.next), (wanted, None), "{text}");
    }
    let mut page = Page::first(1);
    let first = store
        .find_sites(world.workspace, "shop", &page)
        .await
        .expect("reads");
    assert_eq!(first.items, [sites[0].clone()]);
    page.after = first.next;
    assert!(page.after.is_some());
    let second = store
        .find_sites(world.workspace, "shop", &page)
        .await
        .expect("reads");
    assert_eq!((second.items, second.next), (vec![sites[2].clone()], None));
}

pub(crate) async fn names_and_hostnames_are_unique(world: World) {
    let store = &world.store;
    store
        .create_site(&site(
            world.workspace,
            1,
            &["shop.example", "www.shop.example"],
        ))
        .await
        .expect("stored");
    store
        .create_site(&site(world.workspace, 2, &["blog.example"]))
        .await
        .expect("stored");

    let mut third = site(world.workspace, 3, &["third.example", "www.shop.example"]);
    let refused = store.create_site(&third).await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict { what: "hostname", value }) if value == "www.shop.example"),
        "{refused:?}"
    );
    assert_eq!(
        store.site(world.workspace, third.id).await.expect("reads"),
        None,
        "nothing is kept"
    );
    third.hostnames.pop();
    third.name = "Site 1".to_owned();
    let refused = store.create_site(&third).await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict { what: "name", value }) if value == "Site 1"),
        "{refused:?}"
    );

    let mut second = site(world.workspace, 2, &["blog.example", "shop.example"]);
    let refused = store.update_site(world.workspace, &second).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                what: "hostname",
                ..
            })
        ),
        "{refused:?}"
    );
    second.hostnames.pop();
    second.name = "Site 1".to_owned();
    let refused = store.update_site(world.workspace, &second).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { what: "name", .. })),
        "{refused:?}"
    );

    // Two at once.
    let tries: Vec<_> = (10..16u128)
        .map(|number| {
            let store = world.store.clone();
            let site = site(world.workspace, number, &["wanted.example"]);
            tokio::spawn(async move { store.create_site(&site).await })
        })
        .collect();
    let mut winners = 0;
    for one in tries {
        match one.await.expect("no panic") {
            Ok(()) => winners += 1,
            Err(StoreError::Conflict {
                what: "hostname", ..
            }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
}

pub(crate) async fn a_deleted_site_leaves_only_history(world: World) {
    let store = &world.store;
    let shop = site(world.workspace, 1, &["shop.example"]);
    let blog = site(world.workspace, 2, &["blog.example"]);
    for site in [&shop, &blog] {
        store.create_site(site).await.expect("stored");
        store
            .save_revision(world.workspace, &revision(site.id, "/", b"both"))
            .await
            .expect("saved");
    }
    store
        .save_revision(world.workspace, &revision(shop.id, "/only", b"one"))
        .await
        .expect("saved");
    let queued = store
        .enqueue_deployment(&deployment(world.workspace, 1, shop.id))
        .await
        .expect("queued");
    assert!(
        store
            .delete_site(world.workspace, shop.id)
            .await
            .expect("writes")
    );
    assert!(
        !store
            .delete_site(world.workspace, shop.id)
            .await
            .expect("writes")
    );

    assert_eq!(
        store.site(world.workspace, shop.id).await.expect("reads"),
        None
    );
    let kept = store
        .deployment(world.workspace, queued.deployment.id)
        .await
        .expect("reads");
    assert_eq!(kept.map(|kept| kept.site_name), Some("Site".to_owned()));
    let raw = world.raw().await;
    for (table, rows) in [
        ("site_hostnames", 1),
        ("variants", 1),
        ("variant_revisions", 1),
        ("kv_ledger", 1),
        ("contents", 1),
        ("deployments", 1),
    ] {
        let found = raw
            .query_all_raw(sea_orm::Statement::from_string(
                raw.get_database_backend(),
                format!("SELECT 1 FROM {table}"),
            ))
            .await
            .expect("reads");
        assert_eq!(found.len(), rows, "{table}");
    }
    raw.close().await.expect("closes");
    let mut again = site(world.workspace, 3, &["shop.example"]);
    again.name = shop.name;
    store
        .create_site(&again)
        .await
        .expect("name and host name are free");
}

pub(crate) async fn a_baseline_is_kept_until_forgotten(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    for number in [1, 2] {
        let host = format!("site{number}.example");
        let site = site(workspace, number, &[&host]);
        store.create_site(&site).await.expect("stored");
    }
    let (one, two) = (site_id(1), site_id(2));
    assert_eq!(store.baseline(workspace, one).await.expect("reads"), None);
    for seconds in [0, 5] {
        let baseline = Baseline {
            taken_at: after(seconds),
            pages: json!([{ "at": seconds }]),
        };
        for id in [one, two] {
            store
                .keep_baseline(workspace, id, &baseline)
                .await
                .expect("writes");
        }
    }
    let kept = store.baseline(workspace, one).await.expect("reads");
    assert_eq!(kept.map(|kept| kept.pages), Some(json!([{ "at": 5 }])));
    store
        .forget_baseline(workspace, one)
        .await
        .expect("deletes");
    assert_eq!(store.baseline(workspace, one).await.expect("reads"), None);
    assert!(
        store
            .baseline(workspace, two)
            .await
            .expect("reads")
            .is_some()
    );
    // A site takes it along.
    assert!(store.delete_site(workspace, two).await.expect("deletes"));
    assert_eq!(store.baseline(workspace, two).await.expect("reads"), None);
}

pub(crate) async fn sites_are_observed_in_turn(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    for number in [1, 2, 3] {
        let host = format!("site{number}.example");
        let site = site(workspace, number, &[&host]);
        store.create_site(&site).await.expect("stored");
        // A site that was never deployed has nothing to watch.
        let status = if number == 3 {
            SiteStatus::New
        } else {
            SiteStatus::InSync
        };
        store
            .set_site_status(workspace, site.id, status, None)
            .await
            .expect("writes");
    }
    let other = world.second_store().await;
    let (now, next) = (after(0), after(900));
    let (one, two) = tokio::join!(
        store.claim_observation(now, next),
        other.claim_observation(now, next)
    );
    let mut claimed: Vec<_> = [one, two]
        .into_iter()
        .filter_map(|claimed| claimed.expect("writes").map(|site| site.id))
        .collect();
    claimed.sort();
    assert_eq!(claimed, [site_id(1), site_id(2)]);
    assert_eq!(
        store
            .claim_observation(after(899), after(1800))
            .await
            .expect("reads"),
        None
    );
    let again = store.claim_observation(after(900), after(1800)).await;
    assert!(again.expect("writes").is_some());

    let found = json!({ "steps": [{ "name": "shop.example/*" }] });
    store
        .set_webhook(&webhook(workspace))
        .await
        .expect("stored");
    let news = message(7, WebhookEvent::SiteDrifted, after(1));
    let change = async |former: Option<&Value>, drift: Option<&Value>| {
        let changed = store.change_drift(workspace, site_id(1), former, drift, Some(&news));
        changed.await.expect("writes")
    };
    assert!(change(None, Some(&found)).await);
    assert!(!change(None, Some(&found)).await, "it is known already");
    assert_eq!(
        store.drift(workspace, site_id(1)).await.expect("reads"),
        Some(found.clone())
    );
    let told = store.list_deliveries(workspace, &Page::first(9)).await;
    assert_eq!(told.expect("reads").items.len(), 1, "once");
    let cleared = store.change_drift(workspace, site_id(1), Some(&found), None, None);
    assert!(cleared.await.expect("writes"));
    assert_eq!(
        store.watched_sites_for_background().await.expect("reads"),
        [(connection_id(1), 2)]
    );
    let put_off = store.put_off_observation(workspace, site_id(1), after(5000));
    assert!(put_off.await.expect("writes"));
    let next = store.claim_observation(after(4999), after(9000)).await;
    assert_eq!(next.expect("reads").map(|site| site.id), Some(site_id(2)));
    assert_eq!(
        store.drift(workspace, site_id(1)).await.expect("reads"),
        None
    );
    other.close().await.expect("closes");
}
