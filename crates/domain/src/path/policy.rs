//! What a site says about its paths: what a trailing slash means, and which query parameters make another page.

use super::{
    InvalidPath, PagePath, normalise,
    query::{self, Wanted},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The most query parameters that may matter to a site.
pub const QUERY_PARAMETERS_MAX: usize = 20;

/// The most bytes of a parameter's name.
const NAME_MAX: usize = 64;

/// The parameter of our own preview links.
const OUR_PARAMETER: &str = "ed-preview";

/// What a slash at the end of a path means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrailingSlash {
    /// `/a` and `/a/` are two pages.
    #[default]
    Keep,
    /// They are one, written `/a`.
    Strip,
    /// They are one, written `/a/`. A last segment with a dot in it is a file, and gets none.
    Add,
}

impl TrailingSlash {
    /// Every one, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Strip, Self::Add];

    /// The word in settings and the Worker's configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Strip => "strip",
            Self::Add => "add",
        }
    }

    /// A path in normal form, without query, with or without its slash.
    pub(super) fn applied(self, mut path: String) -> String {
        let last = path.rsplit('/').next().unwrap_or_default();
        match self {
            Self::Strip if last.is_empty() && path.len() > 1 => {
                path.pop();
            }
            Self::Add if !last.is_empty() && !last.contains('.') => path.push('/'),
            Self::Keep | Self::Strip | Self::Add => {}
        }
        path
    }
}

impl fmt::Display for TrailingSlash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TrailingSlash {
    type Err = InvalidPolicy;
    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        Self::ALL
            .into_iter()
            .find(|slash| slash.as_str() == text)
            .ok_or(InvalidPolicy::Slash)
    }
}

/// How a site's paths are read. The default keeps trailing slashes and ignores queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PathPolicy {
    /// What a slash at the end means.
    pub trailing_slash: TrailingSlash,
    /// The query parameters that make another page, by their decoded names, sorted. All others are ignored.
    pub query_parameters: Vec<String>,
}

/// Why a policy was refused; the text is meant for people and follows the setting's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// No word for a trailing slash.
    #[error("must be `keep`, `strip` or `add`")]
    Slash,
    /// Too many parameters.
    #[error("has more than {QUERY_PARAMETERS_MAX} names")]
    TooMany,
    /// A name that cannot be one.
    #[error(
        "holds {0:?}: a name has 1 to {NAME_MAX} bytes, without spaces and control characters, and without any of & = ? # %"
    )]
    Name(String),
    /// Our own.
    #[error("holds `{OUR_PARAMETER}`, which is Edge Delivery's own")]
    Ours,
}

impl PathPolicy {
    /// Checks a policy and sorts its names.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(
        trailing_slash: TrailingSlash,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Self, InvalidPolicy> {
        let mut query_parameters: Vec<String> = names.into_iter().collect();
        query_parameters.sort();
        query_parameters.dedup();
        if query_parameters.len() > QUERY_PARAMETERS_MAX {
            return Err(InvalidPolicy::TooMany);
        }
        for name in &query_parameters {
            if name == OUR_PARAMETER {
                return Err(InvalidPolicy::Ours);
            }
            let is_odd = |c: char| {
                c.is_control() || c.is_whitespace() || matches!(c, '&' | '=' | '?' | '#' | '%')
            };
            if name.is_empty() || name.len() > NAME_MAX || name.contains(is_odd) {
                return Err(InvalidPolicy::Name(name.chars().take(NAME_MAX).collect()));
            }
        }
        Ok(Self {
            trailing_slash,
            query_parameters,
        })
    }

    /// Whether it is the one that a new site has.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The parameters of a query that do not matter to this site, as they read when decoded where they can be.
    pub fn ignored_parameters(&self, query: &str) -> Vec<String> {
        query::names(query)
            .into_iter()
            .filter(|name| !self.query_parameters.contains(name))
            .collect()
    }

    /// The page that a path with its query names on this site: percent-encoded, as in an address.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn page(&self, text: &str) -> Result<PagePath, InvalidPath> {
        normalise(
            text,
            self.trailing_slash,
            &Wanted::Named(&self.query_parameters),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_sorted() {
        let of = |names: &[&str]| {
            PathPolicy::new(
                TrailingSlash::Keep,
                names.iter().map(|name| (*name).to_owned()),
            )
        };
        let sorted = of(&["q", "page", "q"]).expect("good names");
        assert_eq!(sorted.query_parameters, ["page", "q"]);
        assert!(of(&["größe", "filter[color]", "a.b"]).is_ok());
        for bad in ["", "a b", "a=b", "a&b", "a%20b", "?q", "#q", "a\n"] {
            assert!(matches!(of(&[bad]), Err(InvalidPolicy::Name(_))), "{bad:?}");
        }
        assert_eq!(of(&["ed-preview"]), Err(InvalidPolicy::Ours));
        let many: Vec<String> = (0..=QUERY_PARAMETERS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(
            PathPolicy::new(TrailingSlash::Add, many),
            Err(InvalidPolicy::TooMany)
        );
    }

    #[test]
    fn words_of_the_trailing_slash() {
        for slash in TrailingSlash::ALL {
            assert_eq!(slash.as_str().parse(), Ok(slash));
        }
        assert_eq!("x".parse::<TrailingSlash>(), Err(InvalidPolicy::Slash));
    }
}
