//! The vault's key: made, refused, rotated; backups that are worth nothing without it.

use crate::{
    bare::{PASSWORD, Place, send},
    postgres::Database,
};
use std::os::unix::fs::PermissionsExt;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[tokio::test]
async fn the_key_file_is_made_once_and_named() {
    let place = Place::new();
    let server = place.serve().await;
    let file = place.path("edge-delivery.key");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&place.path("bare.db")), 0o600);
    let log = server.log();
    assert!(
        log.contains(&file.display().to_string()) && log.contains("back it up"),
        "{log}"
    );
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(!log.contains(key.trim()));
    drop(server);
    let server = place.serve().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    assert!(!server.log().contains("back it up"));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_the_right_one_named() {
    let place = Place::new();
    drop(place.serve().await);
    let id = place.run(&["key", "id"]).await.out.trim().to_owned();
    assert_eq!(id.len(), 16);

    let other = "0".repeat(64);
    let wrong = place.path("wrong.key");
    std::fs::write(&wrong, &other).unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    let place = place.with("EDGE_DELIVERY_KEY_FILE", wrong.to_str().unwrap());
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("wrong key"),
        "{}",
        said.err
    );
    assert!(said.err.contains(&id) && !said.err.contains(&other));

    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o640)).unwrap();
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("chmod 600"),
        "{}",
        said.err
    );

    std::fs::remove_file(&wrong).unwrap();
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("is missing"),
        "{}",
        said.err
    );
    assert!(said.err.contains(&id), "{}", said.err);
    assert!(!wrong.exists(), "no new key may be made beside sealed data");

    let place = place.with("EDGE_DELIVERY_KEY", &other);
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("both set"),
        "{}",
        said.err
    );
}

#[tokio::test]
async fn a_rotated_key_replaces_the_old_one() {
    let place = Place::new();
    let server = place.serve().await;
    let new = place.path("new.key");
    let name = new.to_str().unwrap();
    let said = place.run(&["key", "rotate", "--new-key-file", name]).await;
    assert!(said.is_good, "{}", said.err);
    assert_eq!(mode(&new), 0o600);
    // The server that still has the old key says that it cannot work.
    assert_eq!(send(server.get("/readyz")).await.status(), 503);
    drop(server);
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("wrong key"),
        "{}",
        said.err
    );
    let place = place.with("EDGE_DELIVERY_KEY_FILE", name);
    let server = place.serve().await;
    assert_eq!(send(server.get("/readyz")).await.status(), 200);
    let again = place.run(&["key", "rotate", "--new-key-file", name]).await;
    assert!(
        !again.is_good && again.err.contains("present key"),
        "{}",
        again.err
    );
}

#[tokio::test]
async fn a_backup_is_restored_with_its_key_alone() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    let said = place.run(&["backup", "saved.db"]).await;
    assert!(said.is_good, "{}", said.err);
    assert_eq!(mode(&place.path("saved.db")), 0o600);
    let said = place.run(&["backup", "saved.db"]).await;
    assert!(
        !said.is_good && said.err.contains("exists already"),
        "{}",
        said.err
    );
    // What a running server stores would be lost.
    let said = place.run(&["restore", "saved.db", "--force"]).await;
    assert!(
        !said.is_good && said.err.contains("stop it first"),
        "{}",
        said.err
    );
    drop(server);

    // Over a present database only when told so.
    let said = place.run(&["restore", "saved.db"]).await;
    assert!(
        !said.is_good && said.err.contains("--force"),
        "{}",
        said.err
    );
    let said = place.run(&["restore", "saved.db", "--force"]).await;
    assert!(said.is_good, "{}", said.err);
    assert!(place.serve().await.sign_in(PASSWORD).await.is_some());

    let saved = place.path("saved.db");
    let elsewhere = Place::new();
    let said = elsewhere.run(&["restore", saved.to_str().unwrap()]).await;
    assert!(
        !said.is_good && said.err.contains("key file"),
        "{}",
        said.err
    );
    let elsewhere = elsewhere.with("EDGE_DELIVERY_KEY", &"1".repeat(64));
    let said = elsewhere.run(&["restore", saved.to_str().unwrap()]).await;
    assert!(
        !said.is_good && said.err.contains("wrong key"),
        "{}",
        said.err
    );
    std::fs::write(elsewhere.path("garbage"), "not a database at all").unwrap();
    let said = elsewhere.run(&["restore", "garbage"]).await;
    assert!(
        !said.is_good && said.err.contains("nothing was changed"),
        "{}",
        said.err
    );
    let left: Vec<_> = elsewhere
        .files()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        left,
        [elsewhere.path("garbage")],
        "nothing may be left behind"
    );
}

#[tokio::test]
async fn migrations_are_told_and_applied() {
    let place = Place::new();
    // A database in which nothing was done yet.
    std::fs::write(place.path("bare.db"), "").unwrap();
    let said = place.run(&["migrate", "--check"]).await;
    assert!(
        !said.is_good && said.out.contains("wait"),
        "{} {}",
        said.out,
        said.err
    );
    assert!(place.run(&["migrate"]).await.is_good);
    let said = place.run(&["migrate", "--check"]).await;
    assert!(
        said.is_good && said.out.contains("up to date"),
        "{} {}",
        said.out,
        said.err
    );
}

#[tokio::test]
async fn a_wrong_key_stops_before_migrations() {
    let database = Database::new().await;
    let place = Place::new().with("EDGE_DELIVERY_DATABASE_URL", &database.url());
    // This makes the database and its key.
    assert!(place.run(&["admin", "access-key", "create"]).await.is_good);
    // As an older version left it.
    database.execute("DROP TABLE audit_events").await;
    let forget = "DELETE FROM seaql_migrations WHERE version = 'm20261124_000002_audit'";
    database.execute(forget).await;
    let said = place.run(&["migrate", "--check"]).await;
    assert!(!said.is_good && said.out.contains("wait"), "{}", said.out);

    let right = place.path("data/edge-delivery.key");
    let aside = place.path("aside.key");
    std::fs::rename(&right, &aside).unwrap();
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("is missing"),
        "{}",
        said.err
    );
    std::fs::write(&right, "0".repeat(64)).unwrap();
    std::fs::set_permissions(&right, std::fs::Permissions::from_mode(0o600)).unwrap();
    let said = place.run(&["serve"]).await;
    assert!(
        !said.is_good && said.err.contains("wrong key"),
        "{}",
        said.err
    );
    let said = place.run(&["migrate", "--check"]).await;
    assert!(
        !said.is_good && said.out.contains("wait"),
        "nothing was migrated: {}",
        said.out
    );

    std::fs::rename(&aside, &right).unwrap();
    assert!(place.run(&["key", "id"]).await.is_good);
    assert!(place.run(&["migrate", "--check"]).await.is_good);
}
