use crate::{
    samples::{revision, site},
    world::World,
};
use domain::variant::Format;
use store::{LedgerEntry, NewRevision, VariantCounts};

const COUNT: usize = 5000;

pub(crate) async fn thousands_in_one_go(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = site(workspace, 1, &["shop.example"]);
    store.create_site(&site).await.expect("stored");
    let pages: Vec<(String, String)> = (0..COUNT)
        .map(|number| {
            (
                format!("/page/{number:05}"),
                format!("<p>Page {number}</p>"),
            )
        })
        .collect();
    let mut new: Vec<_> = pages
        .iter()
        .map(|(path, content)| revision(site.id, path, content.as_bytes()))
        .collect();
    // Of several for one path the last one counts; the draft leaves the published one.
    new.insert(0, revision(site.id, "/page/00000", b"overtaken"));
    new.push(NewRevision {
        publish: false,
        ..revision(site.id, "/page/00001", b"draft")
    });
    let saved = store.save_revisions(workspace, &new).await.expect("saved");
    assert_eq!(saved, COUNT as u64 + 2);
    let counts = store
        .count_variants(workspace, site.id)
        .await
        .expect("counts");
    assert_eq!(
        counts,
        VariantCounts {
            total: COUNT as u64,
            published: COUNT as u64
        }
    );
    let draft = store
        .variant(workspace, site.id, Format::Html, "/page/00001")
        .await
        .expect("reads")
        .expect("is there");
    assert_ne!(draft.published.as_ref(), Some(&draft.latest));
    let first = store
        .revisions(workspace, site.id, Format::Html, "/page/00000")
        .await
        .expect("reads");
    assert_eq!(first.len(), 2);

    let diff = store
        .pending_kv(workspace, site.id, 10_000)
        .await
        .expect("reads");
    assert_eq!(diff.writes.len(), COUNT);
    let entries: Vec<_> = diff
        .writes
        .into_iter()
        .map(|write| LedgerEntry {
            key: format!("v/html{}", write.path),
            format: write.format,
            path: write.path,
            revision: write.revision,
            written_at: site.created_at,
        })
        .collect();
    store
        .acknowledge_kv(workspace, site.id, &entries)
        .await
        .expect("writes");
    assert!(
        store
            .pending_kv(workspace, site.id, 10_000)
            .await
            .expect("reads")
            .is_empty()
    );
    let keys: Vec<_> = entries.into_iter().map(|entry| entry.key).collect();
    store
        .forget_kv(workspace, site.id, &keys)
        .await
        .expect("writes");
    let status = store.kv_status(workspace, site.id).await.expect("reads");
    assert_eq!((status.pending, status.live), (COUNT as u64, 0));
    assert!(store.delete_site(workspace, site.id).await.expect("writes"));
}
