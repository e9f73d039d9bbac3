use crate::{
    samples::{NOW, after},
    world::World,
};
use domain::identity::{Content, ListKind, PublicKey, Version};
use store::{FetchEnd, ListOrigin, ListVersion};

const URL: &str = "https://bot.example/ranges.json";
const KEYS: &str = "https://bot.example/keys.json";

fn version(from: i64, prefix: &str) -> ListVersion {
    ListVersion {
        origin: ListOrigin::Fetched,
        hash: prefix.to_owned(),
        version: Version {
            url: URL.to_owned(),
            valid_from: after(from),
            valid_until: None,
            confirmed_at: after(from),
            content: Content::Ranges(vec![prefix.parse().expect("a prefix")]),
        },
    }
}

fn urls() -> Vec<String> {
    vec![URL.to_owned(), KEYS.to_owned()]
}

async fn known(world: &World) {
    let lists = [
        (URL.to_owned(), ListKind::Ranges),
        (KEYS.to_owned(), ListKind::Keys),
    ];
    let store = &world.store;
    store
        .ensure_verification_lists(&lists, NOW)
        .await
        .expect("written");
    store
        .ensure_verification_lists(&lists, after(900))
        .await
        .expect("written");
    store
        .ensure_verification_lists(&[], NOW)
        .await
        .expect("nothing to write");
    let lists = store.verification_lists().await.expect("reads");
    assert_eq!(lists.len(), 2);
    assert!(
        lists
            .iter()
            .all(|list| list.next_fetch_at == NOW && list.current.is_none())
    );
}

pub(crate) async fn lists_are_fetched_by_one_at_a_time(world: World) {
    known(&world).await;
    let (store, other) = (&world.store, world.second_store().await);
    let urls = urls();
    let (one, two) = tokio::join!(
        store.lease_list_fetch(&urls[..1], "one", NOW, after(30)),
        other.lease_list_fetch(&urls[..1], "two", NOW, after(30)),
    );
    let taken: Vec<_> = [one.expect("leases"), two.expect("leases")]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].kind, taken[0].failures), (ListKind::Ranges, 0));
    // A dead process loses it, and cannot end it any more.
    let again = store
        .lease_list_fetch(&urls[..1], "three", after(31), after(60))
        .await;
    assert!(again.expect("leases").is_some());
    let failed = FetchEnd::Failed {
        error: "it answered 500".to_owned(),
        doubted: Some(("x".to_owned(), after(31))),
    };
    for owner in ["one", "two"] {
        let ended = store
            .finish_list_fetch(URL, owner, after(32), after(99), &failed)
            .await;
        assert!(!ended.expect("reads"), "{owner}");
    }
    assert!(
        store
            .finish_list_fetch(URL, "three", after(32), after(99), &failed)
            .await
            .expect("writes")
    );
    let lists = store.verification_lists().await.expect("reads");
    let list = lists.iter().find(|list| list.url == URL).expect("there");
    assert_eq!((list.failures, list.next_fetch_at), (1, after(99)));
    assert_eq!(list.last_error.as_deref(), Some("it answered 500"));
    // Nobody's turn but the other list's, until it is hurried.
    let next = store
        .lease_list_fetch(&urls, "four", after(40), after(60))
        .await;
    assert_eq!(
        next.expect("leases").map(|lease| lease.url).as_deref(),
        Some(KEYS)
    );
    assert!(
        store
            .lease_list_fetch(&urls, "four", after(40), after(60))
            .await
            .expect("reads")
            .is_none()
    );
    store
        .hurry_list_fetches(&urls, after(41))
        .await
        .expect("writes");
    let hurried = store
        .lease_list_fetch(&urls, "four", after(41), after(60))
        .await;
    let hurried = hurried.expect("leases").expect("it is due");
    assert_eq!(hurried.doubted, Some(("x".to_owned(), after(31))));
    other.close().await.expect("closes");
}

pub(crate) async fn versions_follow_each_other(world: World) {
    known(&world).await;
    let store = &world.store;
    let urls = urls();
    let stamp = async || store.list_versions_stamp().await.expect("reads");
    let nothing = stamp().await;
    let shipped = ListVersion {
        origin: ListOrigin::Shipped,
        ..version(-5_000, "192.0.2.0/28")
    };
    assert!(store.ship_list_version(&shipped).await.expect("writes"));
    let read = stamp().await;
    assert!(
        !store.ship_list_version(&shipped).await.expect("reads"),
        "once"
    );
    let mut unknown = version(0, "192.0.2.0/28");
    unknown.version.url = "https://elsewhere.example/".to_owned();
    assert!(!store.ship_list_version(&unknown).await.expect("reads"));

    let end = |at: i64, end: FetchEnd| {
        let (store, urls) = (store.clone(), urls.clone());
        async move {
            let leased = store
                .lease_list_fetch(&urls[..1], "me", after(at), after(at + 30))
                .await;
            let lease = leased.expect("leases").expect("it is due");
            let done = store
                .finish_list_fetch(URL, "me", after(at), after(at + 10), &end)
                .await;
            assert!(done.expect("writes"));
            lease
        }
    };
    let etag = Some("\"1\"".to_owned());
    end(0, FetchEnd::Same { etag: etag.clone() }).await;
    let confirmed = stamp().await;
    assert!(confirmed != nothing && confirmed != read);
    assert_eq!(confirmed, stamp().await);
    let new = version(100, "198.51.100.0/28");
    let lease = end(
        100,
        FetchEnd::New {
            etag: None,
            version: new.clone(),
        },
    )
    .await;
    assert_eq!(lease.etag, etag);
    assert_eq!(
        lease.current.map(|current| current.hash),
        Some(shipped.hash.clone())
    );
    let broken = FetchEnd::Failed {
        error: "no".to_owned(),
        doubted: None,
    };
    let lease = end(200, broken).await;
    assert_eq!((lease.etag, lease.current), (None, Some(new.clone())));
    // What came with the program is older than what was fetched.
    assert!(!store.ship_list_version(&shipped).await.expect("reads"));

    let versions = store
        .list_versions_since(after(-10_000))
        .await
        .expect("reads");
    let mut ended = shipped.version.clone();
    ended.confirmed_at = NOW;
    ended.valid_until = Some(after(100));
    assert_eq!(versions, [ended, new.version.clone()]);
    let lately = store.list_versions_since(after(101)).await.expect("reads");
    assert_eq!(lately, [new.version]);
    let lists = store.verification_lists().await.expect("reads");
    let list = lists.iter().find(|list| list.url == URL).expect("there");
    let current = list.current.as_ref().expect("a version");
    assert_eq!((current.entries, current.origin), (1, ListOrigin::Fetched));
    assert_eq!(list.last_error.as_deref(), Some("no"));
    store
        .delete_list_versions_before(after(101))
        .await
        .expect("writes");
    assert_eq!(
        store
            .list_versions_since(after(-10_000))
            .await
            .expect("reads")
            .len(),
        1
    );
}

pub(crate) async fn keys_come_back(world: World) {
    known(&world).await;
    let store = &world.store;
    let key = PublicKey {
        id: "thumbprint".to_owned(),
        x: "AAAA".to_owned(),
        not_before: None,
        not_after: Some(7),
    };
    let mut stored = version(0, "192.0.2.0/28");
    stored.version.url = KEYS.to_owned();
    stored.version.content = Content::Keys(vec![key]);
    assert!(store.ship_list_version(&stored).await.expect("writes"));
    let versions = store.list_versions_since(NOW).await.expect("reads");
    assert_eq!(versions, [stored.version]);
}
