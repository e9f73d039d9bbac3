use crate::{
    samples::{NOW, revision, site},
    world::World,
};
use domain::{
    ids::MakingId,
    variant::{Format, Revision},
};
use store::{
    Finding, Making, MakingCounts, MakingStatus, Page, PageOutcome, PageStatus, WatchFilter,
};
use uuid::Uuid;

pub(crate) async fn a_run_is_leased_and_goes_on_after_a_death(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = site(workspace, 1, &["shop.example"]);
    store.create_site(&site).await.expect("stored");
    let id = MakingId::from_uuid(Uuid::now_v7());
    let making = Making {
        id,
        workspace,
        site: site.id,
        format: Format::Html,
        status: MakingStatus::Queued,
        sitemap: Some("/sitemap.xml".to_owned()),
        ignore_robots: false,
        delay_ms: 500,
        requested_by: "somebody".to_owned(),
        created_at: NOW,
        started_at: None,
        finished_at: None,
        cancel_requested: false,
        problem: None,
    };
    store.create_making(&making, &[]).await.expect("stored");
    assert_eq!(
        store.making(workspace, id).await.expect("reads"),
        Some(making)
    );
    let later = |seconds| NOW.plus_seconds(seconds);
    let lease = async |owner: &'static str, now| {
        let leased = store.lease_making(owner, later(now), later(now + 10)).await;
        leased.expect("leases").map(|making| making.id)
    };
    assert_eq!(lease("one", 0).await, Some(id));
    assert_eq!(lease("two", 5).await, None);
    let paths: Vec<String> = (0..3).map(|number| format!("/{number}")).collect();
    store
        .set_making_pages(workspace, id, &paths)
        .await
        .expect("stored");
    let outcome = |position, status| PageOutcome {
        position,
        status,
        detail: (status == PageStatus::Refused).then(|| "why".to_owned()),
    };
    let record = async |owner: &'static str, one: PageOutcome| {
        let recorded = store.record_making_page(workspace, id, owner, later(10), Some(&one));
        recorded.await.expect("writes")
    };
    assert!(record("one", outcome(1, PageStatus::Made)).await);
    assert!(!record("two", outcome(2, PageStatus::Made)).await);
    assert_eq!(lease("two", 20).await, Some(id));
    assert!(!record("one", outcome(2, PageStatus::Made)).await);
    assert!(record("two", outcome(2, PageStatus::Refused)).await);
    let counts = store.making_counts(workspace, id).await.expect("counts");
    let expected = MakingCounts {
        waiting: 1,
        made: 1,
        unchanged: 0,
        refused: 1,
    };
    assert_eq!(counts, expected);
    let refused = store
        .making_pages(workspace, id, &Page::first(10), Some(PageStatus::Refused))
        .await
        .expect("reads");
    assert_eq!(
        (
            refused.items[0].path.as_str(),
            refused.items[0].detail.as_deref()
        ),
        ("/1", Some("why"))
    );
    assert_eq!(
        store
            .open_makings(workspace, site.id)
            .await
            .expect("counts"),
        1
    );
    assert!(
        store
            .cancel_making(workspace, id, NOW)
            .await
            .expect("writes")
    );
    assert!(!record("two", outcome(3, PageStatus::Made)).await);
    let end = store.finish_making(workspace, id, "two", MakingStatus::Cancelled, None, NOW);
    assert!(end.await.expect("writes"));
    assert!(
        !store
            .cancel_making(workspace, id, NOW)
            .await
            .expect("writes")
    );
    assert_eq!(lease("one", 100).await, None);
    assert_eq!(
        store
            .makings(workspace, site.id, 10)
            .await
            .expect("reads")
            .len(),
        1
    );
}

pub(crate) async fn pages_are_followed_marked_and_withheld(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = site(workspace, 1, &["shop.example"]);
    store.create_site(&site).await.expect("stored");
    let later = |seconds| NOW.plus_seconds(seconds);
    let new = [revision(site.id, "/a", b"a"), revision(site.id, "/b", b"b")];
    store.save_revisions(workspace, &new).await.expect("saved");
    // The text that /a was made of is known.
    let made = Revision::of(b"a");
    store
        .keep_made_text(workspace, site.id, Format::Html, "/a", &made, "text one")
        .await
        .expect("stored");
    let lease = store
        .lease_follow("one", NOW, later(10))
        .await
        .expect("leases");
    let lease = lease.expect("there is work");
    assert_eq!((lease.site.id, lease.publication), (site.id, 0));
    assert!(
        store
            .lease_follow("two", NOW, later(10))
            .await
            .expect("leases")
            .is_none()
    );
    let followed = store
        .publications_after(workspace, site.id, 0, 10)
        .await
        .expect("reads");
    assert_eq!(followed.len(), 2);
    store
        .follow(workspace, site.id, &followed, later(60))
        .await
        .expect("writes");
    assert!(
        store
            .renew_follow(site.id, "one", NOW)
            .await
            .expect("writes")
    );
    assert!(
        store
            .lease_follow("two", NOW, later(10))
            .await
            .expect("leases")
            .is_none()
    );
    assert!(
        store
            .lease_follow("two", later(60), later(70))
            .await
            .expect("leases")
            .is_some()
    );
    let due = store
        .due_pages(workspace, site.id, later(60), 10)
        .await
        .expect("reads");
    assert_eq!(due, ["/a", "/b"]);
    let find = async |path: &'static str, finding: Finding| {
        let recorded =
            store.record_finding(workspace, site.id, path, &finding, later(60), later(600));
        recorded.await.expect("writes")
    };
    let text = |text: &str| Finding::Page {
        text: text.to_owned(),
    };
    // What /b was made of is not known: the first look is what the next are compared with.
    assert!(find("/b", text("anything")).await.changed.is_empty());
    assert_eq!(find("/b", text("another")).await.changed, [Format::Html]);
    assert!(find("/b", text("another")).await.changed.is_empty());
    assert_eq!(find("/a", text("text two")).await.changed, [Format::Html]);
    let marked = async |filter| {
        let listed = store
            .list_page_watches(workspace, site.id, filter, &Page::first(10))
            .await;
        let paths: Vec<String> = listed
            .expect("reads")
            .items
            .into_iter()
            .map(|it| it.path)
            .collect();
        paths
    };
    assert_eq!(marked(WatchFilter::Changed).await, ["/a", "/b"]);
    assert!(
        store
            .accept_page_change(workspace, site.id, Format::Html, "/b")
            .await
            .expect("writes")
    );
    assert!(find("/b", text("another")).await.changed.is_empty());
    find("/a", text("text one")).await;
    assert!(marked(WatchFilter::Either).await.is_empty());
    withheld_and_released(&world, &site).await;
}

async fn withheld_and_released(world: &World, site: &store::Site) {
    let (store, workspace) = (&world.store, world.workspace);
    let broken = |withhold| Finding::Broken {
        reason: "fails",
        detail: "the origin answers 404".to_owned(),
        withhold,
    };
    let find = async |finding: Finding| {
        let recorded = store.record_finding(workspace, site.id, "/a", &finding, NOW, NOW);
        recorded.await.expect("writes")
    };
    let wanted = async || {
        let diff = store
            .pending_kv(workspace, site.id, 10)
            .await
            .expect("reads");
        let mut paths: Vec<_> = diff.writes.into_iter().map(|write| write.path).collect();
        paths.sort();
        paths
    };
    assert!(find(broken(false)).await.withheld.is_empty());
    assert_eq!(
        store
            .page_failures(workspace, site.id, "/a")
            .await
            .expect("reads"),
        1
    );
    assert_eq!(find(broken(true)).await.withheld, [Format::Html]);
    assert!(find(broken(true)).await.withheld.is_empty());
    assert_eq!(wanted().await, ["/b"]);
    // Publishing meanwhile brings it not to the edge, and not into the index.
    let new = [
        revision(site.id, "/a", b"newer"),
        revision(site.id, "/c", b"c"),
    ];
    store.save_revisions(workspace, &new).await.expect("saved");
    assert_eq!(wanted().await, ["/b", "/c"]);
    let paths = store
        .published_paths(workspace, site.id)
        .await
        .expect("reads");
    assert_eq!(paths.len(), 2);
    let finding = Finding::Page {
        text: "text one".to_owned(),
    };
    assert_eq!(find(finding).await.released, [Format::Html]);
    assert_eq!(wanted().await, ["/a", "/b", "/c"]);
    // What was published meanwhile is what is wanted.
    let diff = store
        .pending_kv(workspace, site.id, 10)
        .await
        .expect("reads");
    let newer = diff.writes.iter().find(|write| write.path == "/a");
    assert_eq!(
        newer.map(|write| &write.revision),
        Some(&Revision::of(b"newer"))
    );
    // The owner has it served whatever the page is.
    let serve = async |anyway| {
        let set = store
            .set_serve_anyway(workspace, site.id, Format::Html, "/a", anyway, NOW)
            .await;
        assert!(set.expect("writes"));
    };
    find(broken(true)).await;
    serve(true).await;
    assert_eq!(wanted().await, ["/a", "/b", "/c"]);
    assert!(find(broken(true)).await.withheld.is_empty());
    serve(false).await;
    assert_eq!(find(broken(true)).await.withheld, [Format::Html]);
    assert_eq!(
        store
            .release_withheld(workspace, site.id, NOW)
            .await
            .expect("writes"),
        1
    );
    assert_eq!(wanted().await, ["/a", "/b", "/c"]);
    // Taken back, it is not looked after.
    find(broken(true)).await;
    let taken = store
        .unpublish(workspace, site.id, Format::Html, "/a", NOW)
        .await;
    assert!(taken.expect("writes"));
    let after = store
        .publications_after(workspace, site.id, 0, 100)
        .await
        .expect("reads");
    store
        .follow(workspace, site.id, &after, NOW)
        .await
        .expect("writes");
    let watches = store
        .page_watches_of(workspace, site.id, &["/a"])
        .await
        .expect("reads");
    let watch = &watches[&(Format::Html, "/a".to_owned())];
    assert!(
        watch.revision.is_none() && watch.withheld.is_none(),
        "{watch:?}"
    );
}
