//! What is only true of a SQLite file.

use crate::{samples::connection, world};
use std::path::Path;

fn is_in_a_file(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file"))
        .any(|bytes| bytes.windows(needle.len()).any(|part| part == needle))
}

#[tokio::test]
async fn a_deleted_token_is_in_no_file() {
    world::on_sqlite(|world| async move {
        let file = world.file.clone().expect("a file");
        let folder = file.parent().expect("a folder");
        let (store, workspace) = (&world.store, world.workspace);
        let needle = |number: u8| vec![0xa5 ^ number; 96];
        for number in 1..=20u8 {
            let mut one = connection(workspace, number.into());
            one.sealed_token = needle(number);
            store.create_connection(&one).await.expect("stored");
        }
        // A replaced token is a deleted one.
        let mut changed = connection(workspace, 7);
        changed.sealed_token = vec![0x3c; 2000];
        assert!(is_in_a_file(folder, &needle(7)));
        store
            .update_connection(workspace, &changed)
            .await
            .expect("writes");
        assert!(!is_in_a_file(folder, &needle(7)));
        assert!(is_in_a_file(folder, &vec![0x3c; 2000]));
        for number in 1..=10u8 {
            let id = connection(workspace, number.into()).id;
            assert!(
                store
                    .delete_connection(workspace, id)
                    .await
                    .expect("writes")
            );
            assert!(!is_in_a_file(folder, &needle(number)), "{number}");
        }
        assert!(!is_in_a_file(folder, &vec![0x3c; 2000]));
        // So is that of a connection that went after its last site, and a webhook's secret.
        let leaving = connection(workspace, 12).id;
        let since = Some(crate::samples::NOW);
        store
            .set_leaving(workspace, leaving, since)
            .await
            .expect("writes");
        assert!(is_in_a_file(folder, &needle(12)));
        let left = store.delete_left_connections().await.expect("writes");
        let left: Vec<_> = left.iter().map(|connection| connection.id).collect();
        assert_eq!(left, [leaving]);
        assert!(!is_in_a_file(folder, &needle(12)));
        let mut hook = crate::samples::webhook(workspace);
        for (old, new) in [(None, 0x55_u8), (Some(0x55), 0x66), (Some(0x66), 0x77)] {
            hook.sealed_secret = vec![new; 300];
            store.set_webhook(&hook).await.expect("writes");
            assert!(is_in_a_file(folder, &vec![new; 300]));
            assert!(old.is_none_or(|old| !is_in_a_file(folder, &vec![old; 300])));
        }
        store.delete_webhook(workspace).await.expect("writes");
        assert!(!is_in_a_file(folder, &vec![0x77; 300]));
        assert!(is_in_a_file(folder, &needle(11)), "the others are there");
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    world::on_sqlite(|world| async move {
        let file = world.file.clone().expect("a file");
        let mut files = 0;
        for entry in std::fs::read_dir(file.parent().expect("a folder")).expect("the folder") {
            let mode = entry
                .expect("an entry")
                .metadata()
                .expect("its mode")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0);
            files += 1;
        }
        assert_eq!(files, 3, "the database, its log, the log's index");
    })
    .await;
}

#[tokio::test]
async fn a_backup_is_a_database() {
    world::on_sqlite(|world| async move {
        let first = connection(world.workspace, 1);
        world.store.create_connection(&first).await.expect("stored");
        let folder = world.file.clone().expect("a file").with_file_name("copy");
        std::fs::create_dir(&folder).expect("a folder");
        let file = folder.join("a copy.db");
        let name = file.to_str().expect("a name");
        world.store.back_up_to(name).await.expect("copied");
        let again = world.store.back_up_to(name).await;
        assert!(again.is_err(), "an older backup is not overwritten");
        let options = store::StoreOptions {
            url: format!("sqlite://{}", name.replace(' ', "%20")),
            max_connections: 1,
        };
        let copy = store::Store::connect(&options).await.expect("opens");
        assert_eq!(copy.pending_migrations().await.expect("counts"), 0);
        let found = copy.connection(world.workspace, first.id).await;
        assert_eq!(found.expect("reads"), Some(first));
        copy.close().await.expect("closes");
        let files = std::fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(files, 1, "no second file by another name");
    })
    .await;
}
