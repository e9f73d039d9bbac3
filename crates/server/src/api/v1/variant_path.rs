//! `{format}/{path…}` of a variant's address, read from the address as it was sent: the router would decode the path's
//! percent-encoding, and that is for [`PagePath`](domain::path::PagePath) alone to do.

use crate::{
    api::extract::id,
    app::App,
    problem::{Outcome, Problem},
    services::{sites, variants::VariantName},
};
use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
};
use domain::ids::{SiteId, WorkspaceId};

/// What an address `/api/v1/sites/{id}/variants/{format}/{path…}` says.
#[derive(Debug)]
pub(super) struct VariantAddress {
    site: SiteId,
    format: String,
    path: String,
}

impl VariantAddress {
    /// The variant that it names, with a page's query beside it.
    pub(super) async fn name(
        &self,
        app: &App,
        ws: WorkspaceId,
        query: Option<&str>,
    ) -> Outcome<VariantName> {
        let site = sites::get(app, ws, self.site).await?;
        VariantName::with_query(&site, &self.format, &self.path, query)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for VariantAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, state)
            .await
            .unwrap_or_else(|never| match never {});
        parse(uri.path())
    }
}

fn parse(path: &str) -> Outcome<VariantAddress> {
    let rest = path.strip_prefix("/api/v1/sites/").unwrap_or_default();
    let (site, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let rest = rest.strip_prefix("variants/").unwrap_or_default();
    let (format, page) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(VariantAddress {
        site: id(site, "site")?,
        format: format.to_owned(),
        path: format!("/{page}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "/api/v1/sites/018f0000-0000-7000-8000-000000000001/variants";

    #[test]
    fn the_path_is_taken_as_it_was_sent() {
        for (rest, expected) in [
            ("/html", Some(("html", "/"))),
            ("/html/", Some(("html", "/"))),
            ("/html/pricing", Some(("html", "/pricing"))),
            ("/html/a%2fb", Some(("html", "/a%2fb"))),
            ("/markdown/caf%C3%A9/", Some(("markdown", "/caf%C3%A9/"))),
            ("/html/%2e%2e/x", Some(("html", "/%2e%2e/x"))),
            ("/pdf/x", Some(("pdf", "/x"))),
        ] {
            let found = parse(&format!("{SITE}{rest}")).ok();
            let found = found
                .as_ref()
                .map(|address| (address.format.as_str(), address.path.as_str()));
            assert_eq!(found, expected, "{rest}");
        }
        assert!(parse("/api/v1/sites/x/variants/html/").is_err());
    }
}
