//! Names that people type: parsed at the door, trusted afterwards.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Why a name was refused; the text is meant for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Longer than allowed.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The most characters allowed.
        max: usize,
    },
    /// A character that has no place in a name.
    #[error("holds the character {0:?}, which is not allowed here")]
    BadCharacter(char),
    /// Not a host name.
    #[error("is not a host name: {0}")]
    BadHostname(&'static str),
}

/// The most characters of a site's or connection's name.
pub const NAME_MAX: usize = 100;

/// A name for people, as of a site or a connection: 1 to 100 characters, trimmed, no control characters, no `/`, `<`
/// or `>`, no invisible formatting characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.chars().count() > NAME_MAX {
            return Err(InvalidName::TooLong { max: NAME_MAX });
        }
        match text.chars().find(|c| is_forbidden_in_name(*c)) {
            Some(c) => Err(InvalidName::BadCharacter(c)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn is_forbidden_in_name(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | '/' | '\\' | '"' | '`')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A host name in lower case: labels of letters, digits and hyphens (international names in their `xn--` form), at
/// least two labels, at most 253 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

impl Hostname {
    /// The name, lower case, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this host is `zone` itself or below it.
    pub fn is_within(&self, zone: &str) -> bool {
        self.0 == zone
            || self
                .0
                .strip_suffix(zone)
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl FromStr for Hostname {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > 253 {
            return Err(InvalidName::TooLong { max: 253 });
        }
        let ascii = url::Host::parse(&text).map_err(|_| {
            InvalidName::BadHostname(
                "write it as in shop.example, without https:// and without a path",
            )
        })?;
        let url::Host::Domain(name) = ascii else {
            return Err(InvalidName::BadHostname("an IP address is not a host name"));
        };
        if !name.contains('.') {
            return Err(InvalidName::BadHostname("it needs at least one dot"));
        }
        let label_is_good = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if name.split('.').all(label_is_good) {
            Ok(Self(name))
        } else {
            Err(InvalidName::BadHostname(
                "between its dots there may be letters, digits and hyphens",
            ))
        }
    }
}

macro_rules! text_conversions {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
text_conversions!(DisplayName);
text_conversions!(Hostname);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames() {
        for (text, good) in [
            ("shop.localhost", Some("shop.localhost")),
            (" Shop.Example. ", Some("shop.example")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("localhost", None),
            ("127.0.0.1", None),
            ("https://shop.example", None),
            ("shop.example/x", None),
            ("-a.example", None),
            ("a..example", None),
            ("*.example.com", None),
            ("", None),
        ] {
            let parsed = text.parse::<Hostname>().ok().map(|host| host.to_string());
            assert_eq!(parsed.as_deref(), good, "{text}");
        }
    }

    #[test]
    fn within_a_zone() {
        let host: Hostname = "www.shop.example".parse().expect("a host name");
        assert!(host.is_within("shop.example"));
        assert!(!host.is_within("hop.example"));
    }

    #[test]
    fn display_names() {
        for bad in ["", "  ", "a\u{0}b", "<script>", "a\u{202e}b", "a/b"] {
            assert!(bad.parse::<DisplayName>().is_err(), "{bad:?}");
        }
        assert_eq!(
            " My shop "
                .parse::<DisplayName>()
                .map(String::from)
                .as_deref(),
            Ok("My shop")
        );
    }
}
