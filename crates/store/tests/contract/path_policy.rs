use crate::{
    samples::{after, revision, site},
    world::World,
};
use domain::{
    ids::SiteId,
    path::{PathPolicy, TrailingSlash},
    variant::{Format, Revision},
};
use store::{LedgerEntry, NewRevision, Page};

fn policy(slash: TrailingSlash, names: &[&str]) -> PathPolicy {
    PathPolicy::new(slash, names.iter().map(|name| (*name).to_owned())).expect("good names")
}

async fn paths(world: &World, site: SiteId) -> Vec<String> {
    let all = Page::first(store::PAGE_MAX);
    let listed = world
        .store
        .list_variants(world.workspace, site, &all, None)
        .await
        .expect("reads");
    listed
        .items
        .into_iter()
        .map(|variant| format!("{} {}", variant.format, variant.path))
        .collect()
}

async fn save(world: &World, new: NewRevision<'_>) {
    world
        .store
        .save_revision(world.workspace, &new)
        .await
        .expect("saved");
}

pub(crate) async fn variants_follow_the_policy(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let shop = site(workspace, 1, &["shop.example"]);
    store.create_site(&shop).await.expect("stored");
    save(&world, revision(shop.id, "/", b"home")).await;
    save(&world, revision(shop.id, "/a/", b"a")).await;
    let draft = NewRevision {
        publish: false,
        format: Format::Markdown,
        ..revision(shop.id, "/b/", b"b")
    };
    save(&world, draft).await;
    let acked = LedgerEntry {
        key: "v/html/a/".to_owned(),
        format: Format::Html,
        path: "/a/".to_owned(),
        revision: Revision::of(b"a"),
        written_at: after(1),
    };
    store
        .acknowledge_kv(workspace, shop.id, &[acked])
        .await
        .expect("written");

    let strip = policy(TrailingSlash::Strip, &["q"]);
    let seen = store.preview_path_policy(workspace, shop.id, &strip).await;
    assert_eq!(seen.expect("reads").moved, 2);
    assert_eq!(
        paths(&world, shop.id).await,
        ["html /", "html /a/", "markdown /b/"]
    );
    let (done, change) = store
        .set_path_policy(workspace, shop.id, &strip, false, after(2))
        .await
        .expect("written");
    assert!(done && change.moved == 2 && change.merges.is_empty());
    assert_eq!(
        paths(&world, shop.id).await,
        ["html /", "html /a", "markdown /b"]
    );
    let kept = store.site(workspace, shop.id).await.expect("reads");
    let mut kept = kept.expect("is there");
    assert_eq!(kept.settings.paths, strip);
    // What else is changed later leaves it as it is.
    kept.settings.paths = PathPolicy::default();
    assert!(store.update_site(workspace, &kept).await.expect("writes"));
    let again = store.site(workspace, shop.id).await.expect("reads");
    assert_eq!(again.expect("is there").settings.paths, strip);

    let diff = store
        .pending_kv(workspace, shop.id, 10)
        .await
        .expect("reads");
    let writes: Vec<_> = diff
        .writes
        .iter()
        .map(|write| write.path.as_str())
        .collect();
    assert_eq!(writes, ["/", "/a"]);
    assert_eq!(diff.deletes, ["v/html/a/"]);
    let content = store
        .content(workspace, shop.id, Format::Html, "/a", &Revision::of(b"a"))
        .await;
    assert_eq!(content.expect("reads").as_deref(), Some(&b"a"[..]));
    let history = store
        .revisions(workspace, shop.id, Format::Html, "/a")
        .await
        .expect("reads");
    assert!(history.len() == 1 && history[0].is_published);
}

pub(crate) async fn merging_keeps_every_revision(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let shop = site(workspace, 1, &["shop.example"]);
    store.create_site(&shop).await.expect("stored");
    for (path, content, at, publish) in [
        ("/a", &b"without"[..], 1, true),
        ("/a/", b"with", 2, true),
        ("/a/", b"both", 3, false),
        ("/a", b"both", 4, false),
        ("/s?q=1", b"one", 1, true),
        ("/s?q=2", b"two", 2, false),
        ("/s", b"plain", 3, false),
    ] {
        let new = NewRevision {
            at: after(at),
            publish,
            ..revision(shop.id, path, content)
        };
        save(&world, new).await;
    }
    let before = paths(&world, shop.id).await;
    let strip = policy(TrailingSlash::Strip, &[]);
    let (done, change) = store
        .set_path_policy(workspace, shop.id, &strip, false, after(5))
        .await
        .expect("writes nothing");
    assert!(!done);
    let merges: Vec<_> = change
        .merges
        .iter()
        .map(|merge| (merge.path.as_str(), merge.from.join(" ")))
        .collect();
    assert_eq!(
        merges,
        [
            ("/a", "/a /a/".to_owned()),
            ("/s", "/s /s?q=1 /s?q=2".to_owned())
        ]
    );
    assert_eq!(paths(&world, shop.id).await, before, "nothing is changed");

    let (done, _) = store
        .set_path_policy(workspace, shop.id, &strip, true, after(5))
        .await
        .expect("written");
    assert!(done);
    assert_eq!(paths(&world, shop.id).await, ["html /a", "html /s"]);
    let a = store
        .variant(workspace, shop.id, Format::Html, "/a")
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(a.published, Some(Revision::of(b"with")), "published last");
    assert_eq!(a.latest, Revision::of(b"both"), "saved last");
    assert_eq!(
        (a.created_at, a.updated_at, a.published_at),
        (after(1), after(4), Some(after(2)))
    );
    let s = store
        .variant(workspace, shop.id, Format::Html, "/s")
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(
        (s.published, s.latest),
        (Some(Revision::of(b"one")), Revision::of(b"plain"))
    );
    for (path, contents) in [
        ("/a", [&b"without"[..], b"with", b"both"]),
        ("/s", [&b"one"[..], b"two", b"plain"]),
    ] {
        let history = store
            .revisions(workspace, shop.id, Format::Html, path)
            .await
            .expect("reads");
        assert_eq!(history.len(), 3, "{path}");
        for content in contents {
            let revision = Revision::of(content);
            let found = store
                .content(workspace, shop.id, Format::Html, path, &revision)
                .await;
            assert_eq!(found.expect("reads").as_deref(), Some(content));
        }
    }
    let diff = store
        .pending_kv(workspace, shop.id, 10)
        .await
        .expect("reads");
    let writes: Vec<_> = diff
        .writes
        .iter()
        .map(|write| (write.path.as_str(), write.revision.clone()))
        .collect();
    assert_eq!(
        writes,
        [("/a", Revision::of(b"with")), ("/s", Revision::of(b"one"))]
    );
    // Once more changes nothing.
    let (done, change) = store
        .set_path_policy(workspace, shop.id, &strip, false, after(6))
        .await
        .expect("writes");
    assert!(done && change.moved == 0);
}
