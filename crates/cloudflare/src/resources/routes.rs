//! Routes of a zone (§5).

use crate::{Api, Error, RouteId, ZoneId, request::Request};
use serde::{Deserialize, Serialize};

const COLLECTION: &str = "/zones/{zone}/workers/routes";
const ONE: &str = "/zones/{zone}/workers/routes/{route}";

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Its pattern.
    pub pattern: String,
    /// The Worker it runs; absent, null or empty: none.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether the origin answers once the account's requests of the day are spent (reported; not in the schema).
    #[serde(default)]
    pub request_limit_fail_open: Option<bool>,
}

/// A route to be made or put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRoute {
    /// Its pattern.
    pub pattern: String,
    /// The Worker; `None` exempts the pattern from Workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// See [`Route::request_limit_fail_open`]; the service may drop it, so list again.
    pub request_limit_fail_open: bool,
}

/// What POST and PUT surely answer: older ones held the id alone.
#[derive(Debug, Deserialize)]
struct RouteCreated {
    id: RouteId,
}

impl Api {
    /// All routes of the zone; the list is not paged.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_routes(&self, zone: &ZoneId) -> Result<Vec<Route>, Error> {
        let request = Request::get(COLLECTION, &[zone.as_str()]);
        let (routes, _) = self.call_list::<Route>(request).await?;
        Ok(routes
            .into_iter()
            .map(|route| Route {
                script: route.script.filter(|script| !script.is_empty()),
                ..route
            })
            .collect())
    }

    /// Makes a route. Not repeated by itself: a duplicate is refused with 409 and code 10020.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn create_route(&self, zone: &ZoneId, route: &NewRoute) -> Result<RouteId, Error> {
        let created: RouteCreated = self
            .call(Request::post(COLLECTION, &[zone.as_str()]).json(route))
            .await?;
        Ok(created.id)
    }

    /// Puts a route in the place of another, without a gap.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn update_route(
        &self,
        zone: &ZoneId,
        id: &RouteId,
        route: &NewRoute,
    ) -> Result<(), Error> {
        self.call_for_effect(
            Request::put(ONE, &[zone.as_str(), id.as_str()])
                .json(route)
                .once(),
        )
        .await
    }

    /// Deletes a route; a missing one is 404.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn delete_route(&self, zone: &ZoneId, id: &RouteId) -> Result<(), Error> {
        self.call_for_effect(Request::delete(ONE, &[zone.as_str(), id.as_str()]).once())
            .await
    }
}
