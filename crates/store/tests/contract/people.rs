use crate::{
    samples::{NOW, after, user},
    world::World,
};
use store::StoreError;

pub(crate) async fn users_are_found_by_email(world: World) {
    let store = &world.store;
    assert_eq!(store.count_users().await.expect("counts"), 0);
    let anna = user(world.workspace, 1, "anna@shop.example");
    store.create_user(&anna).await.expect("stored");
    let again = store
        .create_user(&user(world.workspace, 2, "anna@shop.example"))
        .await;
    assert!(
        matches!(&again, Err(StoreError::Conflict { what: "email", value }) if value == "anna@shop.example"),
        "{again:?}"
    );
    let found = store
        .user_by_email("anna@shop.example")
        .await
        .expect("reads");
    assert_eq!(found, Some(anna.clone()));
    assert_eq!(
        store
            .user_by_email("eve@shop.example")
            .await
            .expect("reads"),
        None
    );

    assert!(
        store
            .set_password_hash(anna.id, "$argon2id$other")
            .await
            .expect("writes")
    );
    assert!(
        store
            .set_sessions_valid_from(anna.id, after(5))
            .await
            .expect("writes")
    );
    let changed = store.user(anna.id).await.expect("reads").expect("is there");
    assert_eq!(changed.password_hash, "$argon2id$other");
    assert_eq!(changed.sessions_valid_from, after(5));
    let nobody = user(world.workspace, 9, "x@shop.example").id;
    assert!(!store.set_password_hash(nobody, "x").await.expect("writes"));
}

pub(crate) async fn only_one_first_user(world: World) {
    let tries: Vec<_> = (1..=6u128)
        .map(|number| {
            let store = world.store.clone();
            let user = user(
                world.workspace,
                number,
                &format!("user{number}@shop.example"),
            );
            tokio::spawn(async move { store.create_first_user(&user).await.expect("answers") })
        })
        .collect();
    let mut winners = 0;
    for one in tries {
        winners += u32::from(one.await.expect("no panic"));
    }
    assert_eq!(winners, 1);
    assert_eq!(world.store.count_users().await.expect("counts"), 1);
}

pub(crate) async fn sessions_end(world: World) {
    let store = &world.store;
    let anna = user(world.workspace, 1, "anna@shop.example");
    store.create_user(&anna).await.expect("stored");
    assert!(
        store
            .create_session("one", None, b"a", after(10))
            .await
            .expect("writes")
    );
    assert!(
        !store
            .create_session("one", None, b"b", after(10))
            .await
            .expect("writes")
    );
    assert_eq!(
        store
            .load_session("one", NOW)
            .await
            .expect("reads")
            .as_deref(),
        Some(&b"a"[..])
    );
    store
        .save_session("one", Some(anna.id), b"c", after(20))
        .await
        .expect("writes");
    store
        .save_session("two", Some(anna.id), b"d", after(20))
        .await
        .expect("writes");
    store
        .save_session("three", None, b"e", after(1))
        .await
        .expect("writes");
    assert_eq!(
        store
            .load_session("one", after(15))
            .await
            .expect("reads")
            .as_deref(),
        Some(&b"c"[..])
    );
    assert_eq!(
        store.load_session("one", after(20)).await.expect("reads"),
        None,
        "over at its time"
    );
    assert_eq!(
        store
            .delete_expired_sessions(after(5))
            .await
            .expect("writes"),
        1
    );
    assert_eq!(store.load_session("three", NOW).await.expect("reads"), None);
    assert_eq!(store.delete_sessions_of(anna.id).await.expect("writes"), 2);
    store
        .save_session("four", None, b"f", after(20))
        .await
        .expect("writes");
    store.delete_session("four").await.expect("writes");
    assert_eq!(store.load_session("four", NOW).await.expect("reads"), None);
}

pub(crate) async fn failed_sign_ins_are_counted(world: World) {
    let store = &world.store;
    for second in 0..5 {
        store
            .record_failed_sign_in("anna", after(second))
            .await
            .expect("writes");
    }
    store
        .record_failed_sign_in("eve", NOW)
        .await
        .expect("writes");
    assert_eq!(store.failed_sign_ins("anna", NOW).await.expect("counts"), 5);
    assert_eq!(
        store
            .failed_sign_ins("anna", after(3))
            .await
            .expect("counts"),
        2
    );
    assert_eq!(
        store
            .delete_failed_sign_ins_before(after(2))
            .await
            .expect("writes"),
        3
    );
    assert_eq!(store.failed_sign_ins("anna", NOW).await.expect("counts"), 3);
    store.clear_failed_sign_ins("anna").await.expect("writes");
    assert_eq!(store.failed_sign_ins("anna", NOW).await.expect("counts"), 0);
}

pub(crate) async fn meta_is_written_once(world: World) {
    let store = &world.store;
    assert_eq!(store.meta("canary").await.expect("reads"), None);
    assert!(
        store
            .set_meta_if_absent("canary", b"one")
            .await
            .expect("writes")
    );
    assert!(
        !store
            .set_meta_if_absent("canary", b"two")
            .await
            .expect("writes")
    );
    assert_eq!(
        store.meta("canary").await.expect("reads").as_deref(),
        Some(&b"one"[..])
    );
}
