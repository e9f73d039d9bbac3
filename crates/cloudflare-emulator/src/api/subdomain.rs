//! workers.dev: the account's label, and whether a script answers there (Cloudflare API notes §4.5). The edge does
//! not serve workers.dev.

use serde::Deserialize;
use serde_json::json;

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    scripts::{self, EDIT, READ},
};
use crate::account::Script;

const ACCOUNT: &str = "/accounts/{account_id}/workers/subdomain";
const SCRIPT: &str = "/accounts/{account_id}/workers/scripts/{script_name}/subdomain";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    match path {
        ["accounts", account, "workers", "subdomain"] => {
            let a = (*account).to_owned();
            Some(match method {
                "GET" => Endpoint::account(ACCOUNT, account, READ, move |c| get(c, &a)),
                "PUT" => Endpoint::account(ACCOUNT, account, EDIT, move |c| put(c, &a)),
                "DELETE" => Endpoint::account(ACCOUNT, account, EDIT, move |c| {
                    let mut world = c.world.write();
                    if let Some(account) = world.accounts.iter_mut().find(|x| x.id == a) {
                        account.subdomain = None;
                    }
                    Ok(Answer::ok(serde_json::Value::Null))
                }),
                _ => return None,
            })
        }
        ["accounts", account, "workers", "scripts", name, "subdomain"] => {
            let (a, name) = ((*account).to_owned(), (*name).to_owned());
            Some(match method {
                "GET" => Endpoint::account(SCRIPT, account, READ, move |c| {
                    let world = c.world.read();
                    Ok(shown(scripts::find(&world, &a, &name)?))
                }),
                "POST" => Endpoint::account(SCRIPT, account, EDIT, move |c| set(c, &a, &name)),
                "DELETE" => Endpoint::account(SCRIPT, account, EDIT, move |c| {
                    let mut world = c.world.write();
                    let script = scripts::find_mut(&mut world, &a, &name)?;
                    script.subdomain_enabled = false;
                    script.previews_enabled = false;
                    Ok(shown(script))
                }),
                _ => return None,
            })
        }
        _ => None,
    }
}

fn shown(script: &Script) -> Answer {
    Answer::ok(json!({
        "enabled": script.subdomain_enabled,
        "previews_enabled": script.previews_enabled,
    }))
}

fn get(call: &Call, account: &str) -> Reply {
    let world = call.world.read();
    match world.account(account).and_then(|a| a.subdomain.as_ref()) {
        Some(subdomain) => Ok(Answer::ok(json!({"subdomain": subdomain}))),
        None => Err(Refusal::new(
            404,
            10007,
            "You do not have a workers.dev subdomain.",
        )),
    }
}

#[derive(Deserialize)]
struct Label {
    subdomain: String,
}

fn put(call: &Call, account: &str) -> Reply {
    let label = call.json::<Label>(10026)?.subdomain;
    let well_formed = !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !well_formed {
        return Err(Refusal::new(400, 10030, "Invalid workers.dev subdomain."));
    }
    let mut world = call.world.write();
    let taken = world
        .accounts
        .iter()
        .any(|a| a.id != account && a.subdomain.as_deref() == Some(label.as_str()));
    if taken {
        return Err(Refusal::new(409, 10031, "This subdomain is taken."));
    }
    let Some(account) = world.accounts.iter_mut().find(|a| a.id == account) else {
        return Err(Refusal::new(404, 10005, "workers.api.error.not_found"));
    };
    if account.subdomain.is_some() {
        return Err(Refusal::new(
            409,
            10036,
            "Account already has an associated subdomain.",
        ));
    }
    account.subdomain = Some(label.clone());
    Ok(Answer::ok(json!({"subdomain": label})))
}

#[derive(Deserialize)]
struct Enabled {
    enabled: bool,
    #[serde(default)]
    previews_enabled: Option<bool>,
}

fn set(call: &Call, account: &str, name: &str) -> Reply {
    scripts::find(&call.world.read(), account, name)?;
    let wanted: Enabled = call.json(10026)?;
    let mut world = call.world.write();
    let script = scripts::find_mut(&mut world, account, name)?;
    script.subdomain_enabled = wanted.enabled;
    script.previews_enabled = wanted.previews_enabled.unwrap_or(wanted.enabled);
    Ok(shown(script))
}
