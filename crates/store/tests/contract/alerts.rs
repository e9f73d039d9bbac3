use crate::{
    samples::{NOW, after, message, site, site_id, webhook},
    world::World,
};
use domain::{
    alert::{Ending, Finding, Rules},
    identity::Identity,
    ids::{AlertId, SiteId},
    time::Millis,
    traffic::{Cube, HOUR_MS},
    visit::{Visit, VisitOutcome},
};
use store::{
    Addition, Alert, AlertChange, AlertFilter, AlertLook, DeliveryStatus, LookLease, Page, Store,
    WebhookEvent,
};
use uuid::Uuid;

/// The UTC day of [`NOW`].
const DAY: i64 = NOW.0 / HOUR_MS / 24;

fn alert_id(number: u128) -> AlertId {
    AlertId::from_uuid(Uuid::from_u128(0xa1e0_0000 + number))
}

async fn with_site(world: &World, number: u128) -> SiteId {
    let site = site(world.workspace, number, &[&format!("{number}.example")]);
    world.store.create_site(&site).await.expect("stored");
    site.id
}

/// Counts one visit.
async fn visited(world: &World, site: SiteId) {
    let mut cube = Cube::default();
    cube.add(&Visit {
        at: NOW,
        agent: "GPTBot".to_owned(),
        path: "/".to_owned(),
        outcome: VisitOutcome::Variant,
        status: 200,
        revision: None,
        format: None,
        country: None,
        asn: None,
        spent_ms: 1,
        identity: Identity::Verified,
        user_agent: None,
        network: None,
    });
    let addition = Addition {
        workspace: world.workspace,
        site,
        hour: NOW.0 / HOUR_MS,
        cube,
        dropped: 0,
    };
    assert!(
        world
            .store
            .roll_up(&[], &[addition])
            .await
            .expect("counted")
    );
}

fn unknown(visits: u64) -> Finding {
    Finding::UnknownBot { visits }
}

fn alert(world: &World, number: u128, site: SiteId, finding: Finding) -> Alert {
    Alert {
        id: alert_id(number),
        workspace: world.workspace,
        site,
        finding,
        opened_at: NOW,
        updated_at: NOW,
        clear_since: None,
        resolved: None,
        acknowledged: None,
    }
}

async fn lease(store: &Store, owner: &str, now: Millis) -> Option<LookLease> {
    let until = now.plus_seconds(60);
    store.lease_look(owner, now, until).await.expect("asked")
}

fn look(at: Millis, changes: &[AlertChange]) -> AlertLook<'_> {
    AlertLook {
        at,
        watched_since: NOW,
        next: Some(at.plus_seconds(300)),
        changes,
        messages: &[],
    }
}

/// Has a site watched, and takes it.
async fn leased(world: &World, number: u128) -> LookLease {
    let id = with_site(world, number).await;
    visited(world, id).await;
    let watched = world.store.watch_sites_for_background(DAY, NOW).await;
    assert_eq!(watched.expect("asked"), 1);
    lease(&world.store, "a", NOW).await.expect("its turn")
}

async fn changed(world: &World, lease: &LookLease, at: Millis, changes: &[AlertChange]) {
    let done = world.store.finish_look(lease, "a", look(at, changes)).await;
    assert!(done.expect("written"));
}

pub(crate) async fn rules_are_set(world: World) {
    let (store, ws) = (&world.store, world.workspace);
    let id = with_site(&world, 1).await;
    assert_eq!(
        store.alert_rules(ws, id).await.expect("read"),
        Rules::default()
    );
    let mut rules = Rules::default();
    rules.errors.percent = 30;
    rules.unknown_bot.enabled = false;
    for _ in 0..2 {
        assert!(
            store
                .set_alert_rules(ws, id, &rules, NOW)
                .await
                .expect("set")
        );
    }
    assert_eq!(store.alert_rules(ws, id).await.expect("read"), rules);
    let nobody = store.set_alert_rules(ws, site_id(9), &rules, NOW).await;
    assert!(!nobody.expect("asked"));

    // A look is due soon after, also at a site that nobody looked at, and when one is going on.
    let first = lease(store, "a", NOW).await.expect("its turn");
    assert_eq!(first.rules, rules);
    store
        .set_alert_rules(ws, id, &Rules::default(), after(1))
        .await
        .expect("set");
    changed(&world, &first, NOW, &[]).await;
    let again = lease(store, "a", after(1)).await.expect("its turn again");
    assert_eq!(again.rules, Rules::default());
}

pub(crate) async fn looks_are_leased_and_written_whole(world: World) {
    let (store, ws) = (&world.store, world.workspace);
    let quiet = with_site(&world, 1).await;
    let first = leased(&world, 2).await;
    assert_eq!((first.watched_since, first.looked_at), (None, None));
    assert_ne!(first.site, quiet, "nobody came there");
    let none = store.watch_sites_for_background(DAY, NOW).await;
    assert_eq!(none.expect("asked"), 0, "it is watched already");
    let second = world.second_store().await;
    assert_eq!(lease(&second, "b", after(59)).await, None);

    store.set_webhook(&webhook(ws)).await.expect("set");
    let opened = alert(&world, 1, first.site, unknown(700));
    let changes = [AlertChange::Open(opened.clone())];
    let messages = [message(1, WebhookEvent::TrafficUnknownBot, NOW)];
    let told = AlertLook {
        messages: &messages,
        ..look(NOW, &changes)
    };
    let not_ours = second.finish_look(&first, "b", told).await;
    assert!(!not_ours.expect("asked"));
    assert_eq!(store.open_alerts(ws, first.site).await.expect("read"), []);
    assert!(store.finish_look(&first, "a", told).await.expect("written"));
    assert_eq!(
        store.open_alerts(ws, first.site).await.expect("read"),
        [opened]
    );
    let queued = store.count_deliveries(DeliveryStatus::Queued).await;
    assert_eq!(queued.expect("read"), 1);
    // The same once more is refused whole, by the lease and by the rule that one of a kind is open at a time.
    assert!(!store.finish_look(&first, "a", told).await.expect("asked"));

    let next = lease(store, "a", after(300)).await.expect("its turn");
    assert_eq!((next.watched_since, next.looked_at), (Some(NOW), Some(NOW)));
    let twice = [AlertChange::Open(alert(&world, 2, first.site, unknown(1)))];
    let told = AlertLook {
        messages: &messages,
        ..look(after(300), &twice)
    };
    assert!(store.finish_look(&next, "a", told).await.is_err());
    let queued = store.count_deliveries(DeliveryStatus::Queued).await;
    assert_eq!(queued.expect("read"), 1, "all or nothing");

    store
        .postpone_look(next.site, "a", after(400))
        .await
        .expect("written");
    assert_eq!(lease(store, "b", after(399)).await, None);
    let last = lease(store, "b", after(400)).await.expect("its turn");
    let over = AlertLook {
        next: None,
        ..look(after(400), &[])
    };
    assert!(store.finish_look(&last, "b", over).await.expect("written"));
    assert_eq!(
        lease(store, "b", after(9_000)).await,
        None,
        "nothing to look at"
    );

    // Whoever looks while the site is deleted writes nothing.
    store
        .watch_sites_for_background(DAY, after(9_000))
        .await
        .expect("asked");
    let late = lease(store, "b", after(9_000)).await.expect("its turn");
    store.delete_site(ws, late.site).await.expect("deleted");
    let gone = store.finish_look(&late, "b", look(after(9_000), &[])).await;
    assert!(!gone.expect("asked"));
    let all = store.count_open_alerts(ws).await.expect("read");
    assert!(all.is_empty(), "they went with their site");
}

pub(crate) async fn alerts_are_listed_seen_and_forgotten(world: World) {
    let (store, ws) = (&world.store, world.workspace);
    let first = leased(&world, 1).await;
    let stopped = |agent: &str| Finding::AgentStopped {
        agents: vec![agent.to_owned()],
        is_all: false,
        silent_hours: 48,
        visits_before: 30,
        days_before: 6,
        last_hour: 7,
    };
    let one = alert(&world, 1, first.site, stopped("GPTBot"));
    let two = alert(&world, 2, first.site, stopped("ClaudeBot"));
    changed(
        &world,
        &first,
        NOW,
        &[
            AlertChange::Open(one.clone()),
            AlertChange::Open(two.clone()),
        ],
    )
    .await;
    let other = leased(&world, 2).await;
    let three = alert(&world, 3, other.site, unknown(900));
    changed(&world, &other, NOW, &[AlertChange::Open(three.clone())]).await;

    let list = async |site, filter, page: &Page| {
        let listed = store.list_alerts(ws, site, filter, page).await;
        let listed = listed.expect("read");
        let ids: Vec<AlertId> = listed.items.iter().map(|alert| alert.id).collect();
        (ids, listed.next)
    };
    let (ids, next) = list(None, AlertFilter::Open, &Page::first(2)).await;
    assert_eq!(ids, [three.id, two.id], "newest first, of all sites");
    let rest = Page {
        after: next,
        limit: 2,
    };
    assert_eq!(
        list(None, AlertFilter::Open, &rest).await,
        (vec![one.id], None)
    );
    let counts = store.count_open_alerts(ws).await.expect("read");
    assert_eq!((counts[&first.site], counts[&other.site]), (2, 1));

    let seen = store
        .acknowledge_alert(ws, one.id, "owner@shop.example", after(1))
        .await;
    let (seen, is_first) = seen.expect("written").expect("there");
    assert!(is_first);
    let by = (after(1), "owner@shop.example".to_owned());
    assert_eq!(seen.acknowledged, Some(by.clone()));
    let again = store
        .acknowledge_alert(ws, one.id, "somebody@shop.example", after(2))
        .await;
    let (again, is_first) = again.expect("written").expect("there");
    assert_eq!((again.acknowledged, is_first), (Some(by.clone()), false));
    let nobody = store.acknowledge_alert(ws, alert_id(9), "x", NOW).await;
    assert_eq!(nobody.expect("asked"), None);

    // It is over, it is so again, it is over for good; what was said of it stays.
    let at = |seconds: i64| after(300 * seconds);
    let ending = Ending::Over;
    let steps: [&[AlertChange]; 4] = [
        &[AlertChange::Clear { id: one.id }],
        &[AlertChange::Last {
            id: one.id,
            finding: stopped("GPTBot"),
        }],
        &[AlertChange::Clear { id: one.id }],
        &[AlertChange::End { id: one.id, ending }],
    ];
    let mut clear = Vec::new();
    for (number, changes) in (1..).zip(steps) {
        let lease = loop {
            // The other site's turn comes as often.
            let lease = lease(store, "a", at(number))
                .await
                .expect("somebody's turn");
            if lease.site == first.site {
                break lease;
            }
            changed(&world, &lease, at(number), &[]).await;
        };
        changed(&world, &lease, at(number), changes).await;
        let alerts = store
            .list_alerts(ws, Some(first.site), AlertFilter::All, &Page::first(9))
            .await;
        let alert = alerts.expect("read").items.pop().expect("the oldest");
        clear.push((alert.clear_since, alert.resolved));
        assert_eq!(alert.acknowledged, Some(by.clone()));
    }
    assert_eq!(
        clear,
        [
            (Some(at(1)), None),
            (None, None),
            (Some(at(3)), None),
            (Some(at(3)), Some((at(4), ending))),
        ]
    );
    let site = Some(first.site);
    assert_eq!(
        list(site, AlertFilter::Resolved, &Page::first(9)).await.0,
        [one.id]
    );
    assert_eq!(
        list(site, AlertFilter::Open, &Page::first(9)).await.0,
        [two.id]
    );
    assert_eq!(store.delete_alerts_before(at(4)).await.expect("asked"), 0);
    assert_eq!(store.delete_alerts_before(at(5)).await.expect("written"), 1);
    assert_eq!(
        list(site, AlertFilter::All, &Page::first(9)).await.0,
        [two.id]
    );
}
