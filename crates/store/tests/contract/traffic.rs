use crate::{
    samples::{NOW, after, site, site_id},
    world::World,
};
use domain::{
    identity::Identity,
    ids::SiteId,
    time::Millis,
    traffic::{Cube, HOUR_MS, Level},
    visit::{Visit, VisitOutcome},
};
use store::{Addition, NewBatch, PackedBatch, Store, VisitQuery};

pub(crate) const KEY: &str = "hash-of-the-key";

/// The hour of [`NOW`].
pub(crate) const HOUR: i64 = NOW.0 / HOUR_MS;

pub(crate) async fn with_site(world: &World, number: u128, key: &str) -> SiteId {
    let site = site(world.workspace, number, &[&format!("{number}.example")]);
    world.store.create_site(&site).await.expect("stored");
    let known = world
        .store
        .set_ingest_key(world.workspace, site.id, key, NOW, NOW)
        .await;
    assert!(known.expect("stored"));
    site.id
}

pub(crate) fn visit(path: &str, at: Millis) -> Visit {
    Visit {
        at,
        agent: "GPTBot".to_owned(),
        path: path.to_owned(),
        outcome: VisitOutcome::Variant,
        status: 200,
        revision: Some("ab".repeat(32).parse().expect("a revision")),
        format: Some(domain::variant::Format::Html),
        country: Some("DE".to_owned()),
        asn: Some(64_500),
        spent_ms: 3,
        identity: Identity::Verified,
        user_agent: None,
        network: None,
    }
}

pub(crate) fn batch(world: &World, site: SiteId, id: &str, visits: Vec<Visit>) -> PackedBatch {
    PackedBatch::of(&NewBatch {
        workspace: world.workspace,
        site,
        key_hash: KEY.to_owned(),
        batch: id.to_owned(),
        received_at: NOW,
        dropped: 1,
        visits,
    })
}

pub(crate) async fn append(world: &World, batches: &[PackedBatch]) -> u64 {
    world
        .store
        .append_visits(batches, NOW)
        .await
        .expect("written")
}

/// Counts whatever waits, as the program does.
pub(crate) async fn roll_up(store: &Store) -> bool {
    let waiting = store
        .batches_to_roll_up_for_background(100)
        .await
        .expect("read");
    let mut additions = Vec::new();
    for batch in &waiting {
        for visit in &batch.visits {
            let mut cube = Cube::default();
            cube.add(visit);
            additions.push(Addition {
                workspace: batch.workspace,
                site: batch.site,
                hour: visit.at.0 / HOUR_MS,
                cube,
                dropped: 0,
            });
        }
    }
    let ids: Vec<i64> = waiting.iter().map(|batch| batch.id).collect();
    store.roll_up(&ids, &additions).await.expect("counted")
}

pub(crate) async fn total(world: &World, site: SiteId, from: i64, to: i64) -> u64 {
    let counted = world
        .store
        .traffic(world.workspace, site, from, to, Level::Block)
        .await
        .expect("read");
    counted.iter().map(|counted| counted.cube.visits()).sum()
}

pub(crate) async fn a_batch_counts_once(world: World) {
    let id = with_site(&world, 1, KEY).await;
    let one = batch(
        &world,
        id,
        "one",
        vec![visit("/a", NOW), visit("/b", after(1))],
    );
    let two = batch(&world, id, "two", vec![visit("/a", after(2))]);
    assert_eq!(append(&world, &[one.clone(), two.clone()]).await, 2);
    assert_eq!(append(&world, &[two, one]).await, 0);
    let second = world.second_store().await;
    let (here, there) = tokio::join!(roll_up(&world.store), roll_up(&second));
    assert!(here || there);
    assert!(roll_up(&world.store).await);
    assert_eq!(total(&world, id, HOUR, HOUR + 1).await, 3);
    let days = world
        .store
        .traffic_days(world.workspace, id, HOUR / 24, HOUR / 24 + 1)
        .await
        .expect("read");
    let hours = days[0].1.rows()[0].hours;
    assert_eq!(hours.iter().sum::<u32>(), 3);

    let query = VisitQuery {
        from: after(1),
        to: after(2),
        after: 0,
        limit: 10,
    };
    let found = world
        .store
        .visit_batches(world.workspace, id, query)
        .await
        .expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].visits[1], visit("/b", after(1)));
    let newest = world
        .store
        .newest_visit_batches(world.workspace, id, 1)
        .await
        .expect("read");
    assert_eq!(newest[0].visits[0].path, "/a");
    let deleted = world
        .store
        .delete_visits_before(world.workspace, id, after(2), 10)
        .await;
    assert_eq!(deleted.expect("deleted"), 1);
    assert_eq!(total(&world, id, HOUR, HOUR + 1).await, 3, "counts stay");
    // What is not counted yet stays too.
    let late = batch(&world, id, "late", vec![visit("/a", NOW)]);
    assert_eq!(append(&world, &[late]).await, 1);
    let deleted = world
        .store
        .delete_visits_before(world.workspace, id, after(2), 10)
        .await;
    assert_eq!(deleted.expect("deleted"), 0);
}

pub(crate) async fn keys_change_without_a_gap(world: World) {
    let id = with_site(&world, 1, KEY).await;
    let new = "hash-of-another";
    let former_until = after(60);
    for _ in 0..2 {
        assert!(
            world
                .store
                .set_ingest_key(world.workspace, id, new, NOW, former_until)
                .await
                .expect("stored")
        );
    }
    let whose = |key: &'static str, at| {
        let store = world.store.clone();
        async move {
            store
                .ingest_key(key, at)
                .await
                .expect("read")
                .map(|key| key.site)
        }
    };
    assert_eq!(whose(KEY, after(59)).await, Some(id));
    assert_eq!(whose(KEY, after(60)).await, None);
    assert_eq!(whose(new, after(600)).await, Some(id));
    let late = batch(&world, id, "late", vec![visit("/", NOW)]);
    assert_eq!(
        world
            .store
            .append_visits(std::slice::from_ref(&late), after(60))
            .await
            .expect("asked"),
        0
    );
    assert_eq!(append(&world, &[late]).await, 1);

    world
        .store
        .delete_site(world.workspace, id)
        .await
        .expect("deleted");
    assert_eq!(whose(new, NOW).await, None);
    let dead = batch(&world, id, "dead", vec![visit("/", NOW)]);
    assert_eq!(append(&world, &[dead]).await, 0);
    let lag = world
        .store
        .roll_up_lag_for_background()
        .await
        .expect("read");
    assert_eq!(lag, (0, None));
    let unknown = site_id(9);
    let known = world
        .store
        .set_ingest_key(world.workspace, unknown, "x", NOW, NOW)
        .await;
    assert!(!known.expect("asked"));
}

pub(crate) async fn folding_changes_no_count(world: World) {
    let id = with_site(&world, 1, KEY).await;
    let other = with_site(&world, 2, "another").await;
    // Some hours of three blocks.
    let first = HOUR / Level::Block.hours() * Level::Block.hours();
    let hours: Vec<i64> = (0..60).map(|n| first + n * 31).collect();
    let batches: Vec<_> = hours
        .iter()
        .map(|hour| {
            let path = format!("/{}", hour % 7);
            batch(
                &world,
                id,
                &hour.to_string(),
                vec![visit(&path, Millis(hour * HOUR_MS))],
            )
        })
        .collect();
    assert_eq!(append(&world, &batches).await, 60);
    while world
        .store
        .roll_up_lag_for_background()
        .await
        .expect("read")
        .0
        > 0
    {
        assert!(roll_up(&world.store).await);
    }
    let end = first + 60 * 31;
    let expected = |from: i64, to: i64| {
        hours
            .iter()
            .filter(|hour| (from..to).contains(*hour))
            .count() as u64
    };
    let ranges = [
        (first, end),
        (first + 5, end - 40),
        (first + 768, first + 1_536),
        (first + 25, first + 26),
        (first - 1_000, end + 5_000),
    ];
    for (from, to) in ranges {
        assert_eq!(
            total(&world, id, from, to).await,
            expected(from, to),
            "before"
        );
    }
    let fold_all = async || {
        let mut folds = 0;
        loop {
            let some = world
                .store
                .traffic_to_fold_for_background(end + 768, 50)
                .await
                .expect("read");
            if some.is_empty() {
                return folds;
            }
            for unfolded in some {
                world.store.fold_traffic(unfolded).await.expect("folded");
                folds += 1;
            }
        }
    };
    assert!(fold_all().await > 60);
    for (from, to) in ranges {
        assert_eq!(
            total(&world, id, from, to).await,
            expected(from, to),
            "after"
        );
    }
    let pieces = world
        .store
        .traffic(world.workspace, id, first, end, Level::Block)
        .await
        .expect("read");
    assert!(pieces.len() < 30, "{} pieces", pieces.len());
    // A late report opens its day and block again.
    let late = batch(
        &world,
        id,
        "late",
        vec![visit("/late", Millis((first + 30) * HOUR_MS))],
    );
    append(&world, &[late]).await;
    assert!(roll_up(&world.store).await);
    assert_eq!(total(&world, id, first, end).await, 61);
    assert!(fold_all().await >= 2);
    assert_eq!(total(&world, id, first, end).await, 61);
    assert_eq!(total(&world, other, first, end).await, 0);
}
