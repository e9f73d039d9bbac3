//! A sealed record that cannot be opened is one connection's trouble, said in words; everything else works.

use crate::{
    local_cloudflare::{BLOG, GOOD_TOKEN},
    sealed::database,
    story::Story,
};
use domain::time::Millis;
use serde_json::json;
use store::Store;

const OTHER_TOKEN: &str = "local-demo-other-00000000000000000000000";

fn other_token() -> String {
    format!(
        r#"[[tokens]]
value = "{OTHER_TOKEN}"
permissions = {{ workers_scripts = "edit", workers_kv_storage = "edit", account_settings = "read", workers_routes = "edit", zone = "read" }}
"#
    )
}

/// Changes one byte of what is sealed.
fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

async fn damage_token(store: &Store, connection: &str) {
    let workspace = store
        .ensure_workspace(Millis(0))
        .await
        .expect("it is there");
    let id = connection.parse().expect("an id");
    let mut row = store
        .connection(workspace, id)
        .await
        .expect("reads")
        .expect("it is there");
    row.sealed_token = damaged(&row.sealed_token);
    assert!(
        store
            .update_connection(workspace, &row)
            .await
            .expect("writes")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_token_is_one_connections_trouble() {
    let mut story = Story::begin_with(&other_token()).await;
    let program = &story.program;
    story.deployed().await;
    let other = program.connect(OTHER_TOKEN).await;
    let blog = program.make_site(&other, BLOG, "blog").await;
    let store = database(program.database()).await;
    damage_token(&store, &story.connection).await;
    let (connection, site) = (&story.connection.clone(), &story.site.clone());

    // Lists and reading.
    let listed = program.ok("GET", "/connections", None).await;
    let status_of = |id: &str| {
        let items = listed["items"].as_array().expect("a list");
        let found = items.iter().find(|item| item["id"] == id);
        found.expect("it is listed")["status"]
            .as_str()
            .expect("a word")
            .to_owned()
    };
    assert_eq!(
        (status_of(connection), status_of(&other)),
        ("unreadable".to_owned(), "ready".to_owned())
    );
    let one = program
        .ok("GET", &format!("/connections/{connection}"), None)
        .await;
    assert_eq!(
        (&one["status"], &one["tokenHint"]),
        (&json!("unreadable"), &json!("0000"))
    );
    let status = program.run(&["status"]).await;
    let status = String::from_utf8(status.stdout).expect("text");
    assert!(
        status.contains("unreadable") && status.contains("ready"),
        "{status}"
    );

    // Whatever needs the token says so, and what to do.
    for path in [
        format!("/connections/{connection}/zones"),
        format!("/sites/{site}/plan"),
    ] {
        let (status, problem) = program.call("GET", &path, None).await;
        assert_eq!(
            (status, &problem["code"]),
            (409, &json!("token_unreadable")),
            "{path}: {problem:#}"
        );
        let text = problem.to_string();
        assert!(
            text.contains("Sample account") && text.contains("Replace token"),
            "{path}: {text}"
        );
    }
    let checked = program
        .ok("POST", &format!("/connections/{connection}/check"), None)
        .await;
    assert_eq!(checked["status"], "unreadable");
    let deployment = program.deploy(site).await;
    let ended = program.ended(&deployment).await;
    assert_eq!(
        (&ended["status"], &ended["problem"]["code"]),
        (&json!("failed"), &json!("token_unreadable"))
    );
    // Content for it waits, and content for others does not.
    program.publish(site, "pricing", "<h1>Waits</h1>").await;
    program.publish(&blog, "pricing", "<h1>Arrives</h1>").await;
    let deployment = program.deploy(&blog).await;
    assert_eq!(program.ended(&deployment).await["status"], "live");
    program
        .until(&format!("/sites/{blog}/sync"), |sync| {
            sync["live"] == 1 && sync["pending"] == 0
        })
        .await;

    // Every page is there.
    let cookie = program.signed_in().await;
    for (path, words) in [
        ("/".to_owned(), "cannot be opened"),
        ("/connections".to_owned(), "unreadable"),
        (format!("/connections/{connection}"), "Replace token"),
        (format!("/connections/{connection}/token"), "token"),
        (format!("/sites/{site}"), "shop"),
        (format!("/sites/{site}/plan"), "cannot be opened"),
        (
            format!("/sites/new?connection={connection}"),
            "cannot be opened",
        ),
        (format!("/sites/new?connection={other}"), "blog.localhost"),
    ] {
        let (status, page) = program.page(&cookie, &path).await;
        assert_eq!(status, 200, "{path}");
        assert!(
            page.to_lowercase().contains(&words.to_lowercase()),
            "{path}: no {words:?} in {page}"
        );
    }

    // Rotating the key leaves it as it is, and says so; so the vault is not held up by it.
    let new = story.folder().join("new.key");
    let rotated = program
        .run(&[
            "key",
            "rotate",
            "--new-key-file",
            new.to_str().expect("a name"),
        ])
        .await;
    let said = String::from_utf8(rotated.stdout).expect("text");
    assert!(
        rotated.status.success() && said.contains("Sample account") && said.contains(connection),
        "{said}"
    );
    story
        .program
        .start_again_with("EDGE_DELIVERY_KEY_FILE", &new.display().to_string())
        .await;
    let program = &story.program;
    let one = program
        .ok("GET", &format!("/connections/{connection}"), None)
        .await;
    assert_eq!(one["status"], "unreadable");
    assert_eq!(program.plan(&blog).await["steps"], json!([]));

    // Reconnected, it is as before.
    let token = json!({ "token": GOOD_TOKEN });
    let replaced = program
        .ok("PATCH", &format!("/connections/{connection}"), Some(&token))
        .await;
    assert_eq!(replaced["status"], "ready");
    program
        .ok("GET", &format!("/connections/{connection}/zones"), None)
        .await;
    story.deployed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_site_key_is_made_anew() {
    let story = Story::begin().await;
    let program = &story.program;
    story.deployed().await;
    let store = database(program.database()).await;
    let workspace = store
        .ensure_workspace(Millis(0))
        .await
        .expect("it is there");
    let id = story.site.parse().expect("an id");
    let site = store
        .site(workspace, id)
        .await
        .expect("reads")
        .expect("it is there");
    let spoilt = damaged(&site.sealed_key);
    assert!(
        store
            .set_sealed_key(workspace, id, &spoilt)
            .await
            .expect("writes")
    );
    // Nothing to upload: nobody is asked, and the deployment says why.
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["edge"], json!([]));
    let site = format!("/sites/{}", story.site);
    let settings = json!({ "settings": { "kvDeadlineMs": 500 } });
    program.ok("PATCH", &site, Some(&settings)).await;
    let ended = story.deployed().await;
    assert_eq!(
        ended["proof"]["edge"][0]["answered"], true,
        "with the new key: {ended:#}"
    );
}
