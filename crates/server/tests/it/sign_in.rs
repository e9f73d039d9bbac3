//! The first administrator, signing in and out, and what keeps others from it.

use crate::bare::{EMAIL, PASSWORD, Place, cookie_of, header, holds, send};

const FORM: [(&str, &str); 2] = [("email", EMAIL), ("password", PASSWORD)];

#[tokio::test]
async fn over_loopback_the_first_visitor_makes_the_administrator() {
    let place = Place::new();
    let server = place.serve().await;
    let page = send(server.get("/first-run")).await;
    assert_eq!(page.status(), 200);
    assert!(!page.text().await.unwrap().contains("name=\"code\""));
    let away = send(server.get("/sign-in")).await;
    assert_eq!(
        (away.status().as_u16(), header(&away, "location").as_str()),
        (303, "/first-run")
    );

    for (email, password) in [(EMAIL, "short"), ("nobody", PASSWORD), ("", "")] {
        let fields = [("email", email), ("password", password)];
        let refused = send(server.post("/first-run", &fields)).await;
        assert_eq!(refused.status(), 422, "{email} {password}");
    }
    let made = send(server.post("/first-run", &FORM)).await;
    assert_eq!(made.status(), 303);
    let flags = header(&made, "set-cookie");
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(flags.contains(flag), "{flag} is missing in {flags}");
    }
    assert!(!flags.contains("Secure"), "{flags}");
    assert!(server.is_signed_in(&cookie_of(&made).unwrap()).await);

    let second = send(server.post("/first-run", &[("email", "b@example.com"), FORM[1]])).await;
    assert_eq!(header(&second, "location"), "/sign-in");
    assert_eq!(cookie_of(&second), None);
}

#[tokio::test]
async fn from_elsewhere_the_code_of_the_log_is_asked_for() {
    let place = Place::new().with("EDGE_DELIVERY_PUBLIC_URL", "https://edge.example.com");
    let server = place.serve().await;
    let log = server.log();
    let code = log
        .split("the code is ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or_else(|| panic!("no code in {log}"));
    let elsewhere = |fields: &[(&str, &str)], name: &str, value: &str| {
        server.post("/first-run", fields).header(name, value)
    };
    for (name, value) in [
        ("host", "edge.example.com"),
        ("x-forwarded-for", "127.0.0.1"),
        ("cf-connecting-ip", "192.0.2.1"),
    ] {
        let page = send(server.get("/first-run").header(name, value)).await;
        assert!(page.text().await.unwrap().contains("name=\"code\""));
        let without = send(elsewhere(&FORM, name, value)).await;
        assert_eq!(without.status(), 403, "{name}");
        let wrong = [FORM[0], FORM[1], ("code", "AAAAA-AAAAA")];
        assert_eq!(send(elsewhere(&wrong, name, value)).await.status(), 403);
    }
    let spelled = code.to_lowercase().replace('-', " ");
    let right = [FORM[0], FORM[1], ("code", spelled.as_str())];
    let made = send(elsewhere(&right, "host", "edge.example.com")).await;
    assert_eq!(made.status(), 303);
    let flags = header(&made, "set-cookie");
    assert!(flags.contains("Secure"), "{flags}");
    assert!(header(&made, "strict-transport-security").starts_with("max-age="));
}

#[tokio::test]
async fn codes_cannot_be_tried_for_ever() {
    let place = Place::new();
    let server = place.serve().await;
    let guess = || {
        server
            .post("/first-run", &FORM)
            .header("x-forwarded-for", "192.0.2.1")
    };
    for _ in 0..10 {
        assert_eq!(send(guess()).await.status(), 403);
    }
    assert_eq!(send(guess()).await.status(), 429);
    // On the machine itself it still works.
    assert_eq!(send(server.post("/first-run", &FORM)).await.status(), 303);
}

#[tokio::test]
async fn the_environment_makes_the_first_administrator_and_leaves_an_existing_one_alone() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    assert!(!server.log().contains("first run:"), "{}", server.log());
    assert!(server.sign_in(PASSWORD).await.is_some());
    drop(server);
    let place = place.with("EDGE_DELIVERY_ADMIN_PASSWORD", "another-password-0000");
    let server = place.serve().await;
    assert!(server.sign_in("another-password-0000").await.is_none());
    assert!(server.sign_in(PASSWORD).await.is_some());
}

#[tokio::test]
async fn sign_ins_are_limited_by_account() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    for _ in 0..10 {
        let wrong = [("email", EMAIL), ("password", "wrong-password-0000")];
        assert_eq!(send(server.post("/sign-in", &wrong)).await.status(), 401);
    }
    let limited = send(server.post("/sign-in", &FORM)).await;
    assert_eq!(limited.status(), 429);
    let wait: u32 = header(&limited, "retry-after").parse().unwrap();
    assert!((60..=900).contains(&wait), "{wait}");
    // Another account is another count, and an unknown one is answered like a known one.
    let unknown = [("email", "b@example.com"), ("password", PASSWORD)];
    assert_eq!(send(server.post("/sign-in", &unknown)).await.status(), 401);
    // Somebody on the server lets the owner in again.
    let said = place
        .run(&["admin", "create", "--email", EMAIL, "--reset-password"])
        .await;
    assert!(said.is_good, "{}", said.err);
}

#[tokio::test]
async fn sign_ins_are_limited_by_address() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    for account in 0..30 {
        let email = format!("{account}@example.com");
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        assert_eq!(send(server.post("/sign-in", &fields)).await.status(), 401);
    }
    assert_eq!(send(server.post("/sign-in", &FORM)).await.status(), 429);
}

#[tokio::test]
async fn a_session_gets_a_new_id_at_each_sign_in() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    // An id that an attacker chose is not taken over.
    let planted = "edge_delivery_session=AAAAAAAAAAAAAAAAAAAAAA";
    let answer = send(server.post("/sign-in", &FORM).header("cookie", planted)).await;
    let first = cookie_of(&answer).unwrap();
    assert_ne!(first, planted);
    assert!(!server.is_signed_in(planted).await);
    // Nor does an earlier session go on.
    let answer = send(server.post("/sign-in", &FORM).header("cookie", &first)).await;
    let second = cookie_of(&answer).unwrap();
    assert_ne!(first, second);
    assert!(!server.is_signed_in(&first).await);
    assert!(server.is_signed_in(&second).await);
    for garbage in ["edge_delivery_session=", "edge_delivery_session=%00", "x"] {
        assert!(!server.is_signed_in(garbage).await);
    }
}

#[tokio::test]
async fn signing_out_here_and_everywhere() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    let [a, b, c] = [
        server.sign_in(PASSWORD).await.unwrap(),
        server.sign_in(PASSWORD).await.unwrap(),
        server.sign_in(PASSWORD).await.unwrap(),
    ];
    let out = send(server.post("/sign-out", &[]).header("cookie", &a)).await;
    assert_eq!(header(&out, "location"), "/sign-in");
    assert!(!server.is_signed_in(&a).await);
    assert!(server.is_signed_in(&b).await);
    let out = send(
        server
            .post("/sign-out-everywhere", &[])
            .header("cookie", &b),
    )
    .await;
    assert_eq!(out.status(), 303);
    assert!(!server.is_signed_in(&b).await);
    assert!(!server.is_signed_in(&c).await);
    assert!(server.sign_in(PASSWORD).await.is_some());
}

#[tokio::test]
async fn sessions_outlive_a_restart_and_a_new_password_ends_them() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    let cookie = server.sign_in(PASSWORD).await.unwrap();
    drop(server);
    let server = place.serve().await;
    assert!(server.is_signed_in(&cookie).await);
    let place = place.with("EDGE_DELIVERY_ADMIN_PASSWORD", "another-password-0000");
    let said = place.run(&["admin", "create", "--reset-password"]).await;
    assert!(said.is_good, "{}", said.err);
    assert!(!server.is_signed_in(&cookie).await);
    assert!(server.sign_in(PASSWORD).await.is_none());
    assert!(server.sign_in("another-password-0000").await.is_some());
}

#[tokio::test]
async fn administrators_are_made_beside_a_running_server() {
    let place = Place::new();
    let server = place.serve().await;
    let made = place
        .run_with_input(
            &["admin", "create", "--email", EMAIL, "--json"],
            &format!("{PASSWORD}\n"),
        )
        .await;
    assert!(made.is_good, "{}", made.err);
    assert!(made.out.contains(EMAIL) && !made.out.contains(PASSWORD));
    assert!(server.sign_in(PASSWORD).await.is_some());
    let again = place
        .run_with_input(&["admin", "create", "--email", EMAIL], PASSWORD)
        .await;
    assert!(
        !again.is_good && again.err.contains("exists already"),
        "{}",
        again.err
    );
    let short = place
        .run_with_input(&["admin", "create", "--email", "b@example.com"], "short")
        .await;
    assert!(
        !short.is_good && short.err.contains("12 characters"),
        "{}",
        short.err
    );
}

#[tokio::test]
async fn passwords_codes_and_cookies_are_written_nowhere() {
    let place = Place::new()
        .with_administrator()
        .with("EDGE_DELIVERY_LOG", "trace");
    let server = place.serve().await;
    let cookie = server.sign_in(PASSWORD).await.unwrap();
    let wrong = [("email", PASSWORD), ("password", "canary-wrong-0000")];
    let answer = send(server.post("/sign-in?token=canary-query-0000", &wrong)).await;
    assert!(!answer.text().await.unwrap().contains("canary-wrong-0000"));
    assert!(server.is_signed_in(&cookie).await);
    let value = cookie.split('=').nth(1).unwrap();
    let log = server.log();
    for secret in [PASSWORD, "canary-wrong-0000", "canary-query-0000", value] {
        assert!(!log.contains(secret), "{secret} is in the log");
        for (path, bytes) in place.files() {
            assert!(!holds(&bytes, secret), "{secret} is in {}", path.display());
        }
    }
}
