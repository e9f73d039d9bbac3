//! From a method and a path to the endpoint, by the route tables of all resources.

use http::Method;
use percent_encoding::percent_decode_str;

use super::{
    accounts, analytics_engine,
    answer::Refusal,
    call::{self, Endpoint},
    deployments, kv_bulk, kv_namespaces, kv_values, routes, scripts, secrets, services, settings,
    subdomain, tokens, versions, zones,
};

/// The endpoint of a path, or the refusal that a path without one gets.
pub(super) fn find(method: &Method, path: &str) -> Result<Endpoint, Refusal> {
    let mut segments = Vec::new();
    for raw in path.split('/').skip(1) {
        let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| {
            Refusal::new(
                400,
                7003,
                "the path is not UTF-8 once it is percent-decoded",
            )
        })?;
        segments.push(decoded.into_owned());
    }
    if segments.len() > 1 && segments.last().is_some_and(String::is_empty) {
        segments.pop();
        if segments.last().is_some_and(|s| s == "values") {
            return Err(Refusal::plain(404, "404 page not found"));
        }
    }
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["accounts" | "zones", id, ..] = segments[..]
        && !is_id(id)
    {
        return Err(call::no_route(path));
    }
    if let Some(endpoint) = route(method.as_str(), &segments) {
        return Ok(endpoint);
    }
    let other = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .iter()
        .any(|m| route(m, &segments).is_some());
    Err(if other {
        Refusal::new(
            405,
            7001,
            format!("Method {method} not available for that URI."),
        )
    } else {
        call::no_route(path)
    })
}

fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    tokens::route(method, path)
        .or_else(|| accounts::route(method, path))
        .or_else(|| zones::route(method, path))
        .or_else(|| routes::route(method, path))
        .or_else(|| kv_namespaces::route(method, path))
        .or_else(|| kv_values::route(method, path))
        .or_else(|| kv_bulk::route(method, path))
        .or_else(|| scripts::route(method, path))
        .or_else(|| settings::route(method, path))
        .or_else(|| secrets::route(method, path))
        .or_else(|| versions::route(method, path))
        .or_else(|| deployments::route(method, path))
        .or_else(|| subdomain::route(method, path))
        .or_else(|| services::route(method, path))
        .or_else(|| analytics_engine::route(method, path))
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
