//! Cloudflare's ids and names.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Text that is not an id or name of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidId {
    /// What was expected, with its article.
    pub expected: &'static str,
    /// The text, cut to 80 characters.
    pub text: String,
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { expected: $what, text: text.chars().take(80).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

fn is_hex_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// §4: `^[a-z0-9_][a-z0-9-_]*$` (official), kept to 63 characters (general knowledge: a workers.dev name is a DNS label).
fn is_script_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= 63
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || byte == b'-')
}

text_type!(
    /// An account's id.
    AccountId, "an account id (32 hex digits)", is_hex_id);
text_type!(
    /// A zone's id.
    ZoneId, "a zone id (32 hex digits)", is_hex_id);
text_type!(
    /// A KV namespace's id.
    NamespaceId, "a KV namespace id (32 hex digits)", is_hex_id);
text_type!(
    /// A route's id.
    RouteId, "a route id (32 hex digits)", is_hex_id);
text_type!(
    /// A Worker's name.
    ScriptName, "a Worker name (lower-case letters, digits, - and _; at most 63)", is_script_name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for (text, good) in [
            ("edge-delivery", true),
            ("_a", true),
            ("-a", false),
            ("A", false),
            ("a b", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<ScriptName>().is_ok(), good, "{text}");
        }
        assert!("abc".parse::<ZoneId>().is_err());
    }
}
