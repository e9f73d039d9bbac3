use crate::{
    samples::{NOW, after, site_id},
    traffic::{HOUR, KEY, append, batch, roll_up, total, visit, with_site},
    world::World,
};
use domain::{
    ids::{DeploymentId, SiteId},
    time::Millis,
    traffic::{HOUR_MS, Level},
    visit::{UNKNOWN_AGENT, Visit, VisitOutcome},
};
use std::collections::BTreeMap;
use store::{NewBatch, PackedBatch, ReadAgain, SiteKey, Store, VisitQuery};

const EVERYTHING: VisitQuery = VisitQuery {
    from: Millis(0),
    to: Millis(i64::MAX),
    after: 0,
    limit: 10_000,
};

async fn single_visits(world: &World, site: SiteId) -> usize {
    let batches = world
        .store
        .visit_batches(world.workspace, site, EVERYTHING)
        .await
        .expect("read");
    batches.iter().map(|batch| batch.visits.len()).sum()
}

async fn count_all(store: &Store) {
    while store.roll_up_lag_for_background().await.expect("read").0 > 0 {
        assert!(roll_up(store).await);
    }
}

pub(crate) async fn a_deletion_takes_everything_that_came_before_it(world: World) {
    let ws = world.workspace;
    let id = with_site(&world, 1, KEY).await;
    let other = with_site(&world, 2, "another").await;
    // Thirty hours of both, in hours, days and folded ones.
    for n in 0..30 {
        let at = Millis(NOW.0 - n * HOUR_MS);
        append(
            &world,
            &[batch(&world, id, &n.to_string(), vec![visit("/a", at)])],
        )
        .await;
    }
    let theirs = PackedBatch::of(&NewBatch {
        workspace: ws,
        site: other,
        key_hash: "another".to_owned(),
        batch: "theirs".to_owned(),
        received_at: NOW,
        dropped: 0,
        visits: vec![visit("/a", NOW)],
    });
    append(&world, &[theirs]).await;
    count_all(&world.store).await;
    for unfolded in world
        .store
        .traffic_to_fold_for_background(HOUR + 48, 50)
        .await
        .expect("read")
    {
        world.store.fold_traffic(unfolded).await.expect("folded");
    }
    assert_eq!(total(&world, id, HOUR - 40, HOUR + 1).await, 30);
    // One that is not counted yet.
    append(
        &world,
        &[batch(&world, id, "waits", vec![visit("/a", NOW)])],
    )
    .await;

    assert!(
        world
            .store
            .begin_visit_deletion(ws, id, NOW)
            .await
            .expect("asked")
    );
    // Gone at once, for whoever looks.
    assert_eq!(total(&world, id, HOUR - 40, HOUR + 1).await, 0);
    let days = world
        .store
        .traffic_days(ws, id, 0, HOUR)
        .await
        .expect("read");
    assert!(days.is_empty());
    assert_eq!(single_visits(&world, id).await, 0);
    assert_eq!(world.store.oldest_visit(ws, id).await.expect("read"), None);
    // What comes meanwhile is there, and counted later.
    append(
        &world,
        &[batch(
            &world,
            id,
            "later",
            vec![visit("/b", NOW), visit("/c", after(1))],
        )],
    )
    .await;
    assert_eq!(single_visits(&world, id).await, 2);
    let waiting = world
        .store
        .batches_to_roll_up_for_background(10)
        .await
        .expect("read");
    assert!(waiting.is_empty());
    // Small steps, by two at once, one of which is killed after some.
    let second = world.second_store().await;
    for _ in 0..3 {
        let step = second.visit_deletion_step(ws, id, 7).await.expect("a step");
        assert!(!step.is_over);
    }
    let all = |store: Store| async move {
        let mut batches = 0;
        loop {
            let step = store.visit_deletion_step(ws, id, 7).await.expect("a step");
            batches += step.batches;
            if step.is_over {
                return batches;
            }
        }
    };
    let (here, there) = tokio::join!(all(world.store.clone()), all(second));
    assert_eq!(here + there, 31);
    let left = world.store.visit_deletion(ws, id).await.expect("read");
    assert_eq!(left, None);
    count_all(&world.store).await;
    assert_eq!(total(&world, id, HOUR - 40, HOUR + 1).await, 2);
    assert_eq!(single_visits(&world, id).await, 2);
    assert_eq!(total(&world, other, HOUR - 40, HOUR + 1).await, 1);
    // A step that comes too late does no harm.
    let late = world.store.visit_deletion_step(ws, id, 7).await;
    assert!(late.expect("a step").is_over);
    assert_eq!(total(&world, id, HOUR - 40, HOUR + 1).await, 2);
    let unknown = world
        .store
        .begin_visit_deletion(ws, site_id(9), NOW)
        .await
        .expect("asked");
    assert!(!unknown);
}

pub(crate) async fn a_deletion_and_arrivals_side_by_side(world: World) {
    let ws = world.workspace;
    let id = with_site(&world, 1, KEY).await;
    let second = world.second_store().await;
    let arrive = async {
        for n in 0..60 {
            let visits = vec![visit("/a", NOW), visit("/b", NOW), visit("/c", NOW)];
            append(&world, &[batch(&world, id, &n.to_string(), visits)]).await;
            roll_up(&world.store).await;
        }
    };
    let delete = async {
        for _ in 0..4 {
            assert!(
                second
                    .begin_visit_deletion(ws, id, NOW)
                    .await
                    .expect("asked")
            );
            while !second
                .visit_deletion_step(ws, id, 2)
                .await
                .expect("a step")
                .is_over
            {}
        }
    };
    tokio::join!(arrive, delete);
    count_all(&world.store).await;
    let kept = single_visits(&world, id).await;
    assert_eq!(kept % 3, 0, "batches are kept whole");
    assert_eq!(
        total(&world, id, HOUR, HOUR + 1).await,
        kept as u64,
        "what is kept is counted, and nothing else"
    );
}

pub(crate) async fn old_counts_go_by_whole_blocks(world: World) {
    let id = with_site(&world, 1, KEY).await;
    let block = HOUR / Level::Block.hours() * Level::Block.hours();
    let hours = [block - 800, block - 30, block - 1, block, block + 1];
    for hour in hours {
        let at = Millis(hour * HOUR_MS);
        append(
            &world,
            &[batch(&world, id, &hour.to_string(), vec![visit("/a", at)])],
        )
        .await;
    }
    count_all(&world.store).await;
    for _ in 0..2 {
        for unfolded in world
            .store
            .traffic_to_fold_for_background(block + 5_000, 50)
            .await
            .expect("read")
        {
            world.store.fold_traffic(unfolded).await.expect("folded");
        }
    }
    let mut deleted = 0;
    loop {
        let some = world
            .store
            .delete_counts_before(world.workspace, id, block, 2)
            .await
            .expect("deleted");
        if some == 0 {
            break;
        }
        deleted += some;
    }
    assert!(deleted >= 3 + 3, "{deleted}");
    assert_eq!(total(&world, id, block - 2_000, block).await, 0);
    assert_eq!(total(&world, id, block, block + 2).await, 2);
    let days = world
        .store
        .traffic_days(world.workspace, id, 0, block)
        .await
        .expect("read");
    assert_eq!(days.len(), 1);
}

pub(crate) async fn a_key_takes_the_place_of_another(world: World) {
    let ws = world.workspace;
    let id = with_site(&world, 1, KEY).await;
    let key = |name: &str| SiteKey {
        workspace: ws,
        site: id,
        id: name.to_owned(),
        hash: format!("hash of {name}"),
        next: Some(format!("sealed {name}").into_bytes()),
        asked_by: "somebody".to_owned(),
        deployment: None,
        made_at: NOW,
    };
    assert_eq!(world.store.site_key(ws, id).await.expect("read"), None);
    let (first, second) = (key("first"), key("second"));
    let other = world.second_store().await;
    let (here, there) = tokio::join!(
        world.store.begin_site_key(&first),
        other.begin_site_key(&second)
    );
    let next = here.expect("begun").expect("the site is there");
    assert_eq!(
        there.expect("begun"),
        Some(next.clone()),
        "both are told of one"
    );
    // Both keys are taken until the Worker has the new one.
    let whose = async |key: &str, at| {
        let found = world.store.ingest_key(key, at).await.expect("read");
        found.map(|key| key.site)
    };
    assert_eq!(whose(KEY, after(9_999)).await, Some(id));
    assert_eq!(whose(&next.hash, after(9_999)).await, Some(id));
    let deployment = DeploymentId::from_uuid(uuid::Uuid::from_u128(7));
    world
        .store
        .set_site_key_deployment(ws, id, &next.id, deployment)
        .await
        .expect("written");
    let waiting = world
        .store
        .next_site_keys_for_background()
        .await
        .expect("read");
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].deployment, Some(deployment));
    // A change of the vault's key finds it.
    let under_another = |value: &store::SealedValue| {
        let is_it = value.table == "site_keys" && value.row == id.to_string();
        Ok::<_, ()>(is_it.then(|| [b"again ", &value.bytes[..]].concat()))
    };
    let resealed = world
        .store
        .reseal_everything("no such record", under_another, |_| None)
        .await;
    assert_eq!(resealed.expect("done"), Ok(1));
    let now = world.store.site_key(ws, id).await.expect("read");
    let now = now.and_then(|key| key.next).expect("it is sealed");
    assert!(now.starts_with(b"again sealed "));
    // One that cannot be opened is made anew under the same id.
    let again = SiteKey {
        hash: "hash of another".to_owned(),
        next: Some(b"sealed another".to_vec()),
        ..next.clone()
    };
    assert!(
        world
            .store
            .replace_next_site_key(&again)
            .await
            .expect("written")
    );
    let gone = world.store.finish_site_key(&next, b"x", after(60)).await;
    assert!(!gone.expect("asked"), "it was replaced");
    let finish = |store: Store| {
        let again = again.clone();
        async move {
            store
                .finish_site_key(&again, b"sealed for the site", after(60))
                .await
                .expect("finished")
        }
    };
    let (here, there) = tokio::join!(finish(world.store.clone()), finish(other));
    assert!(here != there, "once");
    let site = world.store.site(ws, id).await.expect("read");
    assert_eq!(
        site.expect("it is there").sealed_key,
        b"sealed for the site"
    );
    let now = world.store.site_key(ws, id).await.expect("read");
    let now = now.expect("it is there");
    assert_eq!((now.id.as_str(), now.next), (next.id.as_str(), None));
    for former in [KEY, next.hash.as_str()] {
        assert_eq!(whose(former, after(59)).await, Some(id));
        assert_eq!(whose(former, after(60)).await, None);
    }
    assert_eq!(whose(&again.hash, after(9_999)).await, Some(id));
    // An end is brought forward, never put off.
    for (until, ended) in [(after(30), 2), (after(90), 0)] {
        let done = world
            .store
            .end_former_ingest_keys(ws, id, &again.hash, until)
            .await
            .expect("ended");
        assert_eq!(done, ended);
    }
    assert_eq!(whose(KEY, after(30)).await, None);
    let removed = world.store.delete_site(ws, id).await.expect("deleted");
    assert!(removed);
    assert_eq!(whose(&again.hash, NOW).await, None);
}

fn unknown(path: &str, at: Millis, user_agent: &str) -> Visit {
    Visit {
        agent: UNKNOWN_AGENT.to_owned(),
        outcome: VisitOutcome::Origin,
        status: 0,
        revision: None,
        format: None,
        user_agent: Some(user_agent.to_owned()),
        ..visit(path, at)
    }
}

/// Visits by agent, as counted: by cubes, and by days.
async fn by_agent(world: &World, site: SiteId) -> [BTreeMap<String, u64>; 2] {
    let (ws, store) = (world.workspace, &world.store);
    let (from, to) = (HOUR - 48, HOUR + 24);
    let mut cubes = BTreeMap::new();
    for counted in store
        .traffic(ws, site, from, to, Level::Block)
        .await
        .expect("read")
    {
        for cell in counted.cube.cells() {
            *cubes.entry(cell.agent.to_owned()).or_default() += cell.sum.visits;
        }
    }
    let mut days = BTreeMap::new();
    let counted = store
        .traffic_days(ws, site, from / 24 - 1, to / 24 + 1)
        .await
        .expect("read");
    for (_, day) in counted {
        for row in day.rows() {
            let visits: u64 = row.hours.iter().map(|count| u64::from(*count)).sum();
            *days.entry(row.agent.clone()).or_default() += visits;
        }
    }
    [cubes, days]
}

fn counts(agents: &[(&str, u64)]) -> [BTreeMap<String, u64>; 2] {
    let counts: BTreeMap<String, u64> = agents
        .iter()
        .map(|(agent, visits)| ((*agent).to_owned(), *visits))
        .collect();
    [counts.clone(), counts]
}

/// Some visits of somebody new and of others, over hours that are folded.
async fn with_unknown(world: &World) -> SiteId {
    let id = with_site(world, 1, KEY).await;
    let yesterday = Millis(NOW.0 - 30 * HOUR_MS);
    let batches = [
        batch(
            world,
            id,
            "one",
            vec![
                unknown("/a", yesterday, "NewBot/1"),
                visit("/a", yesterday),
                unknown("/b", NOW, "NewBot/1"),
                unknown("/b", NOW, "Else/1"),
            ],
        ),
        batch(world, id, "none", vec![visit("/a", NOW)]),
        batch(world, id, "two", vec![unknown("/b", NOW, "NewBot/1")]),
    ];
    assert_eq!(append(world, &batches).await, 3);
    id
}

async fn fold_all(world: &World) {
    loop {
        let some = world
            .store
            .traffic_to_fold_for_background(HOUR, 50)
            .await
            .expect("read");
        if some.is_empty() {
            return;
        }
        for unfolded in some {
            world.store.fold_traffic(unfolded).await.expect("folded");
        }
    }
}

fn new_bots(read: &store::Reread) -> Vec<ReadAgain> {
    let visits = read.batch.visits.iter().enumerate();
    visits
        .filter(|(_, visit)| visit.user_agent.as_deref() == Some("NewBot/1"))
        .map(|(index, _)| ReadAgain {
            index,
            agent: "NewBot".to_owned(),
        })
        .collect()
}

pub(crate) async fn unknown_visits_are_read_again(world: World) {
    let ws = world.workspace;
    let id = with_unknown(&world).await;
    let batches = world
        .store
        .batches_to_read_again(ws, 0, after(1), 10)
        .await
        .expect("read");
    assert_eq!(batches.len(), 2, "those that hold unknown ones");
    assert!(!batches[0].is_counted);
    let early = world
        .store
        .read_again(&batches[0], &new_bots(&batches[0]))
        .await;
    assert!(
        !early.expect("asked"),
        "nothing that is about to be counted"
    );
    count_all(&world.store).await;
    fold_all(&world).await;
    assert_eq!(
        by_agent(&world, id).await,
        counts(&[("GPTBot", 2), ("unknown", 4)])
    );
    let found = world
        .store
        .unknown_visit_batches(ws, id, Millis(0), None, 1)
        .await
        .expect("read");
    let (last_at, newest) = &found[0];
    let before = Some((*last_at, newest.id));
    let rest = world
        .store
        .unknown_visit_batches(ws, id, Millis(0), before, 10)
        .await
        .expect("read");
    assert_eq!(rest.len(), 1);
    let batches = world
        .store
        .batches_to_read_again(ws, 0, after(1), 10)
        .await
        .expect("read");
    // Two at once move each visit once.
    let second = world.second_store().await;
    for read in &batches {
        let found = new_bots(read);
        let (here, there) = tokio::join!(
            world.store.read_again(read, &found),
            second.read_again(read, &found)
        );
        assert!(here.expect("done") != there.expect("done"));
    }
    let moved = counts(&[("GPTBot", 2), ("NewBot", 3), ("unknown", 1)]);
    assert_eq!(by_agent(&world, id).await, moved);
    fold_all(&world).await;
    assert_eq!(by_agent(&world, id).await, moved);
    let kept = world
        .store
        .visit_batches(ws, id, EVERYTHING)
        .await
        .expect("read");
    let agents: Vec<_> = kept[0].visits.iter().map(|visit| &*visit.agent).collect();
    assert_eq!(agents, ["NewBot", "GPTBot", "NewBot", "unknown"]);
    assert_eq!(kept[0].visits[0].user_agent, None);
    let left = world
        .store
        .batches_to_read_again(ws, 0, after(1), 10)
        .await
        .expect("read");
    assert_eq!(left.len(), 1, "the one with somebody else");
}

pub(crate) async fn reading_again_killed_anywhere_counts_once(world: World) {
    let ws = world.workspace;
    let id = with_unknown(&world).await;
    count_all(&world.store).await;
    fold_all(&world).await;
    let begin = async |digest: &str| {
        world
            .store
            .begin_visit_reading(ws, digest, NOW)
            .await
            .expect("begun");
    };
    let standing = async || {
        let reading = world.store.visit_reading(ws).await.expect("read");
        let reading = reading.expect("it was begun");
        (reading.digest, reading.up_to, reading.is_done)
    };
    assert_eq!(world.store.visit_reading(ws).await.expect("read"), None);
    begin("d1").await;
    let batches = world
        .store
        .batches_to_read_again(ws, 0, after(1), 10)
        .await
        .expect("read");
    // Killed before it was written down how far it went: it begins where it was, and finds nothing left to move.
    for _ in 0..2 {
        for read in world
            .store
            .batches_to_read_again(ws, 0, after(1), 10)
            .await
            .expect("read")
        {
            let found = new_bots(&read);
            if !found.is_empty() {
                assert!(world.store.read_again(&read, &found).await.expect("done"));
            }
        }
        assert_eq!(
            by_agent(&world, id).await,
            counts(&[("GPTBot", 2), ("NewBot", 3), ("unknown", 1)])
        );
    }
    let last = batches[1].batch.id;
    let advance = async |digest: &str, up_to, is_done| {
        world
            .store
            .advance_visit_reading(ws, digest, up_to, is_done)
            .await
            .expect("written");
    };
    advance("d1", last, true).await;
    advance("d0", last + 9, false).await;
    advance("d1", 1, false).await;
    assert_eq!(standing().await, ("d1".to_owned(), last, true));
    begin("d1").await;
    assert_eq!(standing().await, ("d1".to_owned(), last, true));
    begin("d2").await;
    assert_eq!(standing().await, ("d2".to_owned(), 0, false));
    // While everything is being deleted, nothing is moved.
    assert!(
        world
            .store
            .begin_visit_deletion(ws, id, NOW)
            .await
            .expect("asked")
    );
    let stale = world
        .store
        .read_again(&batches[0], &new_bots(&batches[0]))
        .await;
    assert!(!stale.expect("asked"));
}
