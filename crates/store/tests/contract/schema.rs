use crate::world::World;
use store::{DatabaseKind, Store, StoreError, StoreOptions};

pub(crate) async fn migrates_once_and_side_by_side(world: World) {
    let kind = if world.file.is_some() {
        DatabaseKind::Sqlite
    } else {
        DatabaseKind::Postgres
    };
    assert_eq!(world.store.kind(), kind);
    world.store.ping().await.expect("answers");
    let (one, two) = (world.second_store().await, world.second_store().await);
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.expect("nothing to do");
    second.expect("nothing to do");
    assert_eq!(world.store.pending_migrations().await.expect("a count"), 0);
    one.close().await.expect("closes");
    two.close().await.expect("closes");
}

pub(crate) async fn refuses_bad_addresses(_: World) {
    for url in [
        "",
        "mysql://localhost/x",
        "sqlite::memory:",
        "sqlite://",
        "sqlite://file.db?mode=memory",
        "sqlite://:memory:",
        "sqlite:///no/such/folder/store.db",
    ] {
        let options = StoreOptions {
            url: url.to_owned(),
            max_connections: 1,
        };
        let refused = Store::connect(&options).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidUrl(_))),
            "{url}: {refused:?}"
        );
    }
    let options = StoreOptions {
        url: "postgres://somebody:hidden-word@localhost/x".to_owned(),
        max_connections: 1,
    };
    assert!(!format!("{options:?}").contains("hidden-word"));
}
