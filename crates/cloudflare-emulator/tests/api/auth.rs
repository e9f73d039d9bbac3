//! Who calls, and whether they may: each service's own words.

use serde_json::json;

use crate::support::{ACCOUNT_OWNED, ACME, GOOD, Local, MIXED, NEW, SHOP, UNKNOWN, example, got};

const EXPIRED: &str = "example-expired-00000000000000000000000x";
const DISABLED: &str = "example-disabled-0000000000000000000000x";
const NOT_YET: &str = "example-not-yet-00000000000000000000000x";
const ELSEWHERE: &str = "example-elsewhere-0000000000000000000000";

fn paths() -> [String; 7] {
    [
        "/user/tokens/verify".into(),
        "/accounts".into(),
        "/zones".into(),
        format!("/accounts/{ACME}"),
        format!("/accounts/{ACME}/storage/kv/namespaces"),
        format!("/accounts/{ACME}/workers/scripts"),
        format!("/zones/{SHOP}/workers/routes"),
    ]
}

#[tokio::test]
async fn a_header_that_is_no_token_is_refused_everywhere() {
    let local = Local::start().await;
    let global_key = "0123456789abcdef0123456789abcdef01234";
    let headers = [
        String::new(),
        "Bearer ".into(),
        "Bearer a b".into(),
        format!("Bearer Bearer {GOOD}"),
        format!("Bearer \"{GOOD}\""),
        format!("Basic {GOOD}"),
        "Bearer short".into(),
        format!("Bearer {}", "x".repeat(180)),
        format!("Bearer {global_key}"),
    ];
    for path in paths() {
        for header in &headers {
            let url = local.url(&format!("/client/v4{path}"));
            let answer = got(local.http.get(url).header("authorization", header)).await;
            assert_eq!(answer.refused(), (400, 6003), "{path} {header:?}");
            assert_eq!(answer.json()["errors"][0]["error_chain"][0]["code"], 6111);
        }
    }
}

#[tokio::test]
async fn no_header_and_old_keys() {
    let local = Local::start().await;
    let url = |path: &str| local.url(&format!("/client/v4{path}"));
    let none = got(local.http.get(url("/accounts"))).await;
    assert_eq!(none.refused(), (400, 9106));
    let path = format!("/accounts/{ACME}/tokens/verify");
    assert_eq!(got(local.http.get(url(&path))).await.refused(), (400, 1001));
    let keyed = local.http.get(url("/accounts")).header("x-auth-key", "k");
    assert_eq!(got(keyed).await.refused(), (403, 9103));
}

#[tokio::test]
async fn unknown_expired_and_disabled_tokens() {
    let local = Local::start().await;
    for token in [UNKNOWN, EXPIRED, DISABLED, NOT_YET] {
        for path in paths() {
            let answer = local.get(token, &path).await;
            let wanted = match path.as_str() {
                "/user/tokens/verify" if token != UNKNOWN => {
                    let status = answer.result()["status"].clone();
                    let wanted = match token {
                        EXPIRED => "expired",
                        DISABLED => "disabled",
                        _ => "active",
                    };
                    assert_eq!(status, wanted);
                    continue;
                }
                "/user/tokens/verify" => (401, 1000),
                p if p.contains("/workers/") || p.contains("/storage/") => (401, 10000),
                _ => (403, 9109),
            };
            assert_eq!(answer.refused(), wanted, "{token} {path}");
            if wanted.1 == 9109 {
                assert_eq!(answer.message(), "Invalid access token");
            }
        }
    }
}

#[tokio::test]
async fn verify_can_be_told_to_keep_quiet() {
    let mut state = example();
    state.verify_tells = false;
    let local = Local::with(state).await;
    for token in [EXPIRED, DISABLED, NOT_YET] {
        let answer = local.get(token, "/user/tokens/verify").await;
        assert_eq!(answer.refused(), (401, 1000));
    }
}

#[tokio::test]
async fn verify_of_each_kind() {
    let local = Local::start().await;
    let answer = local.get(GOOD, "/user/tokens/verify").await;
    assert_eq!(answer.result()["status"], "active");
    assert_eq!(answer.json()["messages"][0]["code"], 10000);
    let of_account = format!("/accounts/{ACME}/tokens/verify");
    assert_eq!(local.get(GOOD, &of_account).await.refused(), (401, 1000));
    let own = local.get(ACCOUNT_OWNED, &of_account).await;
    assert_eq!(own.result()["status"], "active");
    let as_user = local.get(ACCOUNT_OWNED, "/user/tokens/verify").await;
    assert_eq!(as_user.refused(), (401, 1000));
    let members = local.get(ACCOUNT_OWNED, "/memberships").await;
    assert_eq!(members.refused(), (400, 9106));
    assert_eq!(
        local.get(ACCOUNT_OWNED, "/user").await.refused(),
        (403, 9109)
    );
    let all = local.get(ACCOUNT_OWNED, "/accounts").await.result();
    assert_eq!(all.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_for_other_places() {
    let local = Local::start().await;
    for path in ["/user/tokens/verify", "/accounts", "/zones"] {
        let answer = local.get(ELSEWHERE, path).await;
        assert_eq!(answer.refused(), (403, 9109));
        assert_eq!(
            answer.message(),
            "Cannot use the access token from location: 127.0.0.1"
        );
    }
    let path = format!("/accounts/{ACME}/storage/kv/namespaces");
    assert_eq!(local.get(ELSEWHERE, &path).await.refused(), (401, 10000));
}

#[tokio::test]
async fn permissions_count_per_account_and_zone() {
    let local = Local::start().await;
    // Edit on one account's scripts, read of its KV, nothing of either on the other account.
    let kv = |account: &str| format!("/accounts/{account}/storage/kv/namespaces");
    let scripts = |account: &str| format!("/accounts/{account}/workers/scripts");
    local.get(MIXED, &kv(ACME)).await.result();
    local.get(MIXED, &scripts(ACME)).await.result();
    assert_eq!(local.get(MIXED, &kv(NEW)).await.refused(), (403, 10000));
    assert_eq!(
        local.get(MIXED, &scripts(NEW)).await.refused(),
        (403, 10000)
    );
    local.get(MIXED, &format!("/accounts/{NEW}")).await.result();
    let create = local
        .call("POST", MIXED, &kv(ACME))
        .json(&json!({"title": "t"}));
    assert_eq!(got(create).await.refused(), (403, 10000));

    // Routes: edit on one zone, read on the other.
    let routes = |zone: &str| format!("/zones/{zone}/workers/routes");
    let blog = crate::support::BLOG;
    local.get(MIXED, &routes(blog)).await.result();
    for (zone, wanted) in [(SHOP, (400, 10022)), (blog, (403, 10000))] {
        let body = json!({"pattern": "not-your-zone.invalid/*"});
        let create = local.call("POST", MIXED, &routes(zone)).json(&body);
        assert_eq!(got(create).await.refused(), wanted);
    }
    let zones = local.get(MIXED, "/zones").await.result();
    assert_eq!(zones.as_array().unwrap().len(), 2);
    let other = "/zones/b0000000000000000000000000000003";
    assert_eq!(local.get(MIXED, other).await.refused(), (403, 9109));
}

#[tokio::test]
async fn writes_that_cannot_succeed_tell_who_may_write() {
    let local = Local::start().await;
    let reader = "example-expired-00000000000000000000000x";
    let mut state = example();
    for token in &mut state.tokens {
        if token.value == reader {
            token.expires_on = None;
            for key in ["workers_scripts", "workers_kv_storage", "workers_routes"] {
                token.permissions.insert(key.into(), "read".into());
            }
        }
    }
    let readable = Local::with(state).await;
    let probes = [
        (
            "POST",
            format!("/accounts/{ACME}/storage/kv/namespaces"),
            json!({"title": ""}),
            (400, 10019),
        ),
        (
            "PUT",
            format!("/accounts/{ACME}/workers/scripts/Not%20A%20Name"),
            json!({}),
            (400, 10016),
        ),
        (
            "DELETE",
            format!("/accounts/{ACME}/workers/scripts/no-such"),
            json!({}),
            (404, 10007),
        ),
        (
            "POST",
            format!("/zones/{SHOP}/workers/routes"),
            json!({"pattern": "x.invalid/*"}),
            (400, 10022),
        ),
    ];
    for (method, path, body, wanted) in probes {
        assert_eq!(
            local.send(method, &path, body.clone()).await.refused(),
            wanted
        );
        let refused = got(readable.call(method, reader, &path).json(&body)).await;
        assert_eq!(refused.refused(), (403, 10000), "{method} {path}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_ready_is_refused_after_its_permission_is_looked_at() {
    let upload = format!("/accounts/{ACME}/workers/scripts/Not%20A%20Name");
    let namespaces = format!("/accounts/{ACME}/storage/kv/namespaces");
    let reader = "example-disabled-0000000000000000000000x";
    for (email_verified, workers, of_upload, of_namespace) in [
        (true, true, (400, 10016), (400, 10019)),
        (false, true, (403, 10034), (400, 10019)),
        (true, false, (403, 10037), (403, 10037)),
    ] {
        let mut state = example();
        state.accounts[0].email_verified = email_verified;
        state.accounts[0].workers = workers;
        for token in &mut state.tokens {
            if token.value == reader {
                token.status = "active".into();
            }
        }
        let local = Local::with(state).await;
        let answer = local.send("PUT", &upload, json!({})).await;
        assert_eq!(answer.refused(), of_upload);
        let answer = local.send("POST", &namespaces, json!({"title": ""})).await;
        assert_eq!(answer.refused(), of_namespace);
        for (method, path) in [("PUT", &upload), ("POST", &namespaces)] {
            let refused = got(local.call(method, reader, path).json(&json!({}))).await;
            assert_eq!(refused.refused(), (403, 10000), "{method} {path}");
        }
        let told = local.control("GET", "/state", None).await.json();
        let account = &told["accounts"][0];
        assert_eq!(account["email_verified"], email_verified);
        assert_eq!(account["workers"], workers);
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere() {
    let local = Local::start().await;
    let answer = local
        .get(GOOD, "/accounts/nonsense/storage/kv/namespaces")
        .await;
    assert_eq!(answer.refused(), (404, 7003));
    assert_eq!(answer.json()["errors"][1]["code"], 7000);
    assert_eq!(local.get(GOOD, "/nothing").await.refused(), (404, 7003));
    let posted = local.send("POST", "/user/tokens/verify", json!({})).await;
    assert_eq!(posted.refused(), (405, 7001));
    let unknown = "/accounts/a00000000000000000000000000000ff";
    assert_eq!(local.get(GOOD, unknown).await.refused(), (403, 9109));
    let plain = got(local.http.get(local.url("/"))).await;
    assert_eq!(plain.status, 404);
}
