//! Setting when a variant is published and taken off again. Times are typed in UTC.

use super::{change::NameForm, edit::view, edit_link};
use crate::{
    audit,
    console::{
        desk::{Desk, done, id, refused, with_previews},
        form::Form,
        parts::Stamp,
    },
    problem::{Outcome, Problem},
    services::{
        schedules::{self, Wanted},
        sites,
        variants::VariantName,
    },
};
use axum::{extract::Path, response::Response};
use domain::{ids::SiteId, time::Millis};
use serde::Deserialize;
use store::Variant;

/// What is set, on the variant's page.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScheduleRows {
    /// When which revision (its first 8 digits) is published, and who set that.
    pub(crate) publish: Option<(Stamp, String, String)>,
    /// When it is taken off, and who set that.
    pub(crate) expire: Option<(Stamp, String)>,
    /// The same for the fields.
    pub(crate) publish_typed: String,
    /// The same for the fields.
    pub(crate) expire_typed: String,
    /// Now, in UTC.
    pub(crate) now: String,
}

impl ScheduleRows {
    /// Of a variant.
    pub(super) fn of(variant: &Variant, now: Millis) -> Self {
        let (scheduled, expires) = (variant.scheduled.as_ref(), variant.expires.as_ref());
        Self {
            publish: scheduled.map(|it| {
                let short = it.revision.short().to_owned();
                (Stamp(it.at), short, it.author.clone())
            }),
            expire: expires.map(|it| (Stamp(it.at), it.author.clone())),
            publish_typed: scheduled.map(|it| typed(it.at)).unwrap_or_default(),
            expire_typed: expires.map(|it| typed(it.at)).unwrap_or_default(),
            now: typed(now).replace('T', " "),
        }
    }
}

/// A time as the field wants it: `2027-01-31T08:00`.
fn typed(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| String::new(),
        |time| time.strftime("%Y-%m-%dT%H:%M").to_string(),
    )
}

/// A time as the field sends it. One that was not changed keeps its seconds.
fn read(field: &str, text: &str, known: Option<Millis>) -> Outcome<Option<Millis>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(known) = known.filter(|known| typed(*known) == text) {
        return Ok(Some(known));
    }
    text.parse::<jiff::civil::DateTime>()
        .ok()
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|time| Some(Millis(time.timestamp().as_millisecond())))
        .ok_or_else(|| Problem::field(field, "is not a date and time, as in 2027-01-31T08:00"))
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScheduleForm {
    format: String,
    path: String,
    publish_at: String,
    revision: String,
    expire_at: String,
    sure: String,
}

/// Sets the schedule.
pub(in crate::console) async fn set(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<ScheduleForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    match try_to_set(&desk, &name, &form).await {
        Ok(variant) => {
            audit::record_schedule(desk.app(), &desk.actor(), &name, &variant).await;
            let is_set = variant.scheduled.is_some() || variant.expires.is_some();
            let word = if is_set { "scheduled" } else { "schedule-gone" };
            Ok(done(&edit_link(&name), word))
        }
        Err(problem) => {
            let mut view = view(&desk, &site, &name, None, Some((None, problem))).await?;
            view.schedule.publish_typed = form.publish_at;
            view.schedule.expire_typed = form.expire_at;
            Ok(with_previews(refused(&view, view.problem.as_ref())))
        }
    }
}

async fn try_to_set(desk: &Desk, name: &VariantName, form: &ScheduleForm) -> Outcome<Variant> {
    let (app, ws) = (desk.app(), desk.ws());
    let variant = crate::services::variants::get(app, ws, name).await?;
    let revision = match form.revision.as_str() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| Problem::not_found("revision", text))?,
        ),
    };
    let publish_at = read(
        "publishAt",
        &form.publish_at,
        variant.scheduled.as_ref().map(|it| it.at),
    )?;
    let wanted = Wanted {
        revision: revision.filter(|_| publish_at.is_some()),
        publish_at,
        expire_at: read(
            "expireAt",
            &form.expire_at,
            variant.expires.as_ref().map(|it| it.at),
        )?,
        force: form.sure == "yes",
    };
    schedules::set(app, ws, name, wanted, desk.me.by()).await
}

/// Cancels the schedule.
pub(in crate::console) async fn cancel(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let variant = schedules::cancel(desk.app(), desk.ws(), &name, desk.me.by()).await?;
    audit::record_schedule(desk.app(), &desk.actor(), &name, &variant).await;
    Ok(done(&edit_link(&name), "schedule-gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_typed_in_utc() {
        let known = Millis(1_795_500_012_345);
        assert_eq!(typed(known), "2026-11-24T06:00");
        assert_eq!(
            read("x", "2026-11-24T06:00", Some(known)).ok(),
            Some(Some(known))
        );
        assert_eq!(
            read("x", "2026-11-24T06:00", None).ok(),
            Some(Some(Millis(1_795_500_000_000)))
        );
        assert_eq!(read("x", " ", None).ok(), Some(None));
        for bad in ["tomorrow", "2026-13-01T00:00", "24.11.2026"] {
            assert!(read("x", bad, None).is_err(), "{bad}");
        }
    }
}
