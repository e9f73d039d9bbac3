//! `demo`: how other commands reach it, and what it says when something is taken.

use crate::bare::{Place, Said};
use serde_json::Value;
use std::{collections::BTreeMap, net::TcpListener, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command as a person runs it in the repository, where workerd is found.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge-delivery"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("EDGE_DELIVERY_DATABASE_URL")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn said(mut command: Command) -> Said {
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    output.expect("it ends").expect("the program starts").into()
}

#[tokio::test]
async fn other_commands_reach_it_by_what_it_prints() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("its data");
    let data = data.to_str().expect("UTF-8");
    let mut demo = command(&["demo", "--any-port", "--json", "--data-dir", data])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.expect("it starts").expect("text").expect("a line");
    let told: Value = serde_json::from_str(&line).expect("JSON");
    let environment: BTreeMap<String, String> =
        serde_json::from_value(told["environment"].clone()).expect("names and values");
    assert_eq!(
        environment.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "CLOUDFLARE_API_BASE_URL",
            "EDGE_DELIVERY_DATABASE_URL",
            "EDGE_DELIVERY_EDGE_URL",
            "EDGE_DELIVERY_KEY_FILE",
        ]
    );

    // From anywhere.
    let mut status = command(&["status", "--json"]);
    status.current_dir(folder.path()).envs(&environment);
    let told_status = said(status).await;
    assert!(told_status.is_good, "{}", told_status.err);
    let mut check = command(&["token", "check", "--json"]);
    check.envs(&environment).env(
        "CLOUDFLARE_API_TOKEN",
        told["tokens"]["good"].as_str().expect("a token"),
    );
    let checked = said(check).await;
    assert!(checked.is_good, "{} {}", checked.out, checked.err);

    let second = said(command(&["demo", "--any-port", "--data-dir", data])).await;
    assert!(!second.is_good, "{}", second.out);
    assert!(
        second.err.contains("another `demo` runs on"),
        "{}",
        second.err
    );

    // What a kill leaves behind is no lock.
    demo.kill().await.expect("it is ours");
    let path = Path::new(data).join("demo.lock");
    let lock = std::fs::File::open(path).expect("it is there");
    lock.try_lock().expect("nobody holds it");
}

#[tokio::test]
async fn a_taken_port_is_told_once_with_the_way_out() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = held.local_addr().expect("it is bound").to_string();
    let port = taken.rsplit(':').next().expect("a port");
    for (args, words) in [
        (
            &["serve", "--listen", &taken][..],
            &["--listen", "EDGE_DELIVERY_LISTEN"][..],
        ),
        (
            &["demo", "--listen", &taken],
            &[
                "--listen 127.0.0.1:PORT",
                "--any-port",
                "cargo xtask demo -- --any-port",
            ],
        ),
        (
            &["demo", "--listen", "127.0.0.1:0", "--api-listen", &taken],
            &[
                "--api-listen 127.0.0.1:PORT",
                "--any-port",
                "cargo xtask demo -- --any-port",
            ],
        ),
        (
            &[
                "demo",
                "--listen",
                "127.0.0.1:0",
                "--api-listen",
                "127.0.0.1:0",
                "--edge-listen",
                &taken,
            ],
            &["--edge-listen 127.0.0.1:PORT", "--any-port"],
        ),
        (
            &["emulator", "--listen", &taken],
            &["--listen 127.0.0.1:PORT"],
        ),
        (
            &[
                "emulator",
                "--listen",
                "127.0.0.1:0",
                "--edge-listen",
                &taken,
            ],
            &["--edge-listen 127.0.0.1:PORT"],
        ),
    ] {
        let said = said(command(args)).await;
        assert!(!said.is_good, "{args:?}");
        let taken = format!("port {port} on 127.0.0.1 is taken");
        for word in words.iter().copied().chain([taken.as_str()]) {
            assert!(said.err.contains(word), "{args:?}: {word}: {}", said.err);
        }
        assert_eq!(said.err.matches("in use").count(), 0, "{}", said.err);
    }
}

#[tokio::test]
async fn the_first_run_names_the_public_address() {
    let place = Place::new().with("EDGE_DELIVERY_PUBLIC_URL", "https://edge.example.com");
    let log = place.serve().await.log();
    assert!(
        log.contains("open https://edge.example.com/first-run"),
        "{log}"
    );
}
