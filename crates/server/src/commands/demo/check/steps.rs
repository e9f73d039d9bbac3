//! The steps over the REST API.

use super::{DEPLOYED_WITHIN, Story, report::Done, rest::Said, until};
use crate::commands::demo::state::{PENDING, SHOP, TOKENS, token};
use anyhow::{Context, ensure};
use http::StatusCode;
use serde_json::{Value, json};
use std::path::Path;

/// The variant that the story publishes.
pub(super) const VARIANT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Pricing</title></head>\
<body><h1>Pricing</h1><ul><li>Desk lamp No. 4: 189 €</li><li>Desk lamp No. 4, walnut: 229 €</li>\
<li>Floor lamp No. 7: 349 €</li></ul><p>Delivery within the country and a guarantee of five years are included.</p></body></html>\n";

type Step<T> = anyhow::Result<Done<T>>;

pub(super) async fn refuse_tokens(story: &Story<'_>) -> Step<()> {
    let wrong = [
        ("not-a-token", "invalid_token"),
        ("demo-unknown-000000000000000000000000000", "invalid_token"),
        (token("missing"), "insufficient_permissions"),
        (token("readOnly"), "insufficient_permissions"),
        (token("expired"), "token_expired"),
        (token("disabled"), "token_disabled"),
        (token("globalApiKey"), "api_key_not_supported"),
    ];
    let mut codes = Vec::new();
    for (text, code) in wrong {
        let said = story
            .rest
            .post("/connections", &json!({"token": text}))
            .await?
            .expect(StatusCode::UNPROCESSABLE_ENTITY)
            .with_context(|| format!("a token that should be refused with {code}"))?;
        let found = said.text_of("code")?;
        ensure!(found == code, "the code is {found}, not {code}");
        for list in ["causes", "remedies"] {
            ensure!(
                said.json[list]
                    .as_array()
                    .is_some_and(|items| !items.is_empty()),
                "{code} comes without {list}"
            );
        }
        if code == "insufficient_permissions" {
            ensure!(
                said.json["permissions"].is_array(),
                "{code} does not name the permissions"
            );
        }
        codes.push(code);
    }
    let listed = story
        .rest
        .get("/connections")
        .await?
        .expect(StatusCode::OK)?;
    ensure!(
        listed.json["items"].as_array().is_some_and(Vec::is_empty),
        "something was stored"
    );
    codes.dedup();
    Ok(Done::new(
        (),
        format!("{}; nothing stored", codes.join(", ")),
    ))
}

pub(super) async fn connect(story: &Story<'_>) -> Step<String> {
    let said = story
        .rest
        .post(
            "/connections",
            &json!({"token": token("good"), "name": "Demo"}),
        )
        .await?
        .expect(StatusCode::CREATED)?;
    let status = said.text_of("status")?;
    ensure!(status == "ready", "the connection is {status}");
    ensure!(
        !said.text.contains(token("good")),
        "the answer repeats the token"
    );
    let granted = said.json["permissions"].as_array().map_or(0, |all| {
        all.iter().filter(|one| one["granted"] == "yes").count()
    });
    Ok(Done::new(
        said.text_of("id")?,
        format!(
            "ready: {granted} checks passed, account {}, token …{}",
            said.json["accounts"][0]["name"].as_str().unwrap_or("?"),
            said.text_of("tokenHint")?
        ),
    ))
}

pub(super) async fn zones(story: &Story<'_>, connection: &str) -> Step<String> {
    let said = story
        .rest
        .get(&format!("/connections/{connection}/zones"))
        .await?
        .expect(StatusCode::OK)?;
    let items = said.json["items"].as_array().context("no `items`")?;
    let named = |name: &str| {
        items
            .iter()
            .find(|zone| zone["name"] == name)
            .with_context(|| format!("{name} is not listed"))
    };
    let shop = named(SHOP)?;
    ensure!(
        shop["deployable"] == true,
        "{SHOP} is not deployable: {}",
        shop["reason"]
    );
    let pending = named(PENDING)?;
    ensure!(
        pending["deployable"] == false && pending["reason"].is_string(),
        "{PENDING} should not be deployable, with a reason"
    );
    let id = shop["id"].as_str().context("a zone without id")?.to_owned();
    Ok(Done::new(
        id,
        format!(
            "{} zones; {PENDING}: {}",
            items.len(),
            pending["reason"].as_str().unwrap_or("?")
        ),
    ))
}

pub(super) async fn state(story: &Story<'_>) -> Step<Value> {
    let state = story.cloudflare_state().await?;
    let note = counted(&state);
    Ok(Done::new(state, note))
}

fn counted(state: &Value) -> String {
    ["namespaces", "scripts", "routes"]
        .map(|table| format!("{} {table}", state[table].as_array().map_or(0, Vec::len)))
        .join(", ")
}

pub(super) async fn site(story: &Story<'_>, connection: &str, zone: &str) -> Step<String> {
    let body = json!({"connectionId": connection, "zoneId": zone, "name": "Demo shop"});
    let site = story
        .rest
        .post("/sites", &body)
        .await?
        .expect(StatusCode::CREATED)?
        .text_of("id")?;
    let plan = plan(story, &site).await?;
    let steps = plan.json["steps"].as_array().cloned().unwrap_or_default();
    ensure!(
        !steps.is_empty(),
        "the plan is empty before the first deployment"
    );
    ensure!(
        plan.json["conflicts"].as_array().is_some_and(Vec::is_empty),
        "the plan has conflicts: {}",
        plan.json["conflicts"]
    );
    let words: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {}", word(&step["action"]), word(&step["resource"])))
        .collect();
    Ok(Done::new(site, words.join(", ")))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

async fn plan(story: &Story<'_>, site: &str) -> anyhow::Result<Said> {
    story
        .rest
        .get(&format!("/sites/{site}/plan"))
        .await?
        .expect(StatusCode::OK)
}

pub(super) async fn deploy(story: &Story<'_>, site: &str) -> Step<()> {
    let started = story
        .rest
        .post(&format!("/sites/{site}/deployments"), &json!({}))
        .await?
        .expect(StatusCode::ACCEPTED)?;
    let ended = ended(story, &started.text_of("id")?).await?;
    let status = ended.text_of("status")?;
    ensure!(
        status == "live",
        "it ended as {status}: {}",
        ended.json["problem"]
    );
    let steps = ended.json["steps"].as_array().map_or(0, Vec::len);
    Ok(Done::new(
        (),
        format!(
            "{steps} steps done; {}",
            counted(&story.cloudflare_state().await?)
        ),
    ))
}

/// Waits for a deployment's end.
async fn ended(story: &Story<'_>, id: &str) -> anyhow::Result<Said> {
    until(DEPLOYED_WITHIN, "the deployment's end", async || {
        let said = story
            .rest
            .get(&format!("/deployments/{id}"))
            .await?
            .expect(StatusCode::OK)?;
        let status = said.text_of("status")?;
        Ok((!matches!(status.as_str(), "queued" | "running")).then_some(said))
    })
    .await
}

pub(super) async fn empty_plan(story: &Story<'_>, site: &str) -> Step<()> {
    let plan = plan(story, site).await?;
    ensure!(
        plan.json["steps"].as_array().is_some_and(Vec::is_empty),
        "the plan is not empty: {}",
        plan.json["steps"]
    );
    Ok(Done::new((), "in sync"))
}

pub(super) async fn publish(story: &Story<'_>, site: &str) -> Step<()> {
    let said = story
        .rest
        .put_html(&format!("/sites/{site}/variants/html/pricing"), VARIANT)
        .await?
        .expect(StatusCode::CREATED)?;
    let revision = said.text_of("publishedRevision")?;
    Ok(Done::new(
        (),
        format!("revision {}…", revision.get(..12).unwrap_or(&revision)),
    ))
}

pub(super) async fn remove(story: &Story<'_>, site: &str) -> Step<()> {
    let started = story
        .rest
        .delete(&format!("/sites/{site}"))
        .await?
        .expect(StatusCode::ACCEPTED)?;
    let ended = ended(story, &started.text_of("id")?).await?;
    let status = ended.text_of("status")?;
    ensure!(
        status == "removed",
        "it ended as {status}: {}",
        ended.json["problem"]
    );
    story
        .rest
        .get(&format!("/sites/{site}"))
        .await?
        .expect(StatusCode::NOT_FOUND)?;
    let steps = ended.json["steps"].as_array().map_or(0, Vec::len);
    Ok(Done::new(
        (),
        format!("{steps} steps done; the site answers 404"),
    ))
}

pub(super) async fn as_before(story: &Story<'_>, before: &Value) -> Step<()> {
    let after = story.cloudflare_state().await?;
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        for (table, rows) in before {
            ensure!(
                after.get(table) == Some(rows),
                "`{table}` differs:\nbefore {rows}\nafter  {}",
                after.get(table).unwrap_or(&Value::Null)
            );
        }
    }
    ensure!(after == *before, "the states differ");
    story.visitors.expect_origin_for_gptbot("/pricing").await?;
    Ok(Done::new(
        (),
        format!("{}; GPTBot gets the origin's page", counted(&after)),
    ))
}

pub(super) async fn canary(story: &Story<'_>, connection: &str) -> Step<()> {
    let folder = story.demo.data.path();
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // The local Cloudflare's own state holds it, as Cloudflare does.
        if path.is_file() && path.extension() != Some("toml".as_ref()) {
            ensure!(
                !holds_a_token(&path)?,
                "{} holds a token's text",
                path.display()
            );
            files += 1;
        }
    }
    ensure!(files > 0, "there is no file in {}", folder.display());
    story
        .rest
        .delete(&format!("/connections/{connection}"))
        .await?
        .expect(StatusCode::NO_CONTENT)?;
    Ok(Done::new(
        (),
        format!("{files} files searched; then disconnected"),
    ))
}

fn holds_a_token(path: &Path) -> anyhow::Result<bool> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(TOKENS
        .iter()
        .filter(|token| token.key != "globalApiKey")
        .any(|token| {
            bytes
                .windows(token.value.len())
                .any(|window| window == token.value.as_bytes())
        }))
}
