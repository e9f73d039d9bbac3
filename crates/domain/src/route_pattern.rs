//! Route patterns: how they are written, which of two wins, and what they have in common.
//!
//! The rules are Cloudflare's (Cloudflare API notes §5, official), its two documented defects included, since zones
//! behave with them: `example.com/images*` beats `example.com/images/*`, and `a.example.com/*` beats
//! `*.example.com/a`. A pattern is matched against the whole URL, query included; its path is told apart by case, its
//! host is not. `*example.com/*` matches example.com, its subdomains, and any host that merely ends in that text.

use std::{cmp::Ordering, fmt, str::FromStr};

/// A route pattern such as `*.example.com/shop/*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoutePattern {
    scheme: Option<Scheme>,
    host: HostPart,
    path: PathPart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

/// Lower case; behind a `*` it is a suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HostPart {
    text: String,
    is_suffix: bool,
}

/// With its first slash; before a `*` it is a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PathPart {
    text: String,
    is_prefix: bool,
}

/// Why a text is no route pattern; the text is meant for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// A `*` somewhere in between.
    #[error("may hold `*` only as the first character of the host and as the last of the path")]
    Wildcard,
    /// A query.
    #[error("may not hold a query (`?`)")]
    Query,
    /// Anything else.
    #[error("is not a host and a path, as in shop.example/blog/*")]
    Unreadable,
}

/// How a pattern lies to another one. Read: "theirs is … ours".
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It matches the same requests.
    Same,
    /// It matches all of ours and more.
    Broader,
    /// It matches some of ours and nothing else.
    Narrower,
    /// It matches some of ours, and others.
    Crossing,
}

impl Relation {
    /// The words on the screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::Broader => "broader",
            Self::Narrower => "narrower",
            Self::Crossing => "crossing",
        }
    }
}

/// What two patterns have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// How the second lies to the first.
    pub relation: Relation,
    /// Whether the first one gets the requests that both match. Of the same pattern there can be one route only, so it
    /// does not matter there.
    pub first_wins: bool,
    /// The requests that both match.
    pub shared: RoutePattern,
}

/// One side of a comparison of sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sets {
    Equal,
    /// The first lies within the second.
    Within,
    /// The first holds the second.
    Holds,
    Disjoint,
}

impl RoutePattern {
    /// What this pattern and another have in common; `None`: no request matches both.
    pub fn overlap(&self, other: &Self) -> Option<Overlap> {
        let (scheme, host, path) = (
            schemes(self.scheme, other.scheme),
            hosts(&self.host, &other.host),
            paths(&self.path, &other.path),
        );
        let parts = [scheme, host, path];
        let has = |sets: Sets| parts.contains(&sets);
        if has(Sets::Disjoint) {
            return None;
        }
        let relation = match (has(Sets::Within), has(Sets::Holds)) {
            (false, false) => Relation::Same,
            (true, false) => Relation::Broader,
            (false, true) => Relation::Narrower,
            (true, true) => Relation::Crossing,
        };
        Some(Overlap {
            relation,
            first_wins: self.specificity(other) == Ordering::Greater,
            shared: Self {
                scheme: self.scheme.or(other.scheme),
                host: if host == Sets::Holds {
                    &other.host
                } else {
                    &self.host
                }
                .clone(),
                path: if path == Sets::Holds {
                    &other.path
                } else {
                    &self.path
                }
                .clone(),
            },
        })
    }

    /// Whether both match exactly the same requests.
    pub fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    /// Whether it matches whatever `other` matches.
    pub fn holds(&self, other: &Self) -> bool {
        self.overlap(other)
            .is_some_and(|overlap| matches!(overlap.relation, Relation::Same | Relation::Narrower))
    }

    /// Which of two patterns that match a request gets it: the host counts before the path, and a slash before the
    /// last `*` counts for nothing (it loses against the same without it). That a pattern with a scheme beats the same
    /// without is not documented; it is how longest-match works elsewhere.
    pub fn specificity(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }

    fn rank(&self) -> (bool, usize, bool, usize, bool, bool) {
        let has_slash = self.path.is_prefix && self.path.text.ends_with('/');
        (
            !self.host.is_suffix,
            self.host.text.len(),
            !self.path.is_prefix,
            self.path.text.len() - usize::from(has_slash),
            !has_slash,
            self.scheme.is_some(),
        )
    }

    /// The host without its `*`; `None` when it has one.
    pub fn exact_host(&self) -> Option<&str> {
        (!self.host.is_suffix).then_some(self.host.text.as_str())
    }

    /// Whether the path ends in `*`.
    pub const fn is_open(&self) -> bool {
        self.path.is_prefix
    }

    /// Whether it names `http` or `https`.
    pub const fn has_scheme(&self) -> bool {
        self.scheme.is_some()
    }

    /// Whether its host is `*name` without a dot, which also matches foreign hosts that end in that text.
    pub fn is_greedy(&self) -> bool {
        self.host.is_suffix && !self.host.text.is_empty() && !self.host.text.starts_with('.')
    }
}

fn schemes(one: Option<Scheme>, other: Option<Scheme>) -> Sets {
    match (one, other) {
        (None, None) => Sets::Equal,
        (None, Some(_)) => Sets::Holds,
        (Some(_), None) => Sets::Within,
        (Some(one), Some(other)) if one == other => Sets::Equal,
        (Some(_), Some(_)) => Sets::Disjoint,
    }
}

fn hosts(one: &HostPart, other: &HostPart) -> Sets {
    parts(
        (&one.text, one.is_suffix),
        (&other.text, other.is_suffix),
        |text, suffix| text.ends_with(suffix),
    )
}

fn paths(one: &PathPart, other: &PathPart) -> Sets {
    parts(
        (&one.text, one.is_prefix),
        (&other.text, other.is_prefix),
        |text, prefix| text.starts_with(prefix),
    )
}

fn parts(one: (&str, bool), other: (&str, bool), fits: impl Fn(&str, &str) -> bool) -> Sets {
    let within = |(text, is_open): (&str, bool), (of, of_is_open): (&str, bool)| match of_is_open {
        true => fits(text, of),
        false => !is_open && text == of,
    };
    match (within(one, other), within(other, one)) {
        (true, true) => Sets::Equal,
        (true, false) => Sets::Within,
        (false, true) => Sets::Holds,
        (false, false) => Sets::Disjoint,
    }
}

impl FromStr for RoutePattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '#');
        if text.is_empty() || text.contains(is_odd) {
            return Err(InvalidPattern::Unreadable);
        }
        let (scheme, rest) = split_scheme(text)?;
        if rest.contains('?') {
            return Err(InvalidPattern::Query);
        }
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, is_suffix) = host
            .strip_prefix('*')
            .map_or((host, false), |suffix| (suffix, true));
        let (path, is_prefix) = path
            .strip_suffix('*')
            .map_or((path, false), |prefix| (prefix, true));
        if host.contains('*') || path.contains('*') {
            return Err(InvalidPattern::Wildcard);
        }
        let is_host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !host.chars().all(is_host_char) || (host.is_empty() && !is_suffix) {
            return Err(InvalidPattern::Unreadable);
        }
        Ok(Self {
            scheme,
            host: HostPart {
                text: host.to_ascii_lowercase(),
                is_suffix,
            },
            path: PathPart {
                text: path.to_owned(),
                is_prefix,
            },
        })
    }
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str), InvalidPattern> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            Ok((Some(Scheme::Http), rest))
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            Ok((Some(Scheme::Https), rest))
        }
        // `example.com/a://b` is a path.
        Some((before, _)) if !before.contains('/') => Err(InvalidPattern::Unreadable),
        _ => Ok((None, text)),
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            None => "",
            Some(Scheme::Http) => "http://",
            Some(Scheme::Https) => "https://",
        })?;
        let star = |is_open: bool| if is_open { "*" } else { "" };
        write!(
            f,
            "{}{}{}{}",
            star(self.host.is_suffix),
            self.host.text,
            self.path.text,
            star(self.path.is_prefix)
        )
    }
}

/// Whether two texts name the same route: hosts in any case. What cannot be read is compared as text.
pub fn is_same_pattern(one: &str, other: &str) -> bool {
    match (one.parse::<RoutePattern>(), other.parse::<RoutePattern>()) {
        (Ok(one), Ok(other)) => one.is_same(&other),
        _ => one.eq_ignore_ascii_case(other),
    }
}
