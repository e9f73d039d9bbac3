//! What only wrangler and the dashboard ask for: services, references, tails, account settings, and lists that are
//! always empty here (Cloudflare API notes §4.2, §9).

use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    scripts::{self, EDIT, READ},
};

const SERVICE: &str = "/accounts/{account_id}/workers/services/{service_name}";
const REFERENCES: &str = "/accounts/{account_id}/workers/scripts/{script_name}/references";
const SCHEDULES: &str = "/accounts/{account_id}/workers/scripts/{script_name}/schedules";
const TAILS: &str = "/accounts/{account_id}/workers/tails/by-consumer/{script_name}";
const SETTINGS: &str = "/accounts/{account_id}/workers/account-settings";
const DOMAINS: &str = "/accounts/{account_id}/workers/domains";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let ["accounts", account, "workers", rest @ ..] = path else {
        return None;
    };
    let a = (*account).to_owned();
    Some(match (method, rest) {
        ("GET", ["services", name]) => {
            let name = (*name).to_owned();
            Endpoint::account(SERVICE, account, READ, move |c| service(c, &a, &name))
        }
        ("DELETE", ["services", name]) => {
            let name = (*name).to_owned();
            Endpoint::account(SERVICE, account, EDIT, move |c| {
                scripts::remove(c, &a, &name).map_err(|_| missing())
            })
        }
        ("GET", ["scripts", name, "references"]) => {
            let name = (*name).to_owned();
            Endpoint::account(REFERENCES, account, READ, move |c| {
                scripts::find(&c.world.read(), &a, &name)?;
                Ok(Answer::ok(json!({
                    "services": {"incoming": [], "outgoing": []},
                    "durable_objects": [],
                    "dispatch_outbounds": [],
                })))
            })
        }
        ("GET", ["scripts", name, "schedules"]) => {
            let name = (*name).to_owned();
            Endpoint::account(SCHEDULES, account, READ, move |c| {
                scripts::find(&c.world.read(), &a, &name)?;
                Ok(Answer::ok(json!({"schedules": []})))
            })
        }
        ("GET", ["tails", "by-consumer", _]) => Endpoint::account(TAILS, account, READ, nothing),
        ("GET", ["domains"]) => Endpoint::account(DOMAINS, account, READ, nothing),
        ("GET", ["account-settings"]) => Endpoint::account(SETTINGS, account, READ, |_| {
            Ok(Answer::ok(
                json!({"default_usage_model": "standard", "green_compute": false}),
            ))
        }),
        _ => return None,
    })
}

fn nothing(_: &Call) -> Reply {
    Ok(Answer::ok(Vec::<Value>::new()))
}

fn missing() -> Refusal {
    Refusal::new(404, 10090, "This Worker does not exist on your account.")
}

fn service(call: &Call, account: &str, name: &str) -> Reply {
    let world = call.world.read();
    let script = scripts::find(&world, account, name).map_err(|_| missing())?;
    let shown = scripts::shown(name, script);
    let (created, modified) = (shown["created_on"].clone(), shown["modified_on"].clone());
    Ok(Answer::ok(json!({
        "id": name,
        "created_on": created,
        "modified_on": modified,
        "usage_model": "standard",
        "default_environment": {
            "environment": "production",
            "created_on": created,
            "modified_on": modified,
            "script": shown,
        },
        "environments": [{"environment": "production"}],
    })))
}
