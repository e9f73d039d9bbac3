//! A conflict on the plan's page, with the choices that it leaves, and what is done with a choice.

use super::plan::plan_page;
use crate::{
    audit::{Event, Kind},
    console::{
        desk::{Desk, id, refused},
        form::Form,
        sites::hostnames,
    },
    problem::{Outcome, Problem},
    services::sites::{self, SitePatch},
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    desired::RouteChoiceKind,
    ids::{RouteId, SiteId},
    plan::{Conflict, ConflictCode, WayOut},
};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::Site;

/// A conflict in words.
#[derive(Debug, Clone)]
pub(crate) struct ConflictPanel {
    /// What it is.
    pub(crate) title: String,
    /// What it means.
    pub(crate) detail: String,
    /// Its name or pattern.
    pub(crate) name: String,
    /// The host name that it is about.
    pub(crate) host: String,
    /// What can be chosen here.
    pub(crate) ways: Vec<Way>,
    /// What can be done elsewhere.
    pub(crate) remedies: Vec<String>,
    /// Whether another site would help.
    pub(crate) has_new_site: bool,
}

/// A choice.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The word that the form sends.
    pub(crate) value: &'static str,
    /// What it is.
    pub(crate) title: String,
    /// What it brings.
    pub(crate) words: String,
    /// Whether patterns are typed for it.
    pub(crate) has_patterns: bool,
}

impl ConflictPanel {
    /// The words of a conflict of this site.
    pub(crate) fn of(conflict: &Conflict, site: &Site) -> Self {
        let (name, owner) = (&conflict.name, &conflict.owner);
        let title = match conflict.code {
            ConflictCode::Taken => format!("The route {name} belongs to somebody else"),
            ConflictCode::Repointed => format!("Somebody repointed the route {name}"),
            ConflictCode::TakesOver => format!("The Worker {owner} would no longer run everywhere"),
            ConflictCode::ForeignScript => format!("The Worker {name} belongs to somebody else"),
            ConflictCode::ReplacedScript => format!("Somebody replaced the Worker {name}"),
            ConflictCode::ForeignNamespace => {
                format!("The KV namespace {name} belongs to somebody else")
            }
            ConflictCode::ZoneMoved => format!("The zone {name} is in another account"),
        };
        let host = conflict.host.as_ref().map(ToString::to_string);
        let host = host.unwrap_or_default();
        let ways: Vec<Way> = conflict
            .choices
            .iter()
            .filter_map(|way| way_out(*way, conflict, &host, site))
            .collect();
        Self {
            title,
            detail: conflict.detail.clone(),
            name: name.clone(),
            host,
            // What is written for a route is what can be chosen here, and one more.
            remedies: if ways.is_empty() {
                conflict.remedies.clone()
            } else {
                vec![
                    "Or change that route in the Cloudflare dashboard (Workers Routes of the zone), then plan again."
                        .to_owned(),
                ]
            },
            has_new_site: conflict.choices.contains(&WayOut::NewSite),
            ways,
        }
    }
}

/// Whether it is about a route that we made.
fn is_ours(conflict: &Conflict, site: &Site) -> bool {
    let recorded = &site.recorded;
    let is_it = |id: &RouteId| conflict.id.as_deref() == Some(id.as_str());
    recorded.routes.iter().any(|made| is_it(&made.id))
        && !recorded.adopted.iter().any(|adopted| is_it(&adopted.id))
}

fn way_out(way: WayOut, conflict: &Conflict, host: &str, site: &Site) -> Option<Way> {
    let owner = &conflict.owner;
    let is_repair = conflict.code == ConflictCode::Repointed;
    let (value, title, words) = match way {
        WayOut::Adopt => (
            "adopt",
            if is_repair {
                "Repair it: adopt the route"
            } else {
                "Adopt the route"
            }
            .to_owned(),
            if is_ours(conflict, site) {
                format!(
                    "It runs our Worker again instead of {owner}. Edge Delivery made it, so it is deleted when you remove the site."
                )
            } else {
                format!(
                    "It will run our Worker instead of {owner}. Recorded, and given back when you remove the site."
                )
            },
        ),
        WayOut::Accept => (
            "accept",
            "Accept it".to_owned(),
            format!(
                "{owner} no longer runs there, for people either. Everything else stays with {owner}."
            ),
        ),
        WayOut::NarrowerPattern => (
            "narrower_pattern",
            "Use narrower routes of our own".to_owned(),
            format!("One to a line, for {host}. Everything else stays as it is."),
        ),
        WayOut::LeaveOutHost if site.hostnames.len() > 1 => (
            "leave_out_host",
            format!("Leave out {host}"),
            "Only the site's other host names are deployed.".to_owned(),
        ),
        WayOut::LeaveOutHost | WayOut::NewSite => return None,
    };
    Some(Way {
        value,
        title,
        words,
        has_patterns: way == WayOut::NarrowerPattern,
    })
}

/// What the form of a conflict sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ChoiceForm {
    way: String,
    name: String,
    host: String,
    patterns: String,
}

/// Carries the choice out, and plans again.
pub(in crate::console) async fn choose(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<ChoiceForm>,
) -> Result<Response, Problem> {
    let site = id::<SiteId>(&text, "site")?;
    match carry_out(&desk, site, &form).await {
        Ok(()) => {
            let decided = sites::get(desk.app(), desk.ws(), site).await?;
            let event = Event::site(Kind::SiteChanged, &decided)
                .with("choice", form.way.as_str())
                .with("about", form.name.as_str());
            desk.record(event).await;
            Ok(Redirect::to(&format!("/sites/{site}/plan")).into_response())
        }
        Err(problem) => {
            let view = plan_page(&desk, site, Some(problem)).await?;
            Ok(refused(&view, view.refused.as_ref()))
        }
    }
}

async fn carry_out(desk: &Desk, id: SiteId, form: &ChoiceForm) -> Outcome<()> {
    let (app, ws) = (desk.app(), desk.ws());
    let about = ("route", form.name.as_str());
    let choose = |kind| sites::choose(app, ws, id, kind, about, desk.me.by());
    let patch = match form.way.as_str() {
        "adopt" => return choose(RouteChoiceKind::Adopt).await.map(|_| ()),
        "accept" => return choose(RouteChoiceKind::Accept).await.map(|_| ()),
        "narrower_pattern" => {
            let patterns: Vec<String> = lines(&form.patterns);
            if patterns.is_empty() {
                return Err(Problem::field("patterns", "needs at least one pattern"));
            }
            SitePatch {
                route_patterns: Some(BTreeMap::from([(form.host.clone(), patterns)])),
                ..SitePatch::default()
            }
        }
        "leave_out_host" => {
            let mut left = hostnames(&sites::get(app, ws, id).await?);
            left.retain(|host| *host != form.host);
            SitePatch {
                hostnames: Some(left),
                ..SitePatch::default()
            }
        }
        _ => return Err(Problem::field("way", "must be one of the choices")),
    };
    sites::update(app, ws, id, patch).await.map(|_| ())
}

/// The lines of a text field that hold something.
pub(in crate::console) fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}
