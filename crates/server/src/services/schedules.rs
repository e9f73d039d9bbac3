//! What is to happen to a variant at a set time. Times are set here; `background::schedules` carries them out.

use super::{
    lints, sites,
    variants::{self, VariantName},
};
use crate::{
    app::App,
    audit::{Actor, Event, Kind, record, variant_event},
    problem::{Outcome, Problem},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::Revision,
};
use store::{Deed, HistoryKind, NewSchedule, Variant};

/// The furthest time that can be set.
const FURTHEST_SECONDS: i64 = 10 * 366 * 24 * 60 * 60;

/// At most so many upcoming variants are listed.
const LISTED: u64 = 1000;

/// A schedule that is asked for; it takes the place of the one that there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// When to publish.
    pub(crate) publish_at: Option<Millis>,
    /// What; the newest revision unless given.
    pub(crate) revision: Option<Revision>,
    /// When to take it off the edge.
    pub(crate) expire_at: Option<Millis>,
    /// Whether findings are confirmed.
    pub(crate) force: bool,
}

/// Sets a variant's schedule. What is to be published is checked as if it were published now: nobody is there to be asked
/// when the time comes.
pub(crate) async fn set(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    wanted: Wanted,
    by: &str,
) -> Outcome<Variant> {
    let site = sites::get(app, ws, name.site).await?;
    let variant = variants::get(app, ws, name).await?;
    let now = app.clock.now();
    let kept_publication = variant.scheduled.as_ref().map(|it| it.at);
    check_time("publishAt", wanted.publish_at, now, kept_publication)?;
    check_time(
        "expireAt",
        wanted.expire_at,
        now,
        variant.expires.as_ref().map(|it| it.at),
    )?;
    if let (Some(publish), Some(expire)) = (wanted.publish_at, wanted.expire_at)
        && expire <= publish
    {
        return Err(Problem::field("expireAt", "must be after `publishAt`"));
    }
    if wanted.revision.is_some() && wanted.publish_at.is_none() {
        return Err(Problem::field(
            "publishAt",
            "is needed for a revision to be published",
        ));
    }
    let publish = match wanted.publish_at {
        None => None,
        Some(at) => {
            let revision = wanted.revision.unwrap_or_else(|| variant.latest.clone());
            let content = variants::content(app, ws, name, &revision).await?;
            let found = lints::lint(&site, name, &content).await;
            lints::refuse(&found, true, wanted.force)?;
            Some((revision, at))
        }
    };
    let new = NewSchedule {
        publish,
        expire: wanted.expire_at,
    };
    app.store
        .set_schedule(
            ws,
            name.site,
            (name.format, name.path.as_str()),
            &new,
            Deed::by(by, now),
        )
        .await?
        .ok_or_else(|| {
            Problem::not_found(&format!("{} variant of", name.format), name.path.as_str())
        })
}

/// Cancels all of a variant's schedule.
pub(crate) async fn cancel(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    by: &str,
) -> Outcome<Variant> {
    set(app, ws, name, Wanted::default(), by).await
}

/// The variants of a site that something is to happen to, by their next time.
pub(crate) async fn upcoming(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<Vec<Variant>> {
    sites::get(app, ws, site).await?;
    Ok(app.store.upcoming_schedules(ws, site, LISTED).await?)
}

/// A time must lie ahead, unless it is the one that was set before.
fn check_time(field: &str, at: Option<Millis>, now: Millis, known: Option<Millis>) -> Outcome<()> {
    match at {
        Some(at) if at <= now && known != Some(at) => Err(Problem::field(
            field,
            "must lie ahead; to do it now, publish or unpublish instead",
        )),
        Some(at) if at > now.plus_seconds(FURTHEST_SECONDS) => {
            Err(Problem::field(field, "must be within ten years"))
        }
        _ => Ok(()),
    }
}

/// Carries out one part of a schedule that is due, and writes it to the log; whether there was one.
pub(crate) async fn carry_out_next(app: &App) -> Outcome<bool> {
    let now = app.clock.now();
    let Some(done) = app.store.carry_out_schedule_for_background(now).await? else {
        return Ok(false);
    };
    let kind = match done.kind {
        HistoryKind::PublishedOnSchedule => Kind::VariantPublished,
        HistoryKind::Expired => Kind::VariantUnpublished,
        _ => {
            tracing::warn!(site.id = %done.site, path = done.path, "a set time came, and there was nothing to do");
            return Ok(true);
        }
    };
    app.signals.wake_sync();
    tracing::info!(site.id = %done.site, path = done.path, kind = kind.as_str(), "a schedule was carried out");
    let actor = Actor::background(done.workspace);
    let event: Event = variant_event(app, &actor, kind, (done.site, done.format, &done.path))
        .await
        .with("askedBy", done.author);
    record(app, &actor, event).await;
    Ok(true)
}
