//! The part of a query that says which page it is.
//!
//! A query is read as forms write it (WHATWG URL, `application/x-www-form-urlencoded`): pairs between `&`, a `+` is a space,
//! a pair without `=` has the empty value. The normal form encodes everything but unreserved characters and sorts by name;
//! several of one name keep their order, since servers differ in which of them they take.

use super::{InvalidPath, is_unreserved, push_escaped};

/// The most bytes of a query that is looked at.
const QUERY_MAX: usize = 4_096;

/// Which parameters are kept.
pub(super) enum Wanted<'a> {
    /// All: the query is one that was kept before.
    All,
    /// Those of these names, as they read when decoded.
    Named(&'a [String]),
}

impl Wanted<'_> {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// The normal form of what is wanted of a query; empty when nothing is.
pub(super) fn normal(query: &str, wanted: &Wanted<'_>) -> Result<String, InvalidPath> {
    if matches!(wanted, Wanted::Named([])) {
        return Ok(String::new());
    }
    if query.len() > QUERY_MAX {
        return Err(InvalidPath::TooLong);
    }
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = match (decoded(name), wanted) {
            (Ok(name), _) if wanted.holds(&name) => name,
            (Err(error), Wanted::All) => return Err(error),
            // Nobody's name: it does not matter to this site.
            _ => continue,
        };
        kept.push((encoded(&name), encoded(&decoded(value)?)));
    }
    kept.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pairs: Vec<String> = kept
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(pairs.join("&"))
}

/// The names of a query's parameters; one that cannot be decoded is given as it is.
pub(super) fn names(query: &str) -> Vec<String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            decoded(name).unwrap_or_else(|_| name.to_owned())
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, InvalidPath> {
    let input = text.as_bytes();
    let mut out = Vec::with_capacity(input.len());
    let mut at = 0;
    while at < input.len() {
        match input[at] {
            b'%' => {
                let digits = input.get(at + 1..at + 3).ok_or(InvalidPath::BadEscape)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).map_err(|_| InvalidPath::BadEscape)?;
                out.push(byte[0]);
                at += 3;
                continue;
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    if out.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
        return Err(InvalidPath::Forbidden);
    }
    String::from_utf8(out).map_err(|_| InvalidPath::NotUtf8)
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            push_escaped(&mut out, byte);
        }
    }
    out
}
