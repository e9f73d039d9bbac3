//! Reads what operators publish: address ranges in the forms that are in use, and key directories. Whatever could make a visit
//! look verified that is not, or a whole operator contradicted, is refused: better an old list than a spoilt one.

use super::prefixes::{PrefixSet, canonical};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, net::IpAddr, sync::LazyLock};
use web_bot_auth::keyring::Thumbprintable;

/// The largest body that is read, in bytes. The longest known list (Google's user-triggered fetchers) has some 60 KB.
pub const BODY_MAX: usize = 2 * 1024 * 1024;
/// The most prefixes in a list; the longest known has some 1,500.
pub const PREFIXES_MAX: usize = 20_000;
/// The most keys in a directory.
pub const KEYS_MAX: usize = 100;
/// No operator has more of IPv4 than a /8.
const V4_BITS_MIN: u8 = 8;
/// Or more of IPv6 than a /20.
const V6_BITS_MIN: u8 = 20;

/// Why a body is no list that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Too many bytes.
    #[error("it is larger than {} bytes", BODY_MAX)]
    TooLarge,
    /// Bytes that are no text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// A page for people.
    #[error("it is a web page, not a list")]
    WebPage,
    /// JSON of another shape.
    #[error(
        "it holds none of the known fields (prefixes, ips, ip_ranges, ranges, addresses, cidrs)"
    )]
    UnknownShape,
    /// Broken JSON.
    #[error("it is not valid JSON: {0}")]
    BadJson(String),
    /// An entry that is neither an address nor a prefix.
    #[error("entry {number} ({entry:?}) is neither an address nor a prefix")]
    BadEntry {
        /// Counted from 1.
        number: usize,
        /// The beginning of it.
        entry: String,
    },
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Too many entries.
    #[error("it has more than {0} entries")]
    TooMany(usize),
    /// So much of the address space that it must be a mistake.
    #[error("{0} is too wide to be one operator's")]
    TooWide(IpNet),
    /// Addresses that are nobody's on the Internet.
    #[error("{0} is not public")]
    NotPublic(IpNet),
    /// Keys, but none of a kind that signs visits.
    #[error("it holds no Ed25519 key")]
    NoKey,
}

/// The prefixes that a list names: sorted, each once, without host bits.
///
/// Forms: JSON as Google, OpenAI and Anthropic publish it (`{"prefixes": [{"ipv4Prefix": …}, {"ipv6Prefix": …}]}`), the same with
/// plain strings or other common names, an array, and plain text with an entry a line.
///
/// # Errors
/// When it is not a list, or one that cannot be right.
pub fn ranges(body: &[u8]) -> Result<Vec<IpNet>, ListError> {
    let text = text(body)?;
    let entries = match text.trim_start().chars().next() {
        None => return Err(ListError::Empty),
        Some('<') => return Err(ListError::WebPage),
        Some('{' | '[') => json_entries(text)?,
        Some(_) => text_entries(text),
    };
    if entries.len() > PREFIXES_MAX {
        return Err(ListError::TooMany(PREFIXES_MAX));
    }
    let mut prefixes = BTreeSet::new();
    for (number, entry) in (1..).zip(&entries) {
        let prefix = prefix(entry).ok_or_else(|| ListError::BadEntry {
            number,
            entry: entry.chars().take(60).collect(),
        })?;
        prefixes.insert(checked(prefix)?);
    }
    if prefixes.is_empty() {
        return Err(ListError::Empty);
    }
    Ok(prefixes.into_iter().collect())
}

fn text(body: &[u8]) -> Result<&str, ListError> {
    if body.len() > BODY_MAX {
        return Err(ListError::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| ListError::NotText)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn prefix(entry: &str) -> Option<IpNet> {
    entry
        .parse::<IpNet>()
        .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
        .ok()
        .map(canonical)
}

fn checked(prefix: IpNet) -> Result<IpNet, ListError> {
    let bits_min = match prefix {
        IpNet::V4(_) => V4_BITS_MIN,
        IpNet::V6(_) => V6_BITS_MIN,
    };
    if prefix.prefix_len() < bits_min {
        return Err(ListError::TooWide(prefix));
    }
    let is_public = match prefix {
        IpNet::V4(net) => !NOT_PUBLIC_V4
            .iter()
            .any(|other| other.contains(&net) || net.contains(other)),
        // Everything that is given out lies in 2000::/3 (IANA).
        IpNet::V6(net) => {
            GIVEN_OUT_V6.contains(&net)
                && !NOT_PUBLIC_V6
                    .iter()
                    .any(|other| other.contains(&net) || net.contains(other))
        }
    };
    if is_public {
        Ok(prefix)
    } else {
        Err(ListError::NotPublic(prefix))
    }
}

const fn v4(a: u8, b: u8, c: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, c, 0), bits)
}

const fn v6(a: u16, b: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

/// IANA's special-purpose registry, without the ranges that are given as examples: lists made for tests hold those.
static NOT_PUBLIC_V4: LazyLock<[Ipv4Net; 9]> = LazyLock::new(|| {
    [
        v4(0, 0, 0, 8),
        v4(10, 0, 0, 8),
        v4(100, 64, 0, 10),
        v4(127, 0, 0, 8),
        v4(169, 254, 0, 16),
        v4(172, 16, 0, 12),
        v4(192, 168, 0, 16),
        v4(224, 0, 0, 4),
        v4(240, 0, 0, 4),
    ]
});
static GIVEN_OUT_V6: LazyLock<Ipv6Net> = LazyLock::new(|| v6(0x2000, 0, 3));
/// Teredo and 6to4 hold anybody's IPv4 addresses.
static NOT_PUBLIC_V6: LazyLock<[Ipv6Net; 2]> =
    LazyLock::new(|| [v6(0x2001, 0, 32), v6(0x2002, 0, 16)]);

/// Fields of a JSON document that hold lists.
const LISTS: [&str; 10] = [
    "prefixes",
    "ips",
    "ip_ranges",
    "ipRanges",
    "ranges",
    "addresses",
    "cidrs",
    "ipv4",
    "ipv6",
    "ipv6_prefixes",
];
/// Fields of an entry that hold a prefix.
const PREFIX_FIELDS: [&str; 10] = [
    "ipv4Prefix",
    "ipv6Prefix",
    "ip_prefix",
    "ipv6_prefix",
    "prefix",
    "cidr",
    "ip",
    "address",
    "range",
    "ip_address",
];

fn json_entries(text: &str) -> Result<Vec<String>, ListError> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| ListError::BadJson(error.to_string()))?;
    let lists: Vec<&Value> = match &document {
        Value::Array(_) => vec![&document],
        Value::Object(fields) => LISTS.iter().filter_map(|name| fields.get(*name)).collect(),
        _ => Vec::new(),
    };
    if lists.is_empty() {
        return Err(ListError::UnknownShape);
    }
    let mut entries = Vec::new();
    for list in lists {
        let Value::Array(list) = list else {
            return Err(ListError::UnknownShape);
        };
        for entry in list {
            entries.extend(one(entry, entries.len() + 1)?);
        }
    }
    Ok(entries)
}

/// What an entry names: one prefix, or one of each family.
fn one(entry: &Value, number: usize) -> Result<Vec<String>, ListError> {
    let found: Vec<String> = match entry {
        Value::String(text) => vec![text.trim().to_owned()],
        Value::Object(fields) => PREFIX_FIELDS
            .iter()
            .filter_map(|name| fields.get(*name)?.as_str())
            .map(|text| text.trim().to_owned())
            .collect(),
        _ => Vec::new(),
    };
    if found.is_empty() {
        return Err(ListError::BadEntry {
            number,
            entry: entry.to_string().chars().take(60).collect(),
        });
    }
    Ok(found)
}

fn text_entries(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split(['#', ';']).next().unwrap_or_default())
        .flat_map(|line| line.split([',', ' ', '\t']))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether so much of the former list is missing in the new one that it is rather a mistake: more than half of four prefixes or
/// more. Prefixes that were put together are not missing.
pub fn is_shrunk(former: &[IpNet], new: &[IpNet]) -> bool {
    let set = PrefixSet::new(new);
    let missing = former.iter().filter(|net| !set.contains_all(**net)).count();
    former.len() >= 4 && missing * 2 > former.len()
}

/// A public key of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// The JWK thumbprint (RFC 7638), which signatures name.
    pub id: String,
    /// Ed25519, base64url without padding, as the directory gives it.
    pub x: String,
    /// Not before, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Not after.
    pub not_after: Option<i64>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(flatten)]
    key: Value,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    exp: Option<i64>,
}

/// The Ed25519 keys of a directory; others are left out. The directory's own signature is not looked at: it comes by https from the
/// host that it speaks for.
///
/// # Errors
/// When it is no JSON Web Key Set, or holds no such key.
pub fn keys(body: &[u8]) -> Result<Vec<PublicKey>, ListError> {
    let text = text(body)?;
    if text.trim_start().starts_with('<') {
        return Err(ListError::WebPage);
    }
    let document: Value =
        serde_json::from_str(text).map_err(|error| ListError::BadJson(error.to_string()))?;
    let Some(Value::Array(list)) = document.get("keys") else {
        return Err(ListError::BadJson("there is no array \"keys\"".to_owned()));
    };
    if list.len() > KEYS_MAX {
        return Err(ListError::TooMany(KEYS_MAX));
    }
    let mut keys: Vec<PublicKey> = list.iter().filter_map(public_key).collect();
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    keys.dedup_by(|one, other| one.id == other.id);
    if keys.is_empty() {
        return Err(ListError::NoKey);
    }
    Ok(keys)
}

fn public_key(entry: &Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(entry.clone()).ok()?;
    if jwk.usage.is_some_and(|usage| usage != "sig") {
        return None;
    }
    let key: Thumbprintable = serde_json::from_value(jwk.key).ok()?;
    key.public_key().ok()?;
    let Thumbprintable::OKP { x, .. } = &key else {
        return None;
    };
    // The draft has seconds; some publish milliseconds.
    let seconds = |time: i64| {
        if time > 100_000_000_000 {
            time / 1000
        } else {
            time
        }
    };
    Some(PublicKey {
        id: key.b64_thumbprint(),
        x: x.clone(),
        not_before: jwk.nbf.map(seconds),
        not_after: jwk.exp.map(seconds),
    })
}
