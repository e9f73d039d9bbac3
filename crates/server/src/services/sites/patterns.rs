//! Route patterns that an owner gives a site: a part of a host name in the place of all of it.

use crate::problem::{Outcome, Problem};
use domain::{
    desired::route_pattern,
    names::Hostname,
    route_pattern::{RoutePattern, is_same_pattern},
};
use std::collections::BTreeMap;

/// The most patterns of one host name: each is a route, of which a zone holds 1,000 (Cloudflare API notes §4.7,
/// official).
const PATTERNS_MAX: usize = 20;

/// As they are sent: patterns by host name. An empty list covers the whole host name again.
pub(crate) type PatternsGiven = BTreeMap<String, Vec<String>>;

const FIELD: &str = "routePatterns";

/// Checks what was given by Cloudflare's rules and ours, and puts it into what is known already.
pub(super) fn parse(
    given: PatternsGiven,
    hostnames: &[Hostname],
    mut known: BTreeMap<Hostname, Vec<String>>,
) -> Outcome<BTreeMap<Hostname, Vec<String>>> {
    known.retain(|host, _| hostnames.contains(host));
    for (host, patterns) in given {
        let shown: String = host.chars().take(80).collect();
        let host = host
            .parse::<Hostname>()
            .ok()
            .filter(|host| hostnames.contains(host))
            .ok_or_else(|| {
                Problem::field(
                    FIELD,
                    format!("names {shown:?}, which is no host name of this site"),
                )
            })?;
        if patterns.len() > PATTERNS_MAX {
            return Err(Problem::field(
                FIELD,
                format!("has more than {PATTERNS_MAX} patterns for {host}"),
            ));
        }
        let mut parsed: Vec<String> = Vec::new();
        for pattern in &patterns {
            let pattern = parse_one(pattern, &host)?;
            if !parsed.iter().any(|other| is_same_pattern(other, &pattern)) {
                parsed.push(pattern);
            }
        }
        let is_whole = parsed.iter().any(|one| *one == route_pattern(&host));
        if parsed.is_empty() || is_whole {
            known.remove(&host);
        } else {
            known.insert(host, parsed);
        }
    }
    Ok(known)
}

/// One pattern: this host name, and a path that ends in `*`, since without it no request with a query would match.
fn parse_one(text: &str, host: &Hostname) -> Outcome<String> {
    let shown: String = text.chars().take(80).collect();
    let refuse = |why: &str| Problem::field(FIELD, format!("holds {shown:?}, which {why}"));
    let pattern: RoutePattern = text
        .trim()
        .parse()
        .map_err(|error: domain::route_pattern::InvalidPattern| refuse(&error.to_string()))?;
    if pattern.has_scheme() {
        return Err(refuse(
            "names http or https: leave that out, a route covers both",
        ));
    }
    if pattern.exact_host() != Some(host.as_str()) {
        return Err(refuse(&format!(
            "is not a pattern of {host}: it begins with {host}/"
        )));
    }
    if !pattern.is_open() {
        return Err(refuse(
            "does not end in `*`: it would miss every request with a query",
        ));
    }
    Ok(pattern.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_one(pattern: &str) -> Result<Vec<String>, String> {
        let host: Hostname = "shop.example".parse().expect("a host name");
        let given = BTreeMap::from([("Shop.example".to_owned(), vec![pattern.to_owned()])]);
        parse(given, std::slice::from_ref(&host), BTreeMap::new())
            .map(|parsed| parsed.get(&host).cloned().unwrap_or_default())
            .map_err(|problem| problem.errors[0].detail.clone())
    }

    #[test]
    fn patterns_keep_the_rules() {
        for (text, expected) in [
            ("shop.example/blog/*", "shop.example/blog/*"),
            (" SHOP.example/Blog* ", "shop.example/Blog*"),
        ] {
            assert_eq!(try_one(text), Ok(vec![expected.to_owned()]), "{text}");
        }
        assert_eq!(try_one("shop.example/*"), Ok(vec![]), "the whole host name");
        for (text, why) in [
            ("blog.example/*", "not a pattern of shop.example"),
            ("*.shop.example/*", "not a pattern of shop.example"),
            ("*shop.example/blog/*", "not a pattern of shop.example"),
            ("https://shop.example/blog/*", "names http or https"),
            ("shop.example/blog", "does not end in `*`"),
            ("shop.example/blog?a*", "may not hold a query"),
            ("shop.example/*/a*", "may hold `*` only"),
            ("shop.example:80/blog/*", "is not a host and a path"),
            ("", "is not a host and a path"),
        ] {
            let refused = try_one(text).expect_err(text);
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn other_hosts_and_too_many_are_refused() {
        let host: Hostname = "shop.example".parse().expect("a host name");
        let hosts = std::slice::from_ref(&host);
        let other = BTreeMap::from([("blog.example".to_owned(), vec![])]);
        assert!(parse(other, hosts, BTreeMap::new()).is_err());
        let many = (0..21).map(|n| format!("shop.example/{n}*")).collect();
        let many = BTreeMap::from([("shop.example".to_owned(), many)]);
        assert!(parse(many, hosts, BTreeMap::new()).is_err());
    }
}
