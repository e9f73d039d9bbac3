//! KV: namespaces, values, keys, bulk.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{ACME, GOOD, Local, THEIRS, got};

fn namespaces() -> String {
    format!("/accounts/{ACME}/storage/kv/namespaces")
}

fn within(rest: &str) -> String {
    format!("{}/{THEIRS}{rest}", namespaces())
}

async fn put(local: &Local, key: &str, query: &str, body: impl Into<reqwest::Body>) -> (u16, u64) {
    let path = within(&format!("/values/{key}{query}"));
    let answer = got(local.call("PUT", GOOD, &path).body(body.into())).await;
    match answer.json()["success"].as_bool() {
        Some(true) => (answer.status, 0),
        _ => answer.refused(),
    }
}

#[tokio::test]
async fn namespaces_come_and_go() {
    let local = Local::start().await;
    let made = local
        .send("POST", &namespaces(), json!({"title": "mine"}))
        .await;
    let made = made.result();
    let id = made["id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(made["supports_url_encoding"], true);
    let one = format!("{}/{id}", namespaces());
    assert_eq!(local.get(GOOD, &one).await.result()["title"], "mine");

    let again = local
        .send("POST", &namespaces(), json!({"title": "mine"}))
        .await;
    assert_eq!(again.refused(), (400, 10014));
    assert_eq!(
        again.message(),
        "create namespace: 'A namespace with this account ID and title already exists'"
    );
    let theirs = local
        .send("PUT", &one, json!({"title": "someone-elses"}))
        .await;
    assert_eq!(theirs.refused(), (400, 10014));
    local
        .send("PUT", &one, json!({"title": "ours"}))
        .await
        .result();
    for empty in [json!({"title": ""}), json!({})] {
        let refused = local.send("POST", &namespaces(), empty).await;
        assert_eq!(refused.refused(), (400, 10019));
    }
    local.send("DELETE", &one, json!({})).await.result();
    assert_eq!(local.get(GOOD, &one).await.refused(), (404, 10013));
    let short = format!("{}/abc", namespaces());
    assert_eq!(local.get(GOOD, &short).await.refused(), (400, 10011));
    let dashed = format!("{}/c0000000-0000-0000-0000-000000000001", namespaces());
    assert_eq!(local.get(GOOD, &dashed).await.result()["id"], THEIRS);
}

#[tokio::test]
async fn namespaces_are_paged() {
    let local = Local::start().await;
    for i in 0..24 {
        let body = json!({"title": format!("n{i:02}")});
        local.send("POST", &namespaces(), body).await.result();
    }
    let page = |page: usize| format!("{}?order=title&per_page=10&page={page}", namespaces());
    let mut titles = Vec::new();
    for i in 1..=4 {
        let answer = local.get(GOOD, &page(i)).await;
        let info = answer.json()["result_info"].clone();
        assert_eq!(info["total_count"], 25);
        assert_eq!(info["total_pages"], 3);
        let items = answer.result();
        assert_eq!(info["count"], items.as_array().unwrap().len());
        titles.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n["title"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(titles.len(), 25);
    assert!(titles.is_sorted());
    let down = format!("{}?order=title&direction=desc", namespaces());
    assert_eq!(
        local.get(GOOD, &down).await.result()[0]["title"],
        "someone-elses"
    );
}

#[tokio::test]
async fn values_are_bytes_and_keys_are_one_segment() {
    let local = Local::start().await;
    let key = "v%2Fhtml%2Fa%20b%3F%C3%A9%252F";
    assert_eq!(put(&local, key, "", vec![0, 159, 146, 150]).await, (200, 0));
    let answer = local.get(GOOD, &within(&format!("/values/{key}"))).await;
    assert_eq!(answer.body, [0, 159, 146, 150]);
    let keys = local.get(GOOD, &within("/keys?prefix=v%2F")).await.result();
    assert_eq!(keys[0]["name"], "v/html/a b?é%2F");
    let path = within(&format!("/values/{key}"));
    local.send("DELETE", &path, json!({})).await.result();
    let gone = local.get(GOOD, &path).await;
    assert_eq!(gone.refused(), (404, 10009));
    assert_eq!(gone.message(), "get: 'key not found'");
    local.send("DELETE", &path, json!({})).await.result();
    let empty = got(local.call("GET", GOOD, &within("/values/"))).await;
    assert_eq!(empty.status, 404);
    assert!(serde_json::from_slice::<Value>(&empty.body).is_err());
}

#[tokio::test]
async fn metadata_and_expiry() {
    let local = Local::start().await;
    let form = Form::new()
        .part("value", Part::bytes(vec![1, 2, 3]))
        .text("metadata", r#"{"r":"é"}"#);
    let path = within("/values/k?expiration_ttl=120&expiration=1");
    got(local.call("PUT", GOOD, &path).multipart(form))
        .await
        .result();
    let metadata = local.get(GOOD, &within("/metadata/k")).await.result();
    assert_eq!(metadata, json!({"r": "é"}));
    let value = local.get(GOOD, &within("/values/k")).await;
    assert_eq!(value.body, [1, 2, 3]);
    assert!(value.headers.contains_key("expiration"));
    let keys = local.get(GOOD, &within("/keys?prefix=k")).await.result();
    assert_eq!(keys[0]["metadata"], json!({"r": "é"}));
    assert!(keys[0]["expiration"].as_u64().unwrap() > 1_700_000_000);
    // A plain write takes metadata and expiry away.
    assert_eq!(put(&local, "k", "", "x").await, (200, 0));
    let metadata = local.get(GOOD, &within("/metadata/k")).await.result();
    assert_eq!(metadata, Value::Null);

    assert_eq!(
        put(&local, "k", "?expiration_ttl=30", "x").await,
        (400, 10034)
    );
    assert_eq!(put(&local, "k", "?expiration=1", "x").await, (400, 10034));
    let form = Form::new().text("value", "x").text("metadata", "{broken");
    let broken = got(local
        .call("PUT", GOOD, &within("/values/k"))
        .multipart(form))
    .await;
    assert_eq!(broken.refused(), (400, 10012));
}

#[tokio::test]
async fn limits_of_a_value() {
    let local = Local::start().await;
    assert_eq!(put(&local, &"k".repeat(512), "", "x").await, (200, 0));
    assert_eq!(put(&local, &"k".repeat(513), "", "x").await.0, 414);
    let most = 25 * 1024 * 1024;
    assert_eq!(put(&local, "k", "", vec![b'x'; most]).await, (200, 0));
    assert_eq!(put(&local, "k", "", vec![b'x'; most + 1]).await.0, 413);
    for (bytes, wanted) in [(1022, 200), (1023, 413)] {
        let metadata = format!("\"{}\"", "m".repeat(bytes));
        let form = Form::new().text("value", "x").text("metadata", metadata);
        let request = local
            .call("PUT", GOOD, &within("/values/k"))
            .multipart(form);
        assert_eq!(got(request).await.status, wanted);
    }
}

#[tokio::test]
async fn keys_are_paged_by_cursor() {
    let local = Local::start().await;
    let pairs: Vec<Value> = (0..2500)
        .map(|i| json!({"key": format!("k{i:04}"), "value": "x"}))
        .collect();
    local
        .send("PUT", &within("/bulk"), json!(pairs))
        .await
        .result();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = within(&format!("/keys?prefix=k&cursor={cursor}"));
        let answer = local.get(GOOD, &path).await;
        let json = answer.json();
        for key in json["result"].as_array().unwrap() {
            seen.push(key["name"].as_str().unwrap().to_owned());
        }
        assert_eq!(
            json["result_info"]["count"],
            json["result"].as_array().unwrap().len()
        );
        json["result_info"]["cursor"]
            .as_str()
            .unwrap()
            .clone_into(&mut cursor);
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 2500);
    assert!(seen.is_sorted());
    for query in ["limit=9", "limit=1001", "limit=x", "cursor=%21"] {
        let answer = local.get(GOOD, &within(&format!("/keys?{query}"))).await;
        assert_eq!(answer.refused(), (400, 10012), "{query}");
    }
}

#[tokio::test]
async fn bulk_writes_deletes_and_gets() {
    let local = Local::start().await;
    let pairs = json!([
        {"key": "a", "value": "1", "metadata": {"m": 1}},
        {"key": "b", "value": "AAEC", "base64": true},
        {"key": "c", "value": "{\"x\":1}", "expiration_ttl": 100},
    ]);
    let done = local.send("PUT", &within("/bulk"), pairs).await.result();
    assert_eq!(
        done,
        json!({"successful_key_count": 3, "unsuccessful_keys": []})
    );
    assert_eq!(local.get(GOOD, &within("/values/b")).await.body, [0, 1, 2]);

    let path = within("/bulk/get");
    let values = local
        .send("POST", &path, json!({"keys": ["a", "nope"]}))
        .await;
    assert_eq!(values.result(), json!({"values": {"a": "1", "nope": null}}));
    let body = json!({"keys": ["a", "c"], "type": "json", "withMetadata": true});
    let values = local.send("POST", &path, body).await.result();
    assert_eq!(
        values["values"]["a"],
        json!({"value": 1, "metadata": {"m": 1}})
    );
    assert_eq!(values["values"]["c"]["value"], json!({"x": 1}));
    let none = local.send("POST", &path, json!({"keys": []})).await;
    assert_eq!(none.refused(), (400, 10029));
    let many: Vec<String> = (0..101).map(|i| i.to_string()).collect();
    assert_eq!(
        local
            .send("POST", &path, json!({"keys": many}))
            .await
            .status,
        400
    );

    local
        .send("DELETE", &within("/bulk"), json!(["a"]))
        .await
        .result();
    let two = json!(["b", "c", "never-there"]);
    let done = local
        .send("POST", &within("/bulk/delete"), two)
        .await
        .result();
    assert_eq!(done["successful_key_count"], 3);
    let left = local.get(GOOD, &within("/keys")).await.result();
    assert_eq!(left.as_array().unwrap().len(), 1);
    local
        .send("PUT", &within("/bulk"), json!([]))
        .await
        .result();
    local
        .send("POST", &within("/bulk/delete"), json!([]))
        .await
        .result();
}

#[tokio::test]
async fn a_bad_pair_refuses_the_whole_batch() {
    let local = Local::start().await;
    let refused = local
        .send("PUT", &within("/bulk"), json!({"key": "a"}))
        .await;
    assert_eq!(refused.refused(), (400, 10012));
    for bad in [
        json!({"key": "..", "value": "x"}),
        json!({"key": "k".repeat(513), "value": "x"}),
        json!({"key": "b", "value": "%", "base64": true}),
        json!({"key": "b", "value": "x", "expiration_ttl": 1}),
        json!({"key": "b", "value": "x", "metadata": "m".repeat(1023)}),
    ] {
        let pairs = json!([{"key": "fine", "value": "x"}, bad]);
        let answer = local.send("PUT", &within("/bulk"), pairs).await;
        assert!((400..500).contains(&answer.refused().0));
    }
    let there = local.get(GOOD, &within("/values/fine")).await;
    assert_eq!(there.refused(), (404, 10009));
    let pairs = |n: usize| -> Value {
        (0..n)
            .map(|i| json!({"key": format!("k{i}"), "value": ""}))
            .collect()
    };
    local
        .send("PUT", &within("/bulk"), pairs(10_000))
        .await
        .result();
    let many = local.send("PUT", &within("/bulk"), pairs(10_001)).await;
    assert_eq!(many.status, 400);
}
