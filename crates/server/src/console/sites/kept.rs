//! What is kept of a site's visits, their deletion, and the key of its Worker: parts of its settings.

use super::change::{RemoveForm, RotateForm, load, settings_view};
use crate::{
    audit::{self, Event, Kind},
    console::{
        desk::{Desk, done, page, refused},
        form::Form,
        parts::{ProblemPanel, local_day},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::{site_keys, traffic, visits},
    words::shell_word,
};
use askama::Template;
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::visit::VisitStore;
use store::Site;

/// What is kept of a site's visits, and how its key stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptPart {
    /// How many days, as typed.
    pub(crate) days: String,
    /// Whether shortened addresses are kept, as ticked.
    pub(crate) network: bool,
    /// How long counts are kept.
    pub(crate) counts: &'static str,
    /// The day of the oldest single visit, with the time zone.
    pub(crate) oldest: Option<String>,
    /// Whether all visits are being deleted.
    pub(crate) is_deleting: bool,
    /// Whether a new key waits for the Worker.
    pub(crate) key_waits: bool,
}

impl KeptPart {
    /// What is there, with the settings as they stand.
    pub(super) async fn of(desk: &Desk, site: &Site) -> Outcome<Self> {
        let kept = visits::kept(desk.app(), desk.ws(), site).await?;
        let key = desk.app().store.site_key(desk.ws(), site.id).await?;
        Ok(Self {
            days: kept.days.to_string(),
            network: kept.keeps_network,
            counts: visits::COUNTS_KEPT,
            oldest: kept.oldest.map(|at| local_day(at, &desk.zone())),
            is_deleting: kept.deletion.is_some(),
            key_waits: key.is_some_and(|key| key.next.is_some()),
        })
    }
}

/// The question before all visits are deleted.
#[derive(Debug, Template)]
#[template(path = "pages/visits_delete.html")]
pub(crate) struct DeleteVisitsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its name as the shell wants it.
    pub(crate) cli_name: String,
    /// The day of the oldest single visit, with the time zone.
    pub(crate) oldest: Option<String>,
    /// Whether visits are kept in Analytics Engine, where nobody can delete them.
    pub(crate) is_elsewhere: bool,
    /// Why it was not begun.
    pub(crate) problem: Option<ProblemPanel>,
}

async fn delete_view(
    desk: &Desk,
    site: &Site,
    problem: Option<Problem>,
) -> Outcome<DeleteVisitsPage> {
    Ok(DeleteVisitsPage {
        shell: desk.shell(&site.id.to_string()),
        id: site.id.to_string(),
        name: site.name.clone(),
        cli_name: shell_word(&site.name),
        oldest: KeptPart::of(desk, site).await?.oldest,
        is_elsewhere: traffic::store_of(site) == VisitStore::AnalyticsEngine,
        problem: problem.map(ProblemPanel::new),
    })
}

/// The question.
pub(crate) async fn delete_visits_page(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&delete_view(&desk, &site, None).await?))
}

/// Deletes them, once the site's name was typed.
pub(crate) async fn delete_visits(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    if form.confirm.trim() != site.name {
        let problem = Problem::field("confirm", "is not the site's name");
        let view = delete_view(&desk, &site, Some(problem)).await?;
        return Ok(refused(&view, view.problem.as_ref()));
    }
    let site = visits::delete_all(desk.app(), desk.ws(), site.id).await?;
    desk.record(Event::site(Kind::SiteVisitsDeleted, &site))
        .await;
    Ok(done(
        &format!("/sites/{}/settings", site.id),
        "visits-deleted",
    ))
}

/// Makes a new key for the Worker and deploys it.
pub(crate) async fn rotate_site_key(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<RotateForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let rotated = if form.is_sure() {
        site_keys::rotate(desk.app(), desk.ws(), site.id, desk.me.by()).await
    } else {
        Err(Problem::field(
            "sure",
            "was not ticked, so nothing was changed",
        ))
    };
    let rotation = match rotated {
        Ok(rotation) => rotation,
        Err(problem) => {
            let view = settings_view(&desk, &site, None, Some(problem)).await?;
            return Ok(refused(&view, view.problem.as_ref()));
        }
    };
    audit::record_site_key(desk.app(), &desk.actor(), &site, &rotation).await;
    if let Some(deployment) = rotation.deployment() {
        return Ok(Redirect::to(&format!("/deployments/{}", deployment.id)).into_response());
    }
    let word = match rotation {
        site_keys::Rotation::Done => "site-key",
        _ => "site-key-waits",
    };
    Ok(done(&format!("/sites/{}/settings", site.id), word))
}
