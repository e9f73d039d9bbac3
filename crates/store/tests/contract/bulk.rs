use crate::{
    samples::{NOW, revision, site},
    world::World,
};
use domain::variant::{Format, Revision};
use store::DeletedVariants;

pub(crate) async fn what_is_below_a_path_goes_in_steps(world: World) {
    let (store, workspace) = (&world.store, world.workspace);
    let site = site(workspace, 1, &["shop.example"]);
    store.create_site(&site).await.expect("stored");
    let paths = ["/old/a", "/old/b", "/old/%C3%A9", "/old", "/older", "/new"];
    let mut new: Vec<_> = paths
        .iter()
        .map(|path| revision(site.id, path, path.as_bytes()))
        .collect();
    new.push(store::NewRevision {
        format: Format::Markdown,
        publish: false,
        ..revision(site.id, "/old/a", b"draft")
    });
    store.save_revisions(workspace, &new).await.expect("saved");
    let published = store
        .published_revisions(workspace, site.id, Format::Html, &["/old/a", "/nowhere"])
        .await
        .expect("reads");
    assert_eq!(published.len(), 1);
    assert_eq!(published["/old/a"], Revision::of(b"/old/a"));
    let markdown = store
        .published_revisions(workspace, site.id, Format::Markdown, &["/old/a"])
        .await;
    assert!(markdown.expect("reads").is_empty());
    let count = async || {
        let counted = store
            .count_variants_below(workspace, site.id, "/old/")
            .await;
        counted.expect("counts")
    };
    assert_eq!(count().await, 4);
    let step = async || {
        store
            .delete_variants_below(workspace, site.id, "/old/", 3, NOW)
            .await
            .expect("deletes")
    };
    let deleted = |variants, published| DeletedVariants {
        variants,
        published,
    };
    assert_eq!(step().await, deleted(3, 2));
    assert_eq!(step().await, deleted(1, 1));
    assert_eq!(step().await, deleted(0, 0));
    assert_eq!(count().await, 0);
    let left = store
        .published_paths(workspace, site.id)
        .await
        .expect("reads");
    let left: Vec<_> = left.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(left, ["/new", "/old", "/older"]);
    // Nothing of them waits for the edge, which never had them; their contents are gone.
    let pending = store
        .pending_kv(workspace, site.id, 10)
        .await
        .expect("reads");
    assert_eq!((pending.writes.len(), pending.deletes.len()), (3, 0));
    let contents = store
        .contents(workspace, &[Revision::of(b"/old/b"), Revision::of(b"/old")])
        .await
        .expect("reads");
    assert_eq!(contents.len(), 1);
}
