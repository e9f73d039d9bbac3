//! The audit log: who did what, when, from where.
//!
//! Whoever lets something be done writes it down afterwards: handlers, pages and commands, all by [`record`]. A line that
//! cannot be written is an error in the log; the deed stays. No line ever holds a secret: of a refused token there is
//! the problem's code alone.

mod actor;
mod kind;
mod words;

pub(crate) use self::{
    actor::{Actor, Who},
    kind::Kind,
    words::in_words,
};

use crate::{
    app::App,
    clock::rfc3339,
    problem::{Code, Outcome, Problem},
    services::{site_keys::Rotation, variants::VariantName},
};
use domain::{
    agents::{Purpose, Registry},
    connection::ConnectionStatus,
    ids::{SiteId, WorkspaceId},
    lint::{self, Lint, Severity},
    time::Millis,
    variant::Format,
};
use serde_json::{Map, Value};
use store::{
    AccessKey, AuditEntry, AuditEvent, AuditFilter, Connection, Deployment, Listed, Page,
    PreviewLink, Site, Store, User, Variant,
};

/// What was done to what.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    kind: Kind,
    subject_kind: &'static str,
    subject_id: String,
    subject_name: String,
    detail: Map<String, Value>,
}

impl Event {
    /// Something that was done to nothing that has an id.
    pub(crate) fn new(kind: Kind) -> Self {
        Self::of(kind, "", String::new(), String::new())
    }

    fn of(kind: Kind, subject_kind: &'static str, id: String, name: String) -> Self {
        Self {
            kind,
            subject_kind,
            subject_id: id,
            subject_name: name,
            detail: Map::new(),
        }
    }

    /// Done to a connection: its state and the token's last characters are told.
    pub(crate) fn connection(kind: Kind, connection: &Connection) -> Self {
        Self::of(
            kind,
            "connection",
            connection.id.to_string(),
            connection.name.clone(),
        )
        .with("tokenHint", connection.token_hint.as_str())
        .with("status", status_word(connection.status))
    }

    /// Done to a site.
    pub(crate) fn site(kind: Kind, site: &Site) -> Self {
        Self::of(kind, "site", site.id.to_string(), site.name.clone())
    }

    /// Done to a site by a deployment, or to that deployment.
    pub(crate) fn deployment(kind: Kind, deployment: &Deployment) -> Self {
        Self::of(
            kind,
            "site",
            deployment.site.to_string(),
            deployment.site_name.clone(),
        )
        .with("deployment", deployment.id.to_string())
        .with("kind", deployment.kind.to_string())
    }

    /// Done to an access key.
    pub(crate) fn access_key(kind: Kind, key: &AccessKey) -> Self {
        Self::of(kind, "access_key", key.id.to_string(), key.name.clone())
            .with("hint", key.hint.as_str())
    }

    /// Done to a person, or by one who is not signed in yet.
    pub(crate) fn person(kind: Kind, user: &User) -> Self {
        Self::of(kind, "person", user.id.to_string(), user.email.clone())
    }

    /// With something else that is to be known. Never a secret.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

fn status_word(status: ConnectionStatus) -> Value {
    serde_json::to_value(status).unwrap_or_default()
}

/// Writes a line. When that fails, the program's own log says so, with the line.
pub(crate) async fn record(app: &App, actor: &Actor, event: Event) {
    record_in(&app.store, app.clock.now(), actor, event).await;
}

/// The line, for those who write it in a transaction of their own.
pub(crate) fn line(now: Millis, actor: &Actor, event: Event) -> AuditEvent {
    AuditEvent {
        workspace: actor.workspace,
        at: now,
        who_kind: actor.who.kind().to_owned(),
        who: actor.who.to_string(),
        address: actor.address.map(|address| address.to_string()),
        kind: event.kind.as_str().to_owned(),
        subject_kind: event.subject_kind.to_owned(),
        subject_id: event.subject_id,
        subject_name: event.subject_name,
        detail: Value::Object(event.detail),
    }
}

/// The same for a command that has no more than the database.
pub(crate) async fn record_in(store: &Store, now: Millis, actor: &Actor, event: Event) {
    let line = line(now, actor, event);
    if let Err(error) = store.record_audit_event(&line).await {
        tracing::error!(
            %error,
            audit.kind = line.kind,
            audit.who = line.who,
            audit.address = line.address,
            audit.subject = line.subject_id,
            audit.detail = %line.detail,
            "the audit log could not be written: this line is missing there, what it tells of was done"
        );
    }
}

/// Writes down how a token was taken: connected or replaced, or refused, and then only with the problem's code.
/// `target` is the connection whose token was to be replaced; `is_same`: it was replaced by itself, which is no more than
/// a check.
pub(crate) async fn record_token(
    app: &App,
    actor: &Actor,
    target: Option<&Connection>,
    outcome: &Outcome<Connection>,
    is_same: bool,
) {
    let event = match (outcome, target) {
        (Ok(connection), Some(_)) if is_same => {
            Event::connection(Kind::ConnectionChecked, connection)
        }
        (Ok(connection), None) => Event::connection(Kind::ConnectionConnected, connection),
        (Ok(connection), Some(old)) => Event::connection(Kind::ConnectionReplaced, connection)
            .with("formerTokenHint", old.token_hint.as_str()),
        (Err(problem), target) if is_refusal(problem) => match target {
            Some(target) => Event::of(
                Kind::TokenRefused,
                "connection",
                target.id.to_string(),
                target.name.clone(),
            ),
            None => Event::new(Kind::TokenRefused),
        }
        .with("code", problem.code.as_str()),
        (Err(_), _) => return,
    };
    record(app, actor, event).await;
}

/// Writes down that a connection goes after the removal of its sites, and each removal.
pub(crate) async fn record_leaving(
    app: &App,
    actor: &Actor,
    connection: &Connection,
    removals: &[Deployment],
) {
    let event = Event::connection(Kind::ConnectionLeaving, connection);
    record(app, actor, event.with("sites", removals.len())).await;
    for removal in removals {
        let event = Event::deployment(Kind::DeploymentRequested, removal);
        record(app, actor, event).await;
    }
}

/// Writes down what was done to one variant.
pub(crate) async fn record_variant(app: &App, actor: &Actor, kind: Kind, name: &VariantName) {
    let which = (name.site, name.format, name.path.as_str());
    let event = variant_event(app, actor, kind, which).await;
    record(app, actor, event).await;
}

/// Writes down which agents get variants at a site from now on: the purposes and tokens that do not, and those excluded
/// bots and agents of other purposes that do.
pub(crate) async fn record_policy(app: &App, actor: &Actor, site: &Site, registry: &Registry) {
    let edge = site.settings.agents.for_edge(registry);
    let not_served = Purpose::ALL
        .into_iter()
        .filter(|purpose| !edge.purposes.contains(purpose))
        .map(|purpose| purpose.as_str().to_owned())
        .chain(edge.origin);
    let event = Event::site(Kind::SiteAgentsChanged, site)
        .with("notServed", not_served.collect::<Vec<_>>().join(" "))
        .with("servedAllTheSame", edge.serve.join(" "));
    record(app, actor, event).await;
}

/// Writes down what was done to a preview link. Its address is no part of it.
pub(crate) async fn record_preview(
    app: &App,
    actor: &Actor,
    kind: Kind,
    site: &Site,
    link: &PreviewLink,
) {
    let event = Event::site(kind, site)
        .with("format", link.format.to_string())
        .with("path", link.path.as_str())
        .with("host", link.host.as_str())
        .with("revision", link.revision.to_string())
        .with("preview", link.id.to_string());
    record(app, actor, event).await;
}

/// Writes down that a site's Worker is to get another key, and what brings it.
pub(crate) async fn record_site_key(app: &App, actor: &Actor, site: &Site, rotation: &Rotation) {
    let deployment = rotation.deployment().map(|it| it.id.to_string());
    let event = Event::site(Kind::SiteKeyRotated, site)
        .with("state", rotation.word())
        .with("deployment", deployment.as_deref());
    record(app, actor, event).await;
}

/// Writes down that every preview link was revoked by another key.
pub(crate) async fn record_preview_key(app: &App, actor: &Actor, site: &Site, revoked: usize) {
    let event = Event::site(Kind::PreviewKeyRotated, site).with("previews", revoked);
    record(app, actor, event).await;
}

/// Writes down that somebody has seen an alert.
pub(crate) async fn record_alert(app: &App, actor: &Actor, site: &Site, title: &str) {
    let event = Event::site(Kind::AlertAcknowledged, site).with("alert", title);
    record(app, actor, event).await;
}

/// Writes down that a revision was saved or published, and which findings of the checks were confirmed by that.
pub(crate) async fn record_checked(
    app: &App,
    actor: &Actor,
    kind: Kind,
    name: &VariantName,
    lints: &[Lint],
) {
    let which = (name.site, name.format, name.path.as_str());
    let mut event = variant_event(app, actor, kind, which).await;
    if kind == Kind::VariantPublished && lint::needs_confirmation(lints) {
        let mut codes: Vec<&str> = lints
            .iter()
            .filter(|lint| lint.severity == Severity::Confirm)
            .map(|lint| lint.code.as_str())
            .collect();
        codes.dedup();
        event = event.with("confirmed", codes.join(", "));
    }
    record(app, actor, event).await;
}

/// Writes down that a variant's schedule was set or cancelled.
pub(crate) async fn record_schedule(
    app: &App,
    actor: &Actor,
    name: &VariantName,
    variant: &Variant,
) {
    let times = [
        ("publishAt", variant.scheduled.as_ref().map(|it| it.at)),
        ("expireAt", variant.expires.as_ref().map(|it| it.at)),
    ];
    let kind = if times.iter().any(|(_, at)| at.is_some()) {
        Kind::VariantScheduled
    } else {
        Kind::VariantScheduleCancelled
    };
    let which = (name.site, name.format, name.path.as_str());
    let mut event = variant_event(app, actor, kind, which).await;
    for (word, at) in times {
        if let Some(at) = at {
            event = event.with(word, rfc3339(at));
        }
    }
    record(app, actor, event).await;
}

/// Something done to one variant, to be told more of.
pub(crate) async fn variant_event(
    app: &App,
    actor: &Actor,
    kind: Kind,
    (site, format, path): (SiteId, Format, &str),
) -> Event {
    of_site(app, actor, kind, site)
        .await
        .with("format", format.to_string())
        .with("path", path)
}

/// Writes down that a variant is served whatever its page is, or no longer.
pub(crate) async fn record_override(
    app: &App,
    actor: &Actor,
    name: &VariantName,
    serve_anyway: bool,
) {
    let event = of_site(app, actor, Kind::VariantOverride, name.site)
        .await
        .with("format", name.format.to_string())
        .with("path", name.path.as_str())
        .with("serveAnyway", serve_anyway);
    record(app, actor, event).await;
}

/// Writes down that many variants were published at once: one line.
pub(crate) async fn record_many(app: &App, actor: &Actor, site: SiteId, published: u64) {
    if published > 0 {
        let event = of_site(app, actor, Kind::VariantPublished, site).await;
        record(app, actor, event.with("variants", published)).await;
    }
}

/// Writes down that many variants were deleted at once: one line.
pub(crate) async fn record_many_deleted(
    app: &App,
    actor: &Actor,
    site: SiteId,
    prefix: &str,
    deleted: u64,
) {
    if deleted > 0 {
        let event = of_site(app, actor, Kind::VariantDeleted, site).await;
        record(
            app,
            actor,
            event.with("path", prefix).with("variants", deleted),
        )
        .await;
    }
}

/// Something done to a site whose name is not at hand.
async fn of_site(app: &App, actor: &Actor, kind: Kind, site: SiteId) -> Event {
    let found = app.store.site(actor.workspace, site).await;
    let name = found
        .inspect_err(
            |error| tracing::warn!(%error, "a site's name could not be read for the audit log"),
        )
        .ok()
        .flatten()
        .map_or_else(String::new, |site| site.name);
    Event::of(kind, "site", site.to_string(), name)
}

/// Whether a problem says something of the token, and not of the name beside it or of Cloudflare.
fn is_refusal(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::InvalidToken
            | Code::TokenExpired
            | Code::TokenDisabled
            | Code::InsufficientPermissions
            | Code::ApiKeyNotSupported
            | Code::TokenIpRestricted
            | Code::NoAccounts
            | Code::ConnectionExists
    )
}

/// A page of the log, newest first. `kind` is one of [`Kind`]'s words, or their first part.
pub(crate) async fn list(
    app: &App,
    workspace: WorkspaceId,
    filter: &AuditFilter,
    page: &Page,
) -> Outcome<Listed<AuditEntry>> {
    if let Some(kind) = &filter.kind
        && !Kind::is_known(kind)
    {
        return Err(Problem::field(
            "kind",
            format!(
                "must be one of {}, or a whole of them such as connection.replaced",
                Kind::groups().join(", ")
            ),
        ));
    }
    Ok(app.store.list_audit_events(workspace, filter, page).await?)
}

/// Forgets what is older than the log is kept.
pub(crate) async fn forget_old(app: &App) -> Outcome<u64> {
    const SECONDS_A_DAY: i64 = 24 * 60 * 60;
    let before = app
        .clock
        .now()
        .plus_seconds(-i64::from(app.config.audit_days) * SECONDS_A_DAY);
    Ok(app.store.delete_audit_events_before(before).await?)
}
