use crate::{
    samples::{NOW, after, site},
    world::World,
};
use domain::{
    ids::{PreviewId, SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
use store::{PreviewKey, PreviewLink, StoreError};
use uuid::Uuid;

fn key(id: &str) -> PreviewKey {
    PreviewKey {
        id: id.to_owned(),
        sealed: format!("sealed {id}").into_bytes(),
    }
}

fn link(site: SiteId, number: u128, expires_at: Millis) -> PreviewLink {
    PreviewLink {
        id: PreviewId::from_uuid(Uuid::from_u128(number)),
        site,
        format: Format::Markdown,
        path: "/s?q=tea".to_owned(),
        revision: Revision::of(b"tea"),
        host: "shop.example".to_owned(),
        draft: format!("draft {number}"),
        author: "owner@shop.example".to_owned(),
        created_at: NOW,
        expires_at,
    }
}

pub(crate) async fn links_live_until_they_end(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let shop = site(workspace, 1, &["shop.example"]).id;
    let stranger = WorkspaceId::from_uuid(Uuid::from_u128(77));
    store
        .create_site(&site(workspace, 1, &["shop.example"]))
        .await
        .expect("stored");
    assert_eq!(
        store.preview_key(workspace, shop).await.expect("reads"),
        None
    );
    for (id, is_first) in [("k1", true), ("k2", false)] {
        let stored = store.set_first_preview_key(workspace, shop, &key(id)).await;
        assert_eq!(stored.expect("writes"), is_first);
    }
    let kept = store.preview_key(workspace, shop).await.expect("reads");
    assert_eq!(kept, Some(key("k1")));
    assert_eq!(
        store.preview_key(stranger, shop).await.expect("reads"),
        None
    );
    let refused = store
        .set_first_preview_key(stranger, shop, &key("k3"))
        .await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "site" })));

    let (short, long) = (link(shop, 1, after(10)), link(shop, 2, after(3_600)));
    for one in [&short, &long] {
        let added = store.add_preview_link(workspace, one, 2).await;
        assert!(added.expect("writes"));
    }
    let one_more = link(shop, 3, after(3_600));
    let added = store.add_preview_link(workspace, &one_more, 2).await;
    assert!(!added.expect("reads"), "two are the most");
    let at = |seconds| store.preview_links(workspace, shop, after(seconds));
    assert_eq!(at(9).await.expect("reads"), [long.clone(), short.clone()]);
    assert_eq!(
        at(10).await.expect("reads").as_slice(),
        std::slice::from_ref(&long)
    );
    let strangers = store.preview_links(stranger, shop, NOW).await;
    assert_eq!(strangers.expect("reads"), []);
    let later = PreviewLink {
        created_at: after(20),
        ..one_more
    };
    let added = store.add_preview_link(workspace, &later, 2).await;
    assert!(added.expect("writes"), "one has ended");
    assert_eq!(at(0).await.expect("reads"), [later.clone(), long.clone()]);

    let forgotten = store.forget_preview_link(stranger, shop, long.id).await;
    assert!(!forgotten.expect("writes"));
    let forgotten = store.forget_preview_link(workspace, shop, long.id).await;
    assert!(forgotten.expect("writes"));
    let ended = store
        .replace_preview_key(workspace, shop, &key("k4"), after(30))
        .await;
    assert_eq!(ended.expect("writes"), [later]);
    assert_eq!(at(0).await.expect("reads"), []);
    let kept = store.preview_key(workspace, shop).await.expect("reads");
    assert_eq!(kept, Some(key("k4")));

    let resealed = store
        .reseal_everything(
            "canary",
            |value| -> Result<_, ()> {
                Ok((value.table == "preview_keys").then(|| [b"new ", &value.bytes[..]].concat()))
            },
            |_| None,
        )
        .await;
    assert_eq!(resealed.expect("the database works"), Ok(1));
    let kept = store.preview_key(workspace, shop).await.expect("reads");
    assert_eq!(kept.expect("is there").sealed, b"new sealed k4");
    let added = store.add_preview_link(workspace, &long, 2).await;
    assert!(added.expect("writes"));
    assert!(store.delete_site(workspace, shop).await.expect("deleted"));
    assert_eq!(at(0).await.expect("reads"), []);
    assert_eq!(
        store.preview_key(workspace, shop).await.expect("reads"),
        None
    );
}
