//! What every request meets: host, origin, headers, problems, access keys, health and figures; and how the server starts
//! and stops.

use crate::bare::{PASSWORD, Place, header, send};
use serde_json::Value;

#[tokio::test]
async fn other_hosts_are_refused() {
    let place = Place::new().with("EDGE_DELIVERY_PUBLIC_URL", "http://edge.example.com:8443");
    let server = place.serve().await;
    for (host, status) in [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("edge.example.com:8443", 200),
        ("EDGE.example.com", 200),
        ("edge.example.com:9", 421),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.0.2.1", 421),
        ("localhost.evil.example:8080", 421),
    ] {
        let page = send(server.get("/first-run").header("host", host)).await;
        assert_eq!(page.status(), status, "{host}");
        let probe = send(server.get("/healthz").header("host", host)).await;
        assert_eq!(probe.status(), 200, "{host}");
    }
    let refused = send(server.get("/").header("host", "evil.example")).await;
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "misdirected_request");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    let form = [("email", "owner@example.com"), ("password", PASSWORD)];
    for (name, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", server.base.as_str(), 303),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 303),
    ] {
        for path in ["/sign-in", "/sign-out"] {
            let answer = send(server.post(path, &form).header(name, value)).await;
            assert_eq!(answer.status(), status, "{path} {name}: {value}");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let place = Place::new();
    let server = place.serve().await;
    for path in ["/first-run", "/nowhere", "/healthz", "/api/v1/sites"] {
        let answer = send(server.get(path).header("accept", "text/html")).await;
        let policy = header(&answer, "content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "same-origin");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
        assert_eq!(header(&answer, "x-request-id").len(), 32);
        assert_eq!(header(&answer, "strict-transport-security"), "");
    }
}

#[tokio::test]
async fn errors_are_pages_for_people_and_documents_for_programs() {
    let place = Place::new();
    let server = place.serve().await;
    let page = send(server.get("/nowhere").header("accept", "text/html,*/*")).await;
    assert_eq!(page.status(), 404);
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    for request in [
        server.get("/nowhere"),
        server.get("/api/v1/nowhere").header("accept", "text/html"),
        server.get("/sign-out"),
    ] {
        let answer = send(request).await;
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status);
        for list in ["causes", "remedies"] {
            assert!(!problem[list].as_array().unwrap().is_empty(), "{problem:#}");
        }
    }
    let large = "x".repeat(100_000);
    let answer = send(server.post("/sign-in", &[("email", large.as_str())])).await;
    assert_eq!(answer.status(), 413);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "too_large");
}

#[tokio::test]
async fn access_keys_are_made_listed_used_and_revoked_beside_a_running_server() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    let made = place
        .run(&["admin", "access-key", "create", "--name", "ci"])
        .await;
    let key = made.out.trim().to_owned();
    assert!(
        made.is_good && key.starts_with("ed_") && key.len() == 46,
        "{key}"
    );
    assert_eq!(made.out.lines().count(), 1);
    let call = |authorization: String| {
        server
            .get("/api/v1/sites")
            .header("authorization", authorization)
    };
    assert_eq!(send(call(format!("Bearer {key}"))).await.status(), 200);
    for bad in [
        key.clone(),
        format!("Basic {key}"),
        format!("Bearer {}", key.replace("ed_", "ED_")),
        "Bearer ed_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "Bearer ".to_owned(),
    ] {
        let refused = send(call(bad.clone())).await;
        assert_eq!(refused.status(), 401, "{bad}");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["code"], "unauthenticated");
    }
    // A person's session is no key.
    let cookie = server.sign_in(PASSWORD).await.unwrap();
    let refused = send(server.get("/api/v1/sites").header("cookie", cookie)).await;
    assert_eq!(refused.status(), 401);

    let list = place.run(&["admin", "access-key", "list", "--json"]).await;
    assert!(!list.out.contains(&key), "a list must not show keys");
    let list: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(list["items"][0]["name"], "ci");
    assert!(list["items"][0]["lastUsedAt"].is_string(), "{list:#}");
    let revoked = place.run(&["admin", "access-key", "revoke", "ci"]).await;
    assert!(revoked.is_good, "{}", revoked.err);
    assert_eq!(send(call(format!("Bearer {key}"))).await.status(), 401);
    for (_, bytes) in place.files() {
        assert!(!crate::bare::holds(&bytes, &key));
    }
}

#[tokio::test]
async fn a_key_makes_fifty_calls_a_second() {
    let place = Place::new();
    let server = place.serve().await;
    let key = place.access_key().await;
    let calls = (0..150).map(|_| {
        let request = server.get("/api/v1/sites").bearer_auth(&key);
        tokio::spawn(async move {
            let answer = send(request).await;
            (answer.status().as_u16(), header(&answer, "retry-after"))
        })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    let good = answers.iter().filter(|(status, _)| *status == 200).count();
    assert!(good >= 50, "{good} calls were let in");
    let limited: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 429)
        .collect();
    assert!(!limited.is_empty(), "nothing was limited");
    assert!(limited.iter().all(|(_, wait)| wait == "1"), "{limited:?}");
}

#[tokio::test]
async fn health_and_figures() {
    let place = Place::new();
    let server = place.serve().await;
    assert_eq!(send(server.get("/readyz")).await.status(), 200);
    send(server.get("/nowhere/canary-path")).await;
    let figures = send(server.get("/metrics")).await.text().await.unwrap();
    assert!(figures.contains("http_requests_total"), "{figures}");
    assert!(!figures.contains("canary-path"), "paths are endless");
    let elsewhere = || {
        server
            .get("/metrics")
            .header("x-forwarded-for", "192.0.2.1")
    };
    assert_eq!(send(elsewhere()).await.status(), 401);
    let key = place.access_key().await;
    assert_eq!(send(elsewhere().bearer_auth(key)).await.status(), 200);
}

#[tokio::test]
async fn it_stops_when_told() {
    let place = Place::new();
    let (is_good, took) = place.serve().await.terminate().await;
    assert!(is_good);
    assert!(took.as_secs() < 10, "{took:?}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_flag() {
    let place = Place::new();
    let server = place.serve().await;
    let address = server.base.trim_start_matches("http://").to_owned();
    let port = address.rsplit(':').next().unwrap();
    let other = Place::new();
    let said = other.run(&["serve", "--listen", &address]).await;
    assert!(!said.is_good);
    assert!(
        said.err.contains(port) && said.err.contains("--listen"),
        "{}",
        said.err
    );
    assert!(
        !other.path("bare.db").exists(),
        "nothing else may have happened"
    );
}

#[tokio::test]
async fn wrong_settings_are_told_in_one_list() {
    let place = Place::new()
        .with("EDGE_DELIVERY_LISTEN", "nowhere")
        .with("EDGE_DELIVERY_PUBLIC_URL", "nonsense")
        .with("EDGE_DELIVERY_KEY", "short");
    let said = place.run(&["serve"]).await;
    assert!(!said.is_good);
    for name in [
        "EDGE_DELIVERY_LISTEN",
        "EDGE_DELIVERY_PUBLIC_URL",
        "EDGE_DELIVERY_KEY",
    ] {
        assert!(said.err.contains(name), "{}", said.err);
    }
    let help = place.run(&["serve", "--help"]).await;
    for name in [
        "EDGE_DELIVERY_LISTEN",
        "EDGE_DELIVERY_PUBLIC_URL",
        "EDGE_DELIVERY_DATABASE_URL",
        "EDGE_DELIVERY_KEY_FILE",
        "EDGE_DELIVERY_KEY ",
        "CLOUDFLARE_API_BASE_URL",
        "EDGE_DELIVERY_LOG",
        "EDGE_DELIVERY_EDGE_URL",
        "EDGE_DELIVERY_ADMIN_EMAIL",
        "EDGE_DELIVERY_ADMIN_PASSWORD",
    ] {
        assert!(help.out.contains(name), "{name} is missing in --help");
    }
}
