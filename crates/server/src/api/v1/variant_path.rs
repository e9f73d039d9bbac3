//! `{format}/{path…}` of a variant's address, read from the address as it was sent: the router would decode the path's
//! percent-encoding, and that is for [`PagePath`](domain::path::PagePath) alone to do.

use crate::{
    api::extract::id,
    problem::{Outcome, Problem},
    services::variants::VariantName,
};
use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
};

/// The variant that an address `/api/v1/sites/{id}/variants/{format}/{path…}` names.
#[derive(Debug)]
pub(super) struct VariantAddress(pub(super) VariantName);

impl<S: Send + Sync> FromRequestParts<S> for VariantAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, state)
            .await
            .unwrap_or_else(|never| match never {});
        parse(uri.path()).map(Self)
    }
}

fn parse(path: &str) -> Outcome<VariantName> {
    let rest = path.strip_prefix("/api/v1/sites/").unwrap_or_default();
    let (site, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let rest = rest.strip_prefix("variants/").unwrap_or_default();
    let (format, page) = rest.split_once('/').unwrap_or((rest, ""));
    VariantName::parse(id(site, "site")?, format, &format!("/{page}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "/api/v1/sites/018f0000-0000-7000-8000-000000000001/variants";

    #[test]
    fn the_path_is_taken_as_it_was_sent() {
        for (rest, expected) in [
            ("/html", Some("/")),
            ("/html/", Some("/")),
            ("/html/pricing", Some("/pricing")),
            ("/html/a%2fb", Some("/a%2Fb")),
            ("/markdown/caf%C3%A9/", Some("/caf%C3%A9/")),
            ("/html/../x", None),
            ("/html/%2e%2e/x", None),
            ("/html/%FF", None),
            ("/pdf/x", None),
        ] {
            let found = parse(&format!("{SITE}{rest}"))
                .ok()
                .map(|name| name.path.as_str().to_owned());
            assert_eq!(found.as_deref(), expected, "{rest}");
        }
    }
}
