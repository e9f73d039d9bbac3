//! Route patterns: how a zone's routes are written, what they match, and which of several wins.
//!
//! Source: Cloudflare API notes §5. The rules are Cloudflare's documented ones, their two documented defects
//! included, because a customer's zone behaves with them:
//! `example.com/images*` beats `example.com/images/*`, and `a.example.com/*` beats `*.example.com/a`.

use std::cmp::Reverse;

/// A parsed route pattern such as `https://*.example.com/shop/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    scheme: Option<Scheme>,
    /// The literal part of the host, lower-cased; behind a wildcard it is a suffix.
    host: String,
    host_wildcard: bool,
    /// The literal part of the path, beginning with `/`; before a wildcard it is a prefix.
    path: String,
    path_wildcard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// How specific a pattern is; the greater one wins.
///
/// The host counts before the path, and a slash before the final wildcard counts for nothing (indeed it loses
/// against the same pattern without it): those are the two defects named above.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    host_is_exact: bool,
    host_length: usize,
    path_is_exact: bool,
    path_length: usize,
    no_trailing_slash: bool,
    names_scheme: bool,
}

/// Why a pattern was refused. Each text is what the API answers under code 10022.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The host is not the zone's name or one below it.
    #[error("Route pattern must include zone name: {0}")]
    OutsideZone(String),
    /// A `*` stands somewhere else than first in the host or last in the path.
    #[error(
        "Route pattern may only contain wildcards at the beginning of the hostname and the end of the path: {0}"
    )]
    Wildcard(String),
    /// The pattern has a `?`.
    #[error("Route pattern should not have query parameters: {0}")]
    Query(String),
    /// Anything else: no host, another scheme, a port, spaces.
    #[error("Could not understand route pattern {0}, please try a different pattern")]
    Unreadable(String),
}

impl Pattern {
    /// Reads `text` as a route pattern of the zone called `zone_name`.
    ///
    /// # Errors
    /// The four refusals that the API answers with code 10022.
    pub fn parse(text: &str, zone_name: &str) -> Result<Self, PatternError> {
        let unreadable = || PatternError::Unreadable(text.to_owned());
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\' || c == '#';
        if text.is_empty() || text.contains(odd) {
            return Err(unreadable());
        }
        let (scheme, rest) = split_scheme(text).ok_or_else(unreadable)?;
        if rest.contains('?') {
            return Err(PatternError::Query(text.to_owned()));
        }
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host_wildcard, host) = match host.strip_prefix('*') {
            Some(suffix) => (true, suffix),
            None => (false, host),
        };
        let (path_wildcard, path) = match path.strip_suffix('*') {
            Some(prefix) => (true, prefix),
            None => (false, path),
        };
        if host.contains('*') || path.contains('*') {
            return Err(PatternError::Wildcard(text.to_owned()));
        }
        let host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !host.chars().all(host_char) || (host.is_empty() && !host_wildcard) {
            return Err(unreadable());
        }
        let host = host.to_ascii_lowercase();
        let zone = zone_name.to_ascii_lowercase();
        let inside = host == zone || host.ends_with(&format!(".{zone}"));
        if !inside {
            return Err(PatternError::OutsideZone(text.to_owned()));
        }
        let labels = host
            .strip_prefix('.')
            .filter(|_| host_wildcard)
            .unwrap_or(&host);
        if labels.split('.').any(str::is_empty) {
            return Err(unreadable());
        }
        Ok(Self {
            scheme,
            host,
            host_wildcard,
            path: path.to_owned(),
            path_wildcard,
        })
    }

    /// Whether a request is this route's. `path_and_query` is matched as one text, so a pattern without a final
    /// wildcard misses every request that has a query; `host` comes without a port.
    #[must_use]
    pub fn matches(&self, scheme: &str, host: &str, path_and_query: &str) -> bool {
        let scheme_fits = match self.scheme {
            None => true,
            Some(Scheme::Http) => scheme.eq_ignore_ascii_case("http"),
            Some(Scheme::Https) => scheme.eq_ignore_ascii_case("https"),
        };
        let host = host.to_ascii_lowercase();
        let host_fits = if self.host_wildcard {
            host.ends_with(&self.host) && !(self.host.starts_with('.') && host == self.host)
        } else {
            host == self.host
        };
        let path_fits = if self.path_wildcard {
            path_and_query.starts_with(&self.path)
        } else {
            path_and_query == self.path
        };
        scheme_fits && host_fits && path_fits
    }

    /// How specific this pattern is.
    #[must_use]
    pub fn specificity(&self) -> Specificity {
        let slash = self.path_wildcard && self.path.ends_with('/');
        Specificity {
            host_is_exact: !self.host_wildcard,
            host_length: self.host.len(),
            path_is_exact: !self.path_wildcard,
            path_length: self.path.len() - usize::from(slash),
            no_trailing_slash: !slash,
            names_scheme: self.scheme.is_some(),
        }
    }
}

/// The most specific of those `routes` that match; of equals, the first.
pub fn best<'a, T>(
    routes: impl IntoIterator<Item = (&'a Pattern, T)>,
    scheme: &str,
    host: &str,
    path_and_query: &str,
) -> Option<T> {
    routes
        .into_iter()
        .filter(|(pattern, _)| pattern.matches(scheme, host, path_and_query))
        .min_by_key(|(pattern, _)| Reverse(pattern.specificity()))
        .map(|(_, route)| route)
}

fn split_scheme(text: &str) -> Option<(Option<Scheme>, &str)> {
    match text.split_once("://") {
        None => Some((None, text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            Some((Some(Scheme::Http), rest))
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            Some((Some(Scheme::Https), rest))
        }
        // `example.com/a://b` is a path, not a scheme.
        Some((before, _)) if before.contains('/') => Some((None, text)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, "example.com").unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn refuses_with_the_four_texts() {
        let cases = [
            ("other.org/*", "must include zone name"),
            ("not-your-zone.invalid/*", "must include zone name"),
            ("notexample.com/*", "must include zone name"),
            ("*/*", "must include zone name"),
            ("*ple.com/*", "must include zone name"),
            ("com/*", "must include zone name"),
            ("ex*mple.com/*", "may only contain wildcards"),
            ("**.example.com/*", "may only contain wildcards"),
            ("example.com/*/a", "may only contain wildcards"),
            ("example.com/**", "may only contain wildcards"),
            ("example.com*", "may only contain wildcards"),
            ("example.com/a?b=1", "should not have query parameters"),
            ("example.com/?*", "should not have query parameters"),
            ("", "Could not understand"),
            ("/only/a/path", "Could not understand"),
            ("ftp://example.com/*", "Could not understand"),
            ("example.com:8080/*", "Could not understand"),
            ("example.com/a b", "Could not understand"),
            ("example.com/a#b", "Could not understand"),
            ("a..example.com/*", "Could not understand"),
            (".example.com/*", "Could not understand"),
        ];
        for (text, expected) in cases {
            let error = Pattern::parse(text, "example.com")
                .expect_err(text)
                .to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn matches_as_documented() {
        let cases = [
            // pattern, url (scheme, host, path and query), matches
            ("example.com/*", ("http", "example.com", "/"), true),
            ("example.com/*", ("https", "example.com", "/a/b?c=d"), true),
            ("example.com/*", ("http", "EXAMPLE.com", "/"), true),
            ("EXAMPLE.com/*", ("http", "example.com", "/"), true),
            ("example.com/*", ("http", "www.example.com", "/"), false),
            ("example.com", ("http", "example.com", "/"), true),
            ("example.com", ("http", "example.com", "/a"), false),
            ("example.com", ("http", "example.com", "/?a"), false),
            ("example.com/", ("http", "example.com", "/"), true),
            ("example.com/a", ("http", "example.com", "/a"), true),
            ("example.com/a", ("http", "example.com", "/A"), false),
            ("example.com/a", ("http", "example.com", "/a?utm=1"), false),
            ("example.com/a*", ("http", "example.com", "/a?utm=1"), true),
            ("example.com/a*", ("http", "example.com", "/abc/d"), true),
            ("example.com/a/*", ("http", "example.com", "/a"), false),
            ("example.com/a/*", ("http", "example.com", "/a/"), true),
            ("*.example.com/*", ("http", "a.example.com", "/"), true),
            ("*.example.com/*", ("http", "a.b.example.com", "/"), true),
            ("*.example.com/*", ("http", "example.com", "/"), false),
            ("*example.com/*", ("http", "example.com", "/"), true),
            ("*example.com/*", ("http", "www.example.com", "/"), true),
            ("*example.com/*", ("http", "myexample.com", "/"), true),
            ("*.b.example.com/*", ("http", "a.example.com", "/"), false),
            ("https://example.com/*", ("http", "example.com", "/"), false),
            ("https://example.com/*", ("https", "example.com", "/"), true),
            ("http://example.com/*", ("https", "example.com", "/"), false),
            ("example.com/a://b", ("http", "example.com", "/a://b"), true),
        ];
        for (text, (scheme, host, path), expected) in cases {
            let got = pattern(text).matches(scheme, host, path);
            assert_eq!(got, expected, "{text} against {scheme}://{host}{path}");
        }
    }

    #[test]
    fn the_most_specific_wins_with_the_known_defects() {
        let cases: [(&[&str], &str, &str, Option<&str>); 10] = [
            (
                &["example.com/*", "example.com/a/*"],
                "example.com",
                "/a/b",
                Some("example.com/a/*"),
            ),
            (
                &["example.com/*", "example.com/a/*"],
                "example.com",
                "/b",
                Some("example.com/*"),
            ),
            (
                &["*.example.com/*", "a.example.com/*"],
                "a.example.com",
                "/",
                Some("a.example.com/*"),
            ),
            (
                &["*example.com/*", "*.example.com/*"],
                "a.example.com",
                "/",
                Some("*.example.com/*"),
            ),
            (
                &["example.com/*", "example.com/robots.txt"],
                "example.com",
                "/robots.txt",
                Some("example.com/robots.txt"),
            ),
            // The defects: B beats A although A looks more specific.
            (
                &["example.com/images/*", "example.com/images*"],
                "example.com",
                "/images/x",
                Some("example.com/images*"),
            ),
            (
                &["*.example.com/a", "a.example.com/*"],
                "a.example.com",
                "/a",
                Some("a.example.com/*"),
            ),
            (
                &["example.com/*", "https://example.com/*"],
                "example.com",
                "/",
                Some("example.com/*"),
            ),
            (
                &["example.com/images*", "example.com/images/h*"],
                "example.com",
                "/images/hi",
                Some("example.com/images/h*"),
            ),
            (&["example.com/a"], "example.com", "/b", None),
        ];
        for (texts, host, path, expected) in cases {
            for reversed in [false, true] {
                let mut texts = texts.to_vec();
                if reversed {
                    texts.reverse();
                }
                let patterns: Vec<_> = texts.iter().map(|text| pattern(text)).collect();
                let routes = patterns.iter().zip(texts.iter().copied());
                assert_eq!(
                    best(routes, "http", host, path),
                    expected,
                    "{texts:?} {host}{path}"
                );
            }
        }
    }
}
