//! Addresses as people paste them where a path is wanted.

use crate::problem::{Outcome, Problem};
use domain::path::PathPolicy;
use url::Url;

/// A page of a site, as typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// The host, when a whole address was given.
    pub(super) host: Option<String>,
    /// The path with its query and fragment; the slash at its beginning may be missing.
    pub(super) path: String,
}

impl Typed {
    /// Whether there is a fragment, or a query parameter that does not matter to the site: no variant has them.
    pub(super) fn has_more_than_matters(&self, policy: &PathPolicy) -> bool {
        let (_, query) = self.path.split_once('?').unwrap_or_default();
        self.path.contains('#') || !policy.ignored_parameters(query).is_empty()
    }
}

/// Reads a path, or a whole address of one of the site's `hosts`.
///
/// # Errors
///
/// When it is the address of something else.
pub(super) fn read(hosts: &[String], text: &str) -> Outcome<Typed> {
    let text = text.trim();
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let name = first.split(':').next().unwrap_or_default();
    let is_bare_host = hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let whole = match scheme {
        Some(scheme) if !scheme.contains(['/', '?', '#']) => text.to_owned(),
        None if is_bare_host => format!("http://{text}"),
        None if text.starts_with("//") => format!("http:{text}"),
        _ => {
            return Ok(Typed {
                host: None,
                path: text.to_owned(),
            });
        }
    };
    let url = Url::parse(&whole)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(host) = url.and_then(|url| url.host_str().map(str::to_owned)) else {
        return Err(
            Problem::field("path", "is neither a path nor an address of this site")
                .remedy("Write the path alone, as in /pricing."),
        );
    };
    if !hosts.contains(&host) {
        let shown: String = host.chars().take(100).collect();
        return Err(Problem::field(
            "path",
            format!("is an address of {shown}, which is not a host name of this site"),
        )
        .remedy(format!(
            "Write the path alone, as in /pricing, or an address of {}.",
            hosts.join(" or ")
        )));
    }
    // As it was written: the address's own reading would fold dots and encode what is not ours to encode.
    let after = whole.split_once("://").map_or("", |(_, rest)| rest);
    let path = after
        .find(['/', '?', '#'])
        .map_or("/", |at| after.get(at..).unwrap_or("/"));
    Ok(Typed {
        host: Some(host),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(Option<String>, String)> {
        let hosts = ["shop.localhost".to_owned(), "www.shop.localhost".to_owned()];
        read(&hosts, text)
            .ok()
            .map(|typed| (typed.host, typed.path))
    }

    #[test]
    fn an_address_of_the_site_is_taken_as_its_path() {
        let of = |host: &str, path: &str| Some((Some(host.to_owned()), path.to_owned()));
        for (text, expected) in [
            (
                "https://shop.localhost/pricing?a=b#c",
                of("shop.localhost", "/pricing?a=b#c"),
            ),
            (
                "http://www.shop.localhost:8787/a%2Fb",
                of("www.shop.localhost", "/a%2Fb"),
            ),
            ("HTTPS://SHOP.localhost", of("shop.localhost", "/")),
            ("shop.localhost/pricing", of("shop.localhost", "/pricing")),
            ("shop.localhost:8787", of("shop.localhost", "/")),
            ("//shop.localhost/x", of("shop.localhost", "/x")),
            ("http://127.0.0.1:1/", None),
            ("https://shop.localhost.example/", None),
            ("//evil.example/", None),
            ("ftp://shop.localhost/", None),
            ("http://", None),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn a_path_stays_as_it_is() {
        for path in [
            "",
            "/",
            "pricing",
            "/pricing?x",
            "/to/https://a.example/",
            "/?u=http://a.example",
        ] {
            assert_eq!(told(path), Some((None, path.to_owned())), "{path}");
        }
    }
}
