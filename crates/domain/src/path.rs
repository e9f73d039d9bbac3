//! The one normal form of a page's path, and the KV key that it has.
//!
//! `worker/src/paths.js` is the same for the edge; both run `worker/test/paths.cases.json`, and a property test compares
//! them on random paths. For users: `docs/publishing.md`, section *Paths*.
//!
//! The normal form keeps what may matter to a site and folds what may not: letter case and Unicode composition stay as
//! they are; percent-encoding is made uniform (RFC 3986 §6.2.2: unreserved characters are decoded, hex digits are upper
//! case, whatever may not stand in a path is encoded); a fragment is cut off. What a trailing slash means and which query
//! parameters matter is the site's [`PathPolicy`]. Refused is what servers read differently from each other: dot segments
//! (encoded ones too), empty segments (`//`), backslashes, control characters, broken percent-encoding and bytes that are
//! not UTF-8. What is refused can hold no variant, and a request for it goes to the origin.

mod kind;
mod policy;
mod query;

pub use kind::may_be_page;
pub use policy::{InvalidPolicy, PathPolicy, QUERY_PARAMETERS_MAX, TrailingSlash};

use crate::variant::Format;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The most bytes of a path, before and after it is normalised; after it with the query that matters.
pub const PATH_MAX: usize = 2_048;

/// The most bytes of a KV key (Cloudflare API notes §6.6, official).
pub const KV_KEY_MAX: usize = 512;

/// Why a path was refused; the text is meant for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Longer than [`PATH_MAX`].
    #[error("the path is longer than {PATH_MAX} bytes")]
    TooLong,
    /// `.` or `..`, plain or encoded.
    #[error("the path has a segment `.` or `..`")]
    DotSegment,
    /// Two slashes in a row.
    #[error("the path has an empty segment (two slashes in a row)")]
    EmptySegment,
    /// A control character or a backslash, plain or encoded.
    #[error("the path has a control character or a backslash")]
    Forbidden,
    /// `%` without two hex digits.
    #[error("the path has a `%` that is not followed by two hex digits")]
    BadEscape,
    /// Bytes that are not UTF-8.
    #[error("the path is not valid UTF-8")]
    NotUtf8,
}

/// A page's path in normal form: it starts with `/` and is ASCII. A page of which query parameters matter has them after
/// a `?`, sorted by name; in the path itself a `?` is always encoded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PagePath(String);

impl PagePath {
    /// Reads a path that is in normal form already: one of the database, or of an answer of ours. Every query parameter is
    /// kept, and the trailing slash as it is. What comes from people or requests is for [`PathPolicy::page`].
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        normalise(text, TrailingSlash::Keep, &query::Wanted::All)
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this page's variant in the site's KV namespace: readable where it fits, else the path's SHA-256.
    pub fn kv_key(&self, format: Format) -> String {
        let key = format!("v/{format}{}", self.0);
        if key.len() <= KV_KEY_MAX {
            key
        } else {
            format!(
                "h/{format}/{}",
                hex::encode(Sha256::digest(self.0.as_bytes()))
            )
        }
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// May stand in a path as it is (RFC 3986 `pchar` and `/`), besides the unreserved.
const fn is_literal(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@'
            | b'/'
    )
}

const fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f || byte == b'\\'
}

fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// The normal form of a percent-encoded path with its query. A missing leading slash is added, so that the empty text is
/// the home page; a fragment is cut off.
fn normalise(
    text: &str,
    slash: TrailingSlash,
    wanted: &query::Wanted<'_>,
) -> Result<PagePath, InvalidPath> {
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut out = slash.applied(normal_path(path.as_bytes())?);
    let query = query::normal(query, wanted)?;
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query);
    }
    if out.len() > PATH_MAX {
        return Err(InvalidPath::TooLong);
    }
    Ok(PagePath(out))
}

fn normal_path(input: &[u8]) -> Result<String, InvalidPath> {
    if input.len() > PATH_MAX {
        return Err(InvalidPath::TooLong);
    }
    let mut out = String::with_capacity(input.len() + 1);
    let mut decoded = Vec::with_capacity(input.len() + 1);
    if input.first() != Some(&b'/') {
        out.push('/');
        decoded.push(b'/');
    }
    let mut at = 0;
    while at < input.len() {
        let (byte, escaped) = if input[at] == b'%' {
            let digits = input.get(at + 1..at + 3).ok_or(InvalidPath::BadEscape)?;
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte).map_err(|_| InvalidPath::BadEscape)?;
            at += 3;
            (byte[0], true)
        } else {
            at += 1;
            (input[at - 1], false)
        };
        if is_forbidden(byte) {
            return Err(InvalidPath::Forbidden);
        }
        if is_unreserved(byte) || (!escaped && is_literal(byte)) {
            out.push(char::from(byte));
        } else {
            push_escaped(&mut out, byte);
        }
        decoded.push(byte);
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(InvalidPath::NotUtf8);
    }
    if out.contains("//") {
        return Err(InvalidPath::EmptySegment);
    }
    // An encoded slash separates for some servers: `..%2Fx` is as bad as `../x`.
    if decoded
        .split(|byte| *byte == b'/')
        .any(|segment| segment == b"." || segment == b"..")
    {
        return Err(InvalidPath::DotSegment);
    }
    Ok(out)
}

impl fmt::Display for PagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PagePath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PagePath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<PagePath> for String {
    fn from(path: PagePath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize)]
    struct Case {
        input: String,
        #[serde(default)]
        repeat: Option<(String, usize)>,
        #[serde(default)]
        policy: PathPolicy,
        path: Option<String>,
        key: Option<String>,
    }

    #[test]
    fn shared_cases() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../worker/test/paths.cases.json"))
                .expect("the shared cases are JSON");
        assert!(cases.len() >= 200, "{} cases", cases.len());
        for case in cases {
            let mut input = case.input;
            if let Some((text, times)) = case.repeat {
                input.push_str(&text.repeat(times));
            }
            let path = case.policy.page(&input).ok();
            if let Some(key) = case.key {
                let path = path.as_ref().expect("a path with a key is a path");
                assert_eq!(path.kv_key(Format::Html), key, "{input}");
            }
            if case.path.as_deref() != Some("(long)") {
                assert_eq!(path.map(String::from), case.path, "{input}");
            }
        }
    }

    fn policies() -> impl Strategy<Value = PathPolicy> {
        let slash = prop::sample::select(TrailingSlash::ALL.to_vec());
        let names = prop::collection::vec("[a-cé]", 0..3);
        (slash, names).prop_map(|(trailing_slash, query_parameters)| PathPolicy {
            trailing_slash,
            query_parameters,
        })
    }

    proptest! {
        #[test]
        fn normal_form_is_stable_and_clean(
            input in "\\PC{0,60}|(/|%2e|%2F|\\.|a|%c3%a9|%|é|//){0,20}(\\?(a|b|=|&|%|\\+|%26|é|%c3%a9|/){0,20})?",
            policy in policies(),
        ) {
            if let Ok(path) = policy.page(&input) {
                prop_assert!(path.as_str().starts_with('/'));
                prop_assert!(path.as_str().bytes().all(|b| b.is_ascii_graphic()));
                let (plain, query) = path.as_str().split_once('?').unwrap_or((path.as_str(), ""));
                prop_assert!(!plain.contains("//") && !query.contains(['?', '/', '+']));
                prop_assert_eq!(&PagePath::parse(path.as_str()).expect("normal forms parse"), &path);
                prop_assert_eq!(&policy.page(path.as_str()).expect("normal forms parse"), &path);
                prop_assert!(path.kv_key(Format::Markdown).len() <= KV_KEY_MAX);
            }
        }
    }
}
