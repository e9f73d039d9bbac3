use crate::{
    samples::{after, deployment, revision, site, site_id},
    world::World,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    variant::{Format, Revision},
};
use sea_orm::{ConnectionTrait, Statement};
use store::{IfMatch, Moment, NewRevision, Page, StoreError, VariantCounts};
use uuid::Uuid;

const SITE: u128 = 1;

async fn with_site(world: &World) -> SiteId {
    let site = site(world.workspace, SITE, &["shop.example"]);
    world.store.create_site(&site).await.expect("stored");
    site.id
}

pub(crate) async fn revisions_are_kept_and_published(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    let draft = NewRevision {
        publish: false,
        note: Some("first try"),
        ..revision(site, "/", b"one")
    };
    let variant = store.save_revision(workspace, &draft).await.expect("saved");
    let one = Revision::of(b"one");
    assert_eq!(
        (variant.latest.clone(), variant.published),
        (one.clone(), None)
    );
    let two = Revision::of(b"two");
    let later = NewRevision {
        at: after(1),
        ..revision(site, "/", b"two")
    };
    let variant = store.save_revision(workspace, &later).await.expect("saved");
    assert_eq!(
        (variant.latest.clone(), variant.published.clone()),
        (two.clone(), Some(two.clone()))
    );
    assert_eq!(variant.published_at, Some(after(1)));
    let draft = NewRevision {
        publish: false,
        at: after(2),
        ..revision(site, "/", b"three")
    };
    let variant = store.save_revision(workspace, &draft).await.expect("saved");
    assert_eq!(
        variant.published,
        Some(two.clone()),
        "a draft does not unpublish"
    );
    assert_eq!(
        store
            .variant(workspace, site, Format::Html, "/")
            .await
            .expect("reads"),
        Some(variant)
    );
    assert_eq!(
        store
            .variant(workspace, site, Format::Markdown, "/")
            .await
            .expect("reads"),
        None
    );

    let listed = store
        .revisions(workspace, site, Format::Html, "/")
        .await
        .expect("reads");
    let told: Vec<_> = listed
        .iter()
        .map(|one| (one.bytes, one.is_published, one.note.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (5, false, None),
            (3, true, None),
            (3, false, Some("first try"))
        ]
    );
    let bytes = store
        .content(workspace, site, Format::Html, "/", &one)
        .await
        .expect("reads");
    assert_eq!(bytes.as_deref(), Some(&b"one"[..]));
    let elsewhere = store
        .content(workspace, site, Format::Html, "/other", &one)
        .await
        .expect("reads");
    assert_eq!(
        elsewhere, None,
        "a content is only seen through its variant"
    );
    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    assert_eq!(
        store
            .content(stranger, site, Format::Html, "/", &one)
            .await
            .expect("reads"),
        None
    );
    assert_eq!(
        store
            .variant(stranger, site, Format::Html, "/")
            .await
            .expect("reads"),
        None
    );
    let many = store
        .contents(workspace, &[one.clone(), two, Revision::of(b"none")])
        .await
        .expect("reads");
    assert_eq!(many.len(), 2);

    assert!(
        store
            .publish(workspace, site, Format::Html, "/", &one, after(3))
            .await
            .expect("writes")
    );
    let unknown = Revision::of(b"unknown");
    assert!(
        !store
            .publish(workspace, site, Format::Html, "/", &unknown, after(3))
            .await
            .expect("writes")
    );
    let paths = store.published_paths(workspace, site).await.expect("reads");
    assert_eq!(paths, [(Format::Html, "/".to_owned(), one)]);
    assert!(
        store
            .unpublish(workspace, site, Format::Html, "/", after(4))
            .await
            .expect("writes")
    );
    assert!(
        !store
            .unpublish(workspace, site, Format::Html, "/", after(4))
            .await
            .expect("writes")
    );
    let counts = store.count_variants(workspace, site).await.expect("counts");
    assert_eq!(
        counts,
        VariantCounts {
            total: 1,
            published: 0
        }
    );

    let homeless = store
        .save_revision(workspace, &revision(site_id(9), "/", b"x"))
        .await;
    assert!(
        matches!(homeless, Err(StoreError::Missing { what: "site" })),
        "{homeless:?}"
    );
    let foreign = store
        .save_revision(stranger, &revision(site, "/", b"x"))
        .await;
    assert!(foreign.is_err(), "{foreign:?}");
}

pub(crate) async fn if_match_is_held(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    let save = |content: &'static [u8], if_match: IfMatch| async move {
        let new = NewRevision {
            if_match,
            ..revision(site, "/", content)
        };
        store.save_revision(workspace, &new).await
    };
    let one = Revision::of(b"one");
    let stale = save(b"one", IfMatch::Revision(one.clone())).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    save(b"one", IfMatch::None)
        .await
        .expect("there is none yet");
    let stale = save(b"two", IfMatch::None).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    save(b"two", IfMatch::Revision(one.clone()))
        .await
        .expect("is the latest");
    let stale = save(b"three", IfMatch::Revision(one)).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    let listed = store
        .revisions(workspace, site, Format::Html, "/")
        .await
        .expect("reads");
    assert_eq!(listed.len(), 2, "nothing of a refused save is kept");
    save(b"one", IfMatch::Any).await.expect("saved");
    let latest = store
        .variant(workspace, site, Format::Html, "/")
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(
        latest.latest,
        Revision::of(b"one"),
        "an old content is the latest again"
    );
}

pub(crate) async fn writers_with_one_if_match_race(world: World) {
    let site = with_site(&world).await;
    for round in [IfMatch::None, IfMatch::Revision(Revision::of(b"0"))] {
        let writers: Vec<_> = (0..6)
            .map(|number: u32| {
                let (world, if_match) = (world.clone(), round.clone());
                tokio::spawn(async move {
                    let content = format!("writer {number}");
                    let new = NewRevision {
                        if_match,
                        ..revision(site, "/", content.as_bytes())
                    };
                    world.store.save_revision(world.workspace, &new).await
                })
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            match writer.await.expect("no panic") {
                Ok(_) => winners += 1,
                Err(StoreError::Stale) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, 1);
        let reset = revision(site, "/", b"0");
        world
            .store
            .save_revision(world.workspace, &reset)
            .await
            .expect("saved");
    }
}

pub(crate) async fn contents_are_shared_and_removed(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    let content = "the same words again and again ".repeat(200).into_bytes();
    for path in ["/a", "/b"] {
        store
            .save_revision(workspace, &revision(site, path, &content))
            .await
            .expect("saved");
    }
    let raw = world.raw().await;
    let stored = || async {
        let rows = raw
            .query_all_raw(Statement::from_string(
                raw.get_database_backend(),
                "SELECT length(compressed) AS n FROM contents",
            ))
            .await
            .expect("reads");
        rows.iter()
            .map(|row| match raw.get_database_backend() {
                sea_orm::DatabaseBackend::Postgres => {
                    i64::from(row.try_get::<i32>("", "n").expect("a length"))
                }
                _ => row.try_get::<i64>("", "n").expect("a length"),
            })
            .collect::<Vec<_>>()
    };
    let lengths = stored().await;
    assert_eq!(lengths.len(), 1, "once");
    assert!(
        lengths[0] < 200,
        "compressed: {lengths:?} of {}",
        content.len()
    );
    assert!(
        store
            .delete_variant(workspace, site, Format::Html, "/a", after(1))
            .await
            .expect("writes")
    );
    assert!(
        !store
            .delete_variant(workspace, site, Format::Html, "/a", after(1))
            .await
            .expect("writes")
    );
    let kept = store
        .content(workspace, site, Format::Html, "/b", &Revision::of(&content))
        .await;
    assert_eq!(kept.expect("reads"), Some(content));
    assert!(
        store
            .delete_variant(workspace, site, Format::Html, "/b", after(1))
            .await
            .expect("writes")
    );
    assert_eq!(stored().await, Vec::<i64>::new());

    // Saving and deleting at once: whoever saved last can read.
    let workers: Vec<_> = (0..12)
        .map(|number: u32| {
            let world = world.clone();
            tokio::spawn(async move {
                let path = format!("/{}", number % 3);
                if number.is_multiple_of(2) {
                    world
                        .store
                        .save_revision(world.workspace, &revision(site, &path, b"shared"))
                        .await
                        .expect("saved");
                } else {
                    world
                        .store
                        .delete_variant(world.workspace, site, Format::Html, &path, after(2))
                        .await
                        .expect("writes");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    let left = store
        .list_variants(workspace, site, &Page::default(), None)
        .await
        .expect("reads");
    for variant in left.items {
        let bytes = store
            .content(
                workspace,
                site,
                Format::Html,
                &variant.path,
                &variant.latest,
            )
            .await;
        assert_eq!(bytes.expect("reads").as_deref(), Some(&b"shared"[..]));
    }
    // Other bytes than those that were stored are never handed out.
    store
        .save_revision(workspace, &revision(site, "/spoilt", b"right"))
        .await
        .expect("saved");
    store
        .save_revision(workspace, &revision(site, "/wrong", b"wrong"))
        .await
        .expect("saved");
    raw.execute_unprepared(&format!(
        "UPDATE contents SET compressed = (SELECT compressed FROM contents WHERE revision = '{}') WHERE revision = '{}'",
        Revision::of(b"wrong"),
        Revision::of(b"right"),
    ))
    .await
    .expect("spoils");
    let read = store
        .content(
            workspace,
            site,
            Format::Html,
            "/spoilt",
            &Revision::of(b"right"),
        )
        .await;
    assert!(
        matches!(
            read,
            Err(StoreError::Corrupt {
                table: "contents",
                ..
            })
        ),
        "{read:?}"
    );
    raw.close().await.expect("closes");
}

pub(crate) async fn lists_by_prefix_and_page(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    // A language's order would put `/b` before `/C`; bytes do not.
    let paths = [
        "/", "/C", "/b", "/blog/", "/blog/1", "/blog/2", "/blog_x", "/bl%", "/é",
    ];
    for path in paths {
        for format in Format::ALL {
            let new = NewRevision {
                format,
                ..revision(site, path, path.as_bytes())
            };
            store.save_revision(workspace, &new).await.expect("saved");
        }
    }
    let mut page = Page::first(4);
    let mut seen = Vec::new();
    loop {
        let listed = store
            .list_variants(workspace, site, &page, None)
            .await
            .expect("reads");
        seen.extend(listed.items.into_iter().map(|one| (one.path, one.format)));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let mut wanted: Vec<_> = paths
        .iter()
        .flat_map(|path| Format::ALL.map(|format| ((*path).to_owned(), format)))
        .collect();
    wanted.sort_by(|a, b| (a.0.as_bytes(), a.1.as_str()).cmp(&(b.0.as_bytes(), b.1.as_str())));
    assert_eq!(seen, wanted);
    let blog = store
        .list_variants(workspace, site, &Page::default(), Some("/blog/"))
        .await
        .expect("reads");
    let blog: Vec<_> = blog.items.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        blog,
        [
            "/blog/", "/blog/", "/blog/1", "/blog/1", "/blog/2", "/blog/2"
        ]
    );
    let percent = store
        .list_variants(workspace, site, &Page::default(), Some("/bl%"))
        .await
        .expect("reads");
    assert_eq!(percent.items.len(), 2, "no pattern characters");
}

pub(crate) async fn large_contents_come_back(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    // Does not compress; more than one statement's worth together.
    let mut state = 1u64;
    let noise: Vec<u8> = (0..9_000_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let contents = [&noise[..], b"", &noise[1..], b"small"];
    let paths = ["/1", "/2", "/3", "/4"];
    let new: Vec<_> = paths
        .iter()
        .zip(contents)
        .map(|(path, content)| revision(site, path, content))
        .collect();
    assert_eq!(
        store.save_revisions(workspace, &new).await.expect("saved"),
        4
    );
    for (path, content) in paths.iter().zip(contents) {
        let back = store
            .content(workspace, site, Format::Html, path, &Revision::of(content))
            .await
            .expect("reads");
        assert!(back.as_deref() == Some(content), "{path}");
    }
}

pub(crate) async fn the_published_state_of_a_moment_comes_back(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = with_site(&world).await;
    let published = async || -> Vec<(String, Revision)> {
        let listed = store.published_paths(workspace, site).await.expect("reads");
        listed
            .into_iter()
            .map(|(_, path, revision)| (path, revision))
            .collect()
    };
    assert_eq!(
        store
            .last_publication(workspace, site)
            .await
            .expect("reads"),
        0
    );
    for (path, content) in [("/a", "a1"), ("/b", "b1"), ("/c", "c1"), ("/e", "e1")] {
        let new = revision(site, path, content.as_bytes());
        store.save_revision(workspace, &new).await.expect("saved");
    }
    let mark = store
        .last_publication(workspace, site)
        .await
        .expect("reads");
    let then = published().await;

    // The same again is no publication.
    let same = revision(site, "/a", b"a1");
    store
        .save_revisions(workspace, &[same])
        .await
        .expect("saved");
    assert_eq!(
        store
            .last_publication(workspace, site)
            .await
            .expect("reads"),
        mark
    );

    let changed = [revision(site, "/a", b"a2"), revision(site, "/d", b"d1")];
    store
        .save_revisions(workspace, &changed)
        .await
        .expect("saved");
    let unpublished = store
        .unpublish(workspace, site, Format::Html, "/b", after(2))
        .await;
    assert!(unpublished.expect("writes"));
    let deleted = store
        .delete_variant(workspace, site, Format::Html, "/e", after(2))
        .await;
    assert!(deleted.expect("writes"));

    let differences = store
        .publications_since(workspace, site, mark)
        .await
        .expect("reads");
    let paths: Vec<&str> = differences.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/a", "/b", "/d", "/e"]);
    assert_eq!(differences[0].now, Some(Revision::of(b"a2")));
    assert_eq!(differences[0].then, Some(Revision::of(b"a1")));
    assert_eq!(
        (&differences[2].now, &differences[2].then),
        (&Some(Revision::of(b"d1")), &None)
    );

    let before = published().await;
    let moment = Moment {
        mark,
        unless_changed_since: None,
    };
    let rollback = deployment(workspace, 1, site);
    store.enqueue_deployment(&rollback).await.expect("queued");
    let restored = store
        .restore_publications(workspace, site, moment, Some(rollback.id), after(3))
        .await
        .expect("writes");
    assert_eq!((restored.published, restored.unpublished), (2, 1));
    assert_eq!(restored.missing, [(Format::Html, "/e".to_owned())]);
    let without_the_deleted: Vec<_> = then.into_iter().filter(|(path, _)| path != "/e").collect();
    assert_eq!(published().await, without_the_deleted);
    let pending = store.pending_kv(workspace, site, 10).await.expect("reads");
    assert_eq!(pending.writes.len(), 3, "{pending:?}");
    // Twice is once.
    let again = store
        .restore_publications(workspace, site, moment, None, after(4))
        .await
        .expect("writes");
    assert_eq!((again.published, again.unpublished), (0, 0));
    // For the deployment it is done once: what came of it is kept with it.
    let again = store
        .restore_publications(workspace, site, moment, Some(rollback.id), after(4))
        .await
        .expect("writes");
    assert_eq!(again, restored);
    let kept = store.deployment(workspace, rollback.id).await;
    let kept = kept.expect("reads").expect("is there").restored;
    assert_eq!(kept.as_ref(), Some(&restored));

    // Taken back: what was published before it, but for what somebody published since.
    let later = revision(site, "/b", b"b3");
    store.save_revision(workspace, &later).await.expect("saved");
    let back = Moment {
        mark: restored.before,
        unless_changed_since: Some(restored.after),
    };
    let undone = store
        .restore_publications(workspace, site, back, None, after(6))
        .await
        .expect("writes");
    assert_eq!(undone.kept, [(Format::Html, "/b".to_owned())]);
    let mut wanted = before;
    wanted.push(("/b".to_owned(), Revision::of(b"b3")));
    wanted.sort();
    let mut now = published().await;
    now.sort();
    assert_eq!(now, wanted);
}
