//! The webhook: set, signed, sent again, bounded.

use crate::{
    local_cloudflare::LocalCloudflare,
    postgres::Database,
    program::Program,
    webhook_receiver::{Receiver, Reply},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PRIVATE: (&str, &str) = ("EDGE_DELIVERY_WEBHOOK_ALLOW_PRIVATE", "1");

async fn start(
    folder: &tempfile::TempDir,
    cloud: &LocalCloudflare,
    more: &[(&'static str, &str)],
) -> Program {
    let database = format!("sqlite://{}/test.db", folder.path().display());
    Program::start_with(database, folder.path(), cloud, more).await
}

async fn set(program: &Program, url: &str) -> String {
    let set = program
        .ok("PUT", "/webhook", Some(&json!({ "url": url })))
        .await;
    set["secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_set_tested_and_deleted() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let (folder, receiver) = (
        tempfile::tempdir().expect("a folder"),
        Receiver::start().await,
    );
    let program = start(&folder, &cloud, &[PRIVATE]).await;
    assert_eq!(program.call("GET", "/webhook", None).await.0, 404);
    assert_eq!(program.call("POST", "/webhook/test", None).await.0, 404);
    assert_eq!(program.call("DELETE", "/webhook", None).await.0, 404);
    let secret = set(&program, &receiver.url).await;

    let read = program.ok("GET", "/webhook", None).await;
    assert_eq!(read["url"], receiver.url);
    assert_eq!(read["secret"], Value::Null, "shown once");
    let sent = program.ok("POST", "/webhook/test", None).await;
    assert_eq!(sent["status"], "delivered", "{sent:#}");
    let messages = receiver.messages();
    assert_eq!((messages.len(), messages[0].kind()), (1, "webhook.test"));
    assert_eq!(messages[0].id, sent["id"].as_str().expect("an id"));
    assert!(messages[0].is_signed_with(&secret));
    assert!(!program.log().contains(&secret));

    // The same address keeps the secret; a new one is made when it is asked for.
    let body = json!({ "url": receiver.url });
    let again = program.ok("PUT", "/webhook", Some(&body)).await;
    assert_eq!(again["secret"], Value::Null);
    let body = json!({ "url": receiver.url, "newSecret": true });
    let other = program.ok("PUT", "/webhook", Some(&body)).await;
    let other = other["secret"].as_str().expect("a secret");
    program.ok("POST", "/webhook/test", None).await;
    let last = receiver.messages().pop().expect("a message");
    assert!(last.is_signed_with(other) && !last.is_signed_with(&secret));

    // One that fails is told, and not sent again: somebody waits for it.
    receiver.answers([Reply::Status(500)]);
    let failed = program.ok("POST", "/webhook/test", None).await;
    assert_eq!(
        (&failed["status"], &failed["lastStatus"]),
        (&json!("failed"), &json!(500))
    );
    let listed = program.ok("GET", "/webhook/deliveries?limit=2", None).await;
    assert_eq!(listed["items"][0]["id"], failed["id"]);
    assert!(listed["nextCursor"].is_string());
    assert_eq!(program.call("DELETE", "/webhook", None).await.0, 204);
    assert_eq!(program.call("GET", "/webhook", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_unless_allowed() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let (folder, receiver) = (
        tempfile::tempdir().expect("a folder"),
        Receiver::start().await,
    );
    let program = start(&folder, &cloud, &[]).await;
    for url in [
        receiver.url.as_str(),
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://localhost/hook",
        "https://name:word@hooks.example.com/",
        "http://hooks.example.com/",
        "not an address",
    ] {
        let (status, problem) = program
            .call("PUT", "/webhook", Some(&json!({ "url": url })))
            .await;
        assert_eq!(status, 422, "{url}: {problem:#}");
        assert_eq!(problem["errors"][0]["field"], "url");
    }
    drop(program);

    // Set while it was allowed: no longer sent once it is not.
    let program = start(&folder, &cloud, &[PRIVATE]).await;
    set(&program, &receiver.url).await;
    drop(program);
    let program = start(&folder, &cloud, &[]).await;
    let sent = program.ok("POST", "/webhook/test", None).await;
    assert_eq!(sent["status"], "failed", "{sent:#}");
    assert!(receiver.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_bounded_and_redirects_not_followed() {
    let cloud = LocalCloudflare::start_with("", "").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (receiver, inside) = (Receiver::start().await, Receiver::start().await);
    let program = start(&folder, &cloud, &[PRIVATE]).await;
    set(&program, &receiver.url).await;
    receiver.answers([
        Reply::Redirect(inside.url.clone()),
        Reply::Endless,
        Reply::Silence,
    ]);
    let redirected = program.ok("POST", "/webhook/test", None).await;
    let said = redirected["lastError"].as_str().expect("words");
    assert!(said.contains("redirect"), "{said}");
    assert!(inside.messages().is_empty());

    let begun = Instant::now();
    let endless = program.ok("POST", "/webhook/test", None).await;
    assert_eq!(endless["status"], "delivered", "its body is not read");
    assert!(begun.elapsed() < Duration::from_secs(5));

    let silent = program.ok("POST", "/webhook/test", None).await;
    let said = silent["lastError"].as_str().expect("words");
    assert!(said.contains("within 10 seconds"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_and_restarts_tell_each_thing_once() {
    let database = Database::new().await;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(6 * 24);
    let cloud = LocalCloudflare::start_with("", &ending("soon", end)).await;
    let (folder, receiver) = (
        tempfile::tempdir().expect("a folder"),
        Receiver::start().await,
    );
    let begin = || Program::start_with(database.url(), folder.path(), &cloud, &[PRIVATE]);
    let mut one = begin().await;
    let two = begin().await;
    // Two failures, then it is taken; each attempt is the same message.
    receiver.answers([Reply::Status(500), Reply::Status(503)]);
    let connection = one.connect(&token("soon")).await;
    let secret = set(&one, &receiver.url).await;
    let messages = receiver.until(|messages| messages.len() == 3).await;
    for message in &messages {
        assert_eq!(message.kind(), "connection.expiring");
        assert!(message.is_signed_with(&secret));
        assert_eq!(message.id, messages[0].id);
        let data = &message.body["data"];
        assert_eq!(data["connection"]["id"], connection);
        assert_eq!(
            (&data["daysLeft"], &data["thresholdDays"]),
            (&json!(5), &json!(7))
        );
    }
    // Killed before it wrote down that the message was taken, it would have it sent once more.
    let listed = two
        .until("/webhook/deliveries", |listed| {
            listed["items"][0]["status"] == "delivered"
        })
        .await;
    assert_eq!(listed["items"][0]["attempts"], 3);
    one.kill_and_start_again().await;

    // The same news again are none: after both looked once more, nothing else is queued.
    let marker = two.ok("POST", "/webhook/test", None).await;
    assert_eq!(marker["status"], "delivered");
    one.until("/connections", |listed| {
        !listed["items"].as_array().expect("a list").is_empty()
    })
    .await;
    let other = token("later");
    let (status, _) = two
        .call("POST", "/connections", Some(&json!({ "token": other })))
        .await;
    assert_eq!(status, 201);
    // Both have looked by the time that the second token's news are there.
    let messages = receiver
        .until(|messages| {
            messages.iter().any(|it| {
                it.body["data"]["connection"]["id"] != connection
                    && it.kind() == "connection.expiring"
            })
        })
        .await;
    let of_first = messages.iter().filter(|it| {
        it.kind() == "connection.expiring" && it.body["data"]["connection"]["id"] == connection
    });
    assert_eq!(of_first.count(), 3);
}

fn token(name: &str) -> String {
    format!("{:0<40}", format!("local-demo-{name}-"))
}

/// Tokens that end then; a second one that ends an hour later.
fn ending(name: &str, end: jiff::Timestamp) -> String {
    let permissions = r#"{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }"#;
    let later = end + jiff::SignedDuration::from_hours(1);
    [(name, end), ("later", later)]
        .map(|(name, end)| {
            format!(
                "[[tokens]]\nvalue = \"{}\"\nexpires_on = \"{end}\"\npermissions = {permissions}\n",
                token(name)
            )
        })
        .concat()
}
