//! Routes of zones, and of a script.

use serde_json::json;

use crate::support::{BLOG, GOOD, Local, MIXED, SHOP, example, got};

fn all() -> String {
    format!("/zones/{SHOP}/workers/routes")
}

#[tokio::test]
async fn routes_come_and_go() {
    let local = Local::start().await;
    let body = json!({
        "pattern": "shop.example/*", "script": "someone-elses", "request_limit_fail_open": true,
    });
    let made = local.send("POST", &all(), body.clone()).await.result();
    let one = format!("{}/{}", all(), made["id"].as_str().unwrap());
    assert_eq!(local.get(GOOD, &one).await.result(), made);
    assert_eq!(made["request_limit_fail_open"], true);
    let again = local.send("POST", &all(), body).await;
    assert_eq!(again.refused(), (409, 10020));
    assert_eq!(again.message(), "workers.api.error.duplicate_route");
    let upper = json!({"pattern": "SHOP.example/*"});
    assert_eq!(
        local.send("POST", &all(), upper).await.refused(),
        (409, 10020)
    );

    let changed = json!({"pattern": "shop.example/a*"});
    let changed = local.send("PUT", &one, changed).await.result();
    assert_eq!(changed.get("script"), None);
    assert_eq!(changed["request_limit_fail_open"], true);
    let gone = local.send("DELETE", &one, json!({})).await.result();
    assert_eq!(gone["id"], made["id"]);
    assert_eq!(local.get(GOOD, &all()).await.result(), json!([]));
    assert_eq!(local.get(GOOD, &one).await.refused(), (404, 10007));
    assert_eq!(
        local.send("DELETE", &one, json!({})).await.refused(),
        (404, 10009)
    );
    let body = json!({"pattern": "shop.example/*"});
    assert_eq!(local.send("PUT", &one, body).await.refused(), (404, 10009));
}

#[tokio::test]
async fn bad_routes_are_refused_in_cloudflares_words() {
    let local = Local::start().await;
    let texts = [
        ("else.example/*", "Route pattern must include zone name"),
        ("sh*op.example/*", "Route pattern m"),
        ("shop.example/*?a=1", "Route pattern"),
        ("ftp://shop.example/", "Could not understand route pattern"),
        ("", "Could not understand route pattern"),
    ];
    for (pattern, text) in texts {
        let refused = local
            .send("POST", &all(), json!({"pattern": pattern}))
            .await;
        assert_eq!(refused.refused(), (400, 10022), "{pattern}");
        assert!(refused.message().starts_with(text), "{}", refused.message());
    }
    let missing = json!({"pattern": "shop.example/*", "script": "no-such"});
    let missing = local.send("POST", &all(), missing).await;
    assert_eq!(missing.refused(), (400, 10019));
    assert_eq!(
        missing.message(),
        "workers.api.error.invalid_route_script_missing"
    );
    let broken = got(local.call("POST", GOOD, &all()).body("{")).await;
    assert_eq!(broken.refused(), (400, 10026));
}

#[tokio::test]
async fn fail_open_can_be_dropped() {
    let mut state = example();
    state.keep_request_limit_fail_open = false;
    let local = Local::with(state).await;
    let body = json!({"pattern": "shop.example/*", "request_limit_fail_open": true});
    let made = local.send("POST", &all(), body).await.result();
    assert_eq!(made["request_limit_fail_open"], false);
}

#[tokio::test]
async fn all_routes_of_a_script_at_once() {
    let local = Local::start().await;
    let path = format!(
        "/accounts/{}/workers/scripts/someone-elses/routes",
        crate::support::ACME
    );
    let wanted = json!([
        {"pattern": "blog.example/*", "zone_name": "blog.example"},
        {"pattern": "www.shop.example/*", "zone_id": SHOP},
        {"pattern": "shop.example/new*"},
    ]);
    let done = local.send("PUT", &path, wanted.clone()).await.result();
    assert_eq!(done.as_array().unwrap().len(), 3);
    // The one that was there stays the same one.
    assert_eq!(done[0]["id"], "f0000000000000000000000000000001");
    let one = json!([{"pattern": "shop.example/new*"}]);
    local.send("PUT", &path, one).await.result();
    let blog = format!("/zones/{BLOG}/workers/routes");
    assert_eq!(local.get(GOOD, &blog).await.result(), json!([]));

    let body = json!({"pattern": "shop.example/other*", "script": "someone-elses"});
    local.send("POST", &all(), body).await.result();
    let outside = json!([{"pattern": "else.where/*"}]);
    assert_eq!(local.send("PUT", &path, outside).await.status, 400);
    let before = local.get(GOOD, &all()).await.result();
    assert_eq!(
        before.as_array().unwrap().len(),
        2,
        "a refused call changes nothing"
    );

    let narrow = got(local.call("PUT", MIXED, &path).json(&wanted)).await;
    assert_eq!(narrow.refused(), (403, 10000));
    let missing = path.replace("someone-elses", "no-such");
    assert_eq!(
        local.send("PUT", &missing, wanted).await.refused(),
        (404, 10007)
    );
}
