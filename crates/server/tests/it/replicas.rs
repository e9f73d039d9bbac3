//! Two servers on one PostgreSQL: whoever signs in at one is signed in at both.

use crate::{
    bare::{EMAIL, PASSWORD, Place, Server, cookie_of, send},
    postgres::Database,
};

fn code_of(server: &Server) -> String {
    let log = server.log();
    let code = log.split("the code is ").nth(1);
    code.and_then(|rest| rest.split(' ').next())
        .unwrap_or_else(|| panic!("no code in {log}"))
        .to_owned()
}

#[tokio::test]
async fn two_servers_share_administrators_sessions_and_keys() {
    let database = Database::new().await;
    let key = "2".repeat(64);
    let place = Place::new()
        .with("EDGE_DELIVERY_DATABASE_URL", &database.url())
        .with("EDGE_DELIVERY_KEY", &key);
    // Both find an empty database at once.
    let (one, two) = tokio::join!(place.serve(), place.serve());
    assert_eq!(code_of(&one), code_of(&two));

    let form = [("email", EMAIL), ("password", PASSWORD)];
    let (first, second) = tokio::join!(
        send(one.post("/first-run", &form)),
        send(two.post("/first-run", &form))
    );
    let cookies: Vec<_> = [&first, &second]
        .into_iter()
        .filter_map(cookie_of)
        .collect();
    assert_eq!(cookies.len(), 1, "there is one first administrator");
    assert!(one.is_signed_in(&cookies[0]).await);
    assert!(two.is_signed_in(&cookies[0]).await);

    let access_key = place.access_key().await;
    for server in [&one, &two] {
        let call = server.get("/api/v1/sites").bearer_auth(&access_key);
        assert_eq!(send(call).await.status(), 200);
        assert_eq!(send(server.get("/readyz")).await.status(), 200);
    }
    let out = send(
        one.post("/sign-out-everywhere", &[])
            .header("cookie", &cookies[0]),
    )
    .await;
    assert_eq!(out.status(), 303);
    assert!(!two.is_signed_in(&cookies[0]).await);

    let said = place.run(&["backup", "saved.db"]).await;
    assert!(
        !said.is_good && said.err.contains("pg_dump"),
        "{}",
        said.err
    );
    let said = place
        .run(&["key", "rotate", "--new-key-file", "new.key"])
        .await;
    assert!(said.is_good, "{}", said.err);
    assert_eq!(send(two.get("/readyz")).await.status(), 503);
    drop((one, two));
}
