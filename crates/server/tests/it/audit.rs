//! The audit log: who did what, when, from where, by whichever door.

use crate::{
    bare::{EMAIL, PASSWORD, Place, send},
    local_cloudflare::READ_ONLY_TOKEN,
    story::Story,
};
use serde_json::{Value, json};

async fn lines(story: &Story, query: &str) -> Vec<Value> {
    let answer = story
        .program
        .ok("GET", &format!("/audit{query}"), None)
        .await;
    answer["items"].as_array().expect("a list").clone()
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["kind"].as_str().expect("a word"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deeds_by_the_api_are_written_down() {
    let story = Story::begin().await;
    let program = &story.program;
    let connection = format!("/connections/{}", story.connection);
    let (status, _) = program
        .call(
            "POST",
            "/connections",
            Some(&json!({ "token": READ_ONLY_TOKEN })),
        )
        .await;
    assert_eq!(status, 422);
    let (status, _) = program
        .call(
            "PATCH",
            &connection,
            Some(&json!({ "token": READ_ONLY_TOKEN })),
        )
        .await;
    assert_eq!(status, 422);
    program
        .ok("POST", &format!("{connection}/check"), None)
        .await;
    let name = json!({ "name": "Shop's account" });
    program.ok("PATCH", &connection, Some(&name)).await;
    let settings = json!({ "settings": { "kvDeadlineMs": 200 } });
    let site = format!("/sites/{}", story.site);
    program.ok("PATCH", &site, Some(&settings)).await;
    program
        .publish(&story.site, "pricing", "<h1>Pricing</h1>")
        .await;
    let ended = program.remove(&story.site).await;
    program.ended(&ended).await;
    program.ok("DELETE", &connection, None).await;

    let all = lines(&story, "?limit=200").await;
    let expected = [
        "connection.disconnected",
        "site.removed",
        "deployment.requested",
        "variant.published",
        "site.changed",
        "connection.renamed",
        "connection.checked",
        "token.refused",
        "token.refused",
        "site.created",
        "connection.connected",
        "access_key.made",
    ];
    // The removal ends in the background: before or after its own request is written down.
    let mut seen = kinds(&all);
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    if seen[1] == "deployment.requested" {
        seen.swap(1, 2);
    }
    assert_eq!(seen, expected);
    for line in &all {
        let text = line.to_string();
        assert!(!text.contains(READ_ONLY_TOKEN), "{text}");
        match line["kind"].as_str() {
            Some("access_key.made") => {
                assert_eq!(
                    (&line["who"], &line["address"]),
                    (&json!("command line"), &Value::Null)
                );
            }
            Some("site.removed") => {
                assert_eq!(line["whoKind"], "background");
                assert!(
                    line["detail"]["askedBy"]
                        .as_str()
                        .is_some_and(|by| by.contains("access key"))
                );
            }
            _ => {
                assert_eq!(line["whoKind"], "access_key", "{text}");
                assert_eq!(line["address"], "127.0.0.1", "{text}");
                let hint = &program.key()[program.key().len() - 4..];
                let who = line["who"].as_str().expect("text");
                assert!(who.contains("command line") && who.contains(hint), "{who}");
            }
        }
    }
    let refused = lines(&story, "?kind=token.refused").await;
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[1]["subject"], Value::Null);
    assert_eq!(
        refused[1]["detail"],
        json!({ "code": "insufficient_permissions" })
    );
    assert_eq!(refused[0]["subject"]["id"], story.connection.as_str());
    let of_site = lines(&story, &format!("?subject={}", story.site)).await;
    assert_eq!(of_site.len(), 5);
    let renamed = lines(&story, "?kind=connection.renamed").await;
    assert_eq!(renamed[0]["subject"]["name"], "Shop's account");
    assert_eq!(renamed[0]["detail"]["formerName"], "Sample account");

    let (status, problem) = program.call("GET", "/audit?kind=nonsense", None).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("kind"))
    );
    let first = program.ok("GET", "/audit?limit=5", None).await;
    let next = first["nextCursor"].as_str().expect("more");
    let second = program
        .ok("GET", &format!("/audit?limit=200&cursor={next}"), None)
        .await;
    let both: Vec<Value> = [first, second.clone()]
        .iter()
        .flat_map(|part| part["items"].as_array().expect("a list").clone())
        .collect();
    assert_eq!(both, all);
    assert_eq!(second["nextCursor"], Value::Null);

    let told = program.run(&["audit", "--limit", "3"]).await;
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(
        told.contains("Disconnected") && told.contains("Shop's account"),
        "{told}"
    );
    assert!(!told.contains("Made an access key"), "three lines: {told}");
    let told = program
        .run(&["audit", "--json", "--kind", "access_key"])
        .await;
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told["items"], json!([all[all.len() - 1]]));
}

#[tokio::test]
async fn sign_ins_and_the_console_are_written_down() {
    let place = Place::new().with_administrator();
    let server = place.serve().await;
    assert!(server.sign_in("wrong-password-000").await.is_none());
    let typed_into_the_wrong_field = "canary-password-1111@example.com";
    let fields = [("email", typed_into_the_wrong_field), ("password", "x")];
    assert_eq!(send(server.post("/sign-in", &fields)).await.status(), 401);
    let cookie = server.sign_in(PASSWORD).await.expect("signs in");
    let get = |path: &str| {
        server
            .get(path)
            .header("cookie", &cookie)
            .header("accept", "text/html")
    };
    let made = send(
        server
            .post("/settings/access-keys", &[("name", "ci & more")])
            .header("cookie", &cookie),
    )
    .await;
    assert_eq!(made.status(), 200);
    let page = send(get("/activity/log")).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("a page");
    for words in [
        "Made an administrator",
        "Sign-in failed",
        "unknown account",
        "Signed in",
        "Made an access key",
        "ci &#38; more",
        EMAIL,
        "127.0.0.1",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert!(
        !page.contains("canary-password"),
        "what was typed is not kept"
    );
    let only = send(get("/activity/log?kind=access_key"))
        .await
        .text()
        .await
        .expect("a page");
    assert!(only.contains("Made an access key") && !only.contains("Sign-in failed"));
    assert_eq!(send(get("/activity/log?kind=nonsense")).await.status(), 422);
    assert_eq!(send(get("/activity")).await.status(), 200);
    let out = server
        .post("/sign-out-everywhere", &[])
        .header("cookie", &cookie);
    assert_eq!(send(out).await.status(), 303);
    assert_eq!(
        send(get("/activity/log")).await.status(),
        303,
        "for people who are signed in"
    );

    let said = place.run(&["audit", "--json"]).await;
    let lines: Value = serde_json::from_str(&said.out).expect("JSON");
    let seen: Vec<(&str, &str)> = lines["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| {
            (
                line["kind"].as_str().expect("a word"),
                line["who"].as_str().expect("text"),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("person.signed_out_everywhere", EMAIL),
            ("access_key.made", EMAIL),
            ("person.signed_in", EMAIL),
            ("person.sign_in_failed", "not signed in"),
            ("person.sign_in_failed", "not signed in"),
            ("administrator.made", "background"),
        ]
    );
    let failed = &lines["items"][4];
    assert_eq!(failed["subject"]["name"], EMAIL, "that account exists");
    assert_eq!(lines["items"][3]["subject"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_in_the_background_is_written_down_too() {
    let story = Story::begin().await;
    let program = &story.program;
    let address = "https://hooks.example.com/secret-path";
    program
        .ok("PUT", "/webhook", Some(&json!({ "url": address })))
        .await;
    let (status, _) = program.call("DELETE", "/webhook", None).await;
    assert_eq!(status, 204);
    let hook = lines(&story, "?kind=webhook").await;
    assert_eq!(kinds(&hook), ["webhook.deleted", "webhook.set"]);
    assert_eq!(hook[1]["detail"], json!({ "newSecret": true }));
    assert!(!json!(hook).to_string().contains("secret-path"));

    let leave = format!("/connections/{}?removeSites=true", story.connection);
    program.ok("DELETE", &leave, None).await;
    let gone = program
        .until("/audit?kind=connection.disconnected", |listed| {
            listed["items"] != json!([])
        })
        .await;
    let gone = &gone["items"][0];
    assert_eq!(
        (&gone["whoKind"], &gone["subject"]["id"]),
        (&json!("background"), &json!(story.connection))
    );
    let begun = lines(&story, "?kind=connection.leaving").await;
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0]["whoKind"], "access_key");
    assert_eq!(begun[0]["detail"]["sites"], 1);
    let asked = lines(&story, "?kind=deployment.requested").await;
    assert_eq!(asked[0]["detail"]["kind"], "remove");
}
