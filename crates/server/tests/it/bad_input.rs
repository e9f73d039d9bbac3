//! Bad input: each answer is a problem with its code, causes and remedies, and nothing is stored.

use crate::{local_cloudflare::READ_ONLY_TOKEN, story::Story};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Sends, and checks that the answer is a problem of that status and code.
async fn refused(what: &str, request: RequestBuilder, status: u16, code: &str) -> Value {
    let answer = request
        .send()
        .await
        .unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
    assert_eq!(answer.status().as_u16(), status, "{what}");
    assert_eq!(
        answer
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok()),
        Some("application/problem+json"),
        "{what}"
    );
    let problem: Value = answer.json().await.expect("JSON");
    assert_eq!(problem["code"], code, "{what}: {problem:#}");
    assert_eq!(problem["status"], status, "{what}: {problem:#}");
    for list in ["causes", "remedies"] {
        assert!(
            problem[list]
                .as_array()
                .is_some_and(|list| !list.is_empty()),
            "{what}: {list} of {problem:#}"
        );
    }
    for text in ["title", "detail"] {
        assert!(
            problem[text].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {text} of {problem:#}"
        );
    }
    problem
}

#[tokio::test]
async fn tokens() {
    let story = Story::begin().await;
    let program = &story.program;
    let before = program.ok("GET", "/connections", None).await;
    let state = story.cloud.state().await;
    let connect = |token: &str| {
        program
            .request(Method::POST, "/connections")
            .json(&json!({ "token": token }))
    };
    let huge = "x".repeat(10 * 1024 * 1024);
    for (what, token, status, code) in [
        ("empty", "", 422, "invalid_token"),
        ("spaces", "  \n ", 422, "invalid_token"),
        ("garbage", "!!! no token at all !!!", 422, "invalid_token"),
        (
            "unknown",
            "fake-unknown-token-000000000000000000000",
            422,
            "invalid_token",
        ),
        (
            "Global API Key",
            "0123456789abcdef0123456789abcdef01234",
            422,
            "api_key_not_supported",
        ),
        ("5 KB", &huge[..5 * 1024], 422, "validation_failed"),
        ("10 MB", &huge, 422, "validation_failed"),
        (
            "read-only",
            READ_ONLY_TOKEN,
            422,
            "insufficient_permissions",
        ),
    ] {
        let problem = refused(what, connect(token), status, code).await;
        if token.len() > 20 {
            assert!(
                !problem.to_string().contains(token),
                "{what} is quoted back"
            );
        }
        if code == "insufficient_permissions" {
            let permissions = problem["permissions"].as_array().expect("permissions");
            assert!(
                permissions.iter().any(|row| row["granted"] == "no"),
                "{problem:#}"
            );
        }
    }
    assert_eq!(program.ok("GET", "/connections", None).await, before);
    assert_eq!(
        story.cloud.state().await,
        state,
        "checking changed the account"
    );
}

#[tokio::test]
async fn bodies() {
    let story = Story::begin().await;
    let program = &story.program;
    let post = || program.request(Method::POST, "/sites");
    let json_body =
        |body: &'static str| post().header("content-type", "application/json").body(body);
    refused(
        "malformed JSON",
        json_body("{\"name\":"),
        400,
        "malformed_request",
    )
    .await;
    refused(
        "unknown field",
        json_body("{\"nome\":\"x\"}"),
        422,
        "validation_failed",
    )
    .await;
    refused("a list", json_body("[]"), 422, "validation_failed").await;
    refused(
        "a field given twice",
        json_body("{\"name\":\"a\",\"name\":\"b\"}"),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "wrong content type",
        post().header("content-type", "text/plain").body("{}"),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "17 MiB",
        post()
            .header("content-type", "application/json")
            .body(vec![b' '; 17 << 20]),
        413,
        "too_large",
    )
    .await;
    let site = |zone: &str, name: &str, hosts: Value| {
        post().json(&json!({"connectionId": story.connection, "zoneId": zone, "name": name, "hostnames": hosts}))
    };
    let blog = crate::local_cloudflare::BLOG;
    refused(
        "unknown zone",
        site("bfffffffffffffffffffffffffffffff", "x", Value::Null),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "no zone id",
        site("shop", "x", Value::Null),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "bad name",
        site(blog, "a\u{0}<b>", Value::Null),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "empty name",
        site(blog, " ", Value::Null),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "host of another zone",
        site(blog, "x", json!(["shop.localhost"])),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "an address",
        site(blog, "x", json!(["127.0.0.1"])),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "a taken name",
        site(blog, "shop", Value::Null),
        409,
        "resource_conflict",
    )
    .await;
    refused(
        "no connection",
        post().json(&json!({"connectionId": "nobody", "zoneId": blog, "name": "x"})),
        422,
        "validation_failed",
    )
    .await;
    let sites = program.ok("GET", "/sites", None).await;
    assert_eq!(sites["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn addresses() {
    let story = Story::begin().await;
    let program = &story.program;
    for (method, path, status, code) in [
        (Method::GET, "/sites/nobody", 404, "not_found"),
        (
            Method::GET,
            "/sites/018f0000-0000-7000-8000-000000000001",
            404,
            "not_found",
        ),
        (Method::GET, "/deployments/x/events", 404, "not_found"),
        (Method::GET, "/nothing/here", 404, "not_found"),
        (Method::DELETE, "/connections", 405, "method_not_allowed"),
        (Method::GET, "/sites?limit=0", 422, "validation_failed"),
        (Method::GET, "/sites?limit=x", 422, "validation_failed"),
        (Method::GET, "/sites?cursor=x", 422, "validation_failed"),
        (Method::GET, "/sites?what=1", 422, "validation_failed"),
    ] {
        refused(path, program.request(method, path), status, code).await;
    }
    for (what, key) in [
        ("no key", None),
        ("a wrong key", Some("ed_fake")),
        ("a cookie's text", Some("x")),
    ] {
        let request =
            crate::local_cloudflare::client().get(format!("{}/api/v1/sites", program.base()));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        refused(what, request, 401, "unauthenticated").await;
    }
}

#[tokio::test]
async fn variants() {
    let story = Story::begin().await;
    let program = &story.program;
    let site = &story.site;
    let put = |path: &str| program.request(Method::PUT, &format!("/sites/{site}/variants/{path}"));
    let long = format!("html/{}", "a".repeat(3000));
    for (what, path, body) in [
        (
            "encoded dot segments",
            "html/%2e%2e/x",
            b"<p>x</p>".to_vec(),
        ),
        ("3,000 bytes", long.as_str(), b"<p>x</p>".to_vec()),
        ("NUL", "html/a%00b", b"<p>x</p>".to_vec()),
        ("bad escape", "html/%FF", b"<p>x</p>".to_vec()),
        ("another format", "pdf/x", b"<p>x</p>".to_vec()),
        ("invalid UTF-8", "html/x", vec![b'<', 0xff, 0xfe]),
        ("nothing", "html/x", Vec::new()),
        ("blanks", "html/x", b"  \n".to_vec()),
        (
            "our marker",
            "html/.well-known/edge-delivery",
            b"<p>x</p>".to_vec(),
        ),
    ] {
        refused(
            what,
            put(path).header("content-type", "text/html").body(body),
            422,
            "validation_failed",
        )
        .await;
    }
    refused(
        "30 MiB",
        put("html/x").body(vec![b'a'; 30 << 20]),
        413,
        "too_large",
    )
    .await;
    let typed = |content_type: &'static str| {
        put("html/x")
            .header("content-type", content_type)
            .body("<p>x</p>")
    };
    refused("a picture", typed("image/png"), 422, "validation_failed").await;
    refused(
        "Markdown as HTML",
        typed("text/markdown"),
        422,
        "validation_failed",
    )
    .await;
    refused(
        "another charset",
        typed("text/html; charset=iso-8859-1"),
        422,
        "validation_failed",
    )
    .await;
    let problem = refused(
        "a compressed body",
        put("html/x")
            .header("content-type", "text/html")
            .header("content-encoding", "gzip")
            .body("<p>x</p>"),
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(problem["errors"][0]["field"], "content-encoding");
    let publish = |body: Value| {
        program
            .request(Method::POST, &format!("/sites/{site}/publish"))
            .json(&body)
    };
    let revision = "0".repeat(64);
    refused(
        "nothing to publish",
        publish(json!({"format": "html", "path": "/x", "revision": revision})),
        404,
        "not_found",
    )
    .await;
    refused(
        "no revision",
        publish(json!({"format": "html", "path": "/x", "revision": "x"})),
        422,
        "validation_failed",
    )
    .await;
    let listed = program
        .ok("GET", &format!("/sites/{site}/variants"), None)
        .await;
    assert_eq!(listed["items"], json!([]), "something was stored");
}

/// `/../x` as it is: every HTTP library would fold it before it is sent.
#[tokio::test]
async fn dot_segments_as_they_are() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let story = Story::begin().await;
    let host = story
        .program
        .base()
        .trim_start_matches("http://")
        .to_owned();
    let mut stream = tokio::net::TcpStream::connect(&host)
        .await
        .expect("it listens");
    let request = format!(
        "PUT /api/v1/sites/{}/variants/html/../x HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
        story.site,
        story.program.key()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains("validation_failed"), "{answer}");
}

#[tokio::test]
async fn lost_edits_are_noticed() {
    let story = Story::begin().await;
    let program = &story.program;
    let path = format!("/sites/{}/variants/html/pricing", story.site);
    let put = |body: &'static str| {
        program
            .request(Method::PUT, &path)
            .header("content-type", "text/html")
            .body(body)
    };
    let first = put("<p>1</p>").send().await.expect("an answer");
    assert_eq!(first.status(), 201);
    let tag = first.headers()["etag"].clone();
    let second = put("<p>2</p>")
        .header("if-match", tag.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(second.status(), 200);
    refused(
        "a lost edit",
        put("<p>3</p>").header("if-match", tag),
        412,
        "edit_conflict",
    )
    .await;
    refused(
        "overwriting",
        put("<p>3</p>").header("if-none-match", "*"),
        412,
        "edit_conflict",
    )
    .await;
    let read = program
        .request(Method::GET, &path)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        read.headers()["content-security-policy"],
        "sandbox; default-src 'none'"
    );
    assert_eq!(read.text().await.expect("text"), "<p>2</p>");
}

#[tokio::test]
async fn an_import_names_the_bad_lines() {
    let story = Story::begin().await;
    let body = [
        r##"{"path":"/a","format":"html","content":"<p>a</p>"}"##,
        r##"{"path":"/../b","format":"html","content":"<p>b</p>"}"##,
        "no JSON",
        r##"{"path":"/c","format":"markdown","content":"# c"}"##,
    ]
    .join("\n");
    let report: Value = story
        .program
        .request(
            Method::POST,
            &format!("/sites/{}/variants:import", story.site),
        )
        .header("content-type", "application/x-ndjson")
        .body(body)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let lines = |list: &str| -> Vec<u64> {
        report[list]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|line| line["line"].as_u64())
            .collect()
    };
    assert_eq!(lines("taken"), [1, 4], "{report:#}");
    assert_eq!(lines("refused"), [2, 3], "{report:#}");
}

#[tokio::test]
async fn every_call_is_described() {
    let story = Story::begin().await;
    let document: Value = crate::local_cloudflare::client()
        .get(format!("{}/api/v1/openapi.json", story.program.base()))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in [
        ("/api/v1/connections", &["get", "post"][..]),
        ("/api/v1/connections/{id}", &["get", "patch", "delete"]),
        ("/api/v1/connections/{id}/check", &["post"]),
        ("/api/v1/connections/{id}/zones", &["get"]),
        ("/api/v1/sites", &["get", "post"]),
        ("/api/v1/sites/{id}", &["get", "patch", "delete"]),
        ("/api/v1/sites/{id}/plan", &["get"]),
        ("/api/v1/sites/{id}/deployments", &["get", "post"]),
        ("/api/v1/deployments", &["post"]),
        ("/api/v1/deployments/{id}", &["get"]),
        ("/api/v1/deployments/{id}/events", &["get"]),
        ("/api/v1/deployments/{id}/receipt", &["get"]),
        ("/api/v1/deployments/{id}/rollback", &["post"]),
        ("/api/v1/sites/{id}/variants", &["get", "delete"]),
        (
            "/api/v1/sites/{id}/variants/{format}/{path}",
            &["get", "put", "delete"],
        ),
        ("/api/v1/sites/{id}/variants:import", &["post"]),
        ("/api/v1/sites/{id}/variants:make", &["post"]),
        ("/api/v1/sites/{id}/makings", &["get"]),
        ("/api/v1/makings/{id}", &["get"]),
        ("/api/v1/makings/{id}/pages", &["get"]),
        ("/api/v1/makings/{id}/cancel", &["post"]),
        ("/api/v1/sites/{id}/pages", &["get", "patch"]),
        ("/api/v1/sites/{id}/publish", &["post"]),
        ("/api/v1/sites/{id}/unpublish", &["post"]),
        ("/api/v1/sites/{id}/revisions", &["get"]),
        ("/api/v1/sites/{id}/sync", &["get", "post"]),
        ("/api/v1/sites/{id}/sync/events", &["get"]),
        ("/api/v1/sites/{id}/sync/edge", &["get"]),
    ] {
        let found = paths
            .get(path)
            .or_else(|| paths.get(&path.replace("{path}", "{*path}")));
        let found = found.unwrap_or_else(|| {
            panic!(
                "{path} is not described: {:?}",
                paths.keys().collect::<Vec<_>>()
            )
        });
        for method in methods {
            assert!(
                found.get(method).is_some(),
                "{method} {path} is not described"
            );
        }
    }
}
