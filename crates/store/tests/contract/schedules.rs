use crate::{
    samples::{after, revision, site},
    world::World,
};
use domain::{
    ids::SiteId,
    variant::{Format, Revision},
};
use store::{
    Deed, HistoryEntry, HistoryKind, IfMatch, NewRevision, NewSchedule, Page, StoreError, Variant,
    VariantState,
};

const OWNER: &str = "owner@shop.example";
const PAGE: (Format, &str) = (Format::Html, "/");

async fn with_site(world: &World) -> SiteId {
    let site = site(world.workspace, 1, &["shop.example"]);
    world.store.create_site(&site).await.expect("stored");
    site.id
}

async fn save(world: &World, site: SiteId, content: &[u8], publish: bool, second: i64) -> Revision {
    let new = NewRevision {
        publish,
        at: after(second),
        ..revision(site, "/", content)
    };
    let saved = world.store.save_revision(world.workspace, &new).await;
    saved.expect("saved").latest
}

async fn set(world: &World, site: SiteId, new: &NewSchedule, second: i64) -> Option<Variant> {
    world
        .store
        .set_schedule(
            world.workspace,
            site,
            PAGE,
            new,
            Deed::by(OWNER, after(second)),
        )
        .await
        .expect("writes")
}

async fn run(world: &World, second: i64) -> Option<HistoryKind> {
    world
        .store
        .carry_out_schedule_for_background(after(second))
        .await
        .expect("works")
        .map(|done| done.kind)
}

async fn published(world: &World, site: SiteId) -> Option<Revision> {
    let found = world.store.variant(world.workspace, site, PAGE.0, PAGE.1);
    found.await.expect("reads").expect("a variant").published
}

async fn history(world: &World, site: SiteId) -> Vec<HistoryEntry> {
    let page = Page::first(100);
    let found = world
        .store
        .variant_history(world.workspace, site, PAGE.0, PAGE.1, &page);
    found.await.expect("reads").items
}

fn kinds(entries: &[HistoryEntry]) -> Vec<HistoryKind> {
    entries.iter().map(|one| one.kind).collect()
}

pub(crate) async fn a_schedule_is_carried_out_once(world: World) {
    let site = with_site(&world).await;
    let one = save(&world, site, b"one", true, 0).await;
    let two = save(&world, site, b"two", false, 1).await;
    let schedule = NewSchedule {
        publish: Some((two.clone(), after(10))),
        expire: Some(after(20)),
    };
    let variant = set(&world, site, &schedule, 2).await.expect("a variant");
    let planned = variant.scheduled.expect("planned");
    assert_eq!((planned.revision, planned.at), (two.clone(), after(10)));
    assert_eq!(planned.author, OWNER);
    // A later draft changes nothing of it.
    save(&world, site, b"three", false, 3).await;

    assert_eq!(run(&world, 9).await, None, "it is not time yet");
    assert_eq!(published(&world, site).await, Some(one));
    assert_eq!(
        run(&world, 10).await,
        Some(HistoryKind::PublishedOnSchedule)
    );
    assert_eq!(published(&world, site).await, Some(two.clone()));
    assert_eq!(run(&world, 10).await, None, "once");
    let pending = world.store.pending_kv(world.workspace, site, 10).await;
    let writes = pending.expect("reads").writes;
    assert!(
        writes.iter().any(|write| write.revision == two),
        "it is on its way to the edge"
    );

    assert_eq!(run(&world, 20).await, Some(HistoryKind::Expired));
    assert_eq!(published(&world, site).await, None);
    assert_eq!(run(&world, 99).await, None);

    // Both due at once, after a long sleep: in their order.
    set(&world, site, &schedule, 100).await.expect("a variant");
    assert_eq!(
        run(&world, 200).await,
        Some(HistoryKind::PublishedOnSchedule)
    );
    assert_eq!(run(&world, 200).await, Some(HistoryKind::Expired));
    assert_eq!(run(&world, 200).await, None);
}

pub(crate) async fn a_schedule_is_changed_and_cancelled(world: World) {
    let site = with_site(&world).await;
    let one = save(&world, site, b"one", false, 0).await;
    let at = |second| NewSchedule {
        publish: Some((one.clone(), after(second))),
        expire: None,
    };
    set(&world, site, &at(10), 1).await.expect("a variant");
    set(&world, site, &at(10), 2).await.expect("a variant");
    set(&world, site, &at(30), 3).await.expect("a variant");
    assert_eq!(run(&world, 20).await, None, "it was put off");
    let upcoming = world
        .store
        .upcoming_schedules(world.workspace, site, 10)
        .await;
    assert_eq!(upcoming.expect("reads").len(), 1);
    let variant = set(&world, site, &NewSchedule::default(), 4)
        .await
        .expect("a variant");
    assert_eq!((variant.scheduled, variant.expires), (None, None));
    assert_eq!(run(&world, 99).await, None);
    assert_eq!(published(&world, site).await, None);
    let upcoming = world
        .store
        .upcoming_schedules(world.workspace, site, 10)
        .await;
    assert!(upcoming.expect("reads").is_empty());
    let told = history(&world, site).await;
    assert_eq!(
        kinds(&told),
        [
            HistoryKind::PublicationCancelled,
            HistoryKind::PublicationScheduled,
            HistoryKind::PublicationScheduled,
            HistoryKind::Saved,
        ],
        "setting the same once more is nothing"
    );
    assert_eq!(
        (told[0].due, told[2].due),
        (Some(after(30)), Some(after(10)))
    );
    let unknown = NewSchedule {
        publish: Some((Revision::of(b"unknown"), after(5))),
        expire: None,
    };
    assert_eq!(set(&world, site, &unknown, 5).await, None);
    // A variant takes its schedule with it.
    set(&world, site, &at(50), 6).await.expect("a variant");
    let gone = world
        .store
        .delete_variant(world.workspace, site, PAGE.0, PAGE.1, after(7));
    assert!(gone.await.expect("writes"));
    assert_eq!(run(&world, 99).await, None);
}

pub(crate) async fn what_cannot_be_done_is_told(world: World) {
    let site = with_site(&world).await;
    let one = save(&world, site, b"one", false, 0).await;
    let expiry = NewSchedule {
        publish: None,
        expire: Some(after(5)),
    };
    set(&world, site, &expiry, 1).await.expect("a variant");
    assert_eq!(run(&world, 5).await, Some(HistoryKind::ScheduleVoid));
    let same = NewSchedule {
        publish: Some((one.clone(), after(9))),
        expire: None,
    };
    set(&world, site, &same, 6).await.expect("a variant");
    let by_hand = world.store.publish(
        world.workspace,
        site,
        PAGE.0,
        PAGE.1,
        &one,
        Deed::by(OWNER, after(7)),
    );
    assert!(by_hand.await.expect("writes"));
    assert_eq!(run(&world, 9).await, Some(HistoryKind::ScheduleVoid));
    assert_eq!(published(&world, site).await, Some(one));
    let told = history(&world, site).await;
    let notes: Vec<_> = told.iter().filter_map(|one| one.note.as_deref()).collect();
    assert_eq!(notes, ["it was published already", "nothing was published"]);
}

pub(crate) async fn two_processes_carry_out_one_schedule(world: World) {
    let site = with_site(&world).await;
    let one = save(&world, site, b"one", false, 0).await;
    let schedule = NewSchedule {
        publish: Some((one, after(5))),
        expire: None,
    };
    set(&world, site, &schedule, 1).await.expect("a variant");
    let other = world.second_store().await;
    let (here, there) = tokio::join!(
        world.store.carry_out_schedule_for_background(after(5)),
        other.carry_out_schedule_for_background(after(5)),
    );
    let done = [here.expect("works"), there.expect("works")];
    assert_eq!(done.iter().flatten().count(), 1);
    let told = history(&world, site).await;
    let times = kinds(&told)
        .into_iter()
        .filter(|kind| *kind == HistoryKind::PublishedOnSchedule);
    assert_eq!(times.count(), 1);
    other.close().await.expect("closes");
}

pub(crate) async fn a_history_tells_everything_in_order(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    let one = save(&world, site, b"one", true, 0).await;
    let two = save(&world, site, b"two", true, 1).await;
    let back = Deed::by("editor@shop.example", after(2)).of_kind(HistoryKind::RolledBack);
    assert!(
        store
            .publish(workspace, site, PAGE.0, PAGE.1, &one, back)
            .await
            .expect("writes")
    );
    let again = NewRevision {
        publish: false,
        note: Some("back to the first"),
        at: after(3),
        ..revision(site, "/", b"one")
    };
    store.save_revision(workspace, &again).await.expect("saved");
    let off = Deed::by(OWNER, after(4));
    assert!(
        store
            .unpublish(workspace, site, PAGE.0, PAGE.1, off)
            .await
            .expect("writes")
    );
    let told = history(&world, site).await;
    let lines: Vec<_> = told
        .iter()
        .map(|one| (one.kind, one.revision.clone(), one.author.as_deref()))
        .collect();
    let (owner, editor) = (Some(OWNER), Some("editor@shop.example"));
    assert_eq!(
        lines,
        [
            (HistoryKind::Unpublished, None, owner),
            (HistoryKind::SavedAgain, Some(one.clone()), owner),
            (HistoryKind::RolledBack, Some(one.clone()), editor),
            (HistoryKind::Published, Some(two.clone()), owner),
            (HistoryKind::Saved, Some(two.clone()), owner),
            (HistoryKind::Published, Some(one.clone()), owner),
            (HistoryKind::Saved, Some(one.clone()), owner),
        ]
    );
    assert_eq!(told[1].note.as_deref(), Some("back to the first"));
    assert!(told[2].is_kept);
    // In pages, without a gap.
    let mut page = Page::first(3);
    let mut paged = Vec::new();
    loop {
        let part = store
            .variant_history(workspace, site, PAGE.0, PAGE.1, &page)
            .await
            .expect("reads");
        paged.extend(part.items);
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(paged, told);
    // What is deleted is told by what was published of it.
    let stale = store
        .delete_variant_if(workspace, site, PAGE, &IfMatch::Revision(two.clone()), off)
        .await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    store
        .publish(
            workspace,
            site,
            PAGE.0,
            PAGE.1,
            &two,
            Deed::by(OWNER, after(5)),
        )
        .await
        .expect("writes");
    let matching = IfMatch::Revision(one);
    let gone = store
        .delete_variant_if(workspace, site, PAGE, &matching, Deed::by(OWNER, after(6)))
        .await;
    assert!(gone.expect("writes"));
    let told = history(&world, site).await;
    assert_eq!(
        (told[0].kind, told[1].is_kept),
        (HistoryKind::Deleted, false)
    );
}

pub(crate) async fn lists_are_narrowed_to_a_state(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    for (path, publish) in [
        ("/draft", false),
        ("/live", true),
        ("/changed", true),
        ("/planned", false),
    ] {
        let new = NewRevision {
            publish,
            ..revision(site, path, b"one")
        };
        store.save_revision(workspace, &new).await.expect("saved");
    }
    let newer = NewRevision {
        publish: false,
        ..revision(site, "/changed", b"two")
    };
    store.save_revision(workspace, &newer).await.expect("saved");
    let schedule = NewSchedule {
        publish: Some((Revision::of(b"one"), after(9))),
        expire: None,
    };
    let planned = (Format::Html, "/planned");
    let deed = Deed::by(OWNER, after(1));
    store
        .set_schedule(workspace, site, planned, &schedule, deed)
        .await
        .expect("writes");
    let page = Page::first(10);
    for (state, expected) in [
        (None, vec!["/changed", "/draft", "/live", "/planned"]),
        (Some(VariantState::Published), vec!["/changed", "/live"]),
        (Some(VariantState::Changed), vec!["/changed"]),
        (Some(VariantState::Draft), vec!["/draft", "/planned"]),
        (Some(VariantState::Scheduled), vec!["/planned"]),
    ] {
        let listed = store
            .list_variants_in(workspace, site, &page, None, state)
            .await;
        let paths: Vec<_> = listed
            .expect("reads")
            .items
            .into_iter()
            .map(|it| it.path)
            .collect();
        assert_eq!(paths, expected, "{state:?}");
    }
}
