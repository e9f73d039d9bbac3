//! A day's KV writes.

use serde_json::json;

use crate::support::{ACME, GOOD, Local, THEIRS, example, got};

#[tokio::test]
async fn writes_over_the_quota_are_refused_whole() {
    let mut state = example();
    state.kv_writes_a_day = 3;
    let local = Local::with(state).await;
    let within = |rest: &str| format!("/accounts/{ACME}/storage/kv/namespaces/{THEIRS}{rest}");
    let pairs = |from: usize, count: usize| -> serde_json::Value {
        (from..from + count)
            .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
            .collect()
    };
    let bulk = within("/bulk");
    local.send("PUT", &bulk, pairs(0, 2)).await.result();
    let over = local.send("PUT", &bulk, pairs(2, 2)).await;
    assert_eq!(over.refused(), (429, 10048));
    assert_eq!(
        over.message(),
        "your account has reached the free usage limit for this operation for today"
    );
    let missing = within("/values/k2");
    assert_eq!(local.get(GOOD, &missing).await.refused(), (404, 10009));
    let one = local.call("PUT", GOOD, &within("/values/k2")).body("v");
    assert_eq!(got(one).await.status, 200);
    let next = local.call("PUT", GOOD, &within("/values/k3")).body("v");
    assert_eq!(got(next).await.refused(), (429, 10048));
}
