//! What tokens of every kind may do and are told.

use crate::{
    local::{GOOD, Local, PERMISSIONS, permissions},
    support::{account, zone},
};
use cloudflare::{AccountId, Api, Granted, TokenStatus};
use serde_json::{Map, Value, json};

/// The five answers in the order of [`PERMISSIONS`]: `y`, `n` or `?`.
async fn probe(api: &Api, account: &AccountId) -> String {
    [
        api.probe_workers_scripts_write(account).await,
        api.probe_kv_write(account).await,
        api.probe_account_settings_read(account).await,
        api.probe_routes_write(&zone()).await,
        api.probe_zone_read(account).await,
    ]
    .iter()
    .map(|granted| match granted {
        Granted::Yes { .. } => 'y',
        Granted::No { .. } => 'n',
        Granted::Unknown { .. } => '?',
    })
    .collect()
}

#[tokio::test]
async fn the_questions_find_the_missing_permission_and_change_nothing() {
    let lacking = |name: &str| format!("local-demo-without-{name:0<30}");
    let mut tokens: Vec<Value> = PERMISSIONS
        .iter()
        .map(|(name, _)| json!({"value": lacking(name), "permissions": permissions(Some(name))}))
        .collect();
    let read_only: Map<String, Value> = PERMISSIONS
        .iter()
        .map(|(name, _)| ((*name).to_owned(), json!("read")))
        .collect();
    let read = "local-demo-read-only-0000000000000000000";
    tokens.push(json!({"value": read, "permissions": read_only}));
    let local = Local::start(tokens).await;
    let before = format!("{:?}", local.world.read().namespaces);

    assert_eq!(probe(&local.api(GOOD), &account()).await, "yyyyy");
    assert_eq!(probe(&local.api(read), &account()).await, "nnyny");
    for (index, (name, _)) in PERMISSIONS.iter().enumerate() {
        let answers = probe(&local.api(&lacking(name)), &account()).await;
        for (place, answer) in answers.chars().enumerate() {
            if place == index {
                assert_ne!(answer, 'y', "{name}: {answers}");
            } else {
                assert_eq!(answer, 'y', "{name}: {answers}");
            }
        }
    }

    let granted = local.api(read).probe_kv_write(&account()).await;
    let Granted::No { evidence, error } = granted else {
        panic!("{granted:?}");
    };
    assert_eq!((error.status, error.code()), (Some(403), Some(10_000)));
    assert_eq!(
        evidence,
        "POST /accounts/{account}/storage/kv/namespaces: Authentication error (HTTP 403, code 10000)"
    );
    // On the lower level, reading works; without the permission, it does not.
    let read_only = local.api(read);
    for granted in [
        read_only.probe_workers_scripts_read(&account()).await,
        read_only.probe_kv_read(&account()).await,
    ] {
        assert!(matches!(granted, Granted::Yes { .. }), "{granted:?}");
    }
    let none = local.api(&lacking("workers_kv_storage"));
    let granted = none.probe_kv_read(&account()).await;
    assert!(matches!(granted, Granted::No { .. }), "{granted:?}");
    let world = local.world.read();
    assert_eq!(format!("{:?}", world.namespaces), before);
    assert!(world.scripts.is_empty() && world.routes.is_empty());
}

#[tokio::test]
async fn bad_tokens_are_told_apart() {
    let own = "local-demo-account-00000000000000000000";
    let local = Local::start(vec![
        json!({"value": own, "kind": "account", "permissions": permissions(None)}),
        json!({"value": "local-demo-expired-000000000000000000000", "expires_on": "2020-01-01T00:00:00Z",
            "permissions": permissions(None)}),
        json!({"value": "local-demo-disabled-00000000000000000000", "status": "disabled",
            "permissions": permissions(None)}),
        json!({"value": "local-demo-elsewhere-0000000000000000000", "allowed_ips": ["203.0.113.0/24"],
            "permissions": permissions(None)}),
    ])
    .await;

    let unknown = local.api("local-demo-unknown-000000000000000000000");
    assert!(
        unknown
            .verify_user_token()
            .await
            .unwrap_err()
            .is_unauthenticated()
    );
    assert!(
        unknown
            .list_accounts()
            .await
            .unwrap_err()
            .is_unauthenticated()
    );
    let error = unknown.list_scripts(&account()).await.unwrap_err();
    assert!(error.is_unauthenticated() && !error.is_forbidden());

    let malformed = local.api("two words");
    let error = malformed.verify_user_token().await.unwrap_err();
    assert!(error.is_unauthenticated());
    assert_eq!(error.errors[0].error_chain[0].code, Some(6111));

    let own = local.api(own);
    assert!(
        own.verify_user_token()
            .await
            .unwrap_err()
            .is_unauthenticated()
    );
    let verification = own.verify_account_token(&account()).await.unwrap();
    assert_eq!(verification.status, TokenStatus::Active);

    for (token, status) in [
        (
            "local-demo-expired-000000000000000000000",
            TokenStatus::Expired,
        ),
        (
            "local-demo-disabled-00000000000000000000",
            TokenStatus::Disabled,
        ),
    ] {
        let verification = local.api(token).verify_user_token().await.unwrap();
        assert_eq!(verification.status, status);
    }
    let elsewhere = local.api("local-demo-elsewhere-0000000000000000000");
    let error = elsewhere.list_accounts().await.unwrap_err();
    assert!(error.is_ip_restricted(), "{error}");
}
