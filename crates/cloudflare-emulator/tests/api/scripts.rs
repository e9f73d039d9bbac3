//! Scripts: upload in every form, settings, secrets, versions, deployments, workers.dev.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{ACME, GOOD, Got, Local, NEW, THEIRS, got};

const SERVICE_WORKER: &str = "addEventListener('fetch', () => {})";
const MODULE: &str = "export default { fetch() { return new Response('hi') } }";

fn at(rest: &str) -> String {
    format!("/accounts/{ACME}/workers/scripts{rest}")
}

fn module() -> Part {
    Part::text(MODULE)
        .file_name("worker.js")
        .mime_str("application/javascript+module")
        .unwrap()
}

fn form(metadata: &Value) -> Form {
    let form = Form::new().text("metadata", metadata.to_string());
    if metadata.get("body_part").is_some() {
        form.text("worker.js", SERVICE_WORKER)
    } else {
        form.part("worker.js", module())
    }
}

async fn put(local: &Local, path: &str, metadata: Value) -> Got {
    got(local.call("PUT", GOOD, path).multipart(form(&metadata))).await
}

async fn bindings(local: &Local, name: &str) -> Value {
    let path = at(&format!("/{name}/settings"));
    local.get(GOOD, &path).await.result()["bindings"].clone()
}

#[tokio::test]
async fn both_forms_are_uploaded_and_read_back() {
    let local = Local::start().await;
    let metadata = json!({
        "body_part": "worker.js", "compatibility_date": "2026-04-01", "tags": ["one"],
        "bindings": [
            {"type": "kv_namespace", "name": "KV", "namespace_id": THEIRS},
            {"type": "secret_text", "name": "S", "text": "hush"},
            {"type": "plain_text", "name": "P", "text": "open"},
            {"type": "json", "name": "J", "json": {"v": 1}},
        ],
    });
    let made = put(&local, &at("/mine"), metadata).await.result();
    assert_eq!(made["id"], "mine");
    assert_eq!(made["has_modules"], false);
    assert_eq!(made["handlers"], json!(["fetch"]));
    assert_eq!(made["etag"].as_str().unwrap().len(), 64);
    assert_eq!(made["deployment_id"].as_str().unwrap().len(), 32);
    assert_eq!(made["last_deployed_from"], "api");
    let code = local.get(GOOD, &at("/mine")).await;
    assert_eq!(code.text(), SERVICE_WORKER);
    let shown = bindings(&local, "mine").await;
    assert_eq!(shown[0]["namespace_id"], THEIRS);
    assert_eq!(shown[1], json!({"name": "S", "type": "secret_text"}));
    assert_eq!(shown[3]["json"], json!({"v": 1}));

    let made = put(&local, &at("/mod"), json!({"main_module": "worker.js"})).await;
    let made = made.result();
    assert_eq!(made["has_modules"], true);
    assert_eq!(made["entry_point"], "worker.js");
    let code = local.get(GOOD, &at("/mod/content/v2")).await;
    assert!(code.text().contains(MODULE));
    assert_eq!(code.headers["cf-entrypoint"], "worker.js");
    let all = local.get(GOOD, &at("")).await.result();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let tagged = local.get(GOOD, &at("?tags=one:yes")).await.result();
    assert_eq!(tagged.as_array().unwrap().len(), 1);

    local
        .send("DELETE", &at("/mod?force=true"), json!({}))
        .await
        .result();
    let gone = local.get(GOOD, &at("/mod")).await;
    assert_eq!(gone.refused(), (404, 10007));
    assert_eq!(
        gone.message(),
        "This Worker does not exist on your account."
    );
}

#[tokio::test]
async fn bodies_as_other_clients_send_them() {
    let local = Local::start().await;
    let raw = local
        .call("PUT", GOOD, &at("/raw"))
        .header("content-type", "application/javascript")
        .body(SERVICE_WORKER);
    assert_eq!(got(raw).await.result()["has_modules"], false);

    // The Python SDK: every part is called `files`, metadata has a content type.
    let metadata = Part::text(r#"{"main_module":"worker.js"}"#)
        .mime_str("application/json")
        .unwrap();
    let python = Form::new()
        .part("files", module())
        .part("metadata", metadata);
    let python = local.call("PUT", GOOD, &at("/python")).multipart(python);
    assert_eq!(got(python).await.result()["has_modules"], true);

    // The TypeScript SDK: a form under another header, metadata flattened.
    let body = [
        "--b0undary\r\ncontent-disposition: form-data; name=\"metadata[main_module]\"\r\n\r\nworker.js",
        "--b0undary\r\ncontent-disposition: form-data; name=\"metadata[bindings][][type]\"\r\n\r\nplain_text",
        "--b0undary\r\ncontent-disposition: form-data; name=\"metadata[bindings][][name]\"\r\n\r\nP",
        "--b0undary\r\ncontent-disposition: form-data; name=\"metadata[bindings][][text]\"\r\n\r\nopen",
        "--b0undary\r\ncontent-disposition: form-data; name=\"files\"; filename=\"worker.js\"\r\n\
         content-type: application/javascript+module\r\n\r\nexport default { fetch() {} }",
        "--b0undary--\r\n",
    ]
    .join("\r\n");
    let typescript = local
        .call("PUT", GOOD, &at("/typescript"))
        .header("content-type", "application/javascript")
        .body(body);
    assert_eq!(got(typescript).await.result()["has_modules"], true);
    assert_eq!(bindings(&local, "typescript").await[0]["text"], "open");
}

#[tokio::test]
async fn uploads_that_are_refused() {
    let local = Local::start().await;
    for name in ["Upper", "-dash", "a%20b", "%C3%A9", &"x".repeat(64)] {
        let answer = put(
            &local,
            &at(&format!("/{name}")),
            json!({"body_part": "worker.js"}),
        )
        .await;
        assert_eq!(answer.refused(), (400, 10016), "{name}");
    }
    let missing = "c00000000000000000000000000000ff";
    for (metadata, code) in [
        (json!({}), 10021),
        (json!({"main_module": "other.js"}), 10021),
        (
            json!({"body_part": "worker.js", "bindings": [{"type": "plain_text", "text": "x"}]}),
            10052,
        ),
        (
            json!({"body_part": "worker.js", "bindings": [{"name": "K", "type": "kv_namespace", "namespace_id": missing}]}),
            10041,
        ),
        (
            json!({"body_part": "worker.js", "bindings": [
            {"name": "A", "type": "plain_text", "text": "x"}, {"name": "A", "type": "json", "json": 1}]}),
            10021,
        ),
        (
            json!({"body_part": "worker.js", "bindings": [{"name": "A", "type": "plain_text", "text": "x".repeat(5121)}]}),
            10021,
        ),
        (
            json!({"body_part": "worker.js", "compatibility_date": "2999-01-01"}),
            10021,
        ),
        (
            json!({"body_part": "worker.js", "compatibility_date": "yesterday"}),
            10021,
        ),
        (
            json!({"body_part": "worker.js", "tags": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}),
            10021,
        ),
    ] {
        let answer = put(&local, &at("/bad"), metadata.clone()).await;
        assert_eq!(answer.refused(), (400, code), "{metadata}");
    }
    let inherit = json!({"body_part": "worker.js", "bindings": [{"name": "X", "type": "inherit"}]});
    let strict = put(&local, &at("/bad?bindings_inherit=strict"), inherit).await;
    assert_eq!(strict.refused(), (400, 10057));
    let silent = local
        .call("PUT", GOOD, &at("/bad"))
        .header("content-type", "application/javascript")
        .body("let nothing = 1;");
    assert_eq!(got(silent).await.refused(), (400, 10068));
    let typeless = local.call("PUT", GOOD, &at("/bad")).body(SERVICE_WORKER);
    assert_eq!(got(typeless).await.refused(), (400, 10001));
    assert_eq!(local.get(GOOD, &at("/bad")).await.refused(), (404, 10007));

    let new = format!("/accounts/{NEW}/workers/scripts/first");
    let first = put(&local, &new, json!({"body_part": "worker.js"})).await;
    assert_eq!(first.refused(), (400, 10063));
}

#[tokio::test]
async fn bindings_that_are_not_sent_are_gone_unless_kept() {
    let local = Local::start().await;
    let first = json!({"body_part": "worker.js", "bindings": [
        {"type": "secret_text", "name": "S", "text": "hush"},
        {"type": "plain_text", "name": "P", "text": "open"},
    ]});
    put(&local, &at("/mine"), first).await.result();
    let keep = json!({"body_part": "worker.js", "keep_bindings": ["secret_text"], "bindings": [
        {"type": "inherit", "name": "P"},
    ]});
    put(&local, &at("/mine?bindings_inherit=strict"), keep)
        .await
        .result();
    assert_eq!(bindings(&local, "mine").await.as_array().unwrap().len(), 2);
    put(&local, &at("/mine"), json!({"body_part": "worker.js"}))
        .await
        .result();
    assert_eq!(bindings(&local, "mine").await, json!([]));
}

#[tokio::test]
async fn settings_of_versions_and_of_the_script() {
    let local = Local::start().await;
    put(&local, &at("/mine"), json!({"body_part": "worker.js"}))
        .await
        .result();
    let path = at("/mine/settings");
    let json = local.send("PATCH", &path, json!({"bindings": []})).await;
    assert_eq!(json.refused(), (400, 10001));
    let settings = json!({"bindings": [{"type": "plain_text", "name": "P", "text": "x"}]});
    let form = Form::new().text("settings", settings.to_string());
    let patched = got(local.call("PATCH", GOOD, &path).multipart(form)).await;
    assert_eq!(patched.result()["bindings"][0]["name"], "P");
    let versions = local.get(GOOD, &at("/mine/versions")).await.result();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);

    let path = at("/mine/script-settings");
    let body = json!({"observability": {"enabled": true}, "tags": ["a"]});
    local.send("PATCH", &path, body).await.result();
    let shown = local.get(GOOD, &path).await.result();
    assert_eq!(shown["tags"], json!(["a"]));
    assert_eq!(shown["observability"]["enabled"], true);
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let local = Local::start().await;
    let secrets = at("/mine/secrets");
    let secret = |name: &str| json!({"name": name, "text": "hush", "type": "secret_text"});
    let early = local.send("PUT", &secrets, secret("A")).await;
    assert_eq!(early.refused(), (404, 10007));
    put(&local, &at("/mine"), json!({"body_part": "worker.js"}))
        .await
        .result();
    let done = local.send("PUT", &secrets, secret("A")).await;
    assert_eq!(done.result(), json!({"name": "A", "type": "secret_text"}));
    let bulk = json!({"secrets": {"A": null, "B": secret("B"), "C": secret("C")}});
    let request = local
        .call("PATCH", GOOD, &at("/mine/secrets-bulk"))
        .header("content-type", "application/merge-patch+json")
        .body(bulk.to_string());
    assert_eq!(got(request).await.result()["B"]["type"], "secret_text");
    let all = local.get(GOOD, &secrets).await;
    assert!(!all.text().contains("hush"));
    assert_eq!(all.result().as_array().unwrap().len(), 2);
    let one = format!("{secrets}/B?url_encoded=true");
    assert_eq!(local.get(GOOD, &one).await.result()["name"], "B");
    local.send("DELETE", &one, json!({})).await.result();
    assert_eq!(local.get(GOOD, &one).await.refused(), (404, 10056));
    assert_eq!(
        local.send("DELETE", &one, json!({})).await.refused(),
        (404, 10056)
    );
}

#[tokio::test]
async fn versions_and_deployments() {
    let local = Local::start().await;
    let versions = at("/mine/versions");
    let metadata = json!({"main_module": "worker.js", "keep_bindings": ["secret_text"]});
    let post = || {
        local
            .call("POST", GOOD, &versions)
            .multipart(form(&metadata))
    };
    assert_eq!(got(post()).await.refused(), (404, 10007));
    let first = json!({"main_module": "worker.js", "bindings": [
        {"type": "secret_text", "name": "S", "text": "hush"},
    ]});
    put(&local, &at("/mine"), first).await.result();
    let made = got(post()).await.result();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["number"], 2);
    assert_eq!(
        made["resources"]["script"]["etag"].as_str().unwrap().len(),
        64
    );
    assert_eq!(made["resources"]["bindings"][0]["name"], "S");

    // The newest version does not run yet.
    let secret = json!({"name": "A", "text": "hush", "type": "secret_text"});
    let refused = local
        .send("PUT", &at("/mine/secrets"), secret.clone())
        .await;
    assert_eq!(refused.refused(), (400, 10215));

    let deployments = at("/mine/deployments");
    for versions in [json!([]), json!([{"version_id": id, "percentage": 90}])] {
        let body = json!({"strategy": "percentage", "versions": versions});
        let refused = local.send("POST", &deployments, body).await;
        assert_eq!(refused.status, 400);
    }
    let unknown = json!({"versions": [{"version_id": "no-such", "percentage": 100}]});
    let unknown = local.send("POST", &deployments, unknown).await;
    assert_eq!(unknown.refused(), (404, 100_146));
    let body =
        json!({"strategy": "percentage", "versions": [{"version_id": id, "percentage": 100}]});
    let done = local.send("POST", &deployments, body).await.result();
    let all = local.get(GOOD, &deployments).await.result();
    assert_eq!(all["deployments"][0], done);
    assert_eq!(all["deployments"].as_array().unwrap().len(), 2);
    let one = format!("{deployments}/{}", done["id"].as_str().unwrap());
    assert_eq!(local.get(GOOD, &one).await.result(), done);
    let none = local.get(GOOD, &format!("{deployments}/no-such")).await;
    assert_eq!(none.refused(), (404, 10336));
    local
        .send("PUT", &at("/mine/secrets"), secret)
        .await
        .result();
    let one = local.get(GOOD, &format!("{versions}/{id}")).await;
    assert_eq!(one.result()["id"], id);
    let none = local.get(GOOD, &format!("{versions}/no-such")).await;
    assert_eq!(none.refused(), (404, 100_146));
}

#[tokio::test]
async fn workers_dev_and_what_wrangler_asks() {
    let local = Local::start().await;
    let account = |id: &str| format!("/accounts/{id}/workers/subdomain");
    let shown = local.get(GOOD, &account(ACME)).await.result();
    assert_eq!(shown, json!({"subdomain": "acme"}));
    assert_eq!(local.get(GOOD, &account(NEW)).await.refused(), (404, 10007));
    let wanted = |name: &str| json!({"subdomain": name});
    let taken = local.send("PUT", &account(NEW), wanted("acme")).await;
    assert_eq!(taken.refused(), (409, 10031));
    local
        .send("PUT", &account(NEW), wanted("fresh"))
        .await
        .result();
    let again = local.send("PUT", &account(NEW), wanted("other")).await;
    assert_eq!(again.refused(), (409, 10036));

    let path = at("/someone-elses/subdomain");
    let off = local.get(GOOD, &path).await.result();
    assert_eq!(off, json!({"enabled": false, "previews_enabled": false}));
    let on = local
        .send(
            "POST",
            &path,
            json!({"enabled": true, "previews_enabled": false}),
        )
        .await;
    assert_eq!(on.result()["enabled"], true);

    let services = |name: &str| format!("/accounts/{ACME}/workers/services/{name}");
    let service = local.get(GOOD, &services("someone-elses")).await.result();
    let script = &service["default_environment"]["script"];
    assert_eq!(script["last_deployed_from"], "dash");
    assert_eq!(
        local.get(GOOD, &services("none")).await.refused(),
        (404, 10090)
    );
    local
        .get(GOOD, &at("/someone-elses/references"))
        .await
        .result();
    let tails = format!("/accounts/{ACME}/workers/tails/by-consumer/x");
    assert_eq!(local.get(GOOD, &tails).await.result(), json!([]));
    let path = format!("{}?force=true", services("someone-elses"));
    local.send("DELETE", &path, json!({})).await.result();
    assert_eq!(
        local.get(GOOD, &services("someone-elses")).await.refused(),
        (404, 10090)
    );
}
