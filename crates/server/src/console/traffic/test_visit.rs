//! A visit to see the counting work: one request as `GPTBot` that is counted like any other.

use crate::{
    console::desk::{Desk, done, id},
    problem::Problem,
    services::{sites, visit_as},
};
use axum::{extract::Path, response::Response};
use domain::ids::SiteId;

/// Makes the visit.
pub(in crate::console) async fn send(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    visit_as::visit_counted(desk.app(), &site, "/").await?;
    Ok(done(
        &format!("/sites/{}/traffic?from=24h", site.id),
        "test_visit",
    ))
}
