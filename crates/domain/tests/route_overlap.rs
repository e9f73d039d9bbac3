//! Overlaps of route patterns: a table that a person can check, and any two patterns against a matcher that knows
//! nothing of sets.

use domain::route_pattern::{Relation, RoutePattern, is_same_pattern};
use proptest::prelude::*;

fn pattern(text: &str) -> RoutePattern {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Ours, theirs, how theirs lies to ours, who answers what both match, and what that is.
const TABLE: &[(&str, &str, Option<Relation>, &str, &str)] = {
    use Relation::{Broader, Crossing, Narrower, Same};
    &[
        // The same requests.
        (
            "shop.example/*",
            "shop.example/*",
            Some(Same),
            "-",
            "shop.example/*",
        ),
        (
            "shop.example/*",
            "SHOP.Example/*",
            Some(Same),
            "-",
            "shop.example/*",
        ),
        (
            "shop.example",
            "shop.example/",
            Some(Same),
            "-",
            "shop.example/",
        ),
        (
            "shop.example/Blog/*",
            "Shop.example/Blog/*",
            Some(Same),
            "-",
            "shop.example/Blog/*",
        ),
        (
            "https://shop.example/*",
            "HTTPS://shop.example/*",
            Some(Same),
            "-",
            "https://shop.example/*",
        ),
        // Nothing in common.
        ("shop.example/*", "blog.example/*", None, "-", ""),
        ("shop.example/*", "www.shop.example/*", None, "-", ""),
        ("shop.example/*", "*.shop.example/*", None, "-", ""),
        ("shop.example/blog/*", "shop.example/shop/*", None, "-", ""),
        ("shop.example/blog/*", "shop.example/Blog/*", None, "-", ""),
        ("shop.example/blog/*", "shop.example/blog", None, "-", ""),
        ("shop.example/a", "shop.example/b", None, "-", ""),
        ("shop.example/a", "shop.example/a/*", None, "-", ""),
        (
            "http://shop.example/*",
            "https://shop.example/*",
            None,
            "-",
            "",
        ),
        ("*.a.example/*", "*.b.example/*", None, "-", ""),
        ("www.shop.example/*", "*.blog.example/*", None, "-", ""),
        ("shop.example/*", "*.example.shop/*", None, "-", ""),
        // Theirs is narrower and answers.
        (
            "shop.example/*",
            "shop.example/images/*",
            Some(Narrower),
            "theirs",
            "shop.example/images/*",
        ),
        (
            "shop.example/*",
            "shop.example/images*",
            Some(Narrower),
            "theirs",
            "shop.example/images*",
        ),
        (
            "shop.example/*",
            "shop.example/robots.txt",
            Some(Narrower),
            "theirs",
            "shop.example/robots.txt",
        ),
        (
            "shop.example/*",
            "shop.example",
            Some(Narrower),
            "theirs",
            "shop.example/",
        ),
        (
            "shop.example/*",
            "https://shop.example/*",
            Some(Narrower),
            "theirs",
            "https://shop.example/*",
        ),
        (
            "shop.example/*",
            "http://shop.example/cart",
            Some(Narrower),
            "theirs",
            "http://shop.example/cart",
        ),
        (
            "shop.example/blog/*",
            "shop.example/blog/drafts/*",
            Some(Narrower),
            "theirs",
            "shop.example/blog/drafts/*",
        ),
        (
            "shop.example/.well-known/edge-delivery*",
            "shop.example/.well-known/edge-delivery",
            Some(Narrower),
            "theirs",
            "shop.example/.well-known/edge-delivery",
        ),
        // Theirs is broader and gives way.
        (
            "shop.example/*",
            "*shop.example/*",
            Some(Broader),
            "ours",
            "shop.example/*",
        ),
        (
            "www.shop.example/*",
            "*.shop.example/*",
            Some(Broader),
            "ours",
            "www.shop.example/*",
        ),
        (
            "www.shop.example/*",
            "*shop.example/*",
            Some(Broader),
            "ours",
            "www.shop.example/*",
        ),
        (
            "a.b.shop.example/*",
            "*.shop.example/*",
            Some(Broader),
            "ours",
            "a.b.shop.example/*",
        ),
        (
            "shop.example/blog/*",
            "shop.example/*",
            Some(Broader),
            "ours",
            "shop.example/blog/*",
        ),
        (
            "shop.example/blog/a/*",
            "shop.example/blog/*",
            Some(Broader),
            "ours",
            "shop.example/blog/a/*",
        ),
        (
            "shop.example/.well-known/edge-delivery*",
            "shop.example/*",
            Some(Broader),
            "ours",
            "shop.example/.well-known/edge-delivery*",
        ),
        (
            "myshop.example/*",
            "*shop.example/*",
            Some(Broader),
            "ours",
            "myshop.example/*",
        ),
        (
            "shop.example/*",
            "*/*",
            Some(Broader),
            "ours",
            "shop.example/*",
        ),
        (
            "www.shop.example/*",
            "*.example/*",
            Some(Broader),
            "ours",
            "www.shop.example/*",
        ),
        // The two documented defects: the slash before the last * counts for nothing, and the host before the path.
        (
            "shop.example/images/*",
            "shop.example/images*",
            Some(Broader),
            "theirs",
            "shop.example/images/*",
        ),
        (
            "shop.example/images*",
            "shop.example/images/*",
            Some(Narrower),
            "ours",
            "shop.example/images/*",
        ),
        (
            "www.shop.example/*",
            "*.shop.example/a",
            Some(Crossing),
            "ours",
            "www.shop.example/a",
        ),
        (
            "www.shop.example/*",
            "*.shop.example/images/*",
            Some(Crossing),
            "ours",
            "www.shop.example/images/*",
        ),
        (
            "shop.example/*",
            "*shop.example/robots.txt",
            Some(Crossing),
            "ours",
            "shop.example/robots.txt",
        ),
        (
            "shop.example/*",
            "https://*shop.example/*",
            Some(Crossing),
            "ours",
            "https://shop.example/*",
        ),
        (
            "shop.example/blog/*",
            "https://shop.example/*",
            Some(Crossing),
            "ours",
            "https://shop.example/blog/*",
        ),
        // A longer path beats the slash that counts for nothing.
        (
            "shop.example/images/h*",
            "shop.example/images*",
            Some(Broader),
            "ours",
            "shop.example/images/h*",
        ),
        (
            "shop.example/a*",
            "shop.example/a/b*",
            Some(Narrower),
            "theirs",
            "shop.example/a/b*",
        ),
        // Two hosts with a star.
        (
            "*.shop.example/*",
            "*shop.example/*",
            Some(Broader),
            "ours",
            "*.shop.example/*",
        ),
        (
            "*.shop.example/*",
            "*.www.shop.example/*",
            Some(Narrower),
            "theirs",
            "*.www.shop.example/*",
        ),
        (
            "*.shop.example/*",
            "*.shop.example/a*",
            Some(Narrower),
            "theirs",
            "*.shop.example/a*",
        ),
        (
            "*.www.shop.example/*",
            "*.shop.example/a",
            Some(Crossing),
            "ours",
            "*.www.shop.example/a",
        ),
    ]
};

#[test]
fn pairs_that_a_person_can_check() {
    assert!(TABLE.len() >= 40, "{} pairs", TABLE.len());
    for (ours, theirs, relation, winner, shared) in TABLE {
        let overlap = pattern(ours).overlap(&pattern(theirs));
        let found = overlap.as_ref().map(|overlap| overlap.relation);
        assert_eq!(found, *relation, "{ours} and {theirs}");
        let Some(overlap) = overlap else { continue };
        assert_eq!(overlap.shared.to_string(), *shared, "{ours} and {theirs}");
        let ours_wins = overlap.first_wins;
        match *winner {
            "ours" => assert!(ours_wins, "{ours} should beat {theirs}"),
            "theirs" => assert!(!ours_wins, "{theirs} should beat {ours}"),
            _ => assert_eq!(overlap.relation, Relation::Same),
        }
    }
}

#[test]
fn texts_that_are_no_patterns() {
    for (text, why) in [
        ("", "host and a path"),
        ("/a", "host and a path"),
        ("ftp://shop.example/*", "host and a path"),
        ("shop.example:8080/*", "host and a path"),
        ("shop.example/a b", "host and a path"),
        ("shop.example/a#b", "host and a path"),
        ("sh*p.example/*", "may hold `*` only"),
        ("shop.example/*/a", "may hold `*` only"),
        ("shop.example/**", "may hold `*` only"),
        ("**.shop.example/*", "may hold `*` only"),
        ("shop.example/?a*", "may not hold a query"),
    ] {
        let error = text.parse::<RoutePattern>().expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(is_same_pattern("what is this", "What is this"));
    assert!(!is_same_pattern("shop.example/A*", "shop.example/a*"));
}

/// What a route matches, by the words of the documents: character by character, nothing clever.
fn matches(text: &str, scheme: &str, host: &str, path_and_query: &str) -> bool {
    let (wanted, rest) = match text.split_once("://") {
        Some((wanted, rest)) => (wanted, rest),
        None => ("", text),
    };
    if !wanted.is_empty() && wanted != scheme {
        return false;
    }
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host_part, path_part) = (&rest[..slash], &rest[slash..]);
    let path_part = if path_part.is_empty() { "/" } else { path_part };
    let host_fits = match host_part.strip_prefix('*') {
        None => host_part == host,
        Some(end) => (0..=host.len()).any(|at| &host[at..] == end),
    };
    let path_fits = match path_part.strip_suffix('*') {
        None => path_part == path_and_query,
        Some(start) => (0..=path_and_query.len()).any(|at| &path_and_query[..at] == start),
    };
    host_fits && path_fits
}

/// Every request that can tell two of the patterns below apart.
fn requests() -> Vec<(&'static str, String, String)> {
    let mut hosts = vec![];
    for start in ["", "a.", "b.", "a.b.", "b.a.", "x", "c.a.b.", "x.a."] {
        hosts.push(format!("{start}z.io"));
    }
    let mut paths = vec![String::from("/")];
    for letters in [
        "a", "b", "a/", "ab", "a/b", "a/b/", "ab/", "a/c", "b/c", "abc", "a/bc", "?q", "a?q",
        "a/?q", "a/b?q", "A",
    ] {
        paths.push(format!("/{letters}"));
    }
    let mut all = vec![];
    for scheme in ["http", "https"] {
        for host in &hosts {
            for path in &paths {
                all.push((scheme, host.clone(), path.clone()));
            }
        }
    }
    all
}

fn any_pattern() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["", "http://", "https://"]),
        prop::sample::select(vec![
            "z.io", "a.z.io", "b.z.io", "a.b.z.io", "*z.io", "*.z.io", "*.b.z.io", "*.a.z.io",
            "*a.z.io",
        ]),
        prop::sample::select(vec![
            "", "/", "/*", "/a", "/a*", "/a/*", "/a/b", "/a/b*", "/a/b/*", "/b*", "/ab*", "/A*",
        ]),
    )
        .prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn any_two_patterns_are_as_their_requests_say(one in any_pattern(), other in any_pattern()) {
        let (mut both, mut only_one, mut only_other) = (vec![], 0, 0);
        for (scheme, host, path) in requests() {
            match (matches(&one, scheme, &host, &path), matches(&other, scheme, &host, &path)) {
                (true, true) => both.push((scheme, host, path)),
                (true, false) => only_one += 1,
                (false, true) => only_other += 1,
                (false, false) => {}
            }
        }
        let expected = match (both.is_empty(), only_one, only_other) {
            (true, ..) => None,
            (false, 0, 0) => Some(Relation::Same),
            (false, 0, _) => Some(Relation::Broader),
            (false, _, 0) => Some(Relation::Narrower),
            (false, ..) => Some(Relation::Crossing),
        };
        let overlap = pattern(&one).overlap(&pattern(&other));
        prop_assert_eq!(overlap.as_ref().map(|overlap| overlap.relation), expected, "{} and {}", &one, &other);
        prop_assert_eq!(is_same_pattern(&one, &other), expected == Some(Relation::Same));
        let Some(overlap) = overlap else { return Ok(()) };
        // What they share is what both match, and nothing else.
        let shared = overlap.shared.to_string();
        for (scheme, host, path) in requests() {
            let in_both = both.iter().any(|found| *found == (scheme, host.clone(), path.clone()));
            prop_assert_eq!(matches(&shared, scheme, &host, &path), in_both, "{} of {} and {}", &shared, &one, &other);
        }
        // Exactly one of two different patterns wins, whoever is asked.
        let back = pattern(&other).overlap(&pattern(&one)).expect("they overlap");
        if expected != Some(Relation::Same) {
            prop_assert_ne!(overlap.first_wins, back.first_wins, "{} and {}", &one, &other);
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read(text in any_pattern()) {
        let parsed = pattern(&text);
        prop_assert_eq!(pattern(&parsed.to_string()), parsed);
    }
}
