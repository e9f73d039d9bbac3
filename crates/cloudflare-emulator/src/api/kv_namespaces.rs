//! KV namespaces (Cloudflare API notes §6.1).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
    new_id, paging, upload,
};
use crate::{
    account::{Level, Namespace, World, plain_id},
    limits::{KV_NAMESPACES, KV_TITLE_BYTES},
};

pub(super) const READ: (&str, Level) = ("workers_kv_storage", Level::Read);
pub(super) const EDIT: (&str, Level) = ("workers_kv_storage", Level::Edit);

const ALL: &str = "/accounts/{account_id}/storage/kv/namespaces";
const ONE: &str = "/accounts/{account_id}/storage/kv/namespaces/{namespace_id}";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let [
        "accounts",
        account,
        "storage",
        "kv",
        "namespaces",
        rest @ ..,
    ] = path
    else {
        return None;
    };
    let a = (*account).to_owned();
    Some(match (method, rest) {
        ("GET", []) => Endpoint::account(ALL, account, READ, move |c| list(c, &a)),
        ("POST", []) => Endpoint::account(ALL, account, EDIT, move |c| create(c, a)),
        ("GET", [id]) => {
            let id = (*id).to_owned();
            Endpoint::account(ONE, account, READ, move |c| {
                let world = c.world.read();
                let namespace = find(&world, &a, &id, "get namespace")?;
                Ok(Answer::ok(shown(namespace)))
            })
        }
        ("PUT", [id]) => {
            let id = (*id).to_owned();
            Endpoint::account(ONE, account, EDIT, move |c| rename(c, &a, &id))
        }
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            Endpoint::account(ONE, account, EDIT, move |c| remove(c, &a, &id))
        }
        _ => return None,
    })
}

/// The namespace of an account, or the refusal that `operation` answers.
pub(super) fn find<'a>(
    world: &'a World,
    account: &str,
    id: &str,
    operation: &str,
) -> Result<&'a Namespace, Refusal> {
    check_id(id, operation)?;
    world
        .namespace(account, id)
        .ok_or_else(|| missing(operation))
}

/// The same, to change what is in it.
pub(super) fn find_mut<'a>(
    world: &'a mut World,
    account: &str,
    id: &str,
    operation: &str,
) -> Result<&'a mut Namespace, Refusal> {
    check_id(id, operation)?;
    world
        .namespace_mut(account, id)
        .ok_or_else(|| missing(operation))
}

fn missing(operation: &str) -> Refusal {
    Refusal::new(404, 10013, format!("{operation}: 'namespace not found'"))
}

fn check_id(id: &str, operation: &str) -> Result<(), Refusal> {
    let plain = plain_id(id);
    if plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    let text = format!(
        "{operation}: 'could not parse UUID from request's namespace_id: 'invalid UUID length: {}''",
        id.len()
    );
    Err(Refusal::new(400, 10011, text))
}

fn shown(namespace: &Namespace) -> Value {
    json!({"id": namespace.id, "title": namespace.title, "supports_url_encoding": true})
}

fn list(call: &Call, account: &str) -> Reply {
    let world = call.world.read();
    let mut all: Vec<&Namespace> = world
        .namespaces
        .values()
        .filter(|n| n.account == account)
        .collect();
    match call.query("order") {
        None | Some("id") => {}
        Some("title") => all.sort_by(|a, b| a.title.cmp(&b.title)),
        Some(other) => {
            let text = format!("list namespaces: 'invalid order {other:?}'");
            return Err(Refusal::new(400, 10012, text));
        }
    }
    if call.query("direction") == Some("desc") {
        all.reverse();
    }
    paging::page(call, all, paging::NAMESPACES, shown)
}

#[derive(Deserialize)]
struct Titled {
    #[serde(default)]
    title: String,
}

fn title(
    call: &Call,
    world: &World,
    account: &str,
    own: Option<&str>,
    operation: &str,
) -> Result<String, Refusal> {
    let title = call.json::<Titled>(10012)?.title;
    if title.is_empty() {
        let text = format!("{operation}: 'namespace title is required'");
        return Err(Refusal::new(400, 10019, text));
    }
    if title.len() > KV_TITLE_BYTES {
        let text = format!("{operation}: 'namespace title is longer than {KV_TITLE_BYTES} bytes'");
        return Err(Refusal::new(400, 10019, text));
    }
    let taken = world
        .namespaces
        .values()
        .any(|n| n.account == account && n.title == title && Some(n.id.as_str()) != own);
    if taken {
        let text =
            format!("{operation}: 'A namespace with this account ID and title already exists'");
        return Err(Refusal::new(400, 10014, text));
    }
    Ok(title)
}

fn create(call: &Call, account: String) -> Reply {
    call.world.change(|world| {
        if world.account(&account).is_some_and(|a| !a.workers) {
            return Err(upload::not_in_plan());
        }
        let title = title(call, world, &account, None, "create namespace")?;
        let there = world
            .namespaces
            .values()
            .filter(|n| n.account == account)
            .count();
        if there >= KV_NAMESPACES {
            // The status and code of the real service are not known.
            let text = format!(
                "create namespace: 'an account may have at most {KV_NAMESPACES} namespaces'"
            );
            return Err(Refusal::new(403, 10026, text));
        }
        let namespace = Namespace {
            id: new_id(),
            account,
            title,
            ..Namespace::default()
        };
        let answer = Answer::ok(shown(&namespace));
        world.namespaces.insert(namespace.id.clone(), namespace);
        Ok(answer)
    })
}

fn rename(call: &Call, account: &str, id: &str) -> Reply {
    let operation = "rename namespace";
    call.world.change(|world| {
        let own = find(world, account, id, operation)?.id.clone();
        let title = title(call, world, account, Some(&own), operation)?;
        let namespace = find_mut(world, account, id, operation)?;
        namespace.title = title;
        Ok(Answer::ok(shown(namespace)))
    })
}

/// Also while a script is bound to it: the script then reads nothing.
fn remove(call: &Call, account: &str, id: &str) -> Reply {
    call.world.change(|world| {
        let id = find(world, account, id, "remove namespace")?.id.clone();
        world.namespaces.remove(&id);
        Ok(Answer::ok(Value::Null))
    })
}
