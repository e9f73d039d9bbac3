//! The happy story of every call, against the emulator's API.

use crate::{
    local::{GOOD, Local},
    support::{account, namespace, zone},
};
use cloudflare::{
    Binding, BulkPair, ErrorKind, Module, NewRoute, ScriptForm, ScriptName, ScriptUpload,
    TokenStatus, ZoneFilter,
};
use cloudflare_emulator::faults::FaultKind;
use serde_json::json;

fn worker() -> ScriptName {
    "edge-delivery-test".parse().unwrap()
}

fn upload(namespace: cloudflare::NamespaceId) -> ScriptUpload {
    ScriptUpload {
        form: ScriptForm::ServiceWorker {
            part: "worker.js".to_owned(),
            code: "addEventListener('fetch', () => {});".to_owned(),
        },
        compatibility_date: "2026-04-01".to_owned(),
        bindings: vec![
            Binding::KvNamespace {
                name: "VARIANTS".to_owned(),
                namespace,
            },
            Binding::SecretText {
                name: "SITE_KEY".to_owned(),
                text: "fake-site-key".to_owned(),
            },
            Binding::Json {
                name: "CONFIG".to_owned(),
                json: json!({"v": 1}),
            },
            Binding::PlainText {
                name: "NOTE".to_owned(),
                text: "plain".to_owned(),
            },
        ],
        keep_bindings: vec!["secret_text".to_owned()],
        tags: vec!["edge-delivery".to_owned(), "site-x".to_owned()],
    }
}

#[tokio::test]
async fn accounts_zones_and_the_token_itself() {
    let local = Local::start(Vec::new()).await;
    let api = local.api(GOOD);
    let verification = api.verify_user_token().await.unwrap();
    assert_eq!(verification.status, TokenStatus::Active);
    assert_eq!(verification.expires_on, None);

    let accounts = api.list_accounts().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(api.get_account(&account()).await.unwrap(), accounts[0]);
    let subdomain = api.account_subdomain(&account()).await.unwrap();
    assert_eq!(subdomain.as_deref(), Some("acme"));

    let zones = api.list_zones(&ZoneFilter::default()).await.unwrap();
    assert_eq!(zones[0].name, "shop.example");
    assert_eq!(
        zones[0].plan.as_ref().unwrap().legacy_id.as_deref(),
        Some("pro")
    );
    assert_eq!(api.get_zone(&zone()).await.unwrap(), zones[0]);
    let none = ZoneFilter {
        account: Some(account()),
        name: Some("other.example".to_owned()),
    };
    assert_eq!(api.list_zones(&none).await.unwrap(), Vec::new());
}

#[tokio::test]
async fn namespaces_values_and_keys() {
    let local = Local::start(Vec::new()).await;
    let (api, account) = (local.api(GOOD), account());
    let made = api.create_namespace(&account, "ours").await.unwrap();
    let again = api.create_namespace(&account, "ours").await.unwrap_err();
    assert_eq!(again.code(), Some(10_014));
    assert_eq!(api.get_namespace(&account, &made.id).await.unwrap(), made);
    assert_eq!(api.list_namespaces(&account).await.unwrap().len(), 2);

    let key = "v/html/a path/with?odd&signs%2F/é";
    let metadata = json!({"r": "0".repeat(64)});
    api.put_value(&account, &made.id, key, b"with".to_vec(), Some(&metadata))
        .await
        .unwrap();
    api.put_value(&account, &made.id, "plain", vec![0, 255, 7], None)
        .await
        .unwrap();
    let read = api.get_value(&account, &made.id, key).await.unwrap();
    assert_eq!(&read[..], b"with");
    let read = api.get_value(&account, &made.id, "plain").await.unwrap();
    assert_eq!(&read[..], [0, 255, 7]);
    let page = api
        .list_keys(&account, &made.id, Some("v/"), None)
        .await
        .unwrap();
    assert_eq!(page.keys[0].name, key);
    assert_eq!(page.keys[0].metadata.as_ref(), Some(&metadata));
    assert_eq!(page.cursor, None);
    for _ in 0..2 {
        api.delete_value(&account, &made.id, key).await.unwrap();
    }
    let gone = api.get_value(&account, &made.id, key).await.unwrap_err();
    assert!(gone.is_not_found());
    assert_eq!(gone.code(), Some(10_009));

    api.delete_namespace(&account, &made.id).await.unwrap();
    let gone = api.delete_namespace(&account, &made.id).await.unwrap_err();
    assert!(gone.is_not_found());
    assert_eq!(api.list_namespaces(&account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn thousands_of_values_and_pages_of_namespaces() {
    let local = Local::start(Vec::new()).await;
    let (api, account, namespace) = (local.api(GOOD), account(), namespace());
    let pairs: Vec<BulkPair> = (0..1_500)
        .map(|index| BulkPair {
            key: format!("v/html/{index:04}"),
            value: if index == 0 { "AP8=" } else { "text" }.to_owned(),
            base64: index == 0,
            metadata: Some(json!({"r": index})),
            expiration: None,
        })
        .collect();
    let outcome = api.bulk_put(&account, &namespace, &pairs).await.unwrap();
    assert_eq!((outcome.successful, outcome.unsuccessful.len()), (1_500, 0));
    let value = api
        .get_value(&account, &namespace, "v/html/0000")
        .await
        .unwrap();
    assert_eq!(&value[..], [0, 255]);

    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let page = api
            .list_keys(&account, &namespace, Some("v/"), cursor.as_deref())
            .await
            .unwrap();
        names.extend(page.keys.into_iter().map(|key| key.name));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = pairs.into_iter().map(|pair| pair.key).collect();
    assert_eq!(names, expected);
    let outcome = api.bulk_delete(&account, &namespace, &names).await.unwrap();
    assert_eq!(outcome.successful, 1_500);
    let page = api
        .list_keys(&account, &namespace, None, None)
        .await
        .unwrap();
    assert_eq!(page.keys, Vec::new());

    for index in 0..205 {
        let title = format!("title {index:03}");
        api.create_namespace(&account, &title).await.unwrap();
    }
    assert_eq!(api.list_namespaces(&account).await.unwrap().len(), 206);
}

#[tokio::test]
async fn scripts_in_both_forms_and_routes() {
    let local = Local::start(Vec::new()).await;
    let (api, account, zone) = (local.api(GOOD), account(), zone());
    let missing = api.get_script_settings(&account, &worker()).await;
    assert!(missing.unwrap_err().is_not_found());
    let uploaded = api
        .upload_script(&account, &worker(), &upload(namespace()))
        .await
        .unwrap();
    let scripts = api.list_scripts(&account).await.unwrap();
    assert_eq!(scripts[0].id, worker().as_str());
    assert_eq!(scripts[0].etag, uploaded.etag);
    assert!(uploaded.etag.is_some());
    assert_eq!(
        scripts[0].tags.as_deref(),
        Some(&["edge-delivery".to_owned(), "site-x".to_owned()][..])
    );
    let settings = api.get_script_settings(&account, &worker()).await.unwrap();
    assert_eq!(settings.kv_namespace("VARIANTS"), Some(namespace()));
    assert_eq!(settings.compatibility_date.as_deref(), Some("2026-04-01"));
    assert!(!format!("{settings:?}").contains("fake-site-key"));

    let modules = ScriptUpload {
        form: ScriptForm::Modules {
            main: "main.js".to_owned(),
            modules: vec![
                Module {
                    name: "main.js".to_owned(),
                    content_type: "application/javascript+module".to_owned(),
                    bytes:
                        b"import t from './t.txt'; export default { fetch: () => new Response(t) };"
                            .to_vec(),
                },
                Module {
                    name: "t.txt".to_owned(),
                    content_type: "text/plain".to_owned(),
                    bytes: b"text".to_vec(),
                },
            ],
        },
        ..upload(namespace())
    };
    let other: ScriptName = "modules".parse().unwrap();
    api.upload_script(&account, &other, &modules).await.unwrap();

    let mut route = NewRoute {
        pattern: "shop.example/*".to_owned(),
        script: Some(worker().to_string()),
        request_limit_fail_open: true,
    };
    let id = api.create_route(&zone, &route).await.unwrap();
    let again = api.create_route(&zone, &route).await.unwrap_err();
    assert_eq!(again.code(), Some(10_020));
    let routes = api.list_routes(&zone).await.unwrap();
    assert_eq!((routes.len(), &routes[0].id), (1, &id));
    assert_eq!(routes[0].request_limit_fail_open, Some(true));
    route.script = Some(other.to_string());
    api.update_route(&zone, &id, &route).await.unwrap();
    let routes = api.list_routes(&zone).await.unwrap();
    assert_eq!(routes[0].script.as_deref(), Some("modules"));
    route.pattern = "shop.example/robots.txt".to_owned();
    route.script = None;
    let exempt = api.create_route(&zone, &route).await.unwrap();
    let routes = api.list_routes(&zone).await.unwrap();
    let found = routes.iter().find(|route| route.id == exempt).unwrap();
    assert_eq!(found.script, None);

    for id in [&id, &exempt] {
        api.delete_route(&zone, id).await.unwrap();
    }
    assert!(
        api.delete_route(&zone, &id)
            .await
            .unwrap_err()
            .is_not_found()
    );
    for name in [&worker(), &other] {
        api.delete_script(&account, name, true).await.unwrap();
    }
    let gone = api.delete_script(&account, &worker(), false).await;
    assert!(gone.unwrap_err().is_not_found());
    assert_eq!(api.list_scripts(&account).await.unwrap(), Vec::new());
}

#[tokio::test]
async fn faults_before_and_after_an_effect() {
    let local = Local::start(Vec::new()).await;
    let (api, account) = (local.api(GOOD), account());
    local.fault(FaultKind::After, "POST", "/storage/kv/namespaces$", 1);
    let error = api.create_namespace(&account, "done").await.unwrap_err();
    assert!(error.effect_unknown());
    let found = api.list_namespaces(&account).await.unwrap();
    assert!(found.iter().any(|found| found.title == "done"));

    local.fault(FaultKind::Hang, "POST", "/storage/kv/namespaces$", 1);
    let error = api.create_namespace(&account, "hung").await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect(_)), "{error}");
    assert!(error.effect_unknown());
    let found = api.list_namespaces(&account).await.unwrap();
    assert!(found.iter().any(|found| found.title == "hung"));

    local.fault(FaultKind::Before, "PUT", "/workers/scripts/", 1);
    local.fault(FaultKind::RateLimited, "GET", "/workers/scripts$", 1);
    let upload = upload(namespace());
    let error = api.upload_script(&account, &worker(), &upload).await;
    assert!(error.unwrap_err().effect_unknown());
    api.upload_script(&account, &worker(), &upload)
        .await
        .unwrap();
    assert_eq!(api.list_scripts(&account).await.unwrap().len(), 1);

    local.fault(FaultKind::Html, "DELETE", "/workers/scripts/", 3);
    let error = api.delete_script(&account, &worker(), true).await;
    let error = error.unwrap_err();
    assert!(error.is_unavailable() && error.effect_unknown(), "{error}");
}
