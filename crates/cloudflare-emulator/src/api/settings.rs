//! A script's settings: those of a version, and those of the script itself (Cloudflare API notes §4.2).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    bindings,
    call::{Call, Endpoint, safe},
    form,
    scripts::{self, EDIT, READ},
    upload,
};
use crate::account::{Binding, Script};

const SETTINGS: &str = "/accounts/{account_id}/workers/scripts/{script_name}/settings";
const SCRIPT_SETTINGS: &str =
    "/accounts/{account_id}/workers/scripts/{script_name}/script-settings";

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    let ["accounts", account, "workers", "scripts", name, last] = path else {
        return None;
    };
    let (a, name) = ((*account).to_owned(), (*name).to_owned());
    Some(match (method, *last) {
        ("GET", "settings") => Endpoint::account(SETTINGS, account, READ, move |c| {
            let world = c.world.read();
            Ok(Answer::ok(shown(scripts::find(&world, &a, &name)?)))
        }),
        ("PATCH", "settings") => {
            Endpoint::account_waiting(SETTINGS, account, EDIT, move |c| patch(c, a, name))
        }
        ("GET", "script-settings") => Endpoint::account(SCRIPT_SETTINGS, account, READ, move |c| {
            let world = c.world.read();
            Ok(Answer::ok(of_script(scripts::find(&world, &a, &name)?)))
        }),
        ("PATCH", "script-settings") => {
            Endpoint::account(SCRIPT_SETTINGS, account, EDIT, move |c| {
                patch_script(c, &a, &name)
            })
        }
        _ => return None,
    })
}

fn of_script(script: &Script) -> Value {
    let mut value = json!({
        "logpush": false,
        "observability": {"enabled": false, "head_sampling_rate": null},
        "tags": (!script.tags.is_empty()).then_some(&script.tags),
        "tail_consumers": null,
    });
    for (key, setting) in &script.settings {
        value[key] = setting.clone();
    }
    value
}

fn shown(script: &Script) -> Value {
    let mut value = of_script(script);
    value["usage_model"] = json!("standard");
    value["placement"] = json!({});
    if let Some(version) = script.newest() {
        let content = &version.content;
        let bindings: Vec<Value> = content.bindings.iter().map(Binding::shown).collect();
        value["bindings"] = json!(bindings);
        value["compatibility_date"] = json!(content.compatibility_date);
        value["compatibility_flags"] = json!(content.compatibility_flags);
        for (key, setting) in &content.extra {
            value[key] = setting.clone();
        }
    }
    value
}

#[derive(Deserialize)]
struct Patch {
    #[serde(default)]
    bindings: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    compatibility_date: Option<String>,
    #[serde(default)]
    compatibility_flags: Option<Vec<String>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A form with one part, `settings`; JSON as such is refused (measured). Makes a new version that runs at once.
async fn patch(call: Call, account: String, name: String) -> Reply {
    scripts::find(&call.world.read(), &account, &name)?;
    if !form::is_form(&call) {
        return Err(Refusal::new(
            400,
            10001,
            "Content-Type must be one of: multipart/form-data.",
        ));
    }
    let bad = |e: String| Refusal::new(400, 10026, e);
    let parts = form::parts(&call).await.map_err(bad)?;
    let map = form::object(&parts, "settings")
        .map_err(bad)?
        .ok_or_else(|| bad("the form has no part named settings".into()))?;
    let patch: Patch = serde_json::from_value(Value::Object(map)).map_err(|e| bad(safe(&e)))?;
    if let Some(date) = &patch.compatibility_date {
        upload::check_date(date, call.now_ms)?;
    }
    upload::check_tags(patch.tags.as_deref())?;
    let (source, now) = (call.source(), call.now_ms);
    call.world.change(|world| {
        let before = scripts::find(world, &account, &name)?
            .newest()
            .map(|v| v.content.clone());
        let mut content = before.ok_or_else(|| bad("the script has no version".into()))?;
        if let Some(sent) = patch.bindings {
            content.bindings =
                bindings::resolve(world, &account, sent, Some(&content.bindings), &[], true)?;
        }
        if let Some(date) = patch.compatibility_date {
            content.compatibility_date = Some(date);
        }
        if let Some(flags) = patch.compatibility_flags {
            content.compatibility_flags = flags;
        }
        content.extra.extend(upload::picked(
            &patch.rest,
            &["placement", "limits", "usage_model"],
        ));
        let script = scripts::find_mut(world, &account, &name)?;
        if let Some(tags) = patch.tags {
            script.tags = tags;
        }
        script.settings.extend(upload::picked(
            &patch.rest,
            &["logpush", "observability", "tail_consumers"],
        ));
        let id = script.add_version(content, source, Map::new(), now);
        script.deploy(vec![(id, 100.0)], source, Map::new(), now);
        Ok(Answer::ok(shown(script)))
    })
}

fn patch_script(call: &Call, account: &str, name: &str) -> Reply {
    scripts::find(&call.world.read(), account, name)?;
    let patch: Patch = call.json(10026)?;
    upload::check_tags(patch.tags.as_deref())?;
    call.world.change(|world| {
        let script = scripts::find_mut(world, account, name)?;
        if let Some(tags) = patch.tags {
            script.tags = tags;
        }
        script.settings.extend(upload::picked(
            &patch.rest,
            &["logpush", "observability", "tail_consumers"],
        ));
        script.modified_ms = call.now_ms;
        Ok(Answer::ok(of_script(script)))
    })
}
