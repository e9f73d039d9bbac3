//! Access keys, the password, the sessions and what this program is.

use super::{
    desk::{Desk, done, id, page, refused},
    parts::{Mark, ProblemPanel, When},
    shell::Shell,
};
use crate::{
    audit::{Event, Kind},
    auth::{access_keys, peer::Peer, people},
    console::form::Form,
    problem::{Outcome, Problem},
};
use askama::Template;
use axum::{extract::Path, response::Response};
use domain::{ids::AccessKeyId, secret::Secret};
use serde::Deserialize;
use store::DatabaseKind;

/// The settings of the person and the program.
#[derive(Debug, Template)]
#[template(path = "pages/settings.html")]
pub(crate) struct SettingsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The access keys.
    pub(crate) keys: Vec<KeyRow>,
    /// The key just made: its name and the key itself, shown this once.
    pub(crate) made: Option<(String, String)>,
    /// What the program says of itself.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Why something was not done.
    pub(crate) problem: Option<ProblemPanel>,
    /// Why the password was not changed.
    pub(crate) password_problem: Option<ProblemPanel>,
    /// Whether a webhook is set.
    pub(crate) has_webhook: bool,
    /// Its address, or what was typed.
    pub(crate) webhook_url: String,
    /// Its secret, when it was made just now: shown this once.
    pub(crate) webhook_secret: Option<String>,
    /// Why it was not set.
    pub(crate) webhook_problem: Option<ProblemPanel>,
    /// How the test that was just sent went.
    pub(crate) webhook_test: Option<DeliveryRow>,
    /// Whether it may be in one's own network.
    pub(crate) webhook_allows_private: bool,
    /// The latest messages.
    pub(crate) deliveries: Vec<DeliveryRow>,
}

mod webhook;

pub(crate) use webhook::DeliveryRow;
pub(super) use webhook::{delete_webhook, set_webhook, test_webhook};

/// An access key in the list.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its last characters.
    pub(crate) hint: String,
    /// When it was made.
    pub(crate) made: When,
    /// When it was last used.
    pub(crate) used: Option<When>,
    /// Whether it is no longer accepted.
    pub(crate) is_revoked: bool,
}

async fn view(
    desk: &Desk,
    made: Option<(String, String)>,
    problem: Option<Problem>,
) -> Outcome<SettingsPage> {
    let (app, now) = (desk.app(), desk.now());
    let keys = access_keys::list(app, desk.ws())
        .await?
        .into_iter()
        .map(|key| KeyRow {
            id: key.id.to_string(),
            name: key.name,
            hint: key.hint,
            made: When {
                at: key.created_at,
                now,
            },
            used: key.last_used_at.map(|at| When { at, now }),
            is_revoked: key.revoked_at.is_some(),
        })
        .collect();
    let hook = app.store.webhook(desk.ws()).await?;
    let mut facts = vec![
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "Database",
            match app.store.kind() {
                DatabaseKind::Sqlite => "SQLite".to_owned(),
                DatabaseKind::Postgres => "PostgreSQL".to_owned(),
            },
        ),
        (
            "Cloudflare’s API",
            app.config.cloudflare_base_url.to_string(),
        ),
    ];
    if let Some(url) = &app.config.edge_url {
        facts.push(("The edge is asked at", url.to_string()));
    }
    Ok(SettingsPage {
        shell: desk.shell("settings"),
        keys,
        made,
        facts,
        problem: problem.map(ProblemPanel::new),
        password_problem: None,
        has_webhook: hook.is_some(),
        webhook_url: hook.map(|hook| hook.url).unwrap_or_default(),
        webhook_secret: None,
        webhook_problem: None,
        webhook_test: None,
        webhook_allows_private: app.config.webhook_allow_private,
        deliveries: webhook::rows(desk).await?,
    })
}

/// The settings.
pub(super) async fn index(desk: Desk) -> Result<Response, Problem> {
    Ok(page(&view(&desk, None, None).await?))
}

/// What the form for a new key sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyForm {
    name: String,
}

/// Makes an access key. The answer shows it, this once, so it is not a redirect.
pub(super) async fn create_key(desk: Desk, Form(form): Form<KeyForm>) -> Result<Response, Problem> {
    match access_keys::create(desk.app(), desk.ws(), form.name.trim()).await {
        Ok((key, text)) => {
            desk.record(Event::access_key(Kind::AccessKeyMade, &key))
                .await;
            let made = (key.name, text.expose().to_owned());
            Ok(page(&view(&desk, Some(made), None).await?))
        }
        Err(problem) => {
            let view = view(&desk, None, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// Revokes an access key.
pub(super) async fn revoke_key(desk: Desk, Path(text): Path<String>) -> Result<Response, Problem> {
    let key = id::<AccessKeyId>(&text, "access key")?;
    let revoked = access_keys::revoke(desk.app(), desk.ws(), key).await?;
    desk.record(Event::access_key(Kind::AccessKeyRevoked, &revoked))
        .await;
    Ok(done("/settings", "revoked"))
}

/// What the password form sends. It is neither printed nor echoed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PasswordForm {
    current: String,
    new: String,
}

/// Changes the own password.
pub(super) async fn change_password(
    desk: Desk,
    peer: Peer,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    let (current, new) = (Secret::new(form.current), Secret::new(form.new));
    match people::change_password(desk.app(), &desk.me, &peer, current, &new).await {
        Ok(()) => {
            desk.record(Event::person(Kind::PersonPasswordChanged, &desk.me.user))
                .await;
            Ok(done("/settings", "password"))
        }
        Err(problem) => {
            let mut view = view(&desk, None, None).await?;
            view.password_problem = Some(ProblemPanel::new(problem));
            Ok(refused(&view, view.password_problem.as_ref()))
        }
    }
}
