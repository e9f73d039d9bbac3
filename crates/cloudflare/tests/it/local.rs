//! The emulator's API, for one test.

use crate::support::{account, client, namespace, zone};
use cloudflare::{Api, ApiToken};
use cloudflare_emulator::{
    SharedWorld, StateFile, api,
    faults::{FaultKind, FaultMatch, FaultSpec},
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const GOOD: &str = "local-demo-good-000000000000000000000000";
pub(crate) const PERMISSIONS: [(&str, &str); 5] = [
    ("workers_scripts", "edit"),
    ("workers_kv_storage", "edit"),
    ("account_settings", "read"),
    ("workers_routes", "edit"),
    ("zone", "read"),
];

/// The emulator's API with one account, one zone and a namespace of somebody else's. Ends when dropped.
pub(crate) struct Local {
    pub(crate) world: Arc<SharedWorld>,
    base: String,
    _stop: DropGuard,
}

pub(crate) fn permissions(without: Option<&str>) -> Value {
    let granted: Map<String, Value> = PERMISSIONS
        .iter()
        .filter(|(name, _)| Some(*name) != without)
        .map(|(name, level)| ((*name).to_owned(), json!(level)))
        .collect();
    Value::Object(granted)
}

impl Local {
    pub(crate) async fn start(tokens: Vec<Value>) -> Self {
        let mut tokens = tokens;
        tokens.push(json!({"value": GOOD, "permissions": permissions(None)}));
        let state: StateFile = serde_json::from_value(json!({
            "accounts": [{"id": account(), "name": "Acme", "subdomain": "acme"}],
            "zones": [{"id": zone(), "account": account(), "name": "shop.example", "plan": "pro"}],
            "namespaces": [{"id": namespace(), "account": account(), "title": "someone-elses"}],
            "tokens": tokens,
        }))
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/client/v4", listener.local_addr().unwrap());
        let world = SharedWorld::new(state.into_world().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(api::serve(listener, Arc::clone(&world), None, stop.clone()));
        Self {
            world,
            base,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn api(&self, token: &str) -> Api {
        client(&self.base, Duration::from_secs(10)).with_token(ApiToken::new(token))
    }

    pub(crate) fn fault(&self, kind: FaultKind, method: &str, path: &str, times: u64) {
        self.world
            .faults()
            .add(&FaultSpec {
                matching: FaultMatch {
                    method: Some(method.to_owned()),
                    path: Some(path.to_owned()),
                },
                kind,
                status: None,
                code: None,
                skip: 0,
                times,
                retry_after: None,
                delay_ms: matches!(kind, FaultKind::Timeout | FaultKind::Hang).then_some(100),
            })
            .unwrap();
    }
}
