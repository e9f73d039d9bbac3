//! What every handler of the console begins and ends with: who sits there, the rail around the page, and the answer.

use super::{
    parts::{ProblemPanel, count},
    shell::{Banner, RailSite, Shell, told},
};
use crate::{
    app::{App, AppState},
    audit::{self, Actor, Who},
    auth::{SignedIn, peer::Peer},
    http::security::POLICY_WITH_PREVIEWS,
    problem::{Outcome, Problem},
};
use askama::Template;
use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use domain::{ids::WorkspaceId, time::Millis};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::str::FromStr;
use store::{ConnectionGlance, Page, Site};
use tower_sessions::cookie::Cookie;

/// As many sites stand in the rail; the rest are on the page of sites.
const RAIL_SITES: u32 = 12;

/// The cookie by which a script tells the viewer's time zone.
const ZONE_COOKIE: &str = "time_zone";

/// Somebody signed in, with the rail of their pages.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The program's shared parts.
    pub(crate) app: AppState,
    /// Who it is.
    pub(crate) me: SignedIn,
    peer: Peer,
    sites: Vec<Site>,
    /// How many sites there are, those beyond the rail too.
    pub(crate) sites_all: u64,
    connections: Vec<ConnectionGlance>,
    told: Option<&'static str>,
    zone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Done {
    done: String,
}

impl FromRequestParts<AppState> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let me = <SignedIn as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let sites = app
            .store
            .list_sites(me.workspace, &Page::first(RAIL_SITES))
            .await
            .map_err(|error| Problem::from(error).into_response())?
            .items;
        let sites_all = app
            .store
            .count_sites(me.workspace)
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        let connections = app
            .store
            .connections_at_a_glance(me.workspace)
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        let told = Query::<Done>::try_from_uri(&parts.uri)
            .ok()
            .and_then(|query| told(&query.done));
        Ok(Self {
            app: app.clone(),
            me,
            peer: Peer::of(parts, app),
            sites,
            sites_all,
            connections,
            told,
            zone: zone_of(&parts.headers),
        })
    }
}

impl Desk {
    /// The shared parts.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// The workspace.
    pub(crate) fn ws(&self) -> WorkspaceId {
        self.me.workspace
    }

    /// Who sits here, for the audit log.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            workspace: self.me.workspace,
            who: Who::Person(self.me.user.email.clone()),
            address: Some(self.peer.address),
        }
    }

    /// Writes down what was done here.
    pub(crate) async fn record(&self, event: audit::Event) {
        audit::record(self.app(), &self.actor(), event).await;
    }

    /// Now.
    pub(crate) fn now(&self) -> Millis {
        self.app.clock.now()
    }

    /// The name of the viewer's time zone, if a script told a known one.
    pub(crate) fn zone_name(&self) -> Option<String> {
        self.zone.clone()
    }

    /// The viewer's time zone; UTC where it is not known.
    pub(crate) fn zone(&self) -> TimeZone {
        let known = self.zone.as_deref().map(TimeZone::get);
        known.and_then(Result::ok).unwrap_or(TimeZone::UTC)
    }

    /// The connections, without what they reach.
    pub(crate) fn connections(&self) -> &[ConnectionGlance] {
        &self.connections
    }

    /// The rail, with the entry `at` marked: a section's word or a site's id.
    pub(crate) fn shell(&self, at: &str) -> Shell {
        let (banners, more_banners) = Banner::all(&self.connections, self.now());
        Shell {
            banners,
            more_banners,
            support: self
                .app
                .config
                .support_url
                .as_ref()
                .map(ToString::to_string),
            email: self.me.user.email.clone(),
            sites: self
                .sites
                .iter()
                .map(|site| RailSite {
                    id: site.id.to_string(),
                    name: site.name.clone(),
                    state: site.status.into(),
                })
                .collect(),
            all_sites: (self.sites_all > u64::from(RAIL_SITES))
                .then(|| format!("All {} sites", count(self.sites_all))),
            at: at.to_owned(),
            told: self.told,
        }
    }
}

/// The viewer's time zone, if a script told a known one.
fn zone_of(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| Cookie::split_parse(text.to_owned()))
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == ZONE_COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .filter(|name| TimeZone::get(name).is_ok())
}

/// An id from an address: what is no id names nothing.
pub(crate) fn id<T: FromStr>(text: &str, what: &str) -> Outcome<T> {
    text.parse().map_err(|_| Problem::not_found(what, text))
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// The page of a form that was refused: it keeps what was typed, and has the problem's status.
pub(crate) fn refused(template: &impl Template, problem: Option<&ProblemPanel>) -> Response {
    let mut response = page(template);
    if let Some(panel) = problem {
        *response.status_mut() =
            StatusCode::from_u16(panel.problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    }
    response
}

/// Lets a page's sandboxed frames show foreign content with its own styles and pictures; scripts stay forbidden.
pub(crate) fn with_previews(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY_WITH_PREVIEWS),
    );
    response
}

/// The way on after a form, with a word for what was done.
pub(crate) fn done(path: &str, word: &str) -> Response {
    let joint = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{joint}done={word}")).into_response()
}

/// Percent-encodes a value for a query.
pub(crate) fn encoded(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A cursor from a query, where an empty one counts as none.
pub(crate) fn page_after(after: &str, limit: u32) -> Page {
    Page {
        after: (!after.is_empty()).then(|| after.to_owned()),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_viewers_zone_comes_from_a_cookie() {
        let with = |cookies: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookies.parse().expect("a header"));
            zone_of(&headers)
        };
        assert_eq!(
            with("a=b; time_zone=Europe/Berlin").as_deref(),
            Some("Europe/Berlin")
        );
        assert_eq!(with("time_zone=Mars/Olympus"), None);
        assert_eq!(with("a=b"), None);
    }
}
