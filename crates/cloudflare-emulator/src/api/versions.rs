//! A script's versions (Cloudflare API notes §4.3).

use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    scripts::{self, EDIT, READ},
    upload,
};
use crate::{
    account::{Binding, Version},
    clock::rfc3339,
};

const ALL: &str = "/accounts/{account_id}/workers/scripts/{script_name}/versions";
const ONE: &str = "/accounts/{account_id}/workers/scripts/{script_name}/versions/{version_id}";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let [
        "accounts",
        account,
        "workers",
        "scripts",
        name,
        "versions",
        rest @ ..,
    ] = path
    else {
        return None;
    };
    let (a, name) = ((*account).to_owned(), (*name).to_owned());
    Some(match (method, rest) {
        ("GET", []) => Endpoint::account(ALL, account, READ, move |c| list(c, &a, &name)),
        ("POST", []) => Endpoint::account_waiting(ALL, account, EDIT, move |c| create(c, a, name)),
        ("GET", [id]) => {
            let id = (*id).to_owned();
            Endpoint::account(ONE, account, READ, move |c| {
                let world = c.world.read();
                let script = scripts::find(&world, &a, &name)?;
                let version = script.version(&id).ok_or_else(missing)?;
                Ok(Answer::ok(shown(version)))
            })
        }
        _ => return None,
    })
}

pub(super) fn missing() -> Refusal {
    Refusal::new(404, 100_146, "The version does not exist.")
}

fn list(call: &Call, account: &str, name: &str) -> Reply {
    let world = call.world.read();
    let script = scripts::find(&world, account, name)?;
    let number = |key: &str, usual: usize| {
        call.query(key)
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(usual)
            .max(1)
    };
    let (page, per_page) = (number("page", 1), number("per_page", 25).min(100));
    let items: Vec<Value> = script
        .versions
        .iter()
        .rev()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .map(|version| {
            let mut value = shown(version);
            if let Value::Object(map) = &mut value {
                map.remove("resources");
            }
            value
        })
        .collect();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": items.len(),
        "total_count": script.versions.len(),
        "total_pages": script.versions.len().div_ceil(per_page),
    });
    let mut answer = Answer::list(Vec::new(), info);
    if let super::answer::Body::Envelope(envelope) = &mut answer.body {
        envelope["result"] = json!({"items": items});
    }
    Ok(answer)
}

async fn create(call: Call, account: String, name: String) -> Reply {
    let (content, annotations) = upload::version(&call, &account, &name).await?;
    call.world.change(|world| {
        let script = scripts::find_mut(world, &account, &name)?;
        let id = script.add_version(content, call.source(), annotations, call.now_ms);
        let version = script.version(&id).ok_or_else(missing)?;
        Ok(Answer::ok(shown(version)))
    })
}

fn shown(version: &Version) -> Value {
    let content = &version.content;
    let bindings: Vec<Value> = content.bindings.iter().map(Binding::shown).collect();
    json!({
        "id": version.id,
        "number": version.number,
        "metadata": {
            "created_on": rfc3339(version.created_ms),
            "modified_on": rfc3339(version.created_ms),
            "source": version.source,
            "author_id": "d0000000000000000000000000000001",
            "author_email": "owner@example.com",
            "hasPreview": false,
            "has_preview": false,
        },
        "annotations": version.annotations,
        "resources": {
            "bindings": bindings,
            "script": {
                "etag": content.etag,
                "handlers": content.handlers,
                "last_deployed_from": version.source,
            },
            "script_runtime": {
                "compatibility_date": content.compatibility_date,
                "compatibility_flags": content.compatibility_flags,
                "usage_model": "standard",
            },
        },
        "startup_time_ms": scripts::startup_time_ms(version),
    })
}
