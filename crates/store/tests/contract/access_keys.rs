use crate::{
    samples::{NOW, after},
    world::World,
};
use domain::ids::{AccessKeyId, WorkspaceId};
use store::{AccessKey, StoreError};
use uuid::Uuid;

pub(crate) async fn a_key_opens_until_it_is_revoked(world: World) {
    let store = &world.store;
    let key = AccessKey {
        id: AccessKeyId::from_uuid(Uuid::from_u128(1)),
        workspace: world.workspace,
        name: "deploys".to_owned(),
        hint: "wxyz".to_owned(),
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
    };
    store
        .create_access_key(&key, "hash one")
        .await
        .expect("stored");
    let twin = AccessKey {
        id: AccessKeyId::from_uuid(Uuid::from_u128(2)),
        ..key.clone()
    };
    let refused = store.create_access_key(&twin, "hash one").await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                what: "access key",
                ..
            })
        ),
        "{refused:?}"
    );

    assert_eq!(
        store.access_key_by_hash("hash one").await.expect("reads"),
        Some(key.clone())
    );
    assert_eq!(
        store.access_key_by_hash("hash two").await.expect("reads"),
        None
    );
    store
        .touch_access_key(key.id, after(1))
        .await
        .expect("writes");
    store
        .touch_access_key(key.id, after(30))
        .await
        .expect("writes");
    let used = store
        .list_access_keys(world.workspace)
        .await
        .expect("reads");
    assert_eq!(used[0].last_used_at, Some(after(1)), "to the minute");
    store
        .touch_access_key(key.id, after(90))
        .await
        .expect("writes");

    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    assert!(
        !store
            .revoke_access_key(stranger, key.id, after(99))
            .await
            .expect("writes")
    );
    assert!(
        store
            .revoke_access_key(world.workspace, key.id, after(99))
            .await
            .expect("writes")
    );
    assert!(
        !store
            .revoke_access_key(world.workspace, key.id, after(100))
            .await
            .expect("writes")
    );
    assert_eq!(
        store.access_key_by_hash("hash one").await.expect("reads"),
        None
    );
    let listed = store
        .list_access_keys(world.workspace)
        .await
        .expect("reads");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].last_used_at, Some(after(90)));
    assert_eq!(listed[0].revoked_at, Some(after(99)));
    assert_eq!(store.list_access_keys(stranger).await.expect("reads"), []);
}
