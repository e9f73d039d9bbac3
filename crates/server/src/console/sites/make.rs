//! Making a site: the choice of a domain.

use super::NewSitePage;
use crate::{
    audit::{Event, Kind},
    console::{
        connections::{Named, Place, ZoneForm, zone_list},
        desk::{Desk, page, refused},
        form::Form,
        parts::ProblemPanel,
    },
    problem::{Code, Outcome, Problem},
    services::{
        connections,
        sites::{self, NewSite},
        zones,
    },
};
use axum::{
    extract::Query,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{Page, Site};

/// What the address or the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewSiteForm {
    connection: String,
    zone: String,
    name: String,
    hostnames: String,
}

async fn view(
    desk: &Desk,
    form: NewSiteForm,
    zones: &ZoneForm,
    problem: Option<Problem>,
) -> Outcome<NewSitePage> {
    let (app, ws) = (desk.app(), desk.ws());
    let mut stored = connections::list(app, ws, &Page::first(50)).await?.items;
    let chosen = stored
        .iter()
        .position(|connection| connection.id.to_string() == form.connection)
        .unwrap_or_default();
    // What is kept of its zones is shown all the same.
    let unreadable = stored
        .get(chosen)
        .and_then(|connection| connections::api_for(app, connection).err());
    let zones = match stored.get_mut(chosen) {
        None => None,
        Some(connection) => {
            let place = Place::Choice { marked: &form.zone };
            Some(zone_list(desk, connection, zones, place).await?)
        }
    };
    let problem = problem.or(unreadable).map(ProblemPanel::new);
    Ok(NewSitePage {
        shell: desk.shell("sites"),
        connection: stored
            .get(chosen)
            .map(|connection| connection.id.to_string())
            .unwrap_or_default(),
        connections: stored
            .iter()
            .map(|connection| Named {
                id: connection.id.to_string(),
                name: connection.name.clone(),
            })
            .collect(),
        zones,
        name: form.name,
        hostnames: form.hostnames,
        hostnames_wrong: problem
            .as_ref()
            .and_then(|panel| panel.wrong("hostnames"))
            .map(str::to_owned),
        problem,
    })
}

/// The choice.
pub(crate) async fn new(
    desk: Desk,
    Query(form): Query<NewSiteForm>,
    Query(zones): Query<ZoneForm>,
) -> Result<Response, Problem> {
    Ok(page(&view(&desk, form, &zones, None).await?))
}

/// Makes the site and goes to its plan.
pub(crate) async fn create(desk: Desk, Form(form): Form<NewSiteForm>) -> Result<Response, Problem> {
    match make(&desk, &form).await {
        Ok(site) => {
            desk.record(Event::site(Kind::SiteCreated, &site)).await;
            Ok(Redirect::to(&format!("/sites/{}/plan", site.id)).into_response())
        }
        Err(problem) => {
            let view = view(&desk, form, &ZoneForm::default(), Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// Host names as a person lists them: by lines, blanks or commas.
pub(super) fn listed_hostnames(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t', '\r', '\n'])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

async fn make(desk: &Desk, form: &NewSiteForm) -> Outcome<Site> {
    let (app, ws) = (desk.app(), desk.ws());
    let connection = form
        .connection
        .parse()
        .map_err(|_| Problem::field("connection", "names no connection"))?;
    let zone = form.zone.parse().map_err(|_| {
        Problem::new(Code::ValidationFailed, "No domain was chosen.")
            .cause("None of the zones was marked.")
            .remedy("Mark one of the zones, then go on.")
    })?;
    let name = match form.name.trim() {
        "" => {
            let connection = connections::get(app, ws, connection).await?;
            zones::one(app, &connection, &zone).await?.zone.name
        }
        name => name.to_owned(),
    };
    let hostnames = listed_hostnames(&form.hostnames);
    sites::create(
        app,
        ws,
        NewSite {
            connection,
            zone,
            name,
            hostnames: (!hostnames.is_empty()).then_some(hostnames),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    #[test]
    fn host_names_are_listed_in_many_ways() {
        assert_eq!(
            super::listed_hostnames("a.example\r\n b.example, c.example\n"),
            ["a.example", "b.example", "c.example"]
        );
        assert!(super::listed_hostnames(" \n").is_empty());
    }
}
