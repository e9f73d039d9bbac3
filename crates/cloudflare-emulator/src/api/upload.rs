//! Uploading code: as a script or as a version, in both worker forms (Cloudflare API notes §4.1).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    bindings,
    call::{Call, safe},
    form::{self, Part},
    scripts,
};
use crate::{
    account::{Binding, Code, Content, Module, Script, World},
    limits::{SCRIPT_BYTES, SCRIPT_NAME_BYTES, SCRIPT_TAGS, SCRIPTS},
};

/// What a client says of its upload.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) main_module: Option<String>,
    pub(super) body_part: Option<String>,
    pub(super) compatibility_date: Option<String>,
    pub(super) compatibility_flags: Option<Vec<String>>,
    pub(super) bindings: Vec<Map<String, Value>>,
    pub(super) keep_bindings: Option<Vec<String>>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) annotations: Option<Map<String, Value>>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// Fields of the metadata that belong to the script rather than to a version.
const SCRIPT_SETTINGS: &[&str] = &["logpush", "observability", "tail_consumers"];
/// Fields of the metadata that are kept with a version as they are.
const VERSION_SETTINGS: &[&str] = &["placement", "limits", "usage_model"];

fn bad(code: u32, text: impl Into<String>) -> Refusal {
    Refusal::new(400, code, text)
}

/// `PUT …/scripts/{name}`: a new version that runs at once.
pub(super) async fn put(call: Call, account: String, name: String) -> Reply {
    check_account(&call.world.read(), &account)?;
    check_name(&name)?;
    let (metadata, parts) = sent(&call).await?;
    {
        let world = call.world.read();
        if world.script(&account, &name).is_none() {
            let no_subdomain = world
                .account(&account)
                .is_none_or(|a| a.subdomain.is_none());
            if no_subdomain {
                return Err(bad(
                    10063,
                    "You need a workers.dev subdomain in order to proceed.",
                ));
            }
            let there = world.scripts.keys().filter(|(a, _)| a == &account).count();
            if there >= SCRIPTS {
                let text = format!("an account may have at most {SCRIPTS} Workers");
                return Err(Refusal::new(403, 10037, text));
            }
        }
    }
    let content = build(&call, &account, &name, &metadata, &parts)?;
    start_check(&call, &name, &content).await?;
    let (source, now) = (call.source(), call.now_ms);
    call.world.change(|world| {
        still_bound(world, &account, &content)?;
        let annotations = annotations(&metadata);
        let key = (account.clone(), name.clone());
        if let Some(script) = world.scripts.get_mut(&key) {
            let id = script.add_version(content, source, annotations, now);
            script.deploy(vec![(id, 100.0)], source, Map::new(), now);
        } else {
            let mut script = Script::new(content, source, now);
            if let Some(version) = script.versions.last_mut() {
                version.annotations = annotations;
            }
            world.scripts.insert(key, script);
        }
        let script = scripts::find_mut(world, &account, &name)?;
        settle(script, &metadata)?;
        Ok(Answer::ok(scripts::shown(&name, script)))
    })
}

/// `PUT …/scripts/{name}/content`: new code, everything else as before.
pub(super) async fn content(call: Call, account: String, name: String) -> Reply {
    check_account(&call.world.read(), &account)?;
    scripts::find(&call.world.read(), &account, &name)?;
    let (metadata, parts) = sent(&call).await?;
    let code = code(&metadata, &parts)?;
    let next = {
        let world = call.world.read();
        let script = scripts::find(&world, &account, &name)?;
        let before = script
            .newest()
            .map(|v| &v.content)
            .ok_or_else(|| bad(10021, "the script has no version"))?;
        let mut next = scripts::content(
            code,
            before.compatibility_date.clone(),
            before.compatibility_flags.clone(),
            before.bindings.clone(),
        );
        next.extra.clone_from(&before.extra);
        next
    };
    check_handlers(&next)?;
    start_check(&call, &name, &next).await?;
    let (source, now) = (call.source(), call.now_ms);
    call.world.change(|world| {
        let script = scripts::find_mut(world, &account, &name)?;
        let id = script.add_version(next, source, Map::new(), now);
        script.deploy(vec![(id, 100.0)], source, Map::new(), now);
        Ok(Answer::ok(scripts::shown(&name, script)))
    })
}

/// A version that does not run yet: its content and annotations.
pub(super) async fn version(
    call: &Call,
    account: &str,
    name: &str,
) -> Result<(Content, Map<String, Value>), Refusal> {
    check_account(&call.world.read(), account)?;
    scripts::find(&call.world.read(), account, name)?;
    let (mut metadata, parts) = sent(call).await?;
    // A plain `wrangler deploy` (4.86) sends no list here and yet promises never to lose a secret.
    metadata
        .keep_bindings
        .get_or_insert_with(|| ["secret_text", "secret_key"].map(str::to_owned).into());
    if metadata.main_module.is_none() {
        return Err(bad(10021, "main_module is required: versions are modules"));
    }
    let content = build(call, account, name, &metadata, &parts)?;
    start_check(call, name, &content).await?;
    Ok((content, annotations(&metadata)))
}

/// Refuses what no script may be called: `[a-z0-9_][a-z0-9-_]*`.
/// Whether this account may upload at all. That it is looked at after the permission and before the upload is a guess.
fn check_account(world: &World, account: &str) -> Result<(), Refusal> {
    match world.account(account) {
        Some(account) if !account.email_verified => Err(Refusal::new(
            403,
            10034,
            "workers.api.error.email_verification_required",
        )),
        Some(account) if !account.workers => Err(not_in_plan()),
        _ => Ok(()),
    }
}

/// The refusal of an account that Workers or KV is not available to.
pub(super) fn not_in_plan() -> Refusal {
    Refusal::new(
        403,
        10037,
        "This is not available to your account, or a limit of its plan is reached.",
    )
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let first = name.bytes().next().is_some_and(|b| b != b'-');
    let all = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if first && all && name.len() <= SCRIPT_NAME_BYTES {
        return Ok(());
    }
    Err(bad(
        10016,
        "Invalid Worker name. Names use lowercase alphanumeric characters, underscores and dashes only, \
         start with no dash and have at most 63 characters.",
    ))
}

/// The form that was sent; a script alone is a service worker without bindings.
async fn sent(call: &Call) -> Result<(Metadata, Vec<Part>), Refusal> {
    let kind = call.content_type().to_ascii_lowercase();
    let is_form = form::is_form(call) || form::hidden_boundary(&call.body).is_some();
    if is_form {
        let parts = form::parts(call).await.map_err(|e| bad(10026, e))?;
        let map = form::object(&parts, "metadata")
            .map_err(|e| bad(10026, e))?
            .ok_or_else(|| bad(10026, "the form has no part named metadata"))?;
        let metadata = serde_json::from_value(Value::Object(map))
            .map_err(|e| bad(10026, format!("metadata: {}", safe(&e))))?;
        return Ok((metadata, parts));
    }
    if kind.starts_with("application/javascript") || kind.starts_with("text/javascript") {
        let part = Part {
            name: "script".into(),
            file_name: None,
            content_type: Some("application/javascript".into()),
            bytes: call.body.clone(),
        };
        let metadata = Metadata {
            body_part: Some("script".into()),
            ..Metadata::default()
        };
        return Ok((metadata, vec![part]));
    }
    Err(bad(
        10001,
        "Content-Type must be one of: multipart/form-data, application/javascript.",
    ))
}

/// The code of a form. Modules go by their file name: the Python SDK calls every part `files`.
fn code(metadata: &Metadata, parts: &[Part]) -> Result<Code, Refusal> {
    let named = |part: &Part| part.file_name.clone().unwrap_or_else(|| part.name.clone());
    let is_code = |part: &&Part| !part.name.starts_with("metadata");
    let code = if let Some(main) = &metadata.main_module {
        let modules: Vec<Module> = parts
            .iter()
            .filter(is_code)
            .map(|part| Module {
                name: named(part),
                content_type: part
                    .content_type
                    .clone()
                    .unwrap_or_else(|| "application/javascript+module".into()),
                bytes: part.bytes.clone(),
            })
            .collect();
        if !modules.iter().any(|m| &m.name == main) {
            return Err(bad(10021, format!("No such module \"{main}\".")));
        }
        Code::Modules {
            main: main.clone(),
            modules,
        }
    } else if let Some(body) = &metadata.body_part {
        let part = parts
            .iter()
            .filter(is_code)
            .find(|part| &part.name == body || part.file_name.as_ref() == Some(body))
            .ok_or_else(|| bad(10021, format!("No such part \"{body}\".")))?;
        Code::ServiceWorker {
            name: body.clone(),
            code: part.bytes.clone(),
        }
    } else {
        return Err(bad(10021, "metadata must name main_module or body_part."));
    };
    if code.size() > SCRIPT_BYTES {
        return Err(Refusal::new(
            413,
            10027,
            "workers.api.error.script_too_large",
        ));
    }
    Ok(code)
}

fn build(
    call: &Call,
    account: &str,
    name: &str,
    metadata: &Metadata,
    parts: &[Part],
) -> Result<Content, Refusal> {
    let code = code(metadata, parts)?;
    if let Some(date) = &metadata.compatibility_date {
        check_date(date, call.now_ms)?;
    }
    check_tags(metadata.tags.as_deref())?;
    let world = call.world.read();
    let before = world
        .script(account, name)
        .and_then(Script::newest)
        .map(|v| v.content.bindings.as_slice());
    let bindings = bindings::resolve(
        &world,
        account,
        metadata.bindings.clone(),
        before,
        metadata.keep_bindings.as_deref().unwrap_or_default(),
        call.query("bindings_inherit") == Some("strict"),
    )?;
    let flags = metadata.compatibility_flags.clone().unwrap_or_default();
    let mut content = scripts::content(code, metadata.compatibility_date.clone(), flags, bindings);
    content.extra = picked(&metadata.rest, VERSION_SETTINGS);
    check_handlers(&content)?;
    Ok(content)
}

fn check_handlers(content: &Content) -> Result<(), Refusal> {
    if content.handlers.is_empty() {
        return Err(bad(
            10068,
            "The uploaded script has no registered event handlers.",
        ));
    }
    Ok(())
}

/// Asks the runtime whether it starts, if there is a runtime.
async fn start_check(call: &Call, name: &str, content: &Content) -> Result<(), Refusal> {
    match call.world.script_check() {
        Some(check) => check
            .check(name, content)
            .await
            .map_err(|text| bad(10021, text)),
        None => Ok(()),
    }
}

/// A namespace may have gone while the script was checked.
fn still_bound(
    world: &crate::account::World,
    account: &str,
    content: &Content,
) -> Result<(), Refusal> {
    for binding in &content.bindings {
        if let Binding::KvNamespace { namespace_id, .. } = binding
            && world.namespace(account, namespace_id).is_none()
        {
            let text = format!("KV namespace '{namespace_id}' not found.");
            return Err(bad(10041, text));
        }
    }
    Ok(())
}

pub(super) fn check_date(date: &str, now_ms: u64) -> Result<(), Refusal> {
    let Ok(day) = date.parse::<jiff::civil::Date>() else {
        let text = format!("Invalid compatibility date: {date:?}. It must be like 2026-04-01.");
        return Err(bad(10021, text));
    };
    let today = crate::clock::rfc3339(now_ms);
    // A day of grace: it is tomorrow already somewhere.
    let latest = today[..10]
        .parse::<jiff::civil::Date>()
        .and_then(jiff::civil::Date::tomorrow);
    if latest.is_ok_and(|latest| day > latest) {
        let text = format!("Can't set compatibility date in the future: {date}.");
        return Err(bad(10021, text));
    }
    Ok(())
}

pub(super) fn check_tags(tags: Option<&[String]>) -> Result<(), Refusal> {
    let tags = tags.unwrap_or_default();
    if tags.len() > SCRIPT_TAGS || tags.iter().any(|t| t.contains([',', '&'])) {
        let text = format!("a Worker may have at most {SCRIPT_TAGS} tags, without comma or &");
        return Err(bad(10021, text));
    }
    Ok(())
}

fn annotations(metadata: &Metadata) -> Map<String, Value> {
    let mut all = metadata.annotations.clone().unwrap_or_default();
    all.insert("workers/triggered_by".into(), json!("upload"));
    all
}

/// Settings of the script that came with the upload; those that did not stay.
pub(super) fn settle(script: &mut Script, metadata: &Metadata) -> Result<(), Refusal> {
    check_tags(metadata.tags.as_deref())?;
    if let Some(tags) = &metadata.tags {
        script.tags.clone_from(tags);
    }
    script
        .settings
        .extend(picked(&metadata.rest, SCRIPT_SETTINGS));
    Ok(())
}

pub(super) fn picked(from: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), from.get(*key)?.clone())))
        .collect()
}
