//! Backups: whole while others write, covered as a whole by age, refused with words, and never half a restore.

use crate::{
    bare::{EMAIL, PASSWORD, Place, holds},
    sealed::database,
    story::Story,
};
use age::secrecy::ExposeSecret;
use domain::{time::Millis, variant::Format};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use store::{IfMatch, NewRevision, Page, Store};

const PASSPHRASE: &str = "canary passphrase of a backup";

/// A place with an administrator and a database to be backed up.
async fn filled() -> Place {
    let place = Place::new().with_administrator();
    drop(place.serve().await);
    place
}

/// Every file of a place, to see that nothing was changed.
fn files(place: &Place) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = place.files();
    files.sort();
    files
}

#[tokio::test]
async fn an_encrypted_backup_opens_with_its_passphrase_alone() {
    let place = filled()
        .await
        .with("EDGE_DELIVERY_BACKUP_PASSPHRASE", PASSPHRASE);
    let server = place.serve().await;
    let said = place.run(&["backup", "plain.db"]).await;
    assert!(said.is_good, "{}", said.err);
    let said = place.run(&["backup", "covered.age", "--encrypt"]).await;
    assert!(
        said.is_good && said.out.contains("encrypted"),
        "{} {}",
        said.out,
        said.err
    );
    let said = place.run(&["backup", "covered.age", "--encrypt"]).await;
    assert!(
        !said.is_good && said.err.contains("exists already"),
        "{}",
        said.err
    );
    drop(server);
    let plain = std::fs::read(place.path("plain.db")).unwrap();
    let covered = std::fs::read(place.path("covered.age")).unwrap();
    let key = std::fs::read_to_string(place.path("edge-delivery.key")).unwrap();
    assert!(holds(&plain, EMAIL) && !holds(&plain, key.trim()));
    for clear in [
        EMAIL,
        "SQLite format",
        PASSPHRASE,
        key.trim(),
        "audit_events",
    ] {
        assert!(!holds(&covered, clear), "{clear}");
    }
    let left: Vec<_> = files(&place).into_iter().map(|(path, _)| path).collect();
    assert!(
        left.iter()
            .all(|path| !path.to_string_lossy().contains(".backup-")
                && !path.to_string_lossy().contains(".writing-")),
        "{left:?}"
    );

    let before = files(&place);
    for (settings, words) in [
        (
            place_with(&place, Some("not the passphrase")),
            "wrong passphrase",
        ),
        (place_with(&place, None), "--passphrase-file"),
    ] {
        let said = settings
            .run(&["restore", place.path("covered.age").to_str().unwrap()])
            .await;
        assert!(
            !said.is_good && said.err.contains(words),
            "{words}: {}",
            said.err
        );
        assert!(said.err.contains("nothing was changed"), "{}", said.err);
        assert_eq!(settings.files().len(), 1, "the key alone");
    }
    assert_eq!(files(&place), before);

    // By the environment over a present database, by a file elsewhere.
    let said = place.run(&["restore", "covered.age", "--force"]).await;
    assert!(said.is_good, "{}", said.err);
    assert!(place.serve().await.sign_in(PASSWORD).await.is_some());
    let elsewhere = place_with(&place, None);
    std::fs::write(
        elsewhere.path("passphrase"),
        format!("{PASSPHRASE}\nand no more\n"),
    )
    .unwrap();
    let covered = place.path("covered.age");
    let said = elsewhere
        .run(&[
            "restore",
            covered.to_str().unwrap(),
            "--passphrase-file",
            "passphrase",
        ])
        .await;
    assert!(said.is_good, "{}", said.err);
    assert!(elsewhere.serve().await.sign_in(PASSWORD).await.is_some());
    let said = elsewhere.run(&["audit", "--kind", "backup"]).await;
    assert!(said.out.contains("Restored a backup"), "{}", said.out);
    let said = place.run(&["audit", "--kind", "backup"]).await;
    assert!(
        said.out.contains("plain.db") && said.out.contains("Restored a backup"),
        "what was in the backup, and the restore: {}",
        said.out
    );
}

/// Another place with the same key and perhaps a passphrase.
fn place_with(place: &Place, passphrase: Option<&str>) -> Place {
    let other = Place::new();
    std::fs::copy(
        place.path("edge-delivery.key"),
        other.path("edge-delivery.key"),
    )
    .expect("the key is there");
    match passphrase {
        Some(passphrase) => other.with("EDGE_DELIVERY_BACKUP_PASSPHRASE", passphrase),
        None => other,
    }
}

#[tokio::test]
async fn a_backup_for_recipients_opens_with_an_identity() {
    let place = filled().await;
    let (mine, stranger) = (
        age::x25519::Identity::generate(),
        age::x25519::Identity::generate(),
    );
    let spare = age::x25519::Identity::generate();
    let said = place
        .run(&[
            "backup",
            "covered.age",
            "--recipient",
            &spare.to_public().to_string(),
            "--recipient",
            &mine.to_public().to_string(),
        ])
        .await;
    assert!(said.is_good, "{}", said.err);
    for (name, identity) in [("mine.txt", &mine), ("stranger.txt", &stranger)] {
        let text = format!("# a comment\n{}\n", identity.to_string().expose_secret());
        std::fs::write(place.path(name), text).unwrap();
    }
    std::fs::write(place.path("nothing.txt"), "hello\n").unwrap();
    let before = files(&place);
    for (args, words) in [
        (&["restore", "covered.age", "--force"][..], "--identity"),
        (
            &[
                "restore",
                "covered.age",
                "--force",
                "--identity",
                "stranger.txt",
            ],
            "wrong identity",
        ),
        (
            &[
                "restore",
                "covered.age",
                "--force",
                "--identity",
                "nothing.txt",
            ],
            "holds no age identity",
        ),
        (
            &[
                "restore",
                "covered.age",
                "--force",
                "--identity",
                "missing.txt",
            ],
            "missing.txt",
        ),
    ] {
        let said = place.run(args).await;
        assert!(
            !said.is_good && said.err.contains(words),
            "{words}: {}",
            said.err
        );
    }
    assert_eq!(files(&place), before);
    let said = place
        .run(&[
            "restore",
            "covered.age",
            "--force",
            "--identity",
            "mine.txt",
        ])
        .await;
    assert!(said.is_good, "{}", said.err);
    assert!(place.serve().await.sign_in(PASSWORD).await.is_some());
    for (args, words) in [
        (
            &["backup", "x", "--recipient", "age1nonsense"][..],
            "age recipient",
        ),
        (&["backup", "x", "--encrypt"], "--passphrase-file"),
    ] {
        let said = place.run(args).await;
        assert!(
            !said.is_good && said.err.contains(words),
            "{words}: {}",
            said.err
        );
    }
    let short = place.with("EDGE_DELIVERY_BACKUP_PASSPHRASE", "short");
    let said = short.run(&["backup", "x", "--encrypt"]).await;
    assert!(
        !said.is_good && said.err.contains("at least 12"),
        "{}",
        said.err
    );
    assert!(!short.path("x").exists());
}

#[tokio::test]
async fn damaged_and_foreign_files_are_refused() {
    let place = filled()
        .await
        .with("EDGE_DELIVERY_BACKUP_PASSPHRASE", PASSPHRASE);
    for args in [
        &["backup", "whole.db"][..],
        &["backup", "whole.age", "--encrypt"],
    ] {
        let said = place.run(args).await;
        assert!(said.is_good, "{}", said.err);
    }
    let plain = std::fs::read(place.path("whole.db")).unwrap();
    let covered = std::fs::read(place.path("whole.age")).unwrap();
    let mut changed = covered.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    // A SQLite database of somebody else: an empty one, with a page of its own.
    let foreign = place.path("foreign.db");
    let store = database(&format!("sqlite://{}", foreign.display())).await;
    store.close().await.unwrap();
    for (name, bytes, words) in [
        ("cut.age", &covered[..covered.len() - 100], "was cut off"),
        (
            "cut-at-a-chunk.age",
            &covered[..covered.len() / 70_000 * 65_536],
            "was cut off",
        ),
        ("header.age", &covered[..60], "was cut off"),
        ("changed.age", &changed, "damaged"),
        ("cut.db", &plain[..plain.len() / 2], "not"),
        ("page.html", b"<!doctype html>", "no backup of this program"),
        ("empty", b"", "no backup of this program"),
        ("dump", b"PGDMP\x01\x0e", "pg_restore"),
        (
            "foreign.db",
            &std::fs::read(&foreign).unwrap(),
            "not a backup of this program",
        ),
    ] {
        std::fs::write(place.path(name), bytes).unwrap();
        let before = files(&place);
        let said = place.run(&["restore", name, "--force"]).await;
        assert!(
            !said.is_good && said.err.contains(words),
            "{name}: {}",
            said.err
        );
        assert!(
            said.err.contains("nothing was changed"),
            "{name}: {}",
            said.err
        );
        assert_eq!(files(&place), before, "{name}");
    }
}

/// Writes variants as fast as it can; each is one transaction of content, revision, variant and ledger.
async fn write(store: &Store, story: &Story, stop: &AtomicBool, written: &AtomicU64, writer: u64) {
    let workspace = store
        .ensure_workspace(Millis(0))
        .await
        .expect("it is there");
    let site = story.site.parse().expect("an id");
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (path, content) = (
            format!("/w{writer}/{}", number % 40),
            format!("<p>{writer} {number}</p>"),
        );
        let revision = NewRevision {
            site,
            format: Format::Html,
            path: &path,
            content: content.as_bytes(),
            author: "writer",
            note: None,
            at: Millis(1),
            publish: true,
            if_match: IfMatch::Any,
        };
        store
            .save_revision(workspace, &revision)
            .await
            .expect("written");
        written.fetch_add(1, Ordering::Relaxed);
    }
}

/// Everything in a restored database belongs together.
async fn is_whole(file: &Path, site: &str) -> usize {
    let store = database(&format!("sqlite://{}", file.display())).await;
    let workspace = store
        .ensure_workspace(Millis(0))
        .await
        .expect("it is there");
    let site = site.parse().expect("an id");
    let listed = store
        .list_variants(workspace, site, &Page::first(1000), None)
        .await
        .expect("reads");
    for variant in &listed.items {
        assert_eq!(
            variant.published.as_ref(),
            Some(&variant.latest),
            "{}",
            variant.path
        );
        let revisions = store
            .revisions(workspace, site, variant.format, &variant.path)
            .await
            .expect("reads");
        let content = store
            .content(
                workspace,
                site,
                variant.format,
                &variant.path,
                &variant.latest,
            )
            .await
            .expect("reads")
            .expect("the content of what is published is there");
        assert_eq!(domain::variant::Revision::of(&content), variant.latest);
        assert!(
            revisions
                .iter()
                .any(|info| info.revision == variant.latest && info.is_published)
        );
    }
    let ledger = store.kv_status(workspace, site).await.expect("reads");
    let known = usize::try_from(ledger.live + ledger.pending + ledger.failed).expect("few");
    assert_eq!(
        known,
        listed.items.len(),
        "the ledger knows each: {ledger:?}"
    );
    store.close().await.expect("closes");
    listed.items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_a_writing_load_is_of_one_moment() {
    let story = Story::begin().await;
    let store = database(story.program.database()).await;
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let backups = async {
        let mut seen = Vec::new();
        for number in 0..4 {
            // Each is made while others write: something was written since the last.
            let before = written.load(Ordering::Relaxed);
            while written.load(Ordering::Relaxed) < before + 20 {
                tokio::task::yield_now().await;
            }
            let file = story.folder().join(format!("{number}.db"));
            let from = written.load(Ordering::Relaxed);
            let said = story
                .program
                .run(&["backup", file.to_str().expect("a name")])
                .await;
            assert!(said.status.success(), "{said:?}");
            seen.push(written.load(Ordering::Relaxed) - from);
        }
        stop.store(true, Ordering::Relaxed);
        seen
    };
    let (seen, (), ()) = tokio::join!(
        backups,
        write(&store, &story, &stop, &written, 1),
        write(&store, &story, &stop, &written, 2)
    );
    println!("written while each backup was made: {seen:?}");
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    for number in 0..4 {
        let place = Place::new().with(
            "EDGE_DELIVERY_KEY_FILE",
            story.folder().join("test.key").to_str().expect("a name"),
        );
        let file = story.folder().join(format!("{number}.db"));
        let said = place
            .run(&["restore", file.to_str().expect("a name")])
            .await;
        assert!(said.is_good, "{}", said.err);
        assert!(is_whole(&place.path("bare.db"), &story.site).await > 0);
    }
}
