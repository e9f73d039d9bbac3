//! Commands run by hand, beside a service or without one: what they make, what they refuse, what they print.

use crate::bare::Place;
use std::process::Command;

#[tokio::test]
async fn only_a_few_commands_make_a_database() {
    let place = Place::new();
    for args in [
        &["status"][..],
        &["plan", "shop"],
        &["deploy", "shop"],
        &["remove", "shop", "--yes"],
        &["variants", "push", "shop", "."],
        &["variants", "pull", "shop", "pages"],
        &["key", "id"],
        &["key", "rotate", "--new-key-file", "new.key"],
        &["admin", "access-key", "list"],
        &["admin", "access-key", "revoke", "it"],
        &["migrate", "--check"],
        &["backup", "saved.db"],
    ] {
        let said = place.run(args).await;
        assert!(!said.is_good, "{args:?}: {}", said.out);
        for word in [
            "there is no database at",
            "bare.db",
            "--database-url",
            "EDGE_DELIVERY_DATABASE_URL",
            "sqlite:///var/lib/edge-delivery/edge-delivery.db",
            "/var/lib/private/edge-delivery",
        ] {
            assert!(said.err.contains(word), "{args:?}: {word}: {}", said.err);
        }
        assert!(
            place.files().is_empty(),
            "{args:?} left {:?}",
            place.files()
        );
    }
    assert!(place.run(&["admin", "access-key", "create"]).await.is_good);
    assert!(place.run(&["status"]).await.is_good);
}

#[tokio::test]
async fn only_a_few_commands_make_a_key() {
    let place = Place::new();
    assert!(place.run(&["migrate"]).await.is_good);
    for args in [
        &["status"][..],
        &["key", "id"],
        &["admin", "access-key", "list"],
    ] {
        let said = place.run(args).await;
        assert!(
            !said.is_good && said.err.contains("there is no key file"),
            "{args:?}: {}",
            said.err
        );
        assert!(!place.path("edge-delivery.key").exists(), "{args:?}");
    }
}

#[tokio::test]
async fn a_command_shows_its_own_settings() {
    let place = Place::new().with("EDGE_DELIVERY_LOG", "warn");
    let help = place.run(&["plan", "--help"]).await.out;
    for word in [
        "--database-url",
        "EDGE_DELIVERY_KEY_FILE",
        "CLOUDFLARE_API_BASE_URL",
        "EDGE_DELIVERY_EDGE_URL",
        "EDGE_DELIVERY_KEY ",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for word in ["--listen", "PROXIES", "ADMIN", "127.0.0.1:9"] {
        assert!(!help.contains(word), "{word}: {help}");
    }
    let help = place.run(&["serve", "--help"]).await.out;
    for word in [
        "EDGE_DELIVERY_LISTEN",
        "PROXIES",
        "ADMIN_PASSWORD",
        "--database-url",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    // What the environment sets is no part of the usage.
    let said = place.run(&["plan"]).await;
    assert!(
        said.err.contains("Usage: edge-delivery plan <SITE>"),
        "{}",
        said.err
    );
}

#[tokio::test]
async fn the_keys_id_as_json() {
    let place = Place::new();
    place.access_key().await;
    let plain = place.run(&["key", "id"]).await.out;
    let json: serde_json::Value =
        serde_json::from_str(&place.run(&["key", "id", "--json"]).await.out).expect("JSON");
    assert_eq!(json["key"], plain.trim());
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_edge-delivery"))
        .args(["token", "url"])
        .env_clear()
        .stdout(writer)
        .output()
        .expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
}
