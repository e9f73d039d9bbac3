//! A script's deployments: which version gets which part of the traffic (Cloudflare API notes §4.3). The edge gives
//! all traffic to the version with the largest part.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    scripts::{self, EDIT, READ},
    versions,
};
use crate::{account::Deployment, clock::rfc3339};

const ALL: &str = "/accounts/{account_id}/workers/scripts/{script_name}/deployments";
const ONE: &str =
    "/accounts/{account_id}/workers/scripts/{script_name}/deployments/{deployment_id}";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let [
        "accounts",
        account,
        "workers",
        "scripts",
        name,
        "deployments",
        rest @ ..,
    ] = path
    else {
        return None;
    };
    let (a, name) = ((*account).to_owned(), (*name).to_owned());
    Some(match (method, rest) {
        ("GET", []) => Endpoint::account(ALL, account, READ, move |c| {
            let world = c.world.read();
            let script = scripts::find(&world, &a, &name)?;
            let all: Vec<Value> = script.deployments.iter().rev().map(shown).collect();
            Ok(Answer::ok(json!({"deployments": all})))
        }),
        ("POST", []) => Endpoint::account(ALL, account, EDIT, move |c| create(c, &a, &name)),
        ("GET", [id]) => {
            let id = (*id).to_owned();
            Endpoint::account(ONE, account, READ, move |c| {
                let world = c.world.read();
                let script = scripts::find(&world, &a, &name)?;
                let found = script.deployments.iter().find(|d| d.id == id);
                let missing = || Refusal::new(404, 10336, "The deployment does not exist.");
                Ok(Answer::ok(shown(found.ok_or_else(missing)?)))
            })
        }
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Share {
    version_id: String,
    percentage: f64,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    strategy: Option<String>,
    #[serde(default)]
    versions: Vec<Share>,
    #[serde(default)]
    annotations: Option<Map<String, Value>>,
}

fn create(call: &Call, account: &str, name: &str) -> Reply {
    scripts::find(&call.world.read(), account, name)?;
    let wanted: Wanted = call.json(10026)?;
    let bad = |text: &str| Err(Refusal::new(400, 10026, text));
    if wanted
        .strategy
        .as_deref()
        .is_some_and(|s| s != "percentage")
    {
        return bad("strategy must be percentage");
    }
    let sum: f64 = wanted.versions.iter().map(|v| v.percentage).sum();
    let all_positive = wanted.versions.iter().all(|v| v.percentage > 0.0);
    if !all_positive || (sum - 100.0).abs() > 0.01 {
        return bad("the percentages of the versions must be more than 0 and sum to 100");
    }
    call.world.change(|world| {
        let script = scripts::find_mut(world, account, name)?;
        let mut shares = Vec::new();
        for share in wanted.versions {
            let version = script
                .version(&share.version_id)
                .ok_or_else(versions::missing)?;
            shares.push((version.id.clone(), share.percentage));
        }
        let annotations = wanted.annotations.unwrap_or_default();
        script.deploy(shares, call.source(), annotations, call.now_ms);
        Ok(Answer::ok(script.deployments.last().map(shown)))
    })
}

fn shown(deployment: &Deployment) -> Value {
    let versions: Vec<Value> = deployment
        .versions
        .iter()
        .map(|(id, share)| json!({"version_id": id, "percentage": share}))
        .collect();
    json!({
        "id": deployment.id,
        "created_on": rfc3339(deployment.created_ms),
        "source": deployment.source,
        "strategy": "percentage",
        "author_email": "owner@example.com",
        "annotations": deployment.annotations,
        "versions": versions,
    })
}
