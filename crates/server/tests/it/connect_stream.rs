//! The live check of a token on the page "Connect Cloudflare": what its stream says, and what stays when nobody listens
//! to its end.

use crate::{
    bare::{PASSWORD, Place, Server, header, send},
    local_cloudflare::{GOOD_TOKEN, LocalCloudflare, READ_ONLY_TOKEN, client},
};
use serde_json::{Value, json};

/// Another token with everything; it ends otherwise, so that it can be told apart.
const OTHER_TOKEN: &str = "local-demo-other-00000000000000000000abcd";
const THIRD_TOKEN: &str = "local-demo-third-00000000000000000000efgh";

/// A server with an administrator who is signed in, beside a local Cloudflare.
struct Desk {
    cloud: LocalCloudflare,
    server: Server,
    cookie: String,
    _place: Place,
}

/// The name of an event, empty for a plain message, and its data.
type Event = (String, String);

fn events(text: &str) -> Vec<Event> {
    text.split("\n\n")
        .filter_map(|block| {
            let lines = |name: &str| {
                let start = format!("{name}: ");
                block
                    .lines()
                    .filter_map(|line| line.strip_prefix(start.as_str()))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            let event = (lines("event"), lines("data"));
            (!event.0.is_empty() || !event.1.is_empty()).then_some(event)
        })
        .collect()
}

impl Desk {
    async fn begin() -> Self {
        let others = [OTHER_TOKEN, THIRD_TOKEN].map(|token| format!(
            "[[tokens]]\nvalue = \"{token}\"\npermissions = {{ workers_scripts = \"edit\", workers_kv_storage = \"edit\", account_settings = \"read\", workers_routes = \"edit\", zone = \"read\" }}"
        ));
        let cloud = LocalCloudflare::start_with("", &others.join("\n")).await;
        let place = Place::new()
            .with_administrator()
            .with("CLOUDFLARE_API_BASE_URL", &cloud.api_url());
        let server = place.serve().await;
        let cookie = server
            .sign_in(PASSWORD)
            .await
            .expect("the password is right");
        Self {
            cloud,
            server,
            cookie,
            _place: place,
        }
    }

    fn ask(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.server
            .post(path, fields)
            .header("cookie", &self.cookie)
            .header("accept", "text/event-stream")
    }

    /// A check to its end.
    async fn check(&self, path: &str, fields: &[(&str, &str)]) -> Vec<Event> {
        let answer = send(self.ask(path, fields)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-type"), "text/event-stream");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let text = answer.text().await.expect("a whole stream");
        for (_, value) in fields {
            assert!(
                value.len() < 20 || !text.contains(*value),
                "what was pasted is in the stream"
            );
        }
        events(&text)
    }

    async fn page(&self, path: &str) -> String {
        let answer = send(self.server.get(path).header("cookie", &self.cookie)).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("a page")
    }

    /// How many calls Cloudflare got.
    async fn calls(&self) -> u64 {
        let url = self
            .cloud
            .api_url()
            .replace("/client/v4", "/__emulator/requests");
        let answer = client().get(url).send().await.expect("it answers");
        let counts: Value = answer.json().await.expect("JSON");
        sum(&counts)
    }

    /// Every call takes so long.
    async fn slow(&self, ms: u64) {
        let url = self
            .cloud
            .api_url()
            .replace("/client/v4", "/__emulator/latency");
        let answer = client().put(url).json(&json!({ "ms": ms })).send().await;
        assert!(answer.expect("it answers").status().is_success());
    }

    /// Begins a check, and goes away once it is known that Cloudflare knows the token.
    async fn begin_and_leave(&self, path: &str, token: &str) {
        let mut answer = send(self.ask(path, &[("token", token)])).await;
        let mut text = String::new();
        while !text.contains("without an end") {
            let chunk = answer.chunk().await.expect("the stream goes on");
            let chunk = chunk.expect("it does not end before the check does");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(!text.contains("event: stored"), "left too late");
    }
}

fn sum(counts: &Value) -> u64 {
    match counts {
        Value::Number(number) => number.as_u64().unwrap_or_default(),
        Value::Array(items) => items.iter().map(sum).sum(),
        Value::Object(fields) => fields.values().map(sum).sum(),
        _ => 0,
    }
}

/// The number of lines that are done, as each message's heading says.
fn done(events: &[Event]) -> Vec<u32> {
    events
        .iter()
        .filter_map(|(_, data)| data.split("Checking, ").nth(1))
        .filter_map(|rest| rest.split(" of 8").next()?.parse().ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checklist_fills_in_and_the_last_event_says_where_to_go() {
    let desk = Desk::begin().await;
    let pasted = format!("Bearer {GOOD_TOKEN}");
    let events = desk
        .check("/connections", &[("token", &pasted), ("name", "Workshop")])
        .await;
    assert!(events.iter().all(|(_, data)| !data.contains(GOOD_TOKEN)));
    let counts = done(&events);
    assert_eq!(counts.first(), Some(&0), "{counts:?}");
    assert!(counts.is_sorted(), "{counts:?}");
    assert!(
        counts.contains(&1) && counts.last() == Some(&8),
        "{counts:?}"
    );
    assert!(events[0].1.contains("Left out: the word Bearer"));
    let (last, before) = events.split_last().expect("events");
    assert!(before.iter().all(|(name, _)| name.is_empty()));
    assert_eq!(last.0, "stored");
    assert!(
        last.1.starts_with("/connections/") && last.1.ends_with("?done=connected-cleaned"),
        "{}",
        last.1
    );
    let page = desk.page(&last.1).await;
    assert!(page.contains("Workshop") && !page.contains(GOOD_TOKEN));

    let path = last.1.split('?').next().expect("a path");
    let replaced = desk
        .check(&format!("{path}/token"), &[("token", OTHER_TOKEN)])
        .await;
    let way = ("stored".to_owned(), format!("{path}?done=replaced"));
    assert_eq!(replaced.last(), Some(&way));
    assert!(desk.page(path).await.contains("•••• abcd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_explained_and_not_stored() {
    let desk = Desk::begin().await;
    let before = desk.cloud.state().await;
    let events = desk
        .check("/connections", &[("token", READ_ONLY_TOKEN)])
        .await;
    let [.., (_, message), (name, next)] = events.as_slice() else {
        panic!("no events");
    };
    assert_eq!((name.as_str(), next.as_str()), ("refused", "again"));
    for words in [
        "Insufficient permissions",
        "Workers Scripts: Edit",
        "Workers KV Storage",
        "Grant it",
        "href=\"#insufficient-permissions\"",
        "What was found",
        "<dt>time</dt>",
    ] {
        assert!(message.contains(words), "no {words} in {message}");
    }
    assert!(
        events
            .iter()
            .any(|(_, data)| data.contains("asked once more"))
    );
    assert_eq!(desk.cloud.state().await, before, "a check changes nothing");

    // A key is recognised without a call.
    let calls = desk.calls().await;
    let key = "0000000000000000000000000000000000000";
    let events = desk.check("/connections", &[("token", key)]).await;
    let paste = ("refused".to_owned(), "paste".to_owned());
    assert_eq!(events.last(), Some(&paste));
    assert!(
        events[events.len() - 2]
            .1
            .contains("This is not an API token")
    );
    assert_eq!(desk.calls().await, calls);

    // The plain form says the same, and gives nothing back of what was pasted.
    let answer = send(
        desk.server
            .post("/connections", &[("token", READ_ONLY_TOKEN)])
            .header("cookie", &desk.cookie)
            .header("accept", "text/html"),
    )
    .await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.expect("a page");
    assert!(page.contains("Insufficient permissions") && page.contains("What was found"));
    assert!(page.contains("paste it again") && !page.contains(READ_ONLY_TOKEN));
    assert!(
        desk.page("/connections")
            .await
            .contains("No Cloudflare account is connected")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_leaves_nothing_half_stored() {
    let desk = Desk::begin().await;
    let first = desk
        .check("/connections", &[("token", GOOD_TOKEN), ("name", "First")])
        .await;
    let path = first
        .last()
        .expect("an event")
        .1
        .split('?')
        .next()
        .expect("a path")
        .to_owned();
    let calls = desk.calls().await;

    desk.slow(250).await;
    desk.begin_and_leave("/connections", THIRD_TOKEN).await;
    desk.begin_and_leave(&format!("{path}/token"), OTHER_TOKEN)
        .await;
    // A whole check that begins after them is over only when theirs would have been. A token that was stored is not taken
    // again.
    let last = desk
        .check(
            "/connections",
            &[("token", THIRD_TOKEN), ("name", "Second")],
        )
        .await;
    assert_eq!(last.last().expect("an event").0, "stored");

    let list = desk.page("/connections").await;
    assert_eq!(list.matches("<th scope=\"row\">").count(), 2, "{list}");
    let page = desk.page(&path).await;
    assert!(page.contains("•••• 0000") && !page.contains("•••• abcd"));
    let made = desk.calls().await - calls;
    assert!(
        made < 3 * calls,
        "the checks went on: {made} calls, {calls} for one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_sites_get_no_stream() {
    let desk = Desk::begin().await;
    let form = [("token", GOOD_TOKEN)];
    let other_site = send(
        desk.ask("/connections", &form)
            .header("origin", "https://evil.example"),
    )
    .await;
    assert_eq!(other_site.status(), 403);
    let stranger = send(
        desk.server
            .post("/connections", &form)
            .header("accept", "text/event-stream"),
    )
    .await;
    assert_eq!(stranger.status(), 401);
    for answer in [other_site, stranger] {
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
    }
    assert_eq!(desk.calls().await, 0);
}
